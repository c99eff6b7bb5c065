//! SRC-022: see the check's own explanation.

use super::slots::{HEAVY, Rate, drop_sql, held, idle, idle_for, is_own, kind, volume};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Slot};
use crate::fixes::Fix;
use crate::pipeline::EngineKind;

check! {
    /// # What it looks at
    /// Replication slots on the source that nobody reads from: the pipeline's own (on RDS, SRC-023 tells of it), and
    /// others that hold back 64 MiB of WAL or more. A slot that was invalidated holds nothing back and is not meant.
    ///
    /// # Why it matters
    /// A slot keeps all WAL from its position on until its reader has confirmed it. Without a reader that goes on until
    /// the disk is full and the source stops, or until `max_slot_wal_keep_size` invalidates the slot. It also keeps VACUUM
    /// from cleaning the system catalogs. Slots are left over from DMS tasks that were deleted or never resumed, from
    /// tools that were tried once, from standbys that are gone.
    ///
    /// # How to fix it by hand
    /// The pipeline's own slot: start sync, which goes on where it stopped. Of any other slot find out whose it is
    /// before you drop it: whoever comes back for it must load all its tables again.
    ///
    /// ```sql
    /// SELECT slot_name, plugin, database, active, wal_status,
    ///        pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) AS holds
    /// FROM pg_replication_slots ORDER BY active, restart_lsn;
    /// SELECT pg_drop_replication_slot('…');
    /// ```
    ///
    /// A DMS task names its slot in the endpoint's `SlotName`, or after itself.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a PostgreSQL database as a source"; PostgreSQL documentation, "Replication slots". Tried
    /// on PostgreSQL 15.
    code: "SRC-022",
    name: "slot-without-reader",
    area: Src,
    severity: Warning,
    title: "Nobody reads from a replication slot, and the source keeps WAL for it",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    let slots = facts.source.slots.known()?;
    // Who else writes on RDS, and what that costs, is SRC-023's to tell.
    let rds = facts.source.session.known()?.is_rds;
    let found = slots.iter().filter(|s| idle(s)).filter_map(|slot| match (is_own(facts, slot), rds) {
        (true, true) => None,
        (true, false) => Some(own(facts, slot)),
        (false, _) => (slot.retained_bytes? >= HEAVY).then(|| other(facts, slot)),
    });
    Ok(Verdict::from_findings(found.collect()))
}

fn own(facts: &Facts, slot: &Slot) -> Finding {
    let message =
        format!("Sync is not running: nobody reads from the pipeline's slot, for which the source keeps {}", wal(slot));
    seen(facts, slot, message).fix(start_or_drop(facts, slot))
}

/// The remedy where sync does not run.
pub(super) fn start_or_drop(facts: &Facts, slot: &Slot) -> Fix {
    let start = match facts.pipeline.sync.engine {
        EngineKind::Direct => "cdc-doctor sync goes on where it stopped.",
        EngineKind::Dms | EngineKind::S3 => "Resume the DMS task: it goes on where it stopped.",
    };
    Fix::manual("start sync", [start]).or(format!(
        "{}, once its changes are not wanted any more (all tables must be loaded again)",
        drop_sql(&slot.name)
    ))
}

fn other(facts: &Facts, slot: &Slot) -> Finding {
    let message = format!("Nobody reads from slot \"{}\", for which the source keeps {}", slot.name, wal(slot));
    let left = if slot.name == facts.pipeline.sync.slot {
        "An earlier run of this pipeline left it: its mode in [sync] was another then."
    } else {
        "Find out whose it is: a stopped DMS task, a standby or another tool may come back for it."
    };
    seen(facts, slot, message).fix(Fix::manual(
        "drop the slot, once sure that nobody comes back for it",
        [left.to_owned(), drop_sql(&slot.name)],
    ))
}

fn wal(slot: &Slot) -> String {
    format!("{} of WAL", volume(held(slot)))
}

/// The finding with what is known of the slot and of what comes.
pub(super) fn seen(facts: &Facts, slot: &Slot, message: String) -> Finding {
    let mut finding = Finding::new(slot.name.clone(), message).saw("slot", kind(slot)).saw("holds", volume(held(slot)));
    if let Some(time) = idle_for(slot) {
        finding = finding.saw("not in use", time);
    }
    if let Ok(rate) = Rate::of(facts) {
        finding = finding.saw("grows by", rate.words());
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_pass, assert_unknown, causes, finding, findings, healthy, healthy_rds, slot, unseen,
    };
    use crate::facts::{Fact, Facts, Slot};
    use crate::pipeline::SyncMode;

    fn with(slots: Vec<Slot>) -> Facts {
        let mut facts = healthy();
        facts.source.slots = Fact::Known(slots);
        facts
    }

    fn own() -> Slot {
        slot("cdc_doctor_charts")
    }

    #[test]
    fn the_pipelines_own_slot_is_no_orphan() {
        let facts = with(vec![Slot { inactive_seconds: Some(7500.0), retained_bytes: Some(1_000_000), ..own() }]);
        let found = finding(&CHECK, &facts);
        assert!(found.message.starts_with("Sync is not running"), "{}", found.message);
        let evidence = [("slot", "pgoutput, database music"), ("holds", "1 MB"), ("not in use", "for 2 h 5 min")];
        for (seen, (what, value)) in found.evidence.iter().zip(evidence) {
            assert_eq!((seen.0.as_str(), seen.1.as_str()), (what, value));
        }
        assert!(found.evidence[3].1.ends_with("an hour (on average over 1 h 0 min)"));
        let fix = found.fix.unwrap();
        assert_eq!(fix.summary, "start sync");
        assert!(fix.alternatives[0].starts_with("SELECT pg_drop_replication_slot('cdc_doctor_charts')"));
        assert_eq!(causes(&facts), ["SRC-022"]);
    }

    #[test]
    fn others_are_named_with_what_they_hold() {
        let facts = with(vec![slot("it's old"), Slot { plugin: None, database: None, ..slot("standby") }]);
        let found = findings(&CHECK, &facts);
        assert_eq!(found.len(), 2);
        assert!(found[0].message.contains(r#"slot "it's old", for which the source keeps 84 MB of WAL"#));
        let steps = &found[0].fix.as_ref().unwrap().steps;
        assert_eq!(steps[1].action.describe(), "SELECT pg_drop_replication_slot('it''s old')");
        assert!(found[1].evidence[0].1.starts_with("physical"));
    }

    #[test]
    fn a_slot_that_an_earlier_mode_left_is_told_as_such() {
        let mut facts = with(vec![own()]);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        let found = finding(&CHECK, &facts);
        assert!(found.message.starts_with("Nobody reads"), "{}", found.message);
        assert!(found.fix.unwrap().steps[0].action.describe().starts_with("An earlier run of this pipeline"));
    }

    #[test]
    fn passes_in_use_and_light_and_lost_and_on_rds_where_another_tells() {
        assert_pass(&CHECK, &healthy());
        assert_pass(&CHECK, &with(vec![Slot { active: true, ..own() }, Slot { active: true, ..slot("busy") }]));
        assert_pass(&CHECK, &with(vec![Slot { retained_bytes: Some(1 << 20), ..slot("restarting") }]));
        assert_pass(&CHECK, &with(vec![Slot { wal_status: Some("lost".into()), ..slot("lost") }]));
        let mut facts = healthy_rds();
        facts.source.slots = Fact::Known(vec![own()]);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn unknown() {
        let mut facts = healthy();
        facts.source.slots = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
