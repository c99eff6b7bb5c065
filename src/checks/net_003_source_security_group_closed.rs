//! NET-003: see the check's own explanation.

use super::Judged;
use super::reach::not_admitted;
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// The security groups of the source's RDS instance: whether one of them lets the replication instance in to the
    /// source's port, by its security group or by its address. What stands in a prefix list is not looked at and counts
    /// as let in. Where the last connection test passed, nothing is said. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// Packets that no security group lets in are dropped without an answer. The connection test ends in a timeout:
    /// `[unixODBC]timeout expired`.
    ///
    /// # How to fix it by hand
    /// Let the replication instance's security group in to that port, never `0.0.0.0/0`:
    /// `aws ec2 authorize-security-group-ingress --group-id GROUP --protocol tcp --port 5432 --source-group ITS_GROUP`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks": networking issues.
    code: "NET-003",
    name: "source-security-group-closed",
    area: Net,
    severity: Error,
    title: "No security group of the source lets the replication instance in",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    not_admitted(facts, "source")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_network, known, network, replication_instance, untested};

    #[test]
    fn neither_by_group_nor_by_address() {
        let mut facts = untested();
        known(&mut network(&mut facts).security_groups)[0].ingress[0].groups = vec!["sg-9".into()];
        let found = finding(&CHECK, &facts);
        assert_eq!(found.subject, "charts-source");
        let steps: Vec<_> = found.fix.unwrap().steps.iter().map(|s| s.action.describe()).collect();
        let command = "aws ec2 authorize-security-group-ingress --region eu-west-2 --group-id sg-1 --protocol tcp \
                       --port 5432 --source-group sg-2";
        assert_eq!(steps, [command]);
        known(&mut network(&mut facts).security_groups)[0].ingress[0].cidrs = vec!["10.0.0.7/32".into()];
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn by_the_address_of_a_nat_gateway_or_its_own_public_one() {
        let mut facts = untested();
        let groups = known(&mut network(&mut facts).security_groups);
        (groups[0].ingress[0].groups, groups[0].ingress[0].cidrs) = (Vec::new(), vec!["198.51.100.9/32".into()]);
        assert_pass(&CHECK, &facts);
        groups_cidr(&mut facts, "203.0.113.4/32");
        finding(&CHECK, &facts);
        replication_instance(&mut facts).public_addresses = vec!["203.0.113.4".into()];
        assert_pass(&CHECK, &facts);
    }

    fn groups_cidr(facts: &mut crate::facts::Facts, cidr: &str) {
        known(&mut network(facts).security_groups)[0].ingress[0].cidrs = vec![cidr.into()];
    }

    #[test]
    fn around() {
        assert_around_network(&CHECK, |network| network.security_groups = unseen());
        // A group of another account is in no answer.
        assert_around_network(&CHECK, |network| known(&mut network.security_groups).clear());
    }
}
