//! DTK-027: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The `Status` of the task: `creating`, `modifying`, `moving`, `testing`, `stopping` and `deleting` pass;
    /// `failed-move` does not.
    ///
    /// # Why it matters
    /// It can be started only from `ready`, `stopped` and `failed`.
    ///
    /// # How to fix it by hand
    /// Wait some minutes and look again:
    ///
    /// ```sh
    /// aws dms describe-replication-tasks --query 'ReplicationTasks[].[ReplicationTaskIdentifier,Status]'
    /// ```
    ///
    /// # Source
    /// AWS DMS API Reference, `ReplicationTask`.
    code: "DTK-027",
    name: "task-not-startable",
    area: Dtk,
    severity: Warning,
    title: "The task is in a state in which it can neither run nor be started",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let fine = ["ready", "starting", "running", "stopped", "failed"].contains(&task.status.as_str());
        let next = if task.status == "failed-move" {
            "Move the task again, or start it where it was."
        } else {
            "Wait some minutes, then run check again."
        };
        let finding = Finding::new(&task.identifier, format!("The task {} is {}", task.identifier, task.status));
        only((!fine).then(|| finding.saw("status", &task.status).fix(Fix::manual("wait for it", [next]))))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, task};

    #[test]
    fn a_task_that_is_being_changed() {
        let mut facts = healthy_dms();
        task(&mut facts).status = "modifying".into();
        assert!(finding(&CHECK, &facts).message.ends_with("is modifying"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
