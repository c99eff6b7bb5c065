//! What the checks on replication slots share: whose a slot is, and words for WAL, its growth and time.

use super::replication::{needs_no_slot, number};
use super::src_012_long_transaction::duration;
use crate::facts::{Facts, Slot, Span, Unknown, UnknownKind};
use crate::fixes::Fix;
use crate::pipeline::EngineKind;
use crate::quote::pg_literal;

/// WAL from which a slot that nobody reads from counts as left behind, and not as a reader that is just restarting:
/// four segments of the usual size, one of RDS.
pub(super) const HEAVY: i64 = 64 << 20;

/// A stop of sync that a source should survive: a night and the day after it, seconds.
pub(super) const LONGEST_STOP: f64 = 24.0 * 3600.0;

/// The command that begins anew, where changes were lost.
pub(super) const RELOAD: &str = "cdc-doctor sync --mode full-load-and-cdc --truncate-target";

/// From how many seconds on a count of the server's is an average, and the look of one check a measure.
const AVERAGE: f64 = 600.0;
const MEASURE: f64 = 1.0;

/// The slot that the pipeline reads from, if it is there.
pub(super) fn own(facts: &Facts) -> Result<Option<&Slot>, Unknown> {
    Ok(facts.source.slots.known()?.iter().find(|s| is_own(facts, s)))
}

/// The pipeline reads from this slot.
pub(super) fn is_own(facts: &Facts, slot: &Slot) -> bool {
    needs_no_slot(facts).is_none() && slot.name == own_name(facts)
}

/// The name of the slot that the pipeline reads from: with DMS it is a setting of the source endpoint, where it is set.
fn own_name(facts: &Facts) -> &str {
    dms_slot(facts).flatten().unwrap_or(&facts.pipeline.sync.slot)
}

/// `SlotName` of the DMS source endpoint; `None` where the endpoint is not known, or DMS moves no rows.
pub(super) fn dms_slot(facts: &Facts) -> Option<Option<&str>> {
    let (aws, dms) = (facts.aws.as_ref()?, facts.pipeline.dms.as_ref()?);
    if facts.pipeline.sync.engine != EngineKind::Dms {
        return None;
    }
    let endpoint = aws.dms.endpoint(&dms.source_endpoint).ok()??;
    let setting = endpoint.postgres.as_ref().and_then(|s| s.slot_name.as_deref());
    Some(setting.or_else(|| endpoint.attribute("SlotName")))
}

/// Nobody reads from it, and it could be read from.
pub(super) fn idle(slot: &Slot) -> bool {
    !slot.active && !slot.temporary && !slot.invalidated()
}

/// It is lost for WAL that the source removed.
pub(super) fn lost_wal(facts: &Facts, slot: &Slot) -> bool {
    let standby = facts.source.session.value().is_some_and(|s| s.in_recovery);
    match slot.invalidation_reason.as_deref() {
        Some(reason) => reason == "wal_removed",
        // PostgreSQL 16 calls a slot in conflict whatever it was lost for.
        None => slot.wal_status.as_deref() == Some("lost") && !(standby && slot.conflicting == Some(true)),
    }
}

/// WAL that it needs goes with the source's next checkpoint.
pub(super) fn unreserved(slot: &Slot) -> bool {
    slot.wal_status.as_deref() == Some("unreserved")
}

/// The largest amount that slots may hold back (`max_slot_wal_keep_size`), bytes; `None` without a limit.
///
/// # Errors
/// The setting is not known.
pub(super) fn limit(facts: &Facts) -> Result<Option<u64>, Unknown> {
    let value = &super::replication::setting(facts, "max_slot_wal_keep_size")?.value;
    if value.starts_with('-') {
        return Ok(None);
    }
    Ok(Some(number(facts, "max_slot_wal_keep_size")?.saturating_mul(1 << 20)))
}

/// How fast the source writes WAL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    span: Span,
    average: bool,
}

impl Rate {
    /// The faster of what the server counted over time and what was seen during this look.
    ///
    /// # Errors
    /// The server does not count, and the look was too short to say anything.
    pub fn of(facts: &Facts) -> Result<Self, Unknown> {
        let wal = facts.source.wal.known()?;
        let average = wal.total.filter(|t| t.seconds >= AVERAGE).map(|span| Self { span, average: true });
        let look = Some(wal.look).filter(|l| l.seconds >= MEASURE).map(|span| Self { span, average: false });
        let faster = [average, look].into_iter().flatten().max_by(|a, b| a.per_second().total_cmp(&b.per_second()));
        faster.ok_or_else(|| {
            let why = match wal.total {
                Some(total) => format!("its count was begun {} ago", duration(total.seconds)),
                None => "the server keeps no count of it".to_owned(),
            };
            let look = wal.look.seconds;
            let reason = format!(
                "how fast the source writes WAL is not known: {why}, and this look took no more than {look:.1} s"
            );
            Unknown::new(UnknownKind::Failed, reason)
        })
    }

    fn per_second(self) -> f64 {
        as_float(self.span.bytes) / self.span.seconds.max(f64::EPSILON)
    }

    /// The seconds until so many bytes are written; `None` when that is never.
    pub fn seconds_for(self, bytes: u64) -> Option<f64> {
        let rate = self.per_second();
        (rate > 0.0).then(|| as_float(bytes) / rate)
    }

    /// Bytes written in so many seconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive; a float beyond u64 is its end"
    )]
    pub fn bytes_in(self, seconds: f64) -> u64 {
        (self.per_second() * seconds).round() as u64
    }

    /// `1.2 GB an hour (on average over 10 d 2 h)`.
    pub fn words(self) -> String {
        let how = if self.average { "on average over" } else { "during this look of" };
        format!("{} an hour ({how} {})", volume(self.bytes_in(3600.0)), duration(self.span.seconds))
    }
}

#[expect(clippy::cast_precision_loss, reason = "an amount, to be told in words")]
fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

/// `56 bytes`, `950 kB`, `84 MB`, `1.2 GB`.
pub(super) fn volume(bytes: u64) -> String {
    if bytes < 1_000 {
        return format!("{bytes} bytes");
    }
    let bytes = as_float(bytes);
    for (unit, size) in [("TB", 1e12), ("GB", 1e9)] {
        if bytes >= size {
            return format!("{:.1} {unit}", bytes / size);
        }
    }
    if bytes >= 1e6 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.0} kB", bytes / 1e3) }
}

/// What a slot holds back; nothing where the server does not say.
pub(super) fn held(slot: &Slot) -> u64 {
    slot.retained_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// `for 3 h 5 min`, where the server says since when nobody reads.
pub(super) fn idle_for(slot: &Slot) -> Option<String> {
    slot.inactive_seconds.map(|seconds| format!("for {}", duration(seconds.max(0.0))))
}

/// `pgoutput, database music`; `physical`.
pub(super) fn kind(slot: &Slot) -> String {
    match (&slot.plugin, &slot.database) {
        (Some(plugin), Some(database)) => format!("{plugin}, database {database}"),
        (Some(plugin), None) => plugin.clone(),
        _ => "physical: a standby's or a backup's".to_owned(),
    }
}

/// The statement that drops a slot.
pub(super) fn drop_sql(slot: &str) -> String {
    format!("SELECT pg_drop_replication_slot({})", pg_literal(slot))
}

/// The remedy where changes are gone for good; the slot is dropped first, if it is there.
pub(super) fn load_again(slot: Option<&Slot>) -> Fix {
    let drop = slot.map(|s| format!("{} (it is of no use any more)", drop_sql(&s.name)));
    Fix::manual("load the tables again under a new slot", drop.into_iter().chain([RELOAD.to_owned()]))
}

/// A position as PostgreSQL writes it: `16/B374D848`.
pub(super) fn lsn(position: u64) -> String {
    format!("{:X}/{:X}", position >> 32, position & 0xFFFF_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::healthy;
    use crate::facts::{Fact, Wal};

    fn wal(look: (u64, f64), total: Option<(u64, f64)>) -> Facts {
        let span = |(bytes, seconds)| Span { bytes, seconds };
        let mut facts = healthy();
        facts.source.wal = Fact::Known(Wal { lsn: 1 << 40, look: span(look), total: total.map(span) });
        facts
    }

    #[test]
    fn the_faster_of_average_and_look_counts() {
        let average = Rate::of(&wal((0, 2.0), Some((36_000_000, 3600.0)))).unwrap();
        assert_eq!(average.words(), "36 MB an hour (on average over 1 h 0 min)");
        assert_eq!(average.seconds_for(5_000_000), Some(500.0));
        let burst = Rate::of(&wal((2_000_000, 2.0), Some((36_000_000, 3600.0)))).unwrap();
        assert_eq!(burst.words(), "3.6 GB an hour (during this look of 2 s)");
        assert_eq!(Rate::of(&wal((0, 2.0), None)).unwrap().seconds_for(1), None);
    }

    #[test]
    fn what_is_too_short_is_no_measure() {
        let reason = |facts: &Facts| Rate::of(facts).unwrap_err().reason;
        assert!(
            reason(&wal((9_000_000, 0.2), None))
                .contains("keeps no count of it, and this look took no more than 0.2 s")
        );
        assert!(reason(&wal((9_000_000, 0.2), Some((9, 61.0)))).contains("its count was begun 1 min ago"));
    }

    #[test]
    fn amounts_and_positions_read_well() {
        let words: Vec<String> = [56, 1_500, 84_000_000, 1_250_000_000, 3_000_000_000_000].map(volume).into();
        assert_eq!(words, ["56 bytes", "2 kB", "84 MB", "1.2 GB", "3.0 TB"]);
        assert_eq!(lsn(0x16_B374_D848), "16/B374D848");
    }
}
