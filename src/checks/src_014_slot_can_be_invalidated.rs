//! SRC-014: see the check's own explanation.

use super::logins::on_rds;
use super::replication::needs_no_slot;
use super::slots::{LONGEST_STOP, Rate, limit, lost_wal, unreserved, volume};
use super::src_012_long_transaction::duration;
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Slot};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `max_slot_wal_keep_size`: how much WAL the source keeps for a slot whose reader is away. Where it is bounded, the
    /// bound is set against how fast the source writes WAL (counted by the server since PostgreSQL 14, or measured
    /// during the check): it should last for a stop of a day. Slots that have lost WAL already, or are about to, are
    /// named.
    ///
    /// # Why it matters
    /// A slot that falls behind by more than the bound is invalidated: `can no longer get changes from replication slot`
    /// (SQLSTATE 55000). Changes between are gone for good, and every table must be loaded again. The bound saves the
    /// disk at the slot's expense, which may be what you want: then it should be as large as the disk allows.
    ///
    /// # How to fix it by hand
    /// WAL rate times the longest stop that must be survived, with as much free disk; no restart is needed:
    ///
    /// ```sql
    /// SELECT slot_name, wal_status, pg_size_pretty(safe_wal_size) AS left FROM pg_replication_slots;
    /// ALTER SYSTEM SET max_slot_wal_keep_size = '50GB';      -- on RDS: in the parameter group
    /// SELECT pg_reload_conf();
    /// ```
    ///
    /// # Source
    /// AWS DMS assessment on `max_slot_wal_keep_size`; PostgreSQL documentation, `pg_replication_slots`. Tried on
    /// PostgreSQL 15: a slot beyond the bound went to `unreserved` and, with the next checkpoint, to `lost`.
    code: "SRC-014",
    name: "slot-can-be-invalidated",
    area: Src,
    severity: Warning,
    title: "The source gives up a replication slot whose reader is away too long",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let Some(limit) = limit(facts)? else { return Ok(Verdict::Pass) };
    let short: Vec<&Slot> =
        facts.source.slots.known()?.iter().filter(|s| lost_wal(facts, s) || unreserved(s)).collect();
    let rate = Rate::of(facts);
    let message = if short.is_empty() {
        match rate.clone()?.seconds_for(limit) {
            Some(seconds) if seconds < LONGEST_STOP => format!(
                "A stop of {} is enough for the source to give up the pipeline's slot: it keeps {} of WAL",
                duration(seconds),
                volume(limit)
            ),
            _ => return Ok(Verdict::Pass),
        }
    } else {
        format!("The source keeps {} of WAL for a slot, and that was too little", volume(limit))
    };
    let mut finding =
        Finding::new("max_slot_wal_keep_size", message).saw("max_slot_wal_keep_size", format!("{} MB", limit >> 20));
    if let Ok(rate) = &rate {
        finding = finding.saw("WAL", rate.words());
    }
    for slot in short {
        finding = finding.saw(format!("slot {}", slot.name), slot.wal_status.as_deref().unwrap_or("invalidated"));
    }
    Ok(Verdict::Fail(vec![finding.fix(remedy(facts, limit, rate.ok()))]))
}

fn remedy(facts: &Facts, limit: u64, rate: Option<Rate>) -> Fix {
    // Three days: a weekend.
    let wanted = rate.map_or(0, |rate| rate.bytes_in(3.0 * LONGEST_STOP)).max(limit.saturating_mul(4));
    let wanted = format!("'{}GB'", wanted.div_ceil(1 << 30).max(1));
    let set = if on_rds(&facts.pipeline.source) {
        format!("In the parameter group (for Aurora, of the cluster): max_slot_wal_keep_size = {wanted}; no reboot")
    } else {
        format!("As a superuser: ALTER SYSTEM SET max_slot_wal_keep_size = {wanted}; SELECT pg_reload_conf()")
    };
    Fix::manual(
        "raise max_slot_wal_keep_size",
        ["Make sure that so much disk is free on the source: the WAL is kept there.".to_owned(), set],
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_rds, set, slot, unseen,
        wal,
    };
    use crate::facts::{Fact, Facts};
    use crate::pipeline::SyncMode;

    const GB: u64 = 1_000_000_000;

    /// Keeps 10 GiB, and writes so much an hour.
    fn bounded(per_hour: u64) -> Facts {
        let mut facts = healthy();
        set(&mut facts, "max_slot_wal_keep_size", "10240");
        facts.source.wal = Fact::Known(wal(per_hour));
        facts
    }

    #[test]
    fn a_bound_that_a_days_stop_outlasts_is_found() {
        let facts = bounded(GB);
        let found = finding(&CHECK, &facts);
        assert!(found.message.starts_with("A stop of 10 h 44 min is enough"), "{}", found.message);
        assert_eq!(found.evidence[1].1, "1.0 GB an hour (on average over 1 h 0 min)");
        let steps = found.fix.unwrap().steps;
        assert!(steps[1].action.describe().contains("max_slot_wal_keep_size = '68GB'"), "{steps:?}");
        assert_eq!(causes(&facts), ["SRC-014"]);
    }

    #[test]
    fn slots_that_have_lost_wal_are_named_whatever_the_rate() {
        let mut facts = bounded(0);
        let mut other = slot("another");
        other.wal_status = Some("lost".into());
        other.active = true;
        facts.source.slots = Fact::Known(vec![slot("fine"), other]);
        facts.source.wal = unseen();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[1], ("slot another".to_owned(), "lost".to_owned()));
    }

    #[test]
    fn rds_has_its_parameter_group() {
        let mut facts = healthy_rds();
        set(&mut facts, "max_slot_wal_keep_size", "10");
        let note = finding(&CHECK, &facts).fix.unwrap().steps[1].action.describe();
        assert!(note.starts_with("In the parameter group"), "{note}");
    }

    #[test]
    fn passes_without_a_bound_and_with_a_large_one() {
        assert_pass(&CHECK, &healthy());
        assert_pass(&CHECK, &bounded(GB / 10));
        assert_pass(&CHECK, &bounded(0));
    }

    #[test]
    fn unknown_and_not_applicable() {
        let mut facts = bounded(GB);
        facts.source.wal = unseen();
        assert_unknown(&CHECK, &facts);
        facts.source.settings = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
