//! DTK-002: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `TargetTablePrepMode` of the task, which is `DROP_AND_CREATE` unless somebody chose otherwise.
    ///
    /// # Why it matters
    /// Tables that were made with care lose their indexes, defaults, character sets and foreign keys, and get columns
    /// by DMS's own idea of types, at each start with `start-replication` or `reload-target`.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"FullLoadSettings": {"TargetTablePrepMode": "TRUNCATE_BEFORE_LOAD"}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Full-load task settings".
    code: "DTK-002",
    name: "target-tables-dropped-at-start",
    area: Dtk,
    severity: Error,
    title: "The task drops and re-creates the target's tables when it is started",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let mode = task.setting("/FullLoadSettings/TargetTablePrepMode").and_then(|v| v.as_str());
        let mysql = part.target()?.is_none_or(|e| e.engine != "s3");
        let wrong = mode == Some("DROP_AND_CREATE") && mysql;
        let message =
            format!("The task {} drops the target's tables and makes its own (DROP_AND_CREATE)", task.identifier);
        let finding = Finding::new(&task.identifier, message);
        let fix = || {
            modify_task(
                task,
                "empty the tables instead of dropping them",
                &[("/FullLoadSettings/TargetTablePrepMode", json!("TRUNCATE_BEFORE_LOAD"))],
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
    fn dropping_becomes_truncating() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/FullLoadSettings/TargetTablePrepMode", json!("DROP_AND_CREATE"));
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().contains("TargetTablePrepMode=\"TRUNCATE_BEFORE_LOAD\""), "{fix:?}");
        assert!(fix.steps[0].undo.as_ref().unwrap().describe().contains("DROP_AND_CREATE"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
