//! DEP-005: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{OnRds, only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `EngineName` of each endpoint against `Engine` of the RDS instance.
    ///
    /// # Why it matters
    /// `postgres` and `aurora-postgresql`, `mysql` and `aurora` differ in what DMS asks of them; with the wrong one
    /// tests pass and tasks fail, or features are missing.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --engine-name aurora-postgresql
    /// ```
    ///
    /// # Source
    /// AWS DMS API Reference, `CreateEndpoint`, `EngineName`; Amazon RDS API Reference, `DBInstance`, `Engine`.
    code: "DEP-005",
    name: "endpoint-engine-differs",
    area: Dep,
    severity: Warning,
    title: "A DMS endpoint has another engine than its database",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let side = if endpoint.side == "source" { "source" } else { "target" };
        let Some(on_rds) = OnRds::of(facts, side)? else { return Ok(Vec::new()) };
        let engine = &on_rds.instance.engine;
        let Some(right) = of_dms(engine).filter(|_| endpoint.engine != "s3") else { return Ok(Vec::new()) };
        let have = &endpoint.engine;
        let message = format!("The endpoint {} has the engine {have}; the database is {engine}", endpoint.identifier);
        let step = || modify_endpoint(endpoint, &[("EngineName", right, Some(have))]);
        let fix = || Fix::new(Mode::Confirm, format!("set the engine {right}"), vec![step()]);
        only((have != right).then(|| Finding::new(&endpoint.identifier, message).saw("EngineName", have).fix(fix())))
    })
}

/// The name that DMS has for an engine of RDS.
fn of_dms(engine: &str) -> Option<&str> {
    match engine {
        "postgres" | "mysql" | "mariadb" | "aurora-postgresql" => Some(engine),
        "aurora" | "aurora-mysql" => Some("aurora"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_rds};

    #[test]
    fn aurora_is_not_postgres() {
        let mut facts = healthy_dms();
        source_rds(&mut facts).engine = "aurora-postgresql".into();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("--engine-name aurora-postgresql"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
