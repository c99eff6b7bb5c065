//! DTK-014: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `RecoverableErrorCount` of the task: −1 is without end, and the default.
    ///
    /// # Why it matters
    /// A source that is gone, or a slot that is lost, shows as a running task: it restarts inside itself again and
    /// again, latency grows, and no alarm on the task's state goes off.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"ErrorBehavior": {"RecoverableErrorCount": 20}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Error handling task settings".
    code: "DTK-014",
    name: "errors-retried-for-ever",
    area: Dtk,
    severity: Warning,
    title: "The task retries errors for ever, and is green while it does",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let count = task.setting("/ErrorBehavior/RecoverableErrorCount").and_then(serde_json::Value::as_i64);
        let wrong = count.is_none_or(|n| n < 0);
        let message = format!("The task {} retries errors without end (RecoverableErrorCount)", task.identifier);
        let finding = Finding::new(&task.identifier, message);
        let fix = || modify_task(task, "end after 20 tries", &[("/ErrorBehavior/RecoverableErrorCount", json!(20))]);
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
    fn retries_get_an_end() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/ErrorBehavior/RecoverableErrorCount", json!(-1));
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
