//! RSK-008: see the check's own explanation.

use super::aws_parts::{only, with_rds};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `DeletionProtection` and the backup retention of the target on RDS.
    ///
    /// # Why it matters
    /// What a wrong setting of a task or a job overwrites cannot be brought back.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws rds modify-db-instance --db-instance-identifier NAME --deletion-protection --backup-retention-period 7
    /// aws rds create-db-snapshot --db-instance-identifier NAME --db-snapshot-identifier before-sync
    /// ```
    ///
    /// # Source
    /// Amazon RDS User Guide, "Introduction to backups" and "Deletion protection".
    code: "RSK-008",
    name: "target-without-safety-net",
    area: Rsk,
    severity: Advice,
    title: "The target can be deleted by mistake, or has no backups",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_rds(facts, |side| {
        let cluster = side.rds.cluster.value().and_then(Option::as_ref);
        let protected = cluster.map_or(side.instance.deletion_protection, |c| c.deletion_protection);
        let days = cluster.map_or(side.instance.backup_days, |c| c.backup_days);
        let mut lacks = Vec::new();
        lacks.extend((!protected).then_some("no deletion protection"));
        lacks.extend((days == 0).then_some("no automatic backups"));
        let name = &side.instance.identifier;
        let message = format!("The target ({name}) has {}", lacks.join(" and "));
        let (kind, it) = match cluster {
            Some(cluster) => ("db-cluster", &cluster.identifier),
            None => ("db-instance", name),
        };
        let options = [(!protected, " --deletion-protection"), (days == 0, " --backup-retention-period 7")];
        let options: String = options.iter().filter(|(lacks, _)| *lacks).map(|(_, option)| *option).collect();
        let snapshot = kind.trim_end_matches("-instance");
        let todo = [
            format!("aws rds modify-{kind} --{kind}-identifier {it}{options} --apply-immediately"),
            format!(
                "aws rds create-{snapshot}-snapshot --{kind}-identifier {it} --{snapshot}-snapshot-identifier {it}-before-sync"
            ),
        ];
        let fix = Fix::manual("protect it, and make a snapshot", todo);
        only((side.side == "target" && !lacks.is_empty()).then(|| Finding::new(name, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_rds};

    #[test]
    fn neither_protection_nor_backups() {
        let mut facts = healthy_dms();
        let target = target_rds(&mut facts);
        (target.deletion_protection, target.backup_days) = (false, 0);
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("no deletion protection and no automatic backups"));
        let todo = found.fix.unwrap().steps[0].action.describe();
        assert!(todo.contains("--deletion-protection --backup-retention-period 7"), "{todo}");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.target.instance = unseen());
    }
}
