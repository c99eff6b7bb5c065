//! DTK-006: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `BatchApplyEnabled` together with the LOB mode.
    ///
    /// # Why it matters
    /// Batch apply works with LOBs in the limited mode only; otherwise the task falls back to one change at a time
    /// for those tables, or fails the assessment `mysql-batch-apply-lob-mode`.
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
    /// AWS DMS User Guide, "Target metadata task settings".
    code: "DTK-006",
    name: "batch-apply-with-full-lobs",
    area: Dtk,
    severity: Warning,
    title: "The task applies changes in batches and LOBs not in the limited mode",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let is = |name: &str| task.setting(&format!("/TargetMetadata/{name}")) == Some(&json!(true));
        let wrong = is("BatchApplyEnabled") && is("SupportLobs") && !is("LimitedSizeLobMode");
        let message = format!("The task {} applies changes in batches, with LOBs in full mode", task.identifier);
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
    fn full_lobs_in_batches() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/TargetMetadata/BatchApplyEnabled", json!(true));
        set_task(&mut facts, "/TargetMetadata/LimitedSizeLobMode", json!(false));
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
