//! SRC-005: see the check's own explanation.

use super::replication::{needs_no_slot, number, slot_exists};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Slot};
use crate::fixes::Fix;
use crate::quote::pg_literal;

check! {
    /// # What it looks at
    /// Whether the source has room for one more replication slot: `max_replication_slots` against the slots that exist.
    /// A slot of the pipeline's own name needs no room.
    ///
    /// # Why it matters
    /// The slot cannot be made: `all replication slots are in use` (SQLSTATE 53400). Full slots are mostly the remains
    /// of tasks that were deleted; each of them also holds back WAL until the disk is full.
    ///
    /// # How to fix it by hand
    /// Find the slot that nobody uses, make sure that no task will come back for it, and drop it:
    ///
    /// ```sql
    /// SELECT slot_name, plugin, database, active, wal_status,
    ///        pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) AS holds
    /// FROM pg_replication_slots ORDER BY active, restart_lsn;
    /// SELECT pg_drop_replication_slot('…');
    /// ```
    ///
    /// Whoever needed a dropped slot must load its tables again. Otherwise raise `max_replication_slots` (and
    /// `max_wal_senders` with it): in the parameter group on RDS, by `ALTER SYSTEM` elsewhere. Both take a restart.
    ///
    /// # Source
    /// AWS DMS assessment `postgres-check-replication-slots-count`. Tried on PostgreSQL 15.
    code: "SRC-005",
    name: "no-free-replication-slot",
    area: Src,
    severity: Error,
    title: "The source has no replication slot left",
    after: ["AUT-024", "SRC-001"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let slots = facts.source.slots.known()?;
    let max = number(facts, "max_replication_slots")?;
    if slot_exists(facts) || u64::try_from(slots.len()).unwrap_or(u64::MAX) < max {
        return Ok(Verdict::Pass);
    }
    let idle: Vec<&Slot> = slots.iter().filter(|s| !s.active).collect();
    let mut finding = Finding::new(
        "max_replication_slots",
        format!("All {max} replication slots of the source are taken, and this pipeline needs one more"),
    )
    .saw("max_replication_slots", max.to_string())
    .saw("slots", slots.len().to_string());
    if !idle.is_empty() {
        finding = finding.saw("not in use", idle.iter().map(|s| held(s)).collect::<Vec<_>>().join(", "));
    }
    let raise = format!(
        "raise max_replication_slots above {max}, in the parameter group or by ALTER SYSTEM: restarts the server"
    );
    let fix = if idle.is_empty() {
        Fix::manual("raise max_replication_slots and restart the source", [raise])
    } else {
        let drop = idle.iter().map(|s| {
            format!("Once sure that nobody comes back for it: SELECT pg_drop_replication_slot({})", pg_literal(&s.name))
        });
        Fix::manual("drop a replication slot that nobody uses", drop).or(raise)
    };
    Ok(Verdict::Fail(vec![finding.fix(fix)]))
}

/// `name (holds 12 MB)`.
fn held(slot: &Slot) -> String {
    match slot.retained_bytes {
        Some(bytes) => format!("{} (holds {} MB of WAL)", slot.name, bytes / 1_000_000),
        None => slot.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        self, assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, set, unseen,
    };
    use crate::facts::{Fact, Facts, Slot};
    use crate::pipeline::SyncMode;

    fn slot(name: &str, active: bool) -> Slot {
        Slot { active, retained_bytes: Some(12_000_000), ..testing::slot(name) }
    }

    fn full(slots: Vec<Slot>) -> Facts {
        let mut facts = healthy();
        set(&mut facts, "max_replication_slots", &slots.len().to_string());
        facts.source.slots = Fact::Known(slots);
        facts
    }

    #[test]
    fn the_slot_that_nobody_uses_is_named() {
        let facts = full(vec![slot("busy", true), slot("it's old", false)]);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[2].1, "it's old (holds 12 MB of WAL)");
        let fix = found.fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("pg_drop_replication_slot('it''s old')"));
        assert_eq!(causes(&facts), ["SRC-005"]);
    }

    #[test]
    fn where_all_are_in_use_more_are_needed() {
        let fix = finding(&CHECK, &full(vec![slot("busy", true)])).fix.unwrap();
        assert!(fix.summary.starts_with("raise max_replication_slots"));
    }

    #[test]
    fn passes_with_room_and_with_the_pipelines_own_slot() {
        assert_pass(&CHECK, &healthy());
        assert_pass(&CHECK, &full(vec![slot("cdc_doctor_charts", false)]));
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
