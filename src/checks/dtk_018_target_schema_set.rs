//! DTK-018: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `TargetMetadata.TargetSchema` of a task whose target is MySQL.
    ///
    /// # Why it matters
    /// All tables go into one database whatever the mappings say, and tables of the same name from two schemas into
    /// one table. MySQL has databases for schemas; a transformation rule renames each.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"TargetMetadata": {"TargetSchema": ""}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Target metadata task settings".
    code: "DTK-018",
    name: "target-schema-set",
    area: Dtk,
    severity: Warning,
    title: "The task renames every schema to one target schema",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let schema = task.setting("/TargetMetadata/TargetSchema").and_then(|v| v.as_str()).unwrap_or_default();
        let mysql = part.target()?.is_none_or(super::aws_fixes::is_mysql);
        let wrong = mysql && !schema.is_empty();
        let message = format!("The task {} sends every schema to \"{schema}\" (TargetSchema)", task.identifier);
        let finding = Finding::new(&task.identifier, message);
        let fix = || modify_task(task, "leave it to the mappings", &[("/TargetMetadata/TargetSchema", json!(""))]);
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
    fn mappings_rename_schemas() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/TargetMetadata/TargetSchema", json!("charts"));
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
