//! DTK-020: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `StatusTableEnabled`, `SuspendedTablesTableEnabled` and `HistoryTableEnabled` of the task.
    ///
    /// # Why it matters
    /// The tables in `awsdms_control` say on the target itself how far the task is, which tables it gave up, and how
    /// long each stage took; without them only the console knows.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"ControlTablesSettings": {"StatusTableEnabled": true, "SuspendedTablesTableEnabled": true}}'
    /// ```
    ///
    /// A running task is stopped first, and started again with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Control table task settings".
    code: "DTK-020",
    name: "control-tables-off",
    area: Dtk,
    severity: Advice,
    title: "The task writes no control tables on the target",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let on = |name: &str| task.setting(&format!("/ControlTablesSettings/{name}")) == Some(&json!(true));
        let wrong = !(on("StatusTableEnabled") && on("SuspendedTablesTableEnabled"));
        let message =
            format!("The task {} writes no control tables for its state and for suspended tables", task.identifier);
        let finding = Finding::new(&task.identifier, message);
        let fix = || {
            modify_task(
                task,
                "write them",
                &[
                    ("/ControlTablesSettings/StatusTableEnabled", json!(true)),
                    ("/ControlTablesSettings/SuspendedTablesTableEnabled", json!(true)),
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
    fn both_are_wanted() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/ControlTablesSettings/SuspendedTablesTableEnabled", json!(false));
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
