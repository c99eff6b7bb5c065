//! SRC-015: see the check's own explanation.

use super::logins::on_rds;
use super::replication::needs_no_slot;
use super::slots::{HEAVY, Rate, held, idle, limit, volume};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Slot};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether `max_slot_wal_keep_size` is unlimited (-1, as servers come) while a slot that nobody reads from holds back
    /// 64 MiB of WAL or more.
    ///
    /// # Why it matters
    /// The source keeps all WAL from the slot's position on, for as long as nobody reads: until the disk is full and the
    /// database stops. That is what happens most often to people who replicate. It is the opposite of SRC-014: without a
    /// bound the source dies for the slot, with one the slot dies for the source. While every slot is read from there is
    /// nothing to say.
    ///
    /// # How to fix it by hand
    /// Start the reader again, or drop the slot (SRC-022). So that it cannot happen again, give the WAL as much room as
    /// the disk has to spare, and have an alarm on free space (on RDS: `FreeStorageSpace`, `OldestReplicationSlotLag`):
    ///
    /// ```sql
    /// ALTER SYSTEM SET max_slot_wal_keep_size = '50GB';      -- on RDS: in the parameter group
    /// SELECT pg_reload_conf();
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, `max_slot_wal_keep_size`; AWS DMS User Guide, "Using a PostgreSQL database as a source".
    /// Tried on PostgreSQL 15.
    code: "SRC-015",
    name: "slots-can-fill-the-disk",
    area: Src,
    severity: Warning,
    title: "Nothing keeps a stopped replication slot from filling the source's disk",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    if limit(facts)?.is_some() {
        return Ok(Verdict::Pass);
    }
    let slots = facts.source.slots.known()?;
    let stopped: Vec<&Slot> =
        slots.iter().filter(|s| idle(s) && s.retained_bytes.is_some_and(|bytes| bytes >= HEAVY)).collect();
    let Some(most) = stopped.iter().map(|s| held(s)).max() else { return Ok(Verdict::Pass) };
    let mut finding = Finding::new(
        "max_slot_wal_keep_size",
        format!(
            "max_slot_wal_keep_size is unlimited and {} of WAL are held back already: it goes on until the disk is full",
            volume(most)
        ),
    )
    .saw("max_slot_wal_keep_size", "-1 (no limit)");
    for slot in stopped {
        finding = finding.saw(format!("slot {}", slot.name), format!("not in use, holds {}", volume(held(slot))));
    }
    if let Ok(rate) = Rate::of(facts) {
        finding = finding.saw("WAL", rate.words());
    }
    let set = if on_rds(&facts.pipeline.source) {
        "In the parameter group (for Aurora, of the cluster): max_slot_wal_keep_size, in MB; no reboot"
    } else {
        "As a superuser: ALTER SYSTEM SET max_slot_wal_keep_size = '…GB'; SELECT pg_reload_conf()"
    };
    let fix = Fix::manual(
        "bound max_slot_wal_keep_size by what the disk has to spare",
        [
            "First start the reader again or drop the slot: with a bound below what it holds, it is lost at once.",
            set,
            "Have an alarm on the source's free disk space (on RDS: FreeStorageSpace).",
        ],
    );
    Ok(Verdict::Fail(vec![finding.fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, finding, healthy, set, slot, unseen,
    };
    use crate::facts::{Fact, Facts, Slot};
    use crate::pipeline::SyncMode;

    fn with(slots: Vec<Slot>) -> Facts {
        let mut facts = healthy();
        facts.source.slots = Fact::Known(slots);
        facts
    }

    #[test]
    fn a_stopped_slot_without_a_bound_is_found() {
        let found = finding(&CHECK, &with(vec![slot("orphan")]));
        assert!(found.message.contains("84 MB of WAL are held back already"), "{}", found.message);
        assert_eq!(found.evidence[1].1, "not in use, holds 84 MB");
    }

    #[test]
    fn passes_with_a_bound_and_while_every_slot_is_read_from() {
        let mut facts = with(vec![slot("orphan")]);
        set(&mut facts, "max_slot_wal_keep_size", "102400");
        assert_pass(&CHECK, &facts);
        assert_pass(&CHECK, &with(vec![Slot { active: true, ..slot("busy") }]));
        assert_pass(&CHECK, &with(vec![Slot { retained_bytes: Some(1 << 20), ..slot("just stopped") }]));
        assert_pass(&CHECK, &with(vec![Slot { wal_status: Some("lost".into()), ..slot("lost") }]));
        assert_pass(&CHECK, &healthy());
    }

    #[test]
    fn unknown_and_not_applicable() {
        let mut facts = healthy();
        facts.source.slots = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
