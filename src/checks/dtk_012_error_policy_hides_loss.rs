//! DTK-012: see the check's own explanation.

use serde_json::{Value, json};

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::DmsTask;

check! {
    /// # What it looks at
    /// The policies in `ErrorBehavior` of the task: `DataErrorPolicy`, `DataTruncationErrorPolicy` and the three
    /// `ApplyError…Policy`. `LOG_ERROR` and `IGNORE_RECORD`, which are defaults of DMS, skip the row.
    ///
    /// # Why it matters
    /// The task stays green and the row is missing on the target, or cut. Only a line in the log or in
    /// `awsdms_apply_exceptions` says so, if those are on at all.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"ErrorBehavior": {"DataErrorPolicy": "SUSPEND_TABLE",
    ///   "DataTruncationErrorPolicy": "SUSPEND_TABLE", "ApplyErrorInsertPolicy": "SUSPEND_TABLE",
    ///   "ApplyErrorUpdatePolicy": "SUSPEND_TABLE", "ApplyErrorDeletePolicy": "SUSPEND_TABLE"}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Error handling task settings".
    code: "DTK-012",
    name: "error-policy-hides-loss",
    area: Dtk,
    severity: Error,
    title: "The task skips rows that it cannot write, and goes on",
    after: ["IAM-001"],
}

const POLICIES: &[&str] = &[
    "/ErrorBehavior/DataErrorPolicy",
    "/ErrorBehavior/DataTruncationErrorPolicy",
    "/ErrorBehavior/ApplyErrorInsertPolicy",
    "/ErrorBehavior/ApplyErrorUpdatePolicy",
    "/ErrorBehavior/ApplyErrorDeletePolicy",
];

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let lax: Vec<&str> = POLICIES.iter().copied().filter(|p| skips(task, p)).collect();
        if lax.is_empty() {
            return Ok(Vec::new());
        }
        let message = format!("The task {} skips rows that fail, and goes on", task.identifier);
        let mut finding = Finding::new(&task.identifier, message).silent_loss();
        for pointer in &lax {
            let name = pointer.rsplit('/').next().unwrap_or(pointer);
            finding = finding.saw(name, task.setting(pointer).and_then(Value::as_str).unwrap_or("default"));
        }
        let settings: Vec<(&str, Value)> = lax.iter().map(|p| (*p, json!("SUSPEND_TABLE"))).collect();
        only(Some(finding.fix(modify_task(task, "suspend the table instead of skipping the row", &settings))))
    })
}

fn skips(task: &DmsTask, pointer: &str) -> bool {
    let policy = task.setting(pointer).and_then(Value::as_str);
    matches!(policy, Some("LOG_ERROR" | "IGNORE_RECORD")) || (policy.is_none() && !task.settings.is_null())
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, set_task};

    #[test]
    fn each_lax_policy_is_shown_and_tightened() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/ErrorBehavior/ApplyErrorInsertPolicy", json!("LOG_ERROR"));
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss);
        assert_eq!(found.evidence, [("ApplyErrorInsertPolicy".to_owned(), "LOG_ERROR".to_owned())]);
        let step = found.fix.unwrap().steps.remove(0);
        assert!(step.action.describe().ends_with("ErrorBehavior.ApplyErrorInsertPolicy=\"SUSPEND_TABLE\""), "{step:?}");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
