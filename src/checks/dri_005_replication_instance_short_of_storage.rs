//! DRI-005: see the check's own explanation.

use super::aws_fixes::modify_instance;
use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `FreeStorageSpace` of the last hour against the allocated storage.
    ///
    /// # Why it matters
    /// Changes that wait for the target and logs lie there. At the end reading pauses (event 0092), and then tasks
    /// stop (`STOPPED_DUE_TO_LOW_DISK`).
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-instance --replication-instance-arn ARN --allocated-storage 200 --apply-immediately
    /// ```
    ///
    /// Old task logs can be deleted in the settings of a task (`DeleteTaskLogs`).
    ///
    /// # Source
    /// AWS DMS User Guide, "Monitoring AWS DMS tasks"; events DMS-EVENT-0007.
    code: "DRI-005",
    name: "replication-instance-short-of-storage",
    area: Dri,
    severity: Warning,
    title: "The storage of the replication instance fills up",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |part, instance| {
        let metrics = part.dms.instance_metrics.known()?;
        let size = f64::from(instance.storage_gb) * 1e9;
        let free = metrics.get("FreeStorageSpace").map_or(f64::MAX, |m| m.last);
        let wrong = free < size * 0.15;
        let message = format!("{} has {:.1} of {} GB left", instance.identifier, free / 1e9, instance.storage_gb);
        let fix = || {
            modify_instance(
                instance,
                "double its storage",
                "AllocatedStorage",
                &(instance.storage_gb * 2).to_string(),
                None,
            )
        };
        only(wrong.then(|| Finding::new(&instance.identifier, message).fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, steady};

    #[test]
    fn the_last_gigabytes() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.instance_metrics).insert("FreeStorageSpace".into(), steady(5e9));
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("has 5.0 of 100 GB left"), "{}", found.message);
        assert!(found.fix.unwrap().steps[0].undo.is_none(), "storage does not become smaller again");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instance_metrics = unseen());
    }
}
