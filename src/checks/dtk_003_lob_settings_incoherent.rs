//! DTK-003: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `SupportLobs`, `FullLobMode`, `LimitedSizeLobMode`, `LobChunkSize` and `LobMaxSize` of the task.
    ///
    /// # Why it matters
    /// With `SupportLobs` and neither mode, or with both, DMS picks one, and long values are cut or left out. A chunk
    /// of more than 64 KB is refused or slow.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"TargetMetadata": {"SupportLobs": true, "FullLobMode": false, "LimitedSizeLobMode": true, "LobMaxSize": 32}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Target metadata task settings" and "Setting LOB support for source databases".
    code: "DTK-003",
    name: "lob-settings-incoherent",
    area: Dtk,
    severity: Warning,
    title: "The LOB settings of the task contradict each other",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let is = |name: &str| {
            task.setting(&format!("/TargetMetadata/{name}")).and_then(serde_json::Value::as_bool) == Some(true)
        };
        let chunk = task.setting("/TargetMetadata/LobChunkSize").and_then(serde_json::Value::as_i64).unwrap_or(0);
        let modes = is("FullLobMode") == is("LimitedSizeLobMode");
        let wrong = is("SupportLobs") && (modes || chunk > 64);
        let message = format!(
            "The task {} has SupportLobs with FullLobMode {}, LimitedSizeLobMode {} and LobChunkSize {chunk} KB",
            task.identifier,
            is("FullLobMode"),
            is("LimitedSizeLobMode")
        );
        let finding = Finding::new(&task.identifier, message);
        let fix = || {
            modify_task(
                task,
                "take the limited mode",
                &[
                    ("/TargetMetadata/FullLobMode", json!(false)),
                    ("/TargetMetadata/LimitedSizeLobMode", json!(true)),
                    ("/TargetMetadata/LobChunkSize", json!(0)),
                ],
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
    fn no_mode_at_all() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/TargetMetadata/LimitedSizeLobMode", json!(false));
        assert!(finding(&CHECK, &facts).message.contains("LimitedSizeLobMode false"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
