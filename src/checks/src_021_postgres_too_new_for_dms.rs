//! SRC-021: see the check's own explanation.

use super::aws_parts::{only, version_of, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The major version of the source against `EngineVersion` of the replication instance: 14 needs 3.4.7, 15 needs
    /// 3.5.1, 16 needs 3.5.3, 17 needs 3.6.1.
    ///
    /// # Why it matters
    /// The connection test may pass, and the task fails when it reads the catalog or the stream of changes.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-instance --replication-instance-arn ARN --engine-version 3.6.1 \
    ///   --allow-major-version-upgrade --apply-immediately
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", supported versions.
    code: "SRC-021",
    name: "postgres-too-new-for-dms",
    area: Src,
    severity: Error,
    title: "The source's PostgreSQL is newer than the DMS engine knows",
    after: ["IAM-001"],
}

/// The first DMS version that knows a major version of PostgreSQL.
fn needs(major: u32) -> (u32, u32, u32) {
    match major {
        0..=12 => (0, 0, 0),
        13 => (3, 4, 3),
        14 => (3, 4, 7),
        15 => (3, 5, 1),
        16 => (3, 5, 3),
        _ => (3, 6, 1),
    }
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |_, instance| {
        let major = match facts.source.session.known() {
            Ok(session) => session.version_num / 10_000,
            Err(why) => of_rds(facts).ok_or(why)?,
        };
        let mut parts = version_of(instance)?.split('.').map(|p| p.parse().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        let have: (u32, u32, u32) = (next(), next(), next());
        let (a, b, c) = needs(major);
        let message = format!("DMS {} does not know PostgreSQL {major}; {a}.{b}.{c} does", instance.engine_version);
        let fix = Fix::manual(
            "upgrade the replication instance",
            [format!("Upgrade {} to {a}.{b}.{c} or later.", instance.identifier)],
        );
        let finding = Finding::new(&instance.identifier, message).saw("EngineVersion", &instance.engine_version);
        only((have < (a, b, c)).then(|| finding.fix(fix)))
    })
}

fn of_rds(facts: &Facts) -> Option<u32> {
    let instance = facts.aws.as_ref()?.source.instance.value()?.as_ref()?;
    instance.engine_version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, replication_instance};

    #[test]
    fn fifteen_needs_3_5_1() {
        let mut facts = healthy_dms();
        replication_instance(&mut facts).engine_version = "3.4.7".into();
        assert_eq!(finding(&CHECK, &facts).message, "DMS 3.4.7 does not know PostgreSQL 15; 3.5.1 does");
        facts.source.session = unseen();
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
