//! SRC-032: see the check's own explanation.

use super::aws_parts::{only, with_source_rds};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `EngineVersion` of the source on RDS or Aurora.
    ///
    /// # Why it matters
    /// DMS supports neither RDS nor Aurora PostgreSQL 10.4, as a source or as a target.
    ///
    /// # How to fix it by hand
    /// Upgrade: `aws rds modify-db-instance --db-instance-identifier NAME --engine-version VERSION
    /// --allow-major-version-upgrade`. The database is down for minutes to an hour.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", limitations.
    code: "SRC-032",
    name: "postgres-10-4",
    area: Src,
    severity: Error,
    title: "The source is PostgreSQL 10.4 on RDS, which DMS does not support",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source_rds(facts, |side| {
        let name = &side.instance.identifier;
        let old = facts.pipeline.dms.is_some() && side.instance.engine_version == "10.4";
        let upgrade = format!(
            "aws rds modify-db-instance --db-instance-identifier {name} --engine-version VERSION --allow-major-version-upgrade"
        );
        let fix = Fix::manual("upgrade it", [upgrade, "It reboots the database.".to_owned()]);
        only(old.then(|| Finding::new(name, format!("{name} is PostgreSQL 10.4")).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_rds};

    #[test]
    fn that_one_version() {
        let mut facts = healthy_dms();
        source_rds(&mut facts).engine_version = "10.4".into();
        finding(&CHECK, &facts);
        source_rds(&mut facts).engine_version = "10.5".into();
        crate::checks::testing::assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.instance = unseen());
    }
}
