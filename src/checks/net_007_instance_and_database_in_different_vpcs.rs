//! NET-007: see the check's own explanation.

use super::aws_parts::{OnRds, with_instance};
use super::vantage::test_of;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The VPC of the replication subnet group against that of each database's subnet group. Whether a route leads
    /// from one to the other is not looked at.
    ///
    /// # Why it matters
    /// Without peering or a transit gateway, routes on both sides and DNS over the peering, the connection test ends
    /// in a timeout.
    ///
    /// # How to fix it by hand
    /// Make the replication instance in the database's VPC (a subnet group of its subnets), or connect the two VPCs
    /// and add the routes.
    ///
    /// # Source
    /// AWS DMS User Guide, "Setting up a network for a replication instance".
    code: "NET-007",
    name: "instance-and-database-in-different-vpcs",
    area: Net,
    severity: Warning,
    title: "The replication instance and a database are in different VPCs",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |part, instance| {
        let mut findings = Vec::new();
        for (side, endpoint) in [("source", part.source()?), ("target", part.target()?)] {
            // A test that passed has found a way.
            let passed = match endpoint {
                Some(endpoint) => test_of(part, endpoint)?.is_some_and(|t| t.status == "successful"),
                None => false,
            };
            let Some(on_rds) = OnRds::of(facts, side)?.filter(|_| !passed) else { continue };
            let (Some(ours), Some(theirs)) = (&instance.vpc, &on_rds.instance.vpc) else { continue };
            if ours != theirs {
                let message = format!("{} is in {ours}, the {side} in {theirs}", instance.identifier);
                let todo = "Put the replication instance into the database's VPC, or connect the two and add routes.";
                findings.push(Finding::new(side, message).fix(Fix::manual("find a way between them", [todo])));
            }
        }
        Ok(findings)
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, replication_instance, source_connection};

    #[test]
    fn another_vpc_without_a_passed_test() {
        let mut facts = healthy_dms();
        replication_instance(&mut facts).vpc = Some("vpc-2".into());
        assert_pass(&CHECK, &facts);
        source_connection(&mut facts).status = "failed".into();
        assert!(finding(&CHECK, &facts).message.ends_with("is in vpc-2, the source in vpc-1"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
