//! DEP-012: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{only, with_source};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `FailTasksOnLobTruncation` of the source endpoint, where the task has the limited LOB mode.
    ///
    /// # Why it matters
    /// A text, JSON or binary value that is longer than `LobMaxSize` arrives cut. A line in the log says so; the row
    /// counts as moved.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings FailTasksOnLobTruncation=true
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", endpoint settings; "Setting LOB support for source
    /// databases".
    code: "DEP-012",
    name: "lob-truncation-goes-unnoticed",
    area: Dep,
    severity: Error,
    title: "Long values are cut at the LOB limit, and the task does not fail",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let task = part.dms.task(part.names)?;
        let limit = task.and_then(|t| {
            let limited = t.setting("/TargetMetadata/LimitedSizeLobMode")?.as_bool()?;
            limited.then(|| t.setting("/TargetMetadata/LobMaxSize").and_then(serde_json::Value::as_i64).unwrap_or(32))
        });
        let Some(limit) = limit else { return Ok(Vec::new()) };
        let fails = endpoint.postgres.as_ref().and_then(|s| s.fail_on_lob_truncation) == Some(true);
        let message = format!("Values longer than {limit} KB arrive cut, and the task goes on");
        let step =
            || modify_endpoint(endpoint, &[("PostgreSQLSettings.FailTasksOnLobTruncation", "true", Some("false"))]);
        let fix = || Fix::new(Mode::Auto, "fail instead of cutting", vec![step()]);
        only((!fails).then(|| Finding::new(&endpoint.identifier, message).silent_loss().fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn cutting_in_silence() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).postgres = None;
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.message.contains("64 KB"), "{}", found.message);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
