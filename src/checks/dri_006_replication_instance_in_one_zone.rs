//! DRI-006: see the check's own explanation.

use super::aws_fixes::modify_instance;
use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `MultiAZ` of the replication instance, where changes are followed.
    ///
    /// # Why it matters
    /// When its zone or its host fails, following stops until a new one is up, and the source keeps WAL for as long.
    /// A standby takes over in a minute or two. It costs twice as much.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-instance --replication-instance-arn ARN --multi-az --apply-immediately
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Working with an AWS DMS replication instance".
    code: "DRI-006",
    name: "replication-instance-in-one-zone",
    area: Dri,
    severity: Advice,
    title: "The replication instance has no standby in another zone",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |part, instance| {
        let wrong = !instance.multi_az && part.follows_changes();
        let message = format!("{} has no standby in another zone", instance.identifier);
        let fix = || modify_instance(instance, "add a standby (twice the price)", "MultiAZ", "true", Some("false"));
        only(wrong.then(|| Finding::new(&instance.identifier, message).fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, replication_instance};

    #[test]
    fn one_zone() {
        let mut facts = healthy_dms();
        replication_instance(&mut facts).multi_az = false;
        assert!(finding(&CHECK, &facts).fix.unwrap().steps[0].action.describe().contains("--multi-az true"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
