//! SRC-018: see the check's own explanation.

use super::aws_fixes::set_parameter;
use super::aws_parts::{only, with_source_rds};
use super::replication::setting;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `synchronous_commit` on a source that is Aurora PostgreSQL.
    ///
    /// # Why it matters
    /// Aurora's logical replication needs it on: with anything else DMS may miss changes that were committed.
    ///
    /// # How to fix it by hand
    /// Set `synchronous_commit` to `on` in the parameter group; it needs no reboot.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", Aurora PostgreSQL.
    code: "SRC-018",
    name: "aurora-commits-asynchronously",
    area: Src,
    severity: Error,
    title: "The Aurora source commits without waiting, which its change capture cannot take",
    after: ["IAM-001", "AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    with_source_rds(facts, |side| {
        if !side.instance.engine.starts_with("aurora") || !facts.pipeline.sync.mode.has_cdc() {
            return Ok(Vec::new());
        }
        let value = &setting(facts, "synchronous_commit")?.value;
        let fix = || {
            set_parameter(side, "synchronous_commit", "on").unwrap_or_else(|| {
                Fix::manual("set it on", ["Set synchronous_commit = on in the parameter group of the source."])
            })
        };
        let message = format!("synchronous_commit is {value}, and Aurora must have it on");
        only((value != "on").then(|| Finding::new("synchronous_commit", message).silent_loss().fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, set, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_rds};

    #[test]
    fn only_aurora_must_wait() {
        let mut facts = healthy_dms();
        set(&mut facts, "synchronous_commit", "off");
        assert_pass(&CHECK, &facts);
        source_rds(&mut facts).engine = "aurora-postgresql".into();
        assert!(finding(&CHECK, &facts).silent_loss);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.instance = unseen());
    }
}
