//! DTK-009: see the check's own explanation.

use serde_json::{Value, json};

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// The severities in `Logging.LogComponents` of the task.
    ///
    /// # Why it matters
    /// `LOGGER_SEVERITY_DETAILED_DEBUG` writes every row and statement. It fills the storage of the replication
    /// instance, and then the task stops; rows end up in CloudWatch Logs.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"Logging": {"LogComponents": [
    ///   {"Id": "TARGET_APPLY", "Severity": "LOGGER_SEVERITY_DEFAULT"}]}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Logging task settings".
    code: "DTK-009",
    name: "detailed-debug-log-left-on",
    area: Dtk,
    severity: Warning,
    title: "A log component of the task is left at detailed debugging",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let components = task.setting("/Logging/LogComponents").and_then(Value::as_array);
        let loud = |c: &&Value| c["Severity"].as_str().is_some_and(|s| s.contains("DETAILED_DEBUG"));
        let names: Vec<&str> = components.into_iter().flatten().filter(loud).filter_map(|c| c["Id"].as_str()).collect();
        let quiet: Vec<Value> =
            names.iter().map(|id| json!({"Id": id, "Severity": "LOGGER_SEVERITY_DEFAULT"})).collect();
        let message = format!("{} writes a detailed debugging log of {}", task.identifier, names.join(", "));
        let fix = || modify_task(task, "log as usual", &[("/Logging/LogComponents", Value::Array(quiet))]);
        only((!names.is_empty()).then(|| Finding::new(&task.identifier, message).fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, set_task};

    #[test]
    fn the_loud_component_is_named() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/Logging/LogComponents/0/Severity", json!("LOGGER_SEVERITY_DETAILED_DEBUG"));
        assert!(finding(&CHECK, &facts).message.ends_with("of TARGET_APPLY"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
