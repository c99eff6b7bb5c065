//! SRC-017: see the check's own explanation.

use super::replication::{needs_no_slot, setting};
use super::source_tables::grouped;
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Slot};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// `spill_bytes` of `pg_stat_replication_slots` (since PostgreSQL 14) for the slots of the pipeline's database, and
    /// `logical_decoding_work_mem`.
    ///
    /// # Why it matters
    /// Decoding keeps a transaction in memory until its commit. What is larger than `logical_decoding_work_mem` (64 MB
    /// unless set) is written to the source's disk and read again: changes come later, and the disk is busy.
    ///
    /// # How to fix it by hand
    /// Give the decoding session more memory; it holds for new connections:
    ///
    /// ```sql
    /// ALTER ROLE cdc SET logical_decoding_work_mem = '256MB';
    /// ```
    ///
    /// Each session that decodes may take so much. Where the endpoint logs in as another role, do it for that one.
    ///
    /// # Source
    /// PostgreSQL documentation, `logical_decoding_work_mem` and `pg_stat_replication_slots`; AWS DMS assessment
    /// `postgres-check-for-logical-decoding-work-mem`.
    code: "SRC-017",
    name: "decoding-spills-to-disk",
    area: Src,
    severity: Advice,
    title: "Decoding writes large transactions to the source's disk",
    after: ["AUT-024"],
}

/// Bytes on disk that are worth a word.
const MUCH: i64 = 1_000_000_000;
/// The memory that the remedy gives, kB.
const ENOUGH: u64 = 262_144;

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    if facts.source.session.known()?.version_num < 140_000 {
        return Ok(Verdict::NotApplicable("PostgreSQL before 14 does not count what decoding writes to disk"));
    }
    let own = setting(facts, "logical_decoding_work_mem")?;
    let memory = super::replication::number(facts, "logical_decoding_work_mem")?;
    let of_database = |s: &&Slot| s.database.as_deref() == Some(facts.pipeline.source.database.as_str());
    let slots = facts.source.slots.known()?.iter().filter(of_database);
    let spilling = slots.filter_map(|slot| Some((slot, slot.spilled_bytes.filter(|bytes| *bytes > MUCH)?)));
    if memory >= ENOUGH {
        return Ok(Verdict::Pass);
    }
    let finding = |(slot, bytes): (&Slot, i64)| {
        let bytes = grouped(bytes.unsigned_abs());
        Finding::new(&slot.name, format!("Decoding for the slot {} has written {bytes} bytes to disk", slot.name))
            .saw("logical_decoding_work_mem", format!("{memory} kB, set by: {}", own.source))
            .fix(more_memory(facts))
    };
    Ok(Verdict::from_findings(spilling.map(finding).collect()))
}

fn more_memory(facts: &Facts) -> Fix {
    let user = pg_ident(&facts.pipeline.source.user);
    let sql = format!("ALTER ROLE {user} SET logical_decoding_work_mem = '256MB'");
    let back = Action::source(format!("ALTER ROLE {user} RESET logical_decoding_work_mem"));
    let step = Step::new(Cost::None, Action::source(&sql)).undo(back);
    Fix::new(Mode::Confirm, sql, vec![step.note("for new connections: memory of the source, for each that decodes")])
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, finding, healthy_sync, own_slot, set, unseen,
    };
    use crate::facts::Fact;
    use crate::pipeline::SyncMode;

    #[test]
    fn what_was_written_counts_while_memory_is_short() {
        let mut facts = healthy_sync();
        assert_pass(&CHECK, &facts);
        own_slot(&mut facts).spilled_bytes = Some(7_500_000_000);
        assert!(finding(&CHECK, &facts).message.contains("7,500,000,000 bytes"));
        set(&mut facts, "logical_decoding_work_mem", "262144");
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn unknown_and_not_applicable() {
        let mut facts = healthy_sync();
        if let Fact::Known(session) = &mut facts.source.session {
            session.version_num = 130_011;
        }
        assert_not_applicable(&CHECK, &facts);
        let mut facts = healthy_sync();
        facts.source.slots = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
