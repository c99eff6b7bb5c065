//! NET-008: see the check's own explanation.

use super::reach::with_network;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Where the replication instance and a database with a public address are in two VPCs that are peered: whether
    /// the database's side of the peering lets its names be resolved to private addresses. Where the last connection
    /// test passed, nothing is said. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// Without it, the database's name leads to its public address, so packets do not take the peering. They leave by
    /// a NAT gateway or not at all, and the database's security group sees another sender.
    ///
    /// # How to fix it by hand
    /// `aws ec2 modify-vpc-peering-connection-options`, with `AllowDnsResolutionFromRemoteVpc=true` for the database's
    /// side.
    ///
    /// # Source
    /// Amazon VPC Peering Guide, "Enable DNS resolution for a VPC peering connection".
    code: "NET-008",
    name: "peering-does-not-resolve-private-names",
    area: Net,
    severity: Warning,
    title: "Over the VPC peering, the database's name leads to its public address",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_network(facts, |here| {
        let peerings = here.network.peerings.known()?;
        let mut findings = Vec::new();
        for goal in here.goals(facts)?.iter().filter(|g| g.rds.public) {
            let (Some(ours), Some(theirs)) = (&here.instance.vpc, &goal.rds.vpc) else { continue };
            let joins = |p: &&crate::facts::aws::Peering| {
                p.status == "active" && [ours, theirs].iter().all(|vpc| p.sides.iter().any(|s| s.vpc == **vpc))
            };
            let Some(peering) = peerings.iter().filter(|_| ours != theirs).find(joins) else { continue };
            let at = usize::from(peering.sides[1].vpc == *theirs);
            if peering.sides[at].private_names_for_peer == Some(false) {
                let message = format!(
                    "{} has a public address, and {} does not resolve names of {theirs} to private ones for {ours}",
                    goal.rds.identifier, peering.id
                );
                let side = ["requester", "accepter"][at];
                let command = format!(
                    "aws ec2 modify-vpc-peering-connection-options --region {} --vpc-peering-connection-id {} \
                     --{side}-peering-connection-options AllowDnsResolutionFromRemoteVpc=true",
                    here.region(),
                    peering.id
                );
                findings.push(Finding::new(goal.side, message).fix(Fix::manual("resolve them", [command])));
            }
        }
        Ok(findings)
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_network, known, network, source_rds, untested};
    use crate::facts::aws::{Peering, PeeringSide};

    fn side(vpc: &str, names: bool) -> PeeringSide {
        PeeringSide { vpc: vpc.into(), private_names_for_peer: Some(names) }
    }

    #[test]
    fn the_databases_side_decides_where_it_is_public() {
        let mut facts = untested();
        let sides = [side("vpc-1", false), side("vpc-2", false)];
        let peering = Peering { id: "pcx-1".into(), status: "active".into(), sides };
        network(&mut facts).peerings = crate::facts::Fact::Known(vec![peering]);
        (source_rds(&mut facts).vpc, source_rds(&mut facts).public) = (Some("vpc-2".into()), true);
        let command = finding(&CHECK, &facts).fix.unwrap().steps[0].action.describe();
        assert!(command.contains("--accepter-peering-connection-options"), "{command}");
        known(&mut network(&mut facts).peerings)[0].sides[1] = side("vpc-2", true);
        assert_pass(&CHECK, &facts);
        known(&mut network(&mut facts).peerings)[0].sides[1] = side("vpc-2", false);
        source_rds(&mut facts).public = false;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_network(&CHECK, |network| network.peerings = unseen());
    }
}
