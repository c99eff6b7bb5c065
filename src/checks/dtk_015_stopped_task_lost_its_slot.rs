//! DTK-015: see the check's own explanation.

use super::aws_fixes::load_again;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::DmsTask;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// A task that was started and stands still, and whether the source's database has any slot that it could go on
    /// from. A slot that the endpoint names is looked at by DEP-009.
    ///
    /// # Why it matters
    /// `resume-processing` needs the slot that the task made at its first start, and fails without it. A new start makes
    /// a new slot: what was changed in between is missed, unless the tables are loaded again.
    ///
    /// # How to fix it by hand
    /// Load again, minding what `TargetTablePrepMode` does to the tables:
    /// ```sh
    /// aws dms start-replication-task --replication-task-arn ARN --start-replication-task-type reload-target
    /// ```
    ///
    /// # Source
    /// AWS DMS API Reference, `StartReplicationTask`; AWS DMS User Guide, "Using PostgreSQL as a source".
    code: "DTK-015",
    name: "stopped-task-lost-its-slot",
    area: Dtk,
    severity: Error,
    title: "The stopped task cannot go on where it was, because its slot is gone",
    after: ["IAM-001", "AUT-024", "RUN-015"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let stands = matches!(task.status.as_str(), "stopped" | "failed") && task.started.is_some();
        let named = part.source()?.and_then(|e| e.postgres.as_ref()?.slot_name.as_ref()).is_some();
        if !stands || named || !part.follows_changes() || !task.migration_type.contains("cdc") {
            return Ok(Vec::new());
        }
        let database = facts.pipeline.source.database.as_str();
        let slots = facts.source.slots.known()?;
        let some = slots.iter().any(|s| s.plugin.is_some() && s.database.as_deref() == Some(database));
        let message = format!(
            "{} is {}, and {database} has no slot: it can only be started by loading again",
            task.identifier, task.status
        );
        only((!some).then(|| Finding::new(&task.identifier, message).saw("status", &task.status).fix(remedy(task))))
    })
}

fn remedy(task: &DmsTask) -> Fix {
    let mode = task.setting("/FullLoadSettings/TargetTablePrepMode").and_then(|m| m.as_str());
    let first = match mode {
        Some("DO_NOTHING") => {
            "Empty the target's tables first: TargetTablePrepMode is DO_NOTHING, and rows would meet those that are there."
        }
        Some("TRUNCATE_BEFORE_LOAD") => "Know that every table of the target is emptied first.",
        _ => "Know that every table of the target is dropped and made anew first.",
    };
    Fix::manual("load again", [first.to_owned(), load_again(task)])
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, slot, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint, task};
    use crate::facts::Fact;

    #[test]
    fn without_a_slot_there_is_no_going_on() {
        let mut facts = healthy_dms();
        facts.source.slots = Fact::Known(Vec::new());
        task(&mut facts).status = "stopped".into();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().contains("DO_NOTHING"), "{fix:?}");
        facts.source.slots = Fact::Known(vec![slot("made_by_dms")]);
        assert_pass(&CHECK, &facts);
        facts.source.slots = Fact::Known(Vec::new());
        source_endpoint(&mut facts).postgres.as_mut().unwrap().slot_name = Some("named".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
