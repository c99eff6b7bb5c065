//! TCF-016: see the check's own explanation.

use super::aws_parts::{OnRds, only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `MultiAZ` of the target on RDS (not Aurora), while the full load of the task is not done. Backups slow it too,
    /// for they need the binary log; they are the safety net of RSK-008, so they are not held against it.
    ///
    /// # Why it matters
    /// Every commit of the load waits for the standby in the other zone.
    ///
    /// # How to fix it by hand
    /// Until the load is done: `aws rds modify-db-instance --db-instance-identifier NAME --no-multi-az
    /// --apply-immediately`; afterwards `--multi-az`. Without a standby there is no failover meanwhile.
    ///
    /// # Source
    /// AWS DMS User Guide, "Best practices", improving the performance of a migration.
    code: "TCF-016",
    name: "standby-slows-full-load",
    area: Tcf,
    severity: Advice,
    title: "The target's standby slows the full load that is to come",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let to_come = task.migration_type.starts_with("full-load") && task.percent < 100;
        let Some(target) = OnRds::of(facts, "target")?.filter(|_| to_come) else { return Ok(Vec::new()) };
        let slow = target.instance.multi_az && target.instance.cluster.is_none();
        let name = &target.instance.identifier;
        let message = format!("{name} has a standby, which each commit of the full load waits for");
        let modify = format!("aws rds modify-db-instance --db-instance-identifier {name} --apply-immediately");
        let fix = Fix::manual(
            "do without it until the load is done",
            [format!("{modify} --no-multi-az"), format!("Once the load is done: {modify} --multi-az")],
        );
        only(slow.then(|| Finding::new(name, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_rds, task};

    #[test]
    fn before_the_load_a_standby_is_told() {
        let mut facts = healthy_dms();
        task(&mut facts).percent = 0;
        finding(&CHECK, &facts);
        target_rds(&mut facts).multi_az = false;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
