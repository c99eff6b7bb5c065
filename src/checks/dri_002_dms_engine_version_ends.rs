//! DRI-002: see the check's own explanation.

use jiff::{SignedDuration, Timestamp};

use super::aws_parts::{only, version_of, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `EngineVersion` against the ends that AWS's release notes name: 3.5.3 on 2026-06-30, 3.6.0 on 2026-07-27,
    /// 3.5.4 on 2027-03-31, and earlier ones before. It is told 90 days ahead.
    ///
    /// # Why it matters
    /// AWS upgrades the instance by itself in a maintenance window after that day, and tasks restart then. New
    /// instances of it cannot be made.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-instance --replication-instance-arn ARN --engine-version 3.6.1 \
    ///   --allow-major-version-upgrade --apply-immediately
    /// ```
    ///
    /// Try the new version with a copy of the task first.
    ///
    /// # Source
    /// AWS DMS User Guide, "AWS DMS release notes"; the dates are those of one copy of that page and may have moved.
    code: "DRI-002",
    name: "dms-engine-version-ends",
    area: Dri,
    severity: Warning,
    title: "The DMS engine version of the replication instance is at its end",
    after: ["IAM-001"],
}

const AHEAD: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The end of a version, at midnight UTC.
fn end_of(version: &str) -> Option<Timestamp> {
    let mut parts = version.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let day = match (next(), next(), next()) {
        (3, 5, 4) => "2027-03-31T00:00:00Z",
        (3, 6, 0) => "2026-07-27T00:00:00Z",
        (3, 5, 0..=3) | (3, 0..=4, _) | (0..=2, ..) => "2026-06-30T00:00:00Z",
        _ => return None,
    };
    day.parse().ok()
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |_, instance| {
        let version = version_of(instance)?;
        let soon = end_of(version).filter(|end| *end < facts.taken_at + AHEAD);
        only(soon.map(|end| {
            let day = end.strftime("%Y-%m-%d").to_string();
            let message = format!("{} has DMS {version}, whose support ends on {day}", instance.identifier);
            let fix = Fix::manual(
                "upgrade when it suits",
                ["Upgrade with modify-replication-instance --engine-version; tasks stop for some minutes."],
            );
            Finding::new(&instance.identifier, message).saw("EngineVersion", version).saw("ends", day).fix(fix)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, replication_instance};

    #[test]
    fn it_is_told_ninety_days_ahead() {
        let mut facts = healthy_dms();
        replication_instance(&mut facts).engine_version = "3.5.4".into();
        facts.taken_at = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_pass(&CHECK, &facts);
        facts.taken_at = "2027-02-01T00:00:00Z".parse().unwrap();
        assert!(finding(&CHECK, &facts).message.ends_with("ends on 2027-03-31"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
