//! DTK-001: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The `MigrationType` of the task against `mode` in `[sync]`.
    ///
    /// # Why it matters
    /// A `full-load` task ends after the copy and follows no change: everything is green, and the target grows older
    /// every minute. The type of a task cannot be changed.
    ///
    /// # How to fix it by hand
    /// Make a new task of the right type; the old one can be deleted once the new one runs:
    ///
    /// ```sh
    /// aws dms create-replication-task --migration-type full-load-and-cdc …
    /// ```
    ///
    /// Or set `mode` in `[sync]` to what the task does.
    ///
    /// # Source
    /// AWS DMS API Reference, `CreateReplicationTask`.
    code: "DTK-001",
    name: "migration-type-differs",
    area: Dtk,
    severity: Error,
    title: "The task moves something else than the pipeline file says",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let wanted = part.pipeline.sync.mode.as_str();
        let have = &task.migration_type;
        let message = format!("The task {} is of the type {have}, and [sync] mode is {wanted}", task.identifier);
        let fix = Fix::manual(
            "make a task of the right type",
            [format!(
                "Make a task with --migration-type {wanted} (a task's type cannot be changed), or set mode = \"{have}\"."
            )],
        );
        only((have != wanted).then(|| Finding::new(&task.identifier, message).saw("MigrationType", have).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, task};

    #[test]
    fn a_full_load_follows_nothing() {
        let mut facts = healthy_dms();
        task(&mut facts).migration_type = "full-load".into();
        assert!(finding(&CHECK, &facts).message.contains("is of the type full-load"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
