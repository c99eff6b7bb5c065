//! DTK-010: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `ValidationSettings.EnableValidation` of the task.
    ///
    /// # Why it matters
    /// Without validation nothing in DMS notices a row that differs. It needs a primary or unique key, and costs time
    /// and reads on both sides. `cdc-doctor verify` compares as well, without DMS.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"ValidationSettings": {"EnableValidation": true}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "AWS DMS data validation".
    code: "DTK-010",
    name: "validation-off",
    area: Dtk,
    severity: Advice,
    title: "The task does not compare what it wrote with the source",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let s3 = part.target()?.is_some_and(|e| e.engine == "s3");
        let wrong = !s3 && task.setting("/ValidationSettings/EnableValidation") != Some(&json!(true));
        let message = format!("The task {} does not validate rows", task.identifier);
        let finding = Finding::new(&task.identifier, message);
        let fix =
            || modify_task(task, "switch validation on", &[("/ValidationSettings/EnableValidation", json!(true))]);
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
    fn validation_is_advised() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/ValidationSettings/EnableValidation", json!(false));
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
