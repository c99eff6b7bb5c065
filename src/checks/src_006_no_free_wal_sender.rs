//! SRC-006: see the check's own explanation.

use super::logins::{describe, has_code};
use super::replication::{needs_no_slot, number};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Slot};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether the source has a WAL sender free for the pipeline: `max_wal_senders` against the senders that run
    /// (`pg_stat_replication`), and whether a replication session that was tried was refused for want of one.
    ///
    /// # Why it matters
    /// A replication session is refused: `number of requested standby connections exceeds max_wal_senders` (SQLSTATE
    /// 53300). Standbys, backups (`pg_basebackup` takes two) and other pipelines draw on the same number.
    ///
    /// # How to fix it by hand
    /// See who takes them, and end what is not needed; or raise the number, which takes a restart. It should be at
    /// least `max_replication_slots` and some more.
    ///
    /// ```sql
    /// SELECT pid, usename, application_name, client_addr, state FROM pg_stat_replication;
    /// ALTER SYSTEM SET max_wal_senders = 20;      -- on RDS: in the parameter group
    /// ```
    ///
    /// # Source
    /// AWS DMS assessment `postgres-check-maxwalsenders`; PostgreSQL documentation, `max_wal_senders`. Tried on
    /// PostgreSQL 15.
    code: "SRC-006",
    name: "no-free-wal-sender",
    area: Src,
    severity: Error,
    title: "The source has no WAL sender left",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let attempt = &facts.source.replication;
    let turned_away = attempt.refusal().is_some_and(|r| has_code(r, "53300") && r.message.contains("max_wal_senders"));
    let used = u64::from(*facts.source.wal_senders_used.known()?);
    let max = number(facts, "max_wal_senders")?;
    // A pipeline that runs already has its sender.
    let own = |s: &Slot| s.active && s.name == facts.pipeline.sync.slot;
    let runs = facts.source.slots.value().is_some_and(|slots| slots.iter().any(own));
    if !turned_away && (runs || used < max) {
        return Ok(Verdict::Pass);
    }
    let message = match max {
        0 => "The source has no WAL senders, and this pipeline needs one".to_owned(),
        max => format!("All {max} WAL senders of the source are taken, and this pipeline needs one"),
    };
    let finding = Finding::new("max_wal_senders", message)
    .saw("max_wal_senders", max.to_string())
    .saw("in use", used.to_string())
    .saw("replication session", describe(attempt))
    .fix(Fix::manual(
        "free a WAL sender, or raise max_wal_senders and restart the source",
        [
            "See who takes them: SELECT pid, usename, application_name, client_addr, state FROM pg_stat_replication"
                .to_owned(),
            format!("Or raise max_wal_senders above {max}, in the parameter group or by ALTER SYSTEM, and restart."),
        ],
    ));
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, refused, slot, unseen,
    };
    use crate::facts::{Fact, Slot};
    use crate::pipeline::SyncMode;

    #[test]
    fn none_left_by_the_count() {
        let mut facts = healthy();
        facts.source.wal_senders_used = Fact::Known(10);
        assert_eq!(finding(&CHECK, &facts).evidence[1], ("in use".into(), "10".into()));
        assert_eq!(causes(&facts), ["SRC-006"]);
    }

    #[test]
    fn a_session_turned_away_counts_whatever_the_count() {
        let mut facts = healthy();
        facts.source.replication =
            refused("53300", "number of requested standby connections exceeds max_wal_senders (currently 10)");
        finding(&CHECK, &facts);
    }

    #[test]
    fn passes_with_one_left_and_while_the_pipeline_runs() {
        let mut facts = healthy();
        facts.source.wal_senders_used = Fact::Known(9);
        assert_pass(&CHECK, &facts);
        facts.source.wal_senders_used = Fact::Known(10);
        facts.source.slots = Fact::Known(vec![Slot { active: true, ..slot("cdc_doctor_charts") }]);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn unknown_and_not_applicable() {
        let mut facts = healthy();
        facts.source.wal_senders_used = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
