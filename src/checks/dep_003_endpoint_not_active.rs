//! DEP-003: see the check's own explanation.

use super::aws_parts::{only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The `Status` of the pipeline's endpoints.
    ///
    /// # Why it matters
    /// Tests and tasks are refused until it is `active`. One that stays in `creating` or `modifying` for more than
    /// some minutes points at a secret or a key that DMS cannot read.
    ///
    /// # How to fix it by hand
    /// Wait, and look again:
    ///
    /// ```sh
    /// aws dms describe-endpoints --query 'Endpoints[].[EndpointIdentifier,Status]'
    /// ```
    ///
    /// # Source
    /// AWS DMS API Reference, `Endpoint`.
    code: "DEP-003",
    name: "endpoint-not-active",
    area: Dep,
    severity: Warning,
    title: "A DMS endpoint is being created, changed or deleted",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let message = format!("The endpoint {} is {}, not active", endpoint.identifier, endpoint.status);
        let finding = Finding::new(&endpoint.identifier, message).saw("status", &endpoint.status);
        let wait = Fix::manual("wait until it is active", ["Wait some minutes, then run check again."]);
        only((endpoint.status != "active").then(|| finding.fix(wait)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn a_state_that_passes_is_waited_for() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).status = "modifying".into();
        assert!(finding(&CHECK, &facts).message.contains("is modifying, not active"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
