//! RSK-005: see the check's own explanation.

use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The tasks on the pipeline's replication instance, and when they were last started.
    ///
    /// # Why it matters
    /// It is paid by the hour whether or not anything runs.
    ///
    /// # How to fix it by hand
    /// Start the task, or delete the instance: `cdc-doctor provision destroy` deletes what it made.
    ///
    /// # Source
    /// AWS DMS pricing.
    code: "RSK-005",
    name: "replication-instance-idle",
    area: Rsk,
    severity: Advice,
    title: "The replication instance costs money and no task runs on it",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |part, instance| {
        let on_it = part.dms.tasks.known()?.iter().filter(|t| t.instance_arn == instance.arn);
        let tasks: Vec<_> = on_it.collect();
        let idle = tasks.iter().all(|t| matches!(t.status.as_str(), "stopped" | "failed"));
        // One that was never started is still being set up.
        let used = tasks.iter().any(|t| t.started.is_some());
        let message = format!("{} ({}) runs, and no task on it does", instance.identifier, instance.class);
        let fix = Fix::manual("use it or delete it", ["Start the task, or delete the replication instance."]);
        only((idle && used).then(|| Finding::new(&instance.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, task};

    #[test]
    fn a_stopped_task_leaves_it_idle() {
        let mut facts = healthy_dms();
        task(&mut facts).status = "stopped".into();
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
