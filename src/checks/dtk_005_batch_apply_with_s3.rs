//! DTK-005: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `BatchApplyEnabled` of a task whose target endpoint is S3.
    ///
    /// # Why it matters
    /// AWS documents that batch apply with an S3 target can lose data: nothing fails, and rows are missing.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"TargetMetadata": {"BatchApplyEnabled": false}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using Amazon S3 as a target".
    code: "DTK-005",
    name: "batch-apply-with-s3",
    area: Dtk,
    severity: Error,
    title: "The task applies changes in batches to S3, where it can lose some",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let s3 = part.target()?.is_some_and(|e| e.engine == "s3");
        let wrong = s3 && task.setting("/TargetMetadata/BatchApplyEnabled") == Some(&json!(true));
        let message = format!("The task {} applies changes in batches to S3", task.identifier);
        let finding = Finding::new(&task.identifier, message).silent_loss();
        let fix =
            || modify_task(task, "switch batch apply off", &[("/TargetMetadata/BatchApplyEnabled", json!(false))]);
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
    fn batches_to_s3_lose_rows() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/TargetMetadata/BatchApplyEnabled", json!(true));
        crate::checks::testing_aws::target_endpoint(&mut facts).engine = "s3".into();
        assert!(finding(&CHECK, &facts).silent_loss);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
