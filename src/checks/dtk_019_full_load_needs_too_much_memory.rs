//! DTK-019: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `MaxFullLoadSubTasks`, `ParallelLoadThreads`, `CommitRate` and `LobMaxSize`: tables at once, threads each, and
    /// rows times the LOB limit that one batch may hold.
    ///
    /// # Why it matters
    /// The replication instance swaps, then stops the task (`STOPPED_DUE_TO_LOW_MEMORY`). The settings look small one
    /// by one and are multiplied.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"FullLoadSettings": {"CommitRate": 1000}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Full-load task settings" and "Choosing the best size for a replication instance".
    code: "DTK-019",
    name: "full-load-needs-too-much-memory",
    area: Dtk,
    severity: Warning,
    title: "The full load multiplies its settings beyond what an instance holds",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let number =
            |pointer: &str, default: i64| task.setting(pointer).and_then(serde_json::Value::as_i64).unwrap_or(default);
        let tables = number("/FullLoadSettings/MaxFullLoadSubTasks", 8);
        let threads = number("/TargetMetadata/ParallelLoadThreads", 0).max(1);
        let rate = number("/FullLoadSettings/CommitRate", 10_000);
        let lob = number("/TargetMetadata/LobMaxSize", 32);
        let limited = task.setting("/TargetMetadata/LimitedSizeLobMode") == Some(&json!(true));
        let batch_mb = if limited { rate * lob / 1024 } else { 0 };
        let wrong = tables * threads > 64 || batch_mb > 1024;
        let message = format!(
            "The task {} loads {tables} tables with {threads} threads each, and a batch may hold {batch_mb} MB of LOBs",
            task.identifier
        );
        let finding = Finding::new(&task.identifier, message);
        let fix = || {
            modify_task(
                task,
                "smaller batches, fewer at once",
                &[
                    ("/FullLoadSettings/MaxFullLoadSubTasks", json!(tables.min(8))),
                    ("/FullLoadSettings/CommitRate", json!((1024 * 1024 / lob.max(1)).min(rate))),
                ],
            )
        };
        only(wrong.then(|| finding.fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, set_task};

    #[test]
    fn a_large_lob_limit_makes_batches_smaller() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/TargetMetadata/LobMaxSize", json!(1024));
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("10000 MB of LOBs"), "{}", found.message);
        assert!(found.fix.unwrap().steps[0].action.describe().contains("CommitRate=1024"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
