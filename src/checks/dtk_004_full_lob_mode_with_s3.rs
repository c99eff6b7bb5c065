//! DTK-004: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `FullLobMode` of a task whose target endpoint is S3.
    ///
    /// # Why it matters
    /// The task fails, or LOB columns are left out: an S3 target takes the limited mode only.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"TargetMetadata": {"FullLobMode": false, "LimitedSizeLobMode": true}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using Amazon S3 as a target".
    code: "DTK-004",
    name: "full-lob-mode-with-s3",
    area: Dtk,
    severity: Error,
    title: "The task has the full LOB mode, which an S3 target does not take",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let s3 = part.target()?.is_some_and(|e| e.engine == "s3");
        let full = task.setting("/TargetMetadata/FullLobMode") == Some(&json!(true));
        let wrong = s3 && full;
        let message = format!("The task {} writes to S3 in full LOB mode", task.identifier);
        let finding = Finding::new(&task.identifier, message);
        let fix = || {
            modify_task(
                task,
                "take the limited mode",
                &[("/TargetMetadata/FullLobMode", json!(false)), ("/TargetMetadata/LimitedSizeLobMode", json!(true))],
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
    fn full_mode_to_s3() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/TargetMetadata/FullLobMode", json!(true));
        crate::checks::testing_aws::target_endpoint(&mut facts).engine = "s3".into();
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
