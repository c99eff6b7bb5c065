//! NET-015: see the check's own explanation.

use super::aws_parts::OnRds;
use super::reach::{listed, net, nets, route, with_network};
use super::vantage::passed;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Where the source is not on RDS in this account and its name resolves to an address outside the VPC: whether the
    /// replication instance's route to it goes through a NAT gateway. Where the last connection test passed, nothing is
    /// said. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// The source sees the address of the NAT gateway, not that of the replication instance. A firewall or `pg_hba.conf`
    /// that lets in the latter refuses.
    ///
    /// # How to fix it by hand
    /// Let in the NAT gateway's public address, in the firewall and in `pg_hba.conf`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Setting up a network for a replication instance".
    code: "NET-015",
    name: "source-sees-a-nat-gateway",
    area: Net,
    severity: Advice,
    title: "The source sees the replication instance by the address of a NAT gateway",
    after: ["IAM-001", "NET-019"],
}

fn judge(facts: &Facts) -> Judged {
    with_network(facts, |here| {
        if OnRds::of(facts, "source")?.is_some() || passed(&here.part, here.part.source()?)? {
            return Ok(Vec::new());
        }
        let addresses = nets(facts.source.host.addresses.known()?);
        let gateways = here.network.nat_gateways.known()?;
        for subnet in here.home()? {
            let Some(table) = here.network.table_of(subnet)? else { continue };
            for address in &addresses {
                let target = route(table, address).map_or("", |route| route.target.as_str());
                let Some(gateway) = gateways.iter().find(|g| g.id == target) else { continue };
                let seen = listed(gateway.public_addresses.iter().map(String::as_str));
                let host = &facts.pipeline.source.host;
                let message = format!("{host} ({}) sees {} as {seen}, through {target}", address.addr(), table.vpc);
                let entry = gateway.public_addresses.iter().filter_map(|a| net(a)).map(|net| {
                    let (database, user) = (&facts.pipeline.source.database, &facts.pipeline.source.user);
                    format!("pg_hba.conf of the source: hostssl {database} {user} {net} scram-sha-256")
                });
                let fix = Fix::manual("let that address in, in firewall and pg_hba.conf", entry);
                return Ok(vec![Finding::new("source", message).fix(fix)]);
            }
        }
        Ok(Vec::new())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_network_with, aws, untested};
    use crate::facts::{Fact, Facts};

    fn elsewhere(facts: &mut Facts) {
        aws(facts).source.instance = Fact::Known(None);
        facts.source.host.addresses = Fact::Known(vec!["10.0.1.20".into()]);
    }

    #[test]
    fn a_source_elsewhere() {
        let mut facts = untested();
        elsewhere(&mut facts);
        assert_pass(&CHECK, &facts);
        facts.source.host.addresses = Fact::Known(vec!["203.0.113.5".into()]);
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("(203.0.113.5) sees vpc-1 as 198.51.100.9, through nat-1"), "{}", found.message);
        let entry = found.fix.unwrap().steps[0].action.describe();
        assert!(entry.ends_with("198.51.100.9/32 scram-sha-256"), "{entry}");
    }

    #[test]
    fn around() {
        assert_around_network_with(&CHECK, elsewhere, |network| network.route_tables = unseen());
    }
}
