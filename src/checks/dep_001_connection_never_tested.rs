//! DEP-001: see the check's own explanation.

use super::aws_fixes::test_connection;
use super::aws_parts::with_endpoints;
use super::vantage::{side_by_side, test_of};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `DescribeConnections` for the pipeline's replication instance and each of its endpoints.
    ///
    /// # Why it matters
    /// A task is refused until both connections were tested with success. A login from this machine proves little:
    /// the replication instance has another address, other routes and other security groups, and its endpoints their
    /// own TLS mode.
    ///
    /// # How to fix it by hand
    /// Test each, and look at the outcome:
    ///
    /// ```sh
    /// aws dms test-connection --replication-instance-arn ARN --endpoint-arn ARN
    /// aws dms describe-connections --query 'Connections[].[EndpointIdentifier,Status,LastFailureMessage]'
    /// ```
    ///
    /// # Source
    /// AWS DMS API Reference, `TestConnection` and `DescribeConnections`.
    code: "DEP-001",
    name: "connection-never-tested",
    area: Dep,
    severity: Error,
    title: "A connection from the replication instance was never tested, or is still being tested",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |part, endpoint| {
        let Some(instance) = part.dms.instance(part.names)? else { return Ok(Vec::new()) };
        let state = match test_of(part, endpoint)?.map(|test| test.status.as_str()) {
            Some("successful" | "failed") => return Ok(Vec::new()),
            Some("testing") => "is still being tested",
            _ => "was never tested",
        };
        let message =
            format!("The connection from {} to the endpoint {} {state}", instance.identifier, endpoint.identifier);
        let finding = side_by_side(facts, part, endpoint, Finding::new(&endpoint.identifier, message));
        let fix =
            Fix::new(Mode::Auto, format!("test {}", endpoint.identifier), vec![test_connection(instance, endpoint)]);
        Ok(vec![finding.fix(fix)])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, source_connection};

    #[test]
    fn what_was_never_tested_is_tested() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.connections).remove(1);
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("charts-tgt was never tested"), "{}", found.message);
        assert!(found.fix.unwrap().steps[0].action.describe().starts_with("aws dms test-connection"));
        assert_eq!(causes(&facts), ["DEP-001"]);
    }

    #[test]
    fn a_failed_test_is_another_matter() {
        let mut facts = healthy_dms();
        source_connection(&mut facts).status = "failed".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.connections = unseen());
    }
}
