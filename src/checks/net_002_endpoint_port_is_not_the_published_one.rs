//! NET-002: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{OnRds, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// The `Port` of each endpoint against that of the RDS instance that the pipeline names.
    ///
    /// # Why it matters
    /// Nobody listens there: the test fails after a long silence or with a refused connection, which looks like a
    /// security group.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws rds describe-db-instances --db-instance-identifier NAME --query 'DBInstances[].Endpoint.Port'
    /// aws dms modify-endpoint --endpoint-arn ARN --port 5432
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks"; Amazon RDS API Reference, `Endpoint`.
    code: "NET-002",
    name: "endpoint-port-is-not-the-published-one",
    area: Net,
    severity: Error,
    title: "A DMS endpoint has another port than the one that RDS publishes",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let side = if endpoint.side == "source" { "source" } else { "target" };
        let published = OnRds::of(facts, side)?.and_then(|s| s.instance.port);
        let (Some(have), Some(right)) = (endpoint.port, published) else { return Ok(Vec::new()) };
        if have == right {
            return Ok(Vec::new());
        }
        let message = format!("The endpoint {} has port {have}; RDS publishes {right}", endpoint.identifier);
        let (have, right) = (have.to_string(), right.to_string());
        let step = modify_endpoint(endpoint, &[("Port", &right, Some(&have))]);
        let fix = Fix::new(Mode::Confirm, format!("set Port {right} on {}", endpoint.identifier), vec![step]);
        Ok(vec![Finding::new(&endpoint.identifier, message).saw("Port", have).saw("published", right).fix(fix)])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn the_published_port_is_set() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).port = Some(3306);
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("--port 5432"));
        assert_eq!(causes(&facts), ["NET-002"]);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
