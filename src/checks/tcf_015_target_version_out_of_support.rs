//! TCF-015: see the check's own explanation.

use super::aws_parts::{only, with_rds};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::RdsInstance;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `EngineVersion` of a MySQL target on RDS or Aurora: 5.7 and older, and what is newer than DMS lists (8.4).
    ///
    /// # Why it matters
    /// Standard support for 5.7 ended on 29 February 2024 (Aurora version 2: 31 October 2024): since then it costs
    /// extended support by the hour, and RDS upgrades it by itself in the end. What DMS does not list is not tested
    /// with it.
    ///
    /// # How to fix it by hand
    /// Upgrade to 8.4, on a copy first: `aws rds modify-db-instance --db-instance-identifier NAME --engine-version
    /// VERSION --allow-major-version-upgrade`. From a newer version there is no way back on RDS: load an 8.4 beside it.
    ///
    /// # Source
    /// Amazon RDS User Guide, "Using Amazon RDS Extended Support"; AWS DMS User Guide, "Targets for AWS DMS".
    code: "TCF-015",
    name: "target-version-out-of-support",
    area: Tcf,
    severity: Advice,
    title: "The target's version is out of standard support, or newer than DMS knows",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_rds(facts, |side| {
        let why = fault(side.instance).filter(|_| side.side == "target");
        let name = &side.instance.identifier;
        only(why.map(|why| {
            let message = format!("{name} is MySQL {}, {why}", side.instance.engine_version);
            let upgrade = "aws rds modify-db-instance --db-instance-identifier";
            let fix = if why == TOO_NEW {
                let todo =
                    "Try the pipeline's types on it before you rely on it; RDS does not go back to an older version.";
                Fix::manual("try it first, or move to 8.4", [todo])
            } else {
                Fix::manual(
                    "upgrade it to 8.4",
                    [
                        "Try it on a copy that was restored from a snapshot.".to_owned(),
                        format!("{upgrade} {name} --engine-version VERSION --allow-major-version-upgrade (it reboots)"),
                    ],
                )
            };
            Finding::new(name, message).fix(fix)
        }))
    })
}

const TOO_NEW: &str = "which DMS does not list as a target";

fn fault(instance: &RdsInstance) -> Option<&'static str> {
    if !instance.engine.contains("mysql") {
        return None;
    }
    // Aurora's reads `5.7.mysql_aurora.2.11.5`.
    let mut parts = instance.engine_version.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    match (parts.next()?, parts.next()?) {
        (..=4, _) | (5, ..=7) => Some("which is out of standard support"),
        (9.., _) | (8, 5..) => Some(TOO_NEW),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_rds};

    #[test]
    fn too_old_and_too_new() {
        let mut facts = healthy_dms();
        for (version, says) in
            [("5.7.44", "out of standard"), ("5.7.mysql_aurora.2.11.5", "out of standard"), ("9.1.0", "does not list")]
        {
            target_rds(&mut facts).engine_version = version.into();
            assert!(finding(&CHECK, &facts).message.contains(says), "{version}");
        }
        target_rds(&mut facts).engine_version = "8.0.mysql_aurora.3.08.0".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.target.instance = unseen());
    }
}
