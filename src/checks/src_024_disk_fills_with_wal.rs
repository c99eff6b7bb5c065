//! SRC-024: see the check's own explanation.

use super::logins::on_rds;
use super::slots::{HEAVY, LONGEST_STOP, Rate, held, limit, volume};
use super::src_012_long_transaction::duration;
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Slot, Unknown, UnknownKind};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// How much WAL the source's slots hold back, and how fast more comes. Where `max_slot_wal_keep_size` bounds it, the
    /// time until the slot that is farthest behind is invalidated: less than a day is a finding. Where nothing bounds it,
    /// it would be the time until the disk is full; but free disk space is not visible by SQL, so that with 64 MiB or
    /// more held back the answer is *unknown*, with the numbers that are known.
    ///
    /// # Why it matters
    /// A source whose disk is full of WAL stops, for everybody. A slot that is invalidated must be made anew, and all
    /// tables loaded again. Both are seen coming for hours.
    ///
    /// # How to fix it by hand
    /// Have the slot read: start what reads from it, or find what holds a running reader up (a transaction that has been
    /// open for long on the source, a slow target). Or drop the slot (SRC-022). To see the disk:
    ///
    /// ```sh
    /// aws cloudwatch get-metric-statistics --namespace AWS/RDS --metric-name FreeStorageSpace \
    ///   --dimensions Name=DBInstanceIdentifier,Value=NAME --start-time … --end-time … --period 300 --statistics Minimum
    /// df -h /var/lib/postgresql        # on a server of your own
    /// ```
    ///
    /// # Source
    /// Amazon RDS User Guide (`FreeStorageSpace`, `OldestReplicationSlotLag`, `TransactionLogsDiskUsage`); PostgreSQL
    /// documentation, `pg_replication_slots.safe_wal_size`. Tried on PostgreSQL 15.
    code: "SRC-024",
    name: "disk-fills-with-wal",
    area: Src,
    severity: Warning,
    title: "WAL that a replication slot holds back is running out of room",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    let slots = facts.source.slots.known()?;
    let heavy = |s: &&Slot| !s.invalidated() && s.retained_bytes.is_some_and(|bytes| bytes >= HEAVY);
    let Some(slot) = slots.iter().filter(heavy).max_by_key(|s| s.retained_bytes) else {
        return Ok(Verdict::Pass);
    };
    let rate = Rate::of(facts);
    let Some(limit) = limit(facts)? else { return Err(no_disk(facts, slot, rate.ok())) };
    let rate = rate?;
    let safe = slot.safe_bytes.map(|bytes| u64::try_from(bytes).unwrap_or(0));
    let left = safe.unwrap_or_else(|| limit.saturating_sub(held(slot)));
    match rate.seconds_for(left) {
        Some(seconds) if seconds < LONGEST_STOP => Ok(Verdict::Fail(vec![found(slot, left, seconds, rate)])),
        _ => Ok(Verdict::Pass),
    }
}

fn found(slot: &Slot, left: u64, seconds: f64, rate: Rate) -> Finding {
    let name = &slot.name;
    let message = format!("Slot \"{name}\" has {} left until the source gives it up", duration(seconds));
    let steps = if slot.active {
        [
            "It is read from: see that the reader is not held up by a slow target or an error.".to_owned(),
            "Or by a transaction that is open for long on the source: SELECT pid, state, xact_start, backend_xid FROM \
             pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start"
                .to_owned(),
        ]
    } else {
        [
            "Nobody reads from it: start its reader (cdc-doctor sync, or the DMS task).".to_owned(),
            "Or raise max_slot_wal_keep_size, if as much disk is free.".to_owned(),
        ]
    };
    Finding::new(name.clone(), message)
        .saw("holds", volume(held(slot)))
        .saw("left", volume(left))
        .saw("WAL", rate.words())
        .saw("in use", if slot.active { "yes" } else { "no" })
        .fix(Fix::manual("have the slot read from", steps))
}

/// Nothing bounds it, and the disk is not seen.
fn no_disk(facts: &Facts, slot: &Slot, rate: Option<Rate>) -> Unknown {
    let source = &facts.pipeline.source;
    let who = if on_rds(source) {
        let instance = source.rds_instance.as_deref().unwrap_or("the instance");
        format!("cloudwatch:GetMetricData (FreeStorageSpace of {instance}) would tell")
    } else {
        "df on the server would tell".to_owned()
    };
    let rate = rate.map_or_else(String::new, |rate| format!(", and the source writes {}", rate.words()));
    Unknown::new(
        UnknownKind::NoPermission,
        format!(
            "slot \"{}\" holds back {} of WAL{rate}; how much disk is free is not visible by SQL, {who}",
            slot.name,
            volume(held(slot))
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, healthy, healthy_rds, set, slot, unseen, wal};
    use crate::facts::{Fact, Facts, Slot};

    /// A slot that is 84 MB behind and has 1 GB left, at so much WAL an hour.
    fn bounded(per_hour: u64) -> Facts {
        let mut facts = healthy();
        set(&mut facts, "max_slot_wal_keep_size", "1024");
        facts.source.wal = Fact::Known(wal(per_hour));
        facts.source.slots =
            Fact::Known(vec![slot("light"), Slot { safe_bytes: Some(1_000_000_000), ..slot("behind") }]);
        if let Fact::Known(slots) = &mut facts.source.slots {
            slots[0].retained_bytes = Some(1 << 20);
        }
        facts
    }

    fn reason(facts: &Facts) -> String {
        (CHECK.judge)(facts).unwrap_err().reason
    }

    #[test]
    fn the_hours_that_are_left_are_told() {
        let mut facts = bounded(500_000_000);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "Slot \"behind\" has 2 h 0 min left until the source gives it up");
        assert_eq!(found.evidence[1], ("left".to_owned(), "1.0 GB".to_owned()));
        let first = |facts: &Facts| finding(&CHECK, facts).fix.unwrap().steps[0].action.describe();
        assert!(first(&facts).starts_with("Nobody reads"));
        if let Fact::Known(slots) = &mut facts.source.slots {
            slots[1].active = true;
        }
        assert!(first(&facts).starts_with("It is read from"));
    }

    #[test]
    fn passes_with_time_enough_and_with_little_held_back() {
        assert_pass(&CHECK, &bounded(10_000_000));
        assert_pass(&CHECK, &bounded(0));
        assert_pass(&CHECK, &healthy());
    }

    #[test]
    fn unknown_is_the_disk_with_the_numbers_that_are_known() {
        let mut facts = healthy_rds();
        facts.source.slots = Fact::Known(vec![slot("behind")]);
        facts.source.wal = Fact::Known(wal(500_000_000));
        let said = reason(&facts);
        for part in ["\"behind\" holds back 84 MB", "500 MB an hour", "cloudwatch:GetMetricData", "charts-source"] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        let mut facts = healthy();
        facts.source.slots = Fact::Known(vec![slot("behind")]);
        facts.source.wal = unseen();
        assert!(reason(&facts).ends_with("df on the server would tell"), "{}", reason(&facts));
        let mut facts = bounded(500_000_000);
        facts.source.wal = unseen();
        assert_unknown(&CHECK, &facts);
        facts.source.slots = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
