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
        let fix = Fix::manual(
            "make a snapshot",
            [format!(
                "aws rds create-db-snapshot --db-instance-identifier {name} --db-snapshot-identifier {name}-before-sync"
            )],
        );
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
        assert!(finding(&CHECK, &facts).message.ends_with("no deletion protection and no automatic backups"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.target.instance = unseen());
    }
}
