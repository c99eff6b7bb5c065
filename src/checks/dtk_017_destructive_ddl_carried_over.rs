//! DTK-017: see the check's own explanation.

use serde_json::{Value, json};

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `HandleSourceTableDropped` and `HandleSourceTableTruncated` in `ChangeProcessingDdlHandlingPolicy` of the
    /// task; on, unless somebody switched them off.
    ///
    /// # Why it matters
    /// A table that is dropped or emptied on the source by mistake is gone on the target a moment later, and with it
    /// the copy that could have brought it back. On S3 a TRUNCATE deletes the folder.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"ChangeProcessingDdlHandlingPolicy": {"HandleSourceTableDropped": false, "HandleSourceTableTruncated": false}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Task settings for change processing DDL handling".
    code: "DTK-017",
    name: "destructive-ddl-carried-over",
    area: Dtk,
    severity: Error,
    title: "The task carries DROP and TRUNCATE over to the target",
    after: ["IAM-001"],
}

const HANDLERS: &[&str] = &[
    "/ChangeProcessingDdlHandlingPolicy/HandleSourceTableDropped",
    "/ChangeProcessingDdlHandlingPolicy/HandleSourceTableTruncated",
];

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let on: Vec<(&str, Value)> = HANDLERS
            .iter()
            .filter(|h| task.setting(h).and_then(Value::as_bool).unwrap_or(!task.settings.is_null()))
            .map(|h| (*h, json!(false)))
            .collect();
        let names: Vec<&str> = on.iter().filter_map(|(h, _)| h.rsplit('/').next()).collect();
        let message =
            format!("The task {} carries over what empties or drops tables ({})", task.identifier, names.join(", "));
        let fix = || modify_task(task, "leave the target's tables as they are", &on);
        let wrong = part.follows_changes() && !on.is_empty();
        only(wrong.then(|| Finding::new(&task.identifier, message).silent_loss().fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, set_task};

    #[test]
    fn a_truncate_stays_on_the_source() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/ChangeProcessingDdlHandlingPolicy/HandleSourceTableTruncated", json!(true));
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("(HandleSourceTableTruncated)"), "{}", found.message);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
