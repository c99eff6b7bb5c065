//! NET-010: see the check's own explanation.

use std::collections::BTreeSet;

use super::aws_parts::{NO_DMS, OnRds, Part};
use super::reach::NO_EC2;
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The availability zones of the subnets of the replication instance; before there is one, of the source's RDS
    /// instance, since `provision` makes the replication subnet group of those. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// DMS takes a subnet group only if it covers two zones: `ReplicationSubnetGroupDoesNotCoverEnoughAZs`.
    ///
    /// # How to fix it by hand
    /// Add a subnet in another zone of the same VPC, and put it into the subnet group.
    ///
    /// # Source
    /// AWS DMS API Reference, `CreateReplicationSubnetGroup`.
    code: "NET-010",
    name: "subnet-group-in-one-zone",
    area: Net,
    severity: Error,
    title: "The subnets for the replication instance are all in one availability zone",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    let Some(part) = Part::of(facts) else { return Ok(Verdict::NotApplicable(NO_DMS)) };
    let Some(network) = &part.aws.network else { return Ok(Verdict::NotApplicable(NO_EC2)) };
    let (of, ids) = match part.dms.instance(part.names)? {
        Some(instance) => (&instance.identifier, &instance.subnets),
        None => match OnRds::of(facts, "source")? {
            Some(source) => (&source.instance.identifier, &source.instance.subnets),
            None => return Ok(Verdict::NotApplicable("neither the replication instance nor the source is there")),
        },
    };
    let subnets = network.subnets.known()?.iter().filter(|s| ids.contains(&s.id));
    let zones: BTreeSet<&str> = subnets.map(|s| s.zone.as_str()).collect();
    let one = zones.first().filter(|_| zones.len() == 1).map(|zone| {
        let todo = "Add a subnet in another availability zone of the VPC, and put it into the subnet group.";
        Finding::new(of, format!("All subnets of {of} are in {zone}; DMS wants two zones"))
            .saw("subnets", ids.join(", "))
            .fix(Fix::manual("add a subnet in another zone", [todo]))
    });
    Ok(Verdict::from_findings(one.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around_network, aws, known, network, source_rds, untested};
    use crate::facts::Fact;

    #[test]
    fn of_the_instance_or_of_those_that_it_will_get() {
        let mut facts = untested();
        for subnet in known(&mut network(&mut facts).subnets) {
            subnet.zone = "eu-west-2a".into();
        }
        assert!(finding(&CHECK, &facts).message.starts_with("All subnets of charts-ri are in eu-west-2a"));
        let mut facts = untested();
        aws(&mut facts).dms.instances = Fact::Known(Vec::new());
        source_rds(&mut facts).subnets = vec!["subnet-1".into()];
        assert!(finding(&CHECK, &facts).message.starts_with("All subnets of charts-source are in eu-west-2a"));
    }

    #[test]
    fn around() {
        assert_around_network(&CHECK, |network| network.subnets = unseen());
    }
}
