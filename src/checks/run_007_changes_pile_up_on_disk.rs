//! RUN-007: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `CDCChangesDiskSource` and `CDCChangesDiskTarget` of the last hour.
    ///
    /// # Why it matters
    /// Large or long transactions do not fit into memory, or the target does not keep up. The storage of the instance
    /// fills.
    ///
    /// # How to fix it by hand
    /// End long transactions on the source, take a larger instance, or raise `MemoryLimitTotal` in the task's
    /// `ChangeProcessingTuning`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Monitoring AWS DMS tasks".
    code: "RUN-007",
    name: "changes-pile-up-on-disk",
    area: Run,
    severity: Warning,
    title: "Changes pile up on the disk of the replication instance",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let metrics = part.dms.task_metrics.known()?;
        let most = |name: &str| metrics.get(name).map_or(0.0, |m| m.last);
        let waiting = most("CDCChangesDiskSource") + most("CDCChangesDiskTarget");
        let message = format!("{waiting:.0} changes of the task {} wait on disk", task.identifier);
        let fix = Fix::manual(
            "find what holds them up",
            ["Look for long transactions (SRC-012) and for what slows the target down."],
        );
        only((waiting > 10_000.0).then(|| Finding::new(&task.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, steady};

    #[test]
    fn many_changes_wait() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.task_metrics).insert("CDCChangesDiskTarget".into(), steady(50_000.0));
        assert!(finding(&CHECK, &facts).message.starts_with("50000 changes"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.task_metrics = unseen());
    }
}
