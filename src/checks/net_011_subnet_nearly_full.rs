//! NET-011: see the check's own explanation.

use super::reach::with_network;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The free addresses of the replication instance's subnets. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// A replication instance needs an address where it is, another while it is replaced or upgraded, and one for its
    /// standby. Without any left, creating, resizing and failing over do not work.
    ///
    /// # How to fix it by hand
    /// Remove network interfaces that nobody uses, or put a larger subnet into the subnet group.
    ///
    /// # Source
    /// Amazon VPC User Guide, "Subnet sizing": five addresses of each subnet are AWS's own.
    code: "NET-011",
    name: "subnet-nearly-full",
    area: Net,
    severity: Warning,
    title: "A subnet of the replication instance has hardly an address left",
    after: ["IAM-001"],
}

/// For a replacement beside the instance that is there.
const ENOUGH: i32 = 2;

fn judge(facts: &Facts) -> Judged {
    with_network(facts, |here| {
        let subnets = here.network.subnets(&here.instance.subnets)?;
        let full = subnets.into_iter().filter(|s| s.free_addresses < ENOUGH).map(|subnet| {
            let message =
                format!("{} ({}) has {} free addresses", subnet.id, subnet.cidr, subnet.free_addresses.max(0));
            let todo = "Put a larger subnet into the replication subnet group, or free addresses in this one.";
            Finding::new(&subnet.id, message).fix(Fix::manual("make room", [todo]))
        });
        Ok(full.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_network, known, network, untested};

    #[test]
    fn one_address_is_too_few() {
        let mut facts = untested();
        known(&mut network(&mut facts).subnets)[1].free_addresses = 2;
        assert_pass(&CHECK, &facts);
        known(&mut network(&mut facts).subnets)[1].free_addresses = 1;
        assert_eq!(finding(&CHECK, &facts).message, "subnet-2 (10.0.1.0/24) has 1 free addresses");
    }

    #[test]
    fn around() {
        assert_around_network(&CHECK, |network| network.subnets = unseen());
    }
}
