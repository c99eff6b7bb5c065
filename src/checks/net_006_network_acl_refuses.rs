//! NET-006: see the check's own explanation.

use ipnet::IpNet;

use super::reach::{ANSWER_PORTS, Goal, Here, net, refusing, with_network};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::Unknown;
use crate::facts::aws::{AclRule, NetworkAcl, Subnet};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The network ACLs of the subnet that the replication instance is in and of the database's subnets, both ways: the
    /// question to the database's port, and the answer to the ports from 32768 to 60999 that Linux asks from. Subnets
    /// of each other are not separated by an ACL. Where the last connection test passed, nothing is said. Builds with
    /// the feature `ec2` only.
    ///
    /// # Why it matters
    /// Unlike a security group, a network ACL does not remember who asked: an answer needs a rule of its own. What is
    /// refused is dropped, and the connection test ends in a timeout.
    ///
    /// # How to fix it by hand
    /// Add an allowing rule with a lower number than the one that refuses: `aws ec2 create-network-acl-entry`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks"; Amazon VPC User Guide, "Network ACLs", ephemeral ports.
    code: "NET-006",
    name: "network-acl-refuses",
    area: Net,
    severity: Error,
    title: "A network ACL refuses packets between the replication instance and a database",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_network(facts, |here| {
        let mut findings = Vec::new();
        for goal in here.goals(facts)? {
            for from in here.home()? {
                for to in here.network.subnets(&goal.rds.subnets)? {
                    if from.id != to.id && may_be_in(to, &goal) {
                        findings.extend(between(here, &goal, from, to)?);
                    }
                }
            }
        }
        findings.dedup_by(|a, b| a.message == b.message);
        Ok(findings)
    })
}

/// Whether the database may be in a subnet, by what its name resolves to from here; that may be a public address.
fn may_be_in(subnet: &Subnet, goal: &Goal<'_>) -> bool {
    let inside = |address: &IpNet| net(&subnet.cidr).is_some_and(|net| net.contains(address));
    let private = goal.addresses.iter().any(|a| matches!(a, IpNet::V4(v4) if v4.addr().is_private()));
    !private || goal.addresses.iter().any(inside)
}

/// The first rule on the way there and back that refuses.
fn between(here: &Here<'_>, goal: &Goal<'_>, from: &Subnet, to: &Subnet) -> Result<Option<Finding>, Unknown> {
    let (Some(from_net), Some(to_net)) = (net(&from.cidr), net(&to.cidr)) else { return Ok(None) };
    let at_home = here.network.acl_of(from)?.map(|acl| (acl, from, to_net));
    let at_goal = here.network.acl_of(to)?.map(|acl| (acl, to, from_net));
    // Asking leaves home and enters there by the database's port; answers come back to any port that was asked from.
    let asked = [goal.port];
    let ways = [
        (at_home, true, &asked[..]),
        (at_goal, false, &asked[..]),
        (at_goal, true, &ANSWER_PORTS[..]),
        (at_home, false, &ANSWER_PORTS[..]),
    ];
    for (at, egress, ports) in ways {
        let Some((acl, subnet, peer)) = at else { continue };
        for &port in ports {
            if let Some(rule) = refusing(acl, egress, port, &peer) {
                return Ok(Some(finding(here, goal, acl, subnet, &peer, port, &rule)));
            }
        }
    }
    Ok(None)
}

fn finding(
    here: &Here<'_>,
    goal: &Goal<'_>,
    acl: &NetworkAcl,
    subnet: &Subnet,
    peer: &IpNet,
    port: u16,
    rule: &AclRule,
) -> Finding {
    let (way, side) = if rule.egress { ("to", "--egress") } else { ("from", "--ingress") };
    let number = if rule.number == 32_767 { "*".to_owned() } else { rule.number.to_string() };
    let message = format!(
        "Rule {number} of {} refuses what goes {way} {peer}, port {port}, on the way between {} and the {}",
        acl.id, here.instance.identifier, goal.side
    );
    let ports = if port == goal.port { format!("{port},To={port}") } else { "1024,To=65535".to_owned() };
    let command = format!(
        "aws ec2 create-network-acl-entry --region {} --network-acl-id {} {side} --rule-number A_LOWER_NUMBER \
         --protocol 6 --port-range From={ports} --cidr-block {peer} --rule-action allow",
        here.region(),
        acl.id
    );
    Finding::new(&subnet.id, message).fix(Fix::manual("add a rule that allows it", [command]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_network, known, network, source_rds, target_rds, untested};
    use crate::facts::aws::AclRule;
    use crate::facts::{Fact, Facts};

    /// Another rule first, in the ACL of both subnets.
    fn with_rule(egress: bool, ports: (i32, i32), cidr: &str) -> Facts {
        let mut facts = untested();
        let rule =
            AclRule { number: 50, egress, allow: false, protocol: "6".into(), cidr: cidr.into(), ports: Some(ports) };
        known(&mut network(&mut facts).acls)[0].rules.push(rule);
        facts
    }

    #[test]
    fn the_question_or_the_answer_is_refused() {
        let facts = with_rule(true, (5432, 5432), "10.0.1.0/24");
        let found = finding(&CHECK, &facts);
        assert_eq!(
            found.message,
            "Rule 50 of acl-1 refuses what goes to 10.0.1.0/24, port 5432, on the way between charts-ri and the source"
        );
        let command = found.fix.unwrap().steps[0].action.describe();
        assert!(command.contains("--egress") && command.contains("From=5432,To=5432 --cidr-block 10.0.1.0/24"));
        let facts = with_rule(false, (50_000, 65_535), "10.0.1.0/24");
        let command = finding_of(&facts);
        assert!(command.contains("--ingress") && command.contains("From=1024,To=65535"), "{command}");
    }

    fn finding_of(facts: &Facts) -> String {
        let found = crate::checks::testing::findings(&CHECK, facts);
        found[0].fix.as_ref().unwrap().steps[0].action.describe()
    }

    #[test]
    fn what_does_not_cross_a_border_or_goes_elsewhere_is_not_refused() {
        assert_pass(&CHECK, &with_rule(true, (5432, 5432), "10.0.9.0/24"));
        // The database is in the replication instance's own subnet.
        let mut facts = with_rule(true, (5432, 5432), "10.0.1.0/24");
        facts.source.host.addresses = Fact::Known(vec!["10.0.0.9".into()]);
        assert_pass(&CHECK, &facts);
        let mut facts = with_rule(true, (3306, 5432), "10.0.1.0/24");
        source_rds(&mut facts).subnets = vec!["subnet-1".into()];
        target_rds(&mut facts).subnets = vec!["subnet-1".into()];
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_network(&CHECK, |network| network.acls = unseen());
    }
}
