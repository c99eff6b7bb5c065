//! NET-007: see the check's own explanation.

use super::aws_parts::{OnRds, with_instance};
use super::reach::{Here, net, route};
use super::vantage::passed;
use super::{Finding, Judged};
use crate::facts::aws::RdsInstance;
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The VPC of the replication subnet group against that of each database's subnet group. Builds with the feature
    /// `ec2` look at the routes between them too (peering, transit gateway), and say nothing where they lead there and
    /// back; other builds cannot.
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
            if passed(part, endpoint)? {
                continue;
            }
            let Some(on_rds) = OnRds::of(facts, side)? else { continue };
            let (Some(ours), Some(theirs)) = (&instance.vpc, &on_rds.instance.vpc) else { continue };
            let here = part.aws.network.as_ref().map(|network| Here { part: *part, instance, network });
            let missing = match &here {
                _ if ours == theirs => None,
                Some(here) => missing_route(here, on_rds.instance)?,
                None => Some("whether routes lead from one to the other is not known to this build".to_owned()),
            };
            if let Some(missing) = missing {
                let message = format!("{} is in {ours}, the {side} in {theirs}: {missing}", instance.identifier);
                let todo = "Put the replication instance into the database's VPC, or connect the two and add routes.";
                findings.push(Finding::new(side, message).fix(Fix::manual("find a way between them", [todo])));
            }
        }
        Ok(findings)
    })
}

/// The first subnet on the way there and back whose routes do not lead to the other's VPC; a public database is reached
/// by the internet too.
fn missing_route(here: &Here<'_>, database: &RdsInstance) -> Result<Option<String>, Unknown> {
    let (home, goal) = (here.home()?, here.network.subnets(&database.subnets)?);
    if database.public {
        let out: Vec<bool> = home.iter().map(|subnet| here.has_way_out(subnet)).collect::<Result<_, _>>()?;
        if !out.is_empty() && out.iter().all(|out| *out) {
            return Ok(None);
        }
    }
    for (from, to) in home.iter().flat_map(|h| goal.iter().flat_map(move |g| [(*h, *g), (*g, *h)])) {
        let Some(net) = net(&to.cidr) else { continue };
        let leads = here
            .network
            .table_of(from)?
            .and_then(|table| route(table, &net))
            .is_some_and(|r| r.active && !["local", "igw-", "nat-"].iter().any(|not| r.target.starts_with(not)));
        if !leads {
            return Ok(Some(format!("no route leads from {} to {} ({})", from.id, to.id, to.cidr)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{
        assert_around, aws, healthy_dms, known, network, replication_instance, source_connection, source_rds,
        target_rds, untested,
    };
    use crate::facts::Fact;
    use crate::facts::aws::{Route, RouteTable};

    #[test]
    fn another_vpc_without_a_passed_test() {
        let mut facts = healthy_dms();
        replication_instance(&mut facts).vpc = Some("vpc-2".into());
        assert_pass(&CHECK, &facts);
        source_connection(&mut facts).status = "failed".into();
        aws(&mut facts).network = None;
        assert!(finding(&CHECK, &facts).message.contains("is in vpc-2, the source in vpc-1: whether"));
    }

    #[test]
    fn routes_must_lead_there_and_back() {
        let mut facts = untested();
        let table = |id: &str, subnet: &str, to: &str| RouteTable {
            id: id.into(),
            vpc: "x".into(),
            main: false,
            subnets: vec![subnet.into()],
            routes: vec![
                Route { destination: "0.0.0.0/0".into(), target: "nat-1".into(), active: true },
                Route { destination: to.into(), target: "pcx-1".into(), active: true },
            ],
        };
        replication_instance(&mut facts).subnets = vec!["subnet-1".into()];
        replication_instance(&mut facts).vpc = Some("vpc-2".into());
        source_rds(&mut facts).subnets = vec!["subnet-2".into()];
        target_rds(&mut facts).vpc = Some("vpc-2".into());
        network(&mut facts).route_tables = Fact::Known(vec![table("rtb-1", "subnet-1", "10.0.1.0/24")]);
        assert!(finding(&CHECK, &facts).message.ends_with("no route leads from subnet-2 to subnet-1 (10.0.0.0/24)"));
        known(&mut network(&mut facts).route_tables).push(table("rtb-2", "subnet-2", "10.0.0.0/16"));
        assert_pass(&CHECK, &facts);
        known(&mut network(&mut facts).route_tables)[1].routes[1].active = false;
        finding(&CHECK, &facts);
        source_rds(&mut facts).public = true;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
