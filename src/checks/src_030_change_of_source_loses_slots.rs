//! SRC-030: see the check's own explanation.

use super::aws_parts::{only, with_source_rds};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Pending modifications of the RDS instance (a new engine version), and automatic minor upgrades.
    ///
    /// # Why it matters
    /// A major upgrade drops logical slots, and so does a switch to another instance (blue/green, failover before
    /// PostgreSQL 17): what was not read by then must be loaded again.
    ///
    /// # How to fix it by hand
    /// Do the upgrade at a time of your own: stop the task, upgrade, make the slot anew, and reload. Or take the
    /// pending change back.
    ///
    /// # Source
    /// Amazon RDS User Guide, "Upgrading the PostgreSQL DB engine".
    code: "SRC-030",
    name: "change-of-source-loses-slots",
    area: Src,
    severity: Warning,
    title: "A change of the source waits that its replication slots do not survive",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source_rds(facts, |side| {
        let name = &side.instance.identifier;
        let version = side.instance.pending.get("engine version");
        let fix = Fix::manual(
            "choose the time",
            ["Stop the sync, upgrade, make the slot anew, and reload; or take the change back."],
        );
        let wrong = version.filter(|_| facts.pipeline.sync.mode.has_cdc());
        only(wrong.map(|version| {
            let message = format!("{name} is to become {version} in its next window; its slots may not survive that");
            let window = side.instance.maintenance_window.as_deref().unwrap_or("unknown");
            Finding::new(name, message).saw("window", window).fix(fix)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_rds};

    #[test]
    fn an_upgrade_that_waits() {
        let mut facts = healthy_dms();
        source_rds(&mut facts).pending.insert("engine version".into(), "16.3".into());
        assert!(finding(&CHECK, &facts).message.contains("is to become 16.3"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.instance = unseen());
    }
}
