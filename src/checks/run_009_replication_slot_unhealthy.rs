//! RUN-009: see the check's own explanation.

use super::replication::needs_no_slot;
use super::slots::{dms_slot, drop_sql, held, kind, load_again, lost_wal, lsn, own, unreserved, volume};
use super::src_012_long_transaction::duration;
use super::{Finding, Judged, Verdict, publication};
use crate::facts::{Checkpoint, Facts, Slot, Unknown, UnknownKind};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::pipeline::EngineKind;

check! {
    /// # What it looks at
    /// Whether sync can go on from where it is. The pipeline's replication slot: that it was not invalidated (`lost`) and
    /// is not about to be (`unreserved`, or more than four fifths of its room used up), that it belongs to this database
    /// and decodes with the right plugin. The checkpoint that the engine `direct` keeps on the target
    /// (`cdc_doctor_checkpoint`): that its slot is still there, that it was made from this very server, and that the slot
    /// has not gone ahead of it. And the publication: that it is there, and publishes the tables that sync carries.
    ///
    /// # Why it matters
    /// A slot is the source's memory of what the target has. It is lost in a failover, a major upgrade or a restore, when
    /// somebody drops it, and when its reader was away too long; then the changes between cannot be read any more, and
    /// only a new load helps. The worst is a slot that was moved on by somebody else, with
    /// `pg_replication_slot_advance` or by reading from it: sync would go on without an error, and the changes between
    /// would be missing. A table that the publication leaves out goes on missing its changes in the same way.
    ///
    /// # How to fix it by hand
    /// Lost, ahead, or of another server: drop the slot and load again. Unreserved: start the reader at once; the next
    /// checkpoint of the source removes what it needs.
    ///
    /// ```sql
    /// SELECT slot_name, plugin, database, active, wal_status, safe_wal_size, restart_lsn, confirmed_flush_lsn
    /// FROM pg_replication_slots;                                                     -- on the source
    /// SELECT pipeline, slot, source, lsn, updated_at FROM cdc_doctor_checkpoint;     -- on the target
    /// SELECT pg_drop_replication_slot('…');
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, `pg_replication_slots` and "Logical decoding". Tried on PostgreSQL 15; the columns that
    /// came later, on 16 to 18. A slot made with `two_phase` sent prepared transactions in messages of their own to a
    /// reader that had not asked for them on PostgreSQL 16, 17 and 18, and not on 14. Without its publication a reader
    /// got an error on 16 and 17; on 18 a warning in the server's log, and no changes.
    code: "RUN-009",
    name: "replication-slot-unhealthy",
    area: Run,
    severity: Error,
    title: "Sync cannot go on from its replication slot without a gap",
    after: ["AUT-024", "AUT-025"],
}

/// While sync runs, slot and checkpoint move on between two looks: they are compared once this many seconds of peace
/// have passed.
const PEACE: f64 = 30.0;

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let direct = facts.pipeline.sync.engine == EngineKind::Direct;
    let Some(slot) = own(facts)? else {
        return match dms_slot(facts) {
            _ if direct => without_slot(facts),
            // It names it by itself, and makes it when it starts.
            Some(None) => Ok(Verdict::NotApplicable("the DMS task makes and keeps a slot of its own")),
            _ => Err(of_dms(facts)),
        };
    };
    let useless =
        if slot.invalidated() { Some(invalid(facts, slot)) } else { unusable(facts, slot).filter(|_| direct) };
    if let Some(useless) = useless {
        return Ok(Verdict::Fail(vec![useless]));
    }
    let mut found: Vec<Finding> = endangered(slot).into_iter().collect();
    if direct {
        if let Some(Some(checkpoint)) = facts.target.checkpoint.value() {
            found.extend(other_slot(facts, checkpoint).or_else(|| other_source(facts, checkpoint, slot)));
            found.extend(gap(slot, checkpoint));
            if let Some(publication) = facts.source.publication.value() {
                found.extend(publication::faults(facts, publication.as_ref()));
            }
        }
        if found.is_empty() {
            facts.target.checkpoint.known()?;
            facts.source.publication.known()?;
        }
    }
    Ok(Verdict::from_findings(found))
}

fn without_slot(facts: &Facts) -> Judged {
    let Some(checkpoint) = facts.target.checkpoint.known()? else {
        return Ok(Verdict::NotApplicable("sync has made no replication slot yet"));
    };
    Ok(Verdict::Fail(vec![other_slot(facts, checkpoint).unwrap_or_else(|| lost(facts, checkpoint))]))
}

fn of_dms(facts: &Facts) -> Unknown {
    let reason = format!(
        "there is no slot \"{}\"; under which name the DMS task reads is told by its source endpoint (SlotName): \
         dms:DescribeEndpoints, or slot in [sync], would tell",
        facts.pipeline.sync.slot
    );
    Unknown::new(UnknownKind::NoPermission, reason)
}

fn lost(facts: &Facts, checkpoint: &Checkpoint) -> Finding {
    let name = &checkpoint.slot;
    let since = checkpoint.commit_age_seconds.unwrap_or(checkpoint.age_seconds);
    let message = format!(
        "The slot \"{name}\" is gone from the source; what was committed there in the last {} cannot be read any more",
        duration(since.max(0.0))
    );
    let finding = Finding::new(name.clone(), message).saw("source", &facts.pipeline.source.database);
    with_checkpoint(finding, checkpoint).fix(load_again(None))
}

fn with_checkpoint(finding: Finding, checkpoint: &Checkpoint) -> Finding {
    let at = checkpoint.lsn.map_or_else(|| "not known yet".to_owned(), lsn);
    finding.saw("checkpoint", at).saw("last written", format!("{} ago", duration(checkpoint.age_seconds.max(0.0))))
}

/// The checkpoint goes with a slot of another name.
fn other_slot(facts: &Facts, checkpoint: &Checkpoint) -> Option<Finding> {
    let (ours, its) = (&facts.pipeline.sync.slot, &checkpoint.slot);
    let there = facts.source.slots.value()?.iter().any(|s| s.name == *its);
    if ours == its || !there {
        return None;
    }
    let message =
        format!("The target goes with slot \"{its}\", which is there, and the pipeline file names \"{ours}\"");
    let step = Step::new(Cost::None, Action::edit("sync.slot", its));
    let fix = Fix::new(Mode::Confirm, format!("set slot = \"{its}\" in [sync]"), vec![step]);
    Some(with_checkpoint(Finding::new("sync.slot", message), checkpoint).fix(fix))
}

fn invalid(facts: &Facts, slot: &Slot) -> Finding {
    let why = match slot.invalidation_reason.as_deref() {
        Some("idle_timeout") => "nobody had read from it for longer than idle_replication_slot_timeout",
        Some("rows_removed") => "rows of the catalog that it needed were removed",
        Some("wal_level_insufficient") => "wal_level was lowered",
        _ if lost_wal(facts, slot) => "it had fallen behind by more than max_slot_wal_keep_size",
        _ => "it was in conflict with recovery on this standby",
    };
    let message = format!("The source has invalidated the pipeline's slot: {why}; changes since then are lost");
    status(Finding::new(slot.name.clone(), message), slot).fix(load_again(Some(slot)))
}

/// About to be invalidated.
fn endangered(slot: &Slot) -> Option<Finding> {
    let unreserved = unreserved(slot);
    let left = slot.safe_bytes.map(|bytes| u64::try_from(bytes).unwrap_or(0));
    let nearly = left.is_some_and(|left| left.saturating_mul(4) < held(slot));
    if !unreserved && !nearly {
        return None;
    }
    let message = if unreserved {
        "The source no longer keeps the WAL that the pipeline's slot needs: it goes with the next checkpoint".to_owned()
    } else {
        let left = volume(left.unwrap_or(0));
        format!("The pipeline's slot is {} behind; after {left} more the source gives it up", volume(held(slot)))
    };
    let first = if slot.active {
        "Sync reads from it: see why it is behind (a slow target, a long transaction on the source)."
    } else {
        "Start sync now: cdc-doctor sync"
    };
    let raise = "Raise max_slot_wal_keep_size meanwhile, if as much disk is free; no restart is needed.";
    let finding = status(Finding::new(slot.name.clone(), message), slot);
    Some(finding.fix(Fix::manual("let sync catch up before the slot is lost", [first, raise])))
}

fn status(finding: Finding, slot: &Slot) -> Finding {
    let mut finding = finding.saw("wal_status", slot.wal_status.as_deref().unwrap_or("not told"));
    if let Some(reason) = &slot.invalidation_reason {
        finding = finding.saw("invalidation_reason", reason);
    }
    finding = finding.saw("holds", volume(held(slot)));
    match slot.safe_bytes {
        Some(bytes) => finding.saw("left", volume(u64::try_from(bytes).unwrap_or(0))),
        None => finding,
    }
}

/// Not a slot that the engine can read from.
fn unusable(facts: &Facts, slot: &Slot) -> Option<Finding> {
    let database = facts.source.session.value().map_or(&facts.pipeline.source.database, |s| &s.database);
    let why = if slot.plugin.as_deref() != Some("pgoutput") {
        format!("is of another kind ({}), and the engine reads pgoutput", kind(slot))
    } else if slot.database.as_ref() != Some(database) {
        format!("belongs to the database \"{}\", not to \"{database}\"", slot.database.as_deref().unwrap_or_default())
    } else if slot.temporary {
        "is temporary: it goes with the session that made it".to_owned()
    } else if slot.two_phase == Some(true) {
        "was made with two_phase: prepared transactions come in messages that the engine does not read".to_owned()
    } else {
        return None;
    };
    let finding = Finding::new(slot.name.clone(), format!("The slot \"{}\" {why}", slot.name))
        .saw("slot", kind(slot))
        .saw("in use", if slot.active { "yes" } else { "no" });
    let fix = Fix::manual(
        "give the pipeline a slot of its own",
        ["Name another in [sync] (slot = \"…\"), and load again: sync makes it.".to_owned()],
    );
    Some(finding.fix(fix.or(format!("{}, if it is nobody's, and load again", drop_sql(&slot.name)))))
}

/// The rows on the target came from another server, or another database of it.
fn other_source(facts: &Facts, checkpoint: &Checkpoint, slot: &Slot) -> Option<Finding> {
    let (server, session) = (facts.source.system_identifier.value()?, facts.source.session.value()?);
    let ours = format!("{server}/{}", session.database);
    if ours == checkpoint.source {
        return None;
    }
    let message = "The rows on the target came from another server: this one is a restored or upgraded copy, or \
                   another altogether, and the checkpoint means nothing on it";
    let finding = Finding::new("source.host", message).saw("this source", ours).saw("checkpoint's", &checkpoint.source);
    Some(finding.fix(load_again(Some(slot))))
}

/// The slot was moved on past what the target has.
fn gap(slot: &Slot, checkpoint: &Checkpoint) -> Option<Finding> {
    let (confirmed, have) = (slot.confirmed_lsn?, checkpoint.lsn?);
    let calm = !slot.active && checkpoint.age_seconds >= PEACE && checkpoint.slot == slot.name;
    if !calm || confirmed <= have {
        return None;
    }
    let message = format!(
        "The slot is {} ahead of what the target has: somebody else has read from it or moved it on, and sync would go \
         on without what was committed between",
        volume(confirmed - have)
    );
    let finding = Finding::new(slot.name.clone(), message).silent_loss().saw("slot", lsn(confirmed));
    Some(with_checkpoint(finding, checkpoint).fix(load_again(Some(slot))))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::Finding;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, checkpoint, finding, findings, healthy,
        healthy_sync, own_slot, publication, unseen,
    };
    use crate::facts::{Fact, Facts, Slot};
    use crate::fixes::Action;
    use crate::pipeline::{EngineKind, SyncMode};

    /// A sync that was stopped an hour ago.
    fn stopped() -> Facts {
        let mut facts = healthy_sync();
        own_slot(&mut facts).active = false;
        checkpoint(&mut facts).age_seconds = 3600.0;
        facts
    }

    fn without_slot() -> Facts {
        let mut facts = stopped();
        facts.source.slots = Fact::Known(Vec::new());
        facts
    }

    fn steps(found: Finding) -> Vec<String> {
        found.fix.unwrap().steps.iter().map(|s| s.action.describe()).collect()
    }

    #[test]
    fn passes_while_sync_runs_and_when_it_was_stopped_in_good_order() {
        assert_pass(&CHECK, &healthy_sync());
        assert_pass(&CHECK, &stopped());
    }

    #[test]
    fn a_slot_that_is_gone_is_told_from_one_that_never_was() {
        let facts = without_slot();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("committed there in the last 2 h 5 min cannot be read"), "{}", found.message);
        assert_eq!(steps(found), ["cdc-doctor sync --mode full-load-and-cdc --truncate-target"]);
        assert_eq!(causes(&facts), ["RUN-009"]);
        assert_not_applicable(&CHECK, &healthy());
    }

    #[test]
    fn an_invalidated_slot_is_told_with_the_reason() {
        let because = |change: &dyn Fn(&mut Slot)| {
            let mut facts = stopped();
            change(own_slot(&mut facts));
            finding(&CHECK, &facts).message
        };
        assert!(because(&|s| s.wal_status = Some("lost".into())).contains("max_slot_wal_keep_size"));
        assert!(because(&|s| s.invalidation_reason = Some("idle_timeout".into())).contains("idle_replication_slot"));
        // As PostgreSQL 16 has it.
        let lost = |s: &mut Slot| (s.wal_status, s.conflicting) = (Some("lost".into()), Some(true));
        assert!(because(&lost).contains("max_slot_wal_keep_size"));
        let mut facts = stopped();
        lost(own_slot(&mut facts));
        if let Fact::Known(session) = &mut facts.source.session {
            session.in_recovery = true;
        }
        assert!(finding(&CHECK, &facts).message.contains("conflict with recovery"));
        let mut facts = stopped();
        own_slot(&mut facts).wal_status = Some("lost".into());
        assert!(steps(finding(&CHECK, &facts))[0].starts_with("SELECT pg_drop_replication_slot('cdc_doctor_charts')"));
    }

    #[test]
    fn a_slot_about_to_be_lost_is_told_in_time() {
        let mut facts = stopped();
        own_slot(&mut facts).wal_status = Some("unreserved".into());
        assert!(steps(finding(&CHECK, &facts))[0].starts_with("Start sync now"));
        let mut facts = healthy_sync();
        own_slot(&mut facts).retained_bytes = Some(84_000_000);
        own_slot(&mut facts).safe_bytes = Some(20_000_000);
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("84 MB behind; after 20 MB more the source gives it up"), "{}", found.message);
        assert!(steps(found)[0].starts_with("Sync reads from it"));
        own_slot(&mut facts).safe_bytes = Some(22_000_000);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn a_slot_of_another_kind_is_told() {
        for (change, words) in [
            ((|s| s.plugin = Some("test_decoding".into())) as fn(&mut Slot), "reads pgoutput"),
            (|s| (s.plugin, s.database) = (None, None), "physical"),
            (|s| s.database = Some("postgres".into()), "not to \"music\""),
            (|s| s.temporary = true, "temporary"),
            (|s| s.two_phase = Some(true), "two_phase"),
        ] {
            let mut facts = stopped();
            change(own_slot(&mut facts));
            let found = finding(&CHECK, &facts);
            assert!(found.message.contains(words), "{}", found.message);
            facts.pipeline.sync.engine = EngineKind::Dms;
            assert_pass(&CHECK, &facts);
        }
    }

    #[test]
    fn a_slot_ahead_of_the_target_is_a_gap_once_nothing_moves() {
        let mut facts = stopped();
        own_slot(&mut facts).confirmed_lsn = Some(0x1_0500_0000);
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.message.contains("84 MB ahead"), "{}", found.message);
        assert_eq!(found.evidence[0].1, "1/5000000");
        assert_eq!(found.evidence[1].1, "1/0");
        own_slot(&mut facts).active = true;
        assert_pass(&CHECK, &facts);
        own_slot(&mut facts).active = false;
        checkpoint(&mut facts).age_seconds = 5.0;
        assert_pass(&CHECK, &facts);
        checkpoint(&mut facts).age_seconds = 3600.0;
        checkpoint(&mut facts).lsn = None;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn a_checkpoint_of_another_server_or_slot_is_told() {
        let mut facts = stopped();
        facts.source.system_identifier = Fact::Known("42".into());
        let found = finding(&CHECK, &facts);
        assert_eq!((found.subject.as_str(), found.evidence[0].1.as_str()), ("source.host", "42/music"));

        let mut facts = stopped();
        facts.pipeline.sync.slot = "renamed".into();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.fix.unwrap().steps[0].action, Action::edit("sync.slot", "cdc_doctor_charts"));
    }

    #[test]
    fn what_the_publication_leaves_out_is_lost_without_a_word() {
        let mut facts = healthy_sync();
        facts.source.publication = Fact::Known(None);
        let found = finding(&CHECK, &facts);
        assert!(!found.silent_loss && found.message.contains("is not there: the source ends sync"), "{found:?}");
        if let Fact::Known(session) = &mut facts.source.session {
            session.version_num = 180_000;
        }
        assert!(finding(&CHECK, &facts).silent_loss);

        let mut facts = healthy_sync();
        publication(&mut facts).publishes.retain(|kind| kind != "delete");
        publication(&mut facts).tables.clear();
        let found = findings(&CHECK, &facts);
        assert!(found.iter().all(|f| f.silent_loss), "{found:?}");
        assert!(found[0].message.contains("leaves out every delete"), "{}", found[0].message);
        assert_eq!(found[1].subject, "public.weekly_chart");
        assert!(steps(found[1].clone())[0].ends_with(r#""cdc_doctor_charts" ADD TABLE "public"."weekly_chart""#));
        publication(&mut facts).all_tables = true;
        assert_eq!(findings(&CHECK, &facts).len(), 1);
    }

    #[test]
    fn unknown_and_not_applicable() {
        let mut facts = healthy_sync();
        facts.target.checkpoint = unseen();
        assert_unknown(&CHECK, &facts);
        own_slot(&mut facts).two_phase = Some(true);
        assert_eq!(findings(&CHECK, &facts).len(), 1, "what is seen is told all the same");
        let mut facts = without_slot();
        facts.pipeline.sync.engine = EngineKind::Dms;
        assert_unknown(&CHECK, &facts);
        facts.source.slots = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
