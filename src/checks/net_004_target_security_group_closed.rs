//! NET-004: see the check's own explanation.

use super::Judged;
use super::reach::not_admitted;
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// The security groups of the target's RDS instance: whether one of them lets the replication instance in to the
    /// target's port, by its security group or by its address. What stands in a prefix list is not looked at and counts
    /// as let in. Where the last connection test passed, nothing is said. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// Packets that no security group lets in are dropped without an answer. The connection test ends in a timeout:
    /// `Can't connect to MySQL server on '…' (110)`.
    ///
    /// # How to fix it by hand
    /// Let the replication instance's security group in to that port, never `0.0.0.0/0`:
    /// `aws ec2 authorize-security-group-ingress --group-id GROUP --protocol tcp --port 3306 --source-group ITS_GROUP`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks": networking issues.
    code: "NET-004",
    name: "target-security-group-closed",
    area: Net,
    severity: Error,
    title: "No security group of the target lets the replication instance in",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    not_admitted(facts, "target")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_network, known, network, replication_instance, untested};

    #[test]
    fn another_port_or_another_network() {
        let mut facts = untested();
        known(&mut network(&mut facts).security_groups)[0].ingress[1].ports = Some((3307, 3307));
        assert!(finding(&CHECK, &facts).message.contains("lets charts-ri (sg-2, 10.0.0.7) in to port 3306"));
        known(&mut network(&mut facts).security_groups)[0].ingress[1].ports = None;
        assert_pass(&CHECK, &facts);
        // Without an address yet, any of its subnets will do.
        replication_instance(&mut facts).private_addresses.clear();
        assert_pass(&CHECK, &facts);
        known(&mut network(&mut facts).security_groups)[0].ingress[1].cidrs = vec!["10.7.0.0/16".into()];
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_network(&CHECK, |network| network.security_groups = unseen());
    }
}
