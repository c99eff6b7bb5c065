//! DRI-007: see the check's own explanation.

use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `DescribePendingMaintenanceActions` for the instance.
    ///
    /// # Why it matters
    /// Tasks stop for minutes in the maintenance window, and an upgrade of the engine may change how they behave.
    ///
    /// # How to fix it by hand
    /// Do it at a time of your own: `aws dms apply-pending-maintenance-action --replication-instance-arn ARN
    /// --apply-action os-upgrade --opt-in-type immediate`.
    ///
    /// # Source
    /// AWS DMS API Reference, `DescribePendingMaintenanceActions`.
    code: "DRI-007",
    name: "maintenance-waits",
    area: Dri,
    severity: Advice,
    title: "Maintenance of the replication instance waits, or may come by itself",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |part, instance| {
        let waits = part.dms.maintenance.known()?.iter().find(|m| m.arn == instance.arn);
        only(waits.map(|m| {
            let by = m.by.map_or_else(
                || "in a window to come".to_owned(),
                |t| t.strftime("on %Y-%m-%d at %H:%M UTC").to_string(),
            );
            let window = instance.maintenance_window.as_deref().unwrap_or("not set");
            let message = format!("{} waits for {} {by}", instance.identifier, m.action);
            let fix =
                Fix::manual("do it when it suits", ["aws dms apply-pending-maintenance-action, at a time of your own"]);
            Finding::new(&instance.identifier, message).saw("window", window).fix(fix)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, replication_instance};
    use crate::facts::Fact;
    use crate::facts::aws::Maintenance;

    #[test]
    fn an_upgrade_that_waits() {
        let mut facts = healthy_dms();
        let arn = replication_instance(&mut facts).arn.clone();
        let waits = Maintenance { arn, action: "os-upgrade".into(), by: None, description: None };
        aws(&mut facts).dms.maintenance = Fact::Known(vec![waits]);
        assert!(finding(&CHECK, &facts).message.contains("waits for os-upgrade"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.maintenance = unseen());
    }
}
