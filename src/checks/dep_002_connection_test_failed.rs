//! DEP-002: see the check's own explanation.

use super::aws_fixes::test_connection;
use super::aws_parts::{Part, with_endpoints};
use super::vantage::{login_here, side_by_side, test_of};
use super::{Finding, Judged, registry};
use crate::decode::{decode, innermost};
use crate::facts::Facts;
use crate::facts::aws::DmsEndpoint;
use crate::fixes::{Action, Cost, Fix, Mode, Step};

check! {
    /// # What it looks at
    /// The last test of each endpoint from the pipeline's replication instance, its message decoded, beside the login
    /// from this machine. Causes that have a check of their own (TLS, database name, security groups) are told there, and this check
    /// waits for them.
    ///
    /// # Why it matters
    /// The task is refused. Every failure of DMS's test carries the same number (1020912) and the same state (08001);
    /// only the text behind the last `Message:` says what it is. Where this machine gets in and the replication
    /// instance does not, the difference between the two is the cause: TLS mode, address, security group, or the
    /// user, password and database of the endpoint.
    ///
    /// # How to fix it by hand
    /// Put right what the decoded cause says, then test again:
    ///
    /// ```sh
    /// aws dms describe-connections --query 'Connections[].[EndpointIdentifier,Status,LastFailureMessage]'
    /// cdc-doctor explain --error 'THE MESSAGE'
    /// aws dms test-connection --replication-instance-arn ARN --endpoint-arn ARN
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks"; AWS DMS API Reference, `Connection`.
    code: "DEP-002",
    name: "connection-test-failed",
    area: Dep,
    severity: Error,
    title: "The replication instance cannot connect through an endpoint",
    after: [
        "IAM-001", "DRI-001", "DEP-003", "NET-001", "NET-002", "TLS-003", "TLS-005", "DEP-020", "DEP-021", "DEP-022",
        "AUT-014", "AUT-022", "IAM-008", "TLS-007", "TLS-008", "NET-003", "NET-004", "NET-005", "NET-006", "NET-009",
        "NET-012", "NET-013",
    ],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |part, endpoint| {
        let Some(test) = test_of(part, endpoint)?.filter(|t| t.status == "failed") else { return Ok(Vec::new()) };
        let said = test.failure.as_deref().unwrap_or("DMS gave no reason");
        let decoded = decode(said);
        let mut message = format!("The replication instance cannot connect through {}", endpoint.identifier);
        message.push_str(": ");
        message.push_str(decoded.as_ref().map_or(innermost(said).trim(), |d| d.cause.trim_end_matches('.')));
        if let Some(why) = disagreement(facts, part, endpoint, said) {
            message.push_str(". ");
            message.push_str(&why);
        }
        let mut finding = side_by_side(facts, part, endpoint, Finding::new(&endpoint.identifier, message));
        let mut steps = Vec::new();
        if let Some(decoded) = decoded {
            if registry::find(&decoded.code).is_some() {
                finding = finding.saw("see", format!("cdc-doctor explain {}", decoded.code));
            }
            steps.push(Step::new(Cost::None, Action::Note(decoded.fix)));
        }
        if let Some(instance) = part.dms.instance(part.names)? {
            steps.push(test_connection(instance, endpoint).note("once the cause is gone"));
        }
        Ok(vec![finding.fix(Fix::new(Mode::Manual, "put the cause right and test again", steps))])
    })
}

/// Why this machine gets in where the replication instance does not.
fn disagreement(facts: &Facts, part: &Part<'_>, endpoint: &DmsEndpoint, said: &str) -> Option<String> {
    let attempt = login_here(facts, endpoint);
    if !attempt.accepted() {
        return None;
    }
    let ours = if endpoint.side == "source" { &part.pipeline.source } else { &part.pipeline.target };
    let mut differs = Vec::new();
    if let Some(host) = endpoint.host.as_deref().filter(|h| !h.eq_ignore_ascii_case(&ours.host)) {
        differs.push(format!("host {host} instead of {}", ours.host));
    }
    if let Some(user) = endpoint.user.as_deref().filter(|u| *u != ours.user) {
        differs.push(format!("user {user} instead of {}", ours.user));
    }
    if endpoint.ssl_mode == "none" {
        differs.push("no TLS".to_owned());
    }
    if !differs.is_empty() {
        return Some(format!("This machine gets in; the endpoint has {}", differs.join(", ")));
    }
    let network = ["timeout", "timed out", "Can't connect", "could not connect", "2003"];
    Some(if network.iter().any(|word| said.contains(word)) {
        "This machine gets in, so the way from the replication instance is barred: its security group, routes or subnets"
            .to_owned()
    } else {
        "This machine gets in as the same user; the endpoint's password may be another".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_connection, source_endpoint};
    use crate::facts::Facts;

    fn failed(said: &str) -> Facts {
        let mut facts = healthy_dms();
        let test = source_connection(&mut facts);
        let wrapped = "Test Endpoint failed: Application-Status: 1020912, Application-Message: x, \
                       Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 NativeError: 101 Message:";
        (test.status, test.failure) = ("failed".into(), Some(format!("{wrapped} {said}")));
        facts
    }

    #[test]
    fn the_cause_is_decoded_and_the_difference_told() {
        let facts = failed("FATAL: password authentication failed for user \"cdc\"");
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("the endpoint's password may be another"), "{}", found.message);
        assert!(found.evidence.contains(&("see".into(), "cdc-doctor explain AUT-001".into())), "{:?}", found.evidence);
        assert_eq!(causes(&facts), ["DEP-002"]);
    }

    #[test]
    fn a_timeout_there_and_not_here_is_the_way() {
        let found = finding(&CHECK, &failed("[unixODBC]timeout expired"));
        assert!(found.message.contains("its security group, routes or subnets"), "{}", found.message);
    }

    #[test]
    fn another_user_is_named() {
        let mut facts = failed("FATAL: password authentication failed for user \"dms\"");
        source_endpoint(&mut facts).user = Some("dms".into());
        assert!(finding(&CHECK, &facts).message.contains("user dms instead of cdc"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.connections = unseen());
    }
}
