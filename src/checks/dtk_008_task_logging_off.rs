//! DTK-008: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `Logging.EnableLogging` of the task. Whether the role that the log needs is there is IAM-004.
    ///
    /// # Why it matters
    /// When a table fails, the log is the only place that says why. Logging cannot be switched on after the fact for
    /// what has already happened.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"Logging": {"EnableLogging": true}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Specifying task settings for AWS Database Migration Service tasks", "Logging task
    /// settings".
    code: "DTK-008",
    name: "task-logging-off",
    area: Dtk,
    severity: Warning,
    title: "The task writes no log",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let wrong = task.setting("/Logging/EnableLogging") != Some(&json!(true));
        let message = format!("The task {} writes no log (EnableLogging)", task.identifier);
        let finding = Finding::new(&task.identifier, message);
        let fix = || modify_task(task, "switch the log on", &[("/Logging/EnableLogging", json!(true))]);
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
    fn the_log_is_switched_on() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/Logging/EnableLogging", json!(false));
        assert!(finding(&CHECK, &facts).fix.unwrap().steps[0].note.is_some(), "a running task is stopped for it");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
