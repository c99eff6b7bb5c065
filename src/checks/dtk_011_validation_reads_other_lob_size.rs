//! DTK-011: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `ValidationPartialLobSize` against `LobMaxSize`, where LOBs are limited and rows are validated.
    ///
    /// # Why it matters
    /// LOBs are cut at `LobMaxSize` when they are written. Validation that compares more than that calls every cut
    /// row different, and real differences drown among them.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"ValidationSettings": {"ValidationPartialLobSize": 32}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "AWS DMS data validation".
    code: "DTK-011",
    name: "validation-reads-other-lob-size",
    area: Dtk,
    severity: Warning,
    title: "Validation compares longer LOBs than the task writes",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let size = |pointer: &str| task.setting(pointer).and_then(serde_json::Value::as_i64);
        let written = size("/TargetMetadata/LobMaxSize").unwrap_or(0);
        let compared = size("/ValidationSettings/ValidationPartialLobSize").unwrap_or(0);
        let limited = task.setting("/TargetMetadata/LimitedSizeLobMode") == Some(&json!(true));
        let validates = task.setting("/ValidationSettings/EnableValidation") == Some(&json!(true));
        let wrong = limited && validates && compared != written;
        let message = format!("LOBs are cut at {written} KB, and validation compares {compared} KB (0: all of them)");
        let finding = Finding::new(&task.identifier, message);
        let fix = || {
            modify_task(
                task,
                "compare as much as is written",
                &[("/ValidationSettings/ValidationPartialLobSize", json!(written))],
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
    fn both_sizes_become_equal() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/ValidationSettings/ValidationPartialLobSize", json!(0));
        assert!(
            finding(&CHECK, &facts).fix.unwrap().steps[0].action.describe().contains("ValidationPartialLobSize=64")
        );
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
