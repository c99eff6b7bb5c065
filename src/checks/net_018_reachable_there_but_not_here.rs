//! NET-018: see the check's own explanation.

use super::aws_parts::with_endpoints;
use super::vantage::{passed, side_by_side};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Both vantage points: this machine's connection, and the replication instance's last test of the endpoint. The
    /// other way round, where this machine gets in and the replication instance does not, is DEP-002.
    ///
    /// # Why it matters
    /// The DMS task will work. What needs a session from here does not: the checks of settings, tables and types,
    /// `verify`, the canary, and the engine `direct`.
    ///
    /// # How to fix it by hand
    /// Run this program where the databases can be reached (an instance in the VPC, a VPN, a tunnel), or add this
    /// machine's address to the database's security group.
    ///
    /// # Source
    /// AWS DMS User Guide, "Setting up a network for a replication instance".
    code: "NET-018",
    name: "reachable-there-but-not-here",
    area: Net,
    severity: Advice,
    title: "The replication instance reaches a database that this machine does not",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |part, endpoint| {
        let host = if endpoint.side == "source" { &facts.source.host } else { &facts.target.host };
        let there = passed(part, Some(endpoint))?;
        if !there || host.tcp.known()?.is_none() {
            return Ok(Vec::new());
        }
        let side = &endpoint.side;
        let message = format!("The replication instance reaches the {side}, and this machine does not");
        let finding = side_by_side(facts, part, endpoint, Finding::new(&endpoint.identifier, message));
        let fix = Fix::manual(
            format!("run where the {side} can be reached"),
            ["Run this program inside the VPC, or over a VPN or tunnel; the DMS task itself needs no change."],
        );
        Ok(vec![finding.fix(fix)])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms};
    use crate::facts::Fact;

    #[test]
    fn only_the_replication_instance_gets_there() {
        let mut facts = healthy_dms();
        facts.target.host.tcp = Fact::Known(Some("no answer".into()));
        let found = finding(&CHECK, &facts);
        assert!(found.evidence.contains(&("replication instance".into(), "successful".into())));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.connections = unseen());
    }
}
