//! DEP-006: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// The host of each endpoint: `….cluster-ro-….rds.amazonaws.com` is the address of a cluster's readers.
    ///
    /// # Why it matters
    /// A reader of Aurora PostgreSQL has no logical replication, and one of MySQL refuses writes: the task fails
    /// after a test that passed.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --server-name NAME.cluster-….rds.amazonaws.com
    /// ```
    ///
    /// # Source
    /// Amazon Aurora User Guide, "Amazon Aurora endpoint connections".
    code: "DEP-006",
    name: "endpoint-points-at-reader",
    area: Dep,
    severity: Error,
    title: "A DMS endpoint points at the readers of a cluster",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let host = endpoint.host.as_deref().unwrap_or_default();
        let writer = host.replacen(".cluster-ro-", ".cluster-", 1);
        let message = format!("The endpoint {} points at readers: {host}", endpoint.identifier);
        let step = || modify_endpoint(endpoint, &[("ServerName", &writer, Some(host))]);
        let fix = || Fix::new(Mode::Confirm, "take the writer's address", vec![step()]);
        only((writer != host).then(|| Finding::new(&endpoint.identifier, message).saw("ServerName", host).fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, source_endpoint};

    #[test]
    fn the_writers_address_is_taken() {
        let mut facts = healthy_dms();
        aws(&mut facts).source.instance = crate::facts::Fact::Known(None);
        source_endpoint(&mut facts).host = Some("c.cluster-ro-abc.eu-west-2.rds.amazonaws.com".into());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("--server-name c.cluster-abc.eu-west-2.rds.amazonaws.com"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
