//! DTK-016: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `StopTaskCachedChangesApplied` and `StopTaskCachedChangesNotApplied` of a task that was never started, where
    /// tables of the target have foreign keys.
    ///
    /// # Why it matters
    /// Tables are loaded in any order, so the keys must be off or away until the load is done, and on again before its
    /// changes are followed. Without a stop there is no moment to do that.
    ///
    /// # How to fix it by hand
    /// Set `FullLoadSettings.StopTaskCachedChangesApplied` to `true`, add the keys when the task stops, then start it
    /// with `resume-processing`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Full-load task settings".
    code: "DTK-016",
    name: "no-stop-for-foreign-keys",
    area: Dtk,
    severity: Advice,
    title: "The task does not stop between load and changes, to add foreign keys",
    after: ["IAM-001", "AUT-025"],
}

const APPLIED: &str = "/FullLoadSettings/StopTaskCachedChangesApplied";
const NOT_APPLIED: &str = "/FullLoadSettings/StopTaskCachedChangesNotApplied";

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let stops = [APPLIED, NOT_APPLIED].iter().any(|name| task.setting(name) == Some(&json!(true)));
        if stops || task.started.is_some() || task.migration_type != "full-load-and-cdc" {
            return Ok(Vec::new());
        }
        let with_keys = facts.target.tables.known()?.iter().filter(|t| t.foreign_keys).count();
        // Both ends of a key count.
        let who = if with_keys == 1 { "table of the target takes" } else { "tables of the target take" };
        let name = &task.identifier;
        let message =
            format!("{with_keys} {who} part in foreign keys, and {name} does not stop after the load to add them");
        let fix = || modify_task(task, "stop once the load is done", &[(APPLIED, json!(true))]);
        only((with_keys > 0).then(|| Finding::new(&task.identifier, message).fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{APPLIED, CHECK};
    use crate::checks::testing::{assert_pass, finding, target_table, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, set_task, task};

    #[test]
    fn foreign_keys_need_a_stop() {
        let mut facts = healthy_dms();
        task(&mut facts).started = None;
        set_task(&mut facts, APPLIED, json!(false));
        assert_pass(&CHECK, &facts);
        target_table(&mut facts).foreign_keys = true;
        assert!(finding(&CHECK, &facts).message.starts_with("1 table of the target takes part"));
        facts.target.tables = unseen();
        crate::checks::testing::assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
