//! The run of the engine as the screen knows it. Pure.

use std::collections::VecDeque;

use super::message::SyncFailure;
use crate::sync::{Event, Phase, Progress, TableProgress, Totals};

/// Events that are kept.
const KEPT: usize = 200;
/// Samples that are kept, one a second.
const SAMPLES: usize = 120;

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Nothing was started in this session.
    #[default]
    Idle,
    /// Rows are moving.
    Running,
    /// It was asked to stop and has not ended yet.
    Stopping,
    /// It did its work.
    Done(Totals),
    /// It did not.
    Failed(SyncFailure),
}

/// One run, the newest.
#[derive(Debug, Default)]
pub struct SyncRun {
    /// Where it stands.
    pub state: State,
    /// When it began and ended.
    pub began: Option<jiff::Timestamp>,
    /// When it ended.
    pub ended: Option<jiff::Timestamp>,
    /// The newest counters.
    pub progress: Progress,
    /// What happened, the newest first.
    pub events: VecDeque<(jiff::Timestamp, Event)>,
    /// Rows and changes per second, the newest last.
    pub rates: VecDeque<u64>,
    /// The chosen table.
    pub cursor: usize,
    sampled: Option<(jiff::Timestamp, u64)>,
}

impl SyncRun {
    /// Begins anew.
    pub fn begin(&mut self, now: jiff::Timestamp) {
        *self = Self { state: State::Running, began: Some(now), sampled: Some((now, 0)), ..Self::default() };
    }

    /// It has not ended.
    pub fn busy(&self) -> bool {
        matches!(self.state, State::Running | State::Stopping)
    }

    /// It was asked to stop.
    pub fn stop(&mut self) {
        if self.busy() {
            self.state = State::Stopping;
        }
    }

    /// It was refused, and emptying the target tables would let it run.
    pub fn truncate_helps(&self) -> bool {
        matches!(&self.state, State::Failed(why) if why.truncate_helps)
    }

    /// Takes in what happened. What the counters say too is not listed.
    pub fn event(&mut self, at: jiff::Timestamp, event: Event) {
        self.events.push_front((at, event));
        self.events.truncate(KEPT);
    }

    /// Takes a sample of the rate, at most one a second.
    pub fn sample(&mut self, now: jiff::Timestamp) {
        if !self.busy() {
            return;
        }
        let rows = self.progress.totals.rows + self.progress.totals.changes;
        let Some((at, before)) = self.sampled else { return };
        let millis = u64::try_from((now - at).total(jiff::Unit::Millisecond).map_or(0, whole)).unwrap_or(0);
        if millis < 1000 {
            return;
        }
        self.sampled = Some((now, rows));
        self.rates.push_back(rows.saturating_sub(before).saturating_mul(1000) / millis);
        while self.rates.len() > SAMPLES {
            self.rates.pop_front();
        }
    }

    /// Seconds from the beginning to `now`, or to the end.
    pub fn elapsed(&self, now: jiff::Timestamp) -> u64 {
        let Some(began) = self.began else { return 0 };
        let until = self.ended.unwrap_or(now);
        u64::try_from(until.as_second() - began.as_second()).unwrap_or(0)
    }

    /// Changes are followed, as far as it got.
    pub fn follows(&self) -> bool {
        let following = |p| matches!(p, Phase::CatchUp | Phase::Streaming);
        following(self.progress.phase) || self.progress.phase == Phase::Stopping && self.progress.lag.is_some()
    }

    /// How much is done, 0 to 1, by rows; `None` where nothing is known yet. Estimated totals can be too low: a run
    /// that has not ended is never at 1.
    pub fn fraction(&self) -> Option<f64> {
        if matches!(self.state, State::Done(_)) {
            return Some(1.0);
        }
        let total: u64 = self.progress.tables.iter().map(|t| t.rows_total.unwrap_or(0).max(t.rows_done)).sum();
        let done: u64 = self.progress.tables.iter().map(|t| t.rows_done).sum();
        (total > 0).then(|| ratio(done, total).min(0.99))
    }

    /// Seconds that are left at the pace so far.
    pub fn left(&self, now: jiff::Timestamp) -> Option<u64> {
        let fraction = self.fraction().filter(|f| *f > 0.02 && self.busy() && !self.follows())?;
        #[expect(clippy::cast_precision_loss, reason = "a guess, shown in seconds")]
        let left = self.elapsed(now) as f64 * (1.0 - fraction) / fraction;
        u64::try_from(whole(left)).ok()
    }
}

/// How much of a table is done, 0 to 1.
pub fn table_fraction(table: &TableProgress) -> Option<f64> {
    use crate::sync::TableState::{Loaded, Streaming};
    match (table.state, table.rows_total) {
        (Loaded | Streaming, _) => Some(1.0),
        (_, Some(total)) if total > 0 => Some(ratio(table.rows_done, total).min(0.99)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "drawn in a few columns")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[expect(clippy::cast_possible_truncation, reason = "as-casts of floats saturate")]
fn whole(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::sync::TableState;

    fn at(seconds: i64) -> jiff::Timestamp {
        testing::start() + jiff::SignedDuration::from_secs(seconds)
    }

    fn table(rows_done: u64, rows_total: Option<u64>) -> TableProgress {
        TableProgress { rows_done, rows_total, state: TableState::Loading, ..TableProgress::default() }
    }

    #[test]
    fn rates_are_sampled_once_a_second() {
        let mut run = SyncRun::default();
        run.begin(at(0));
        run.progress.totals.rows = 500;
        run.sample(at(0) + jiff::SignedDuration::from_millis(900));
        assert!(run.rates.is_empty());
        run.sample(at(2));
        run.progress.totals.rows = 1500;
        run.sample(at(3));
        assert_eq!(run.rates, [250, 1000]);
    }

    #[test]
    fn a_low_estimate_never_says_that_all_is_done() {
        let mut run = SyncRun::default();
        run.begin(at(0));
        assert_eq!(run.fraction(), None);
        run.progress.tables = vec![table(500, Some(100)), table(500, Some(1500))];
        assert_eq!(run.fraction(), Some(0.5));
        assert_eq!(run.left(at(10)), Some(10));
        assert_eq!(table_fraction(&table(500, Some(100))), Some(0.99));
        assert_eq!(table_fraction(&table(500, None)), None);
    }

    #[test]
    fn a_new_run_forgets_the_old_one() {
        let mut run = SyncRun::default();
        run.begin(at(0));
        run.event(at(1), Event::Warning { table: None, message: "old".into() });
        run.state = State::Done(Totals::default());
        run.ended = Some(at(5));
        assert_eq!(run.elapsed(at(100)), 5);
        run.begin(at(100));
        assert!(run.events.is_empty() && run.busy());
        assert_eq!(run.elapsed(at(103)), 3);
    }

    #[test]
    fn old_events_are_dropped() {
        let mut run = SyncRun::default();
        for i in 0..1000 {
            run.event(at(i), Event::Warning { table: None, message: i.to_string() });
        }
        assert_eq!(run.events.len(), KEPT);
        assert_eq!(run.events[0].0, at(999));
    }
}
