//! RUN-015: see the check's own explanation.

use super::aws_fixes::load_again;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `replication slot … does not exist` as the task's failure or in its log, and failovers among the events of the
    /// last day.
    ///
    /// # Why it matters
    /// Slots do not always go with a failover, a restore or an upgrade of the source. Without its slot the task cannot
    /// know what changed meanwhile: those changes are on the source only.
    ///
    /// # How to fix it by hand
    /// Load again, which makes a new slot: `aws dms start-replication-task --start-replication-task-type reload-target`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source" and "DMS event categories".
    code: "RUN-015",
    name: "slot-lost-in-failover",
    area: Run,
    severity: Error,
    title: "The task's replication slot is gone, as after a failover or an upgrade",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let gone = |said: &&String| said.contains("replication slot") && said.contains("does not exist");
        let said = match task.failure.as_ref().filter(gone) {
            None => part.dms.log.known()?.iter().flatten().rev().find(gone),
            failure => failure,
        };
        let events = part.dms.events.value().into_iter().flatten();
        only(said.map(|said| {
            let message = format!("The replication slot of {} is gone: changes since then are missed", task.identifier);
            let mut finding = Finding::new(&task.identifier, message).saw("said", said);
            let failover = events.rev().find(|e| e.message.to_lowercase().contains("failover"));
            if let Some(event) = failover {
                finding = finding.saw("event", &event.message);
            }
            finding.silent_loss().fix(Fix::manual("load again", [load_again(task)]))
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, task};
    use crate::facts::Fact;
    use crate::facts::aws::DmsEvent;

    #[test]
    fn a_slot_that_is_gone() {
        let mut facts = healthy_dms();
        task(&mut facts).failure = Some("ERROR: replication slot \"x\" does not exist".into());
        let event = DmsEvent {
            about: "replication-instance".into(),
            identifier: "charts-ri".into(),
            message: "Multi-AZ failover completed".into(),
            at: None,
        };
        aws(&mut facts).dms.events = Fact::Known(vec![event]);
        let found = finding(&CHECK, &facts);
        assert!(found.evidence.iter().any(|(what, _)| what == "event"), "{found:?}");
        // What it says itself is enough.
        (aws(&mut facts).dms.events, aws(&mut facts).dms.log) = (unseen(), unseen());
        assert!(finding(&CHECK, &facts).fix.unwrap().steps[0].action.describe().contains("start-replication-task "));
        task(&mut facts).instance_arn.clear();
        let todo = finding(&CHECK, &facts).fix.unwrap().steps[0].action.describe();
        assert!(todo.contains("start-replication --replication-config-arn"), "{todo}");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.log = unseen());
    }
}
