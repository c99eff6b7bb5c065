//! DTK-013: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `FailOnNoTablesCaptured` of the task.
    ///
    /// # Why it matters
    /// A typing error in a schema's name, or a missing grant, leaves the task without tables. With this setting off
    /// it runs, is green, and moves nothing.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"ErrorBehavior": {"FailOnNoTablesCaptured": true}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Error handling task settings".
    code: "DTK-013",
    name: "empty-selection-goes-unnoticed",
    area: Dtk,
    severity: Warning,
    title: "A task whose mappings match no table runs without a word",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let wrong = task.setting("/ErrorBehavior/FailOnNoTablesCaptured") == Some(&json!(false));
        let message = format!("The task {} does not fail when its mappings match no table", task.identifier);
        let finding = Finding::new(&task.identifier, message);
        let fix = || modify_task(task, "let it fail", &[("/ErrorBehavior/FailOnNoTablesCaptured", json!(true))]);
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
    fn an_empty_task_must_fail() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/ErrorBehavior/FailOnNoTablesCaptured", json!(false));
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
