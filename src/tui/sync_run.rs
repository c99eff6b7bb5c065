//! The run of the engine as the screen knows it. Pure.

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::message::SyncFailure;
use super::widgets::{Input, Words};
use crate::sync::{Event, Phase, Progress, TableProgress, TableState, Totals};

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
    /// Bytes per second, and how far the target is behind in milliseconds, sampled beside the rates.
    pub byte_rates: VecDeque<u64>,
    /// See `byte_rates`.
    pub lags: VecDeque<u64>,
    /// Memory that this program holds, bytes.
    pub memory: Option<u64>,
    /// It was halted to go on later.
    pub paused: bool,
    /// Rows and changes per second of each table, in the order of the plan.
    pub table_rates: Vec<u64>,
    /// The tables that are shown, in their order: places in the counters.
    pub rows: Vec<usize>,
    /// The order.
    pub order: Order,
    /// Words that a table must have.
    pub filter: Input,
    /// The chosen line.
    pub cursor: usize,
    sampled: Option<Sample>,
}

/// Counters at a moment.
#[derive(Debug, Default)]
struct Sample {
    at: jiff::Timestamp,
    rows: u64,
    bytes: u64,
    tables: Vec<u64>,
}

/// What the tables are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// As the engine takes them.
    #[default]
    Plan,
    /// What needs eyes first: failed, interrupted, loading, waiting, loaded.
    State,
    /// Names.
    Name,
    /// The most rows first.
    Rows,
    /// The fastest first.
    Rate,
}

impl Order {
    /// The next in a round.
    pub fn next(self) -> Self {
        match self {
            Self::Plan => Self::State,
            Self::State => Self::Name,
            Self::Name => Self::Rows,
            Self::Rows => Self::Rate,
            Self::Rate => Self::Plan,
        }
    }

    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::State => "state",
            Self::Name => "name",
            Self::Rows => "rows",
            Self::Rate => "rate",
        }
    }
}

impl SyncRun {
    /// Begins anew.
    pub fn begin(&mut self, now: jiff::Timestamp) {
        let (order, filter) = (self.order, std::mem::take(&mut self.filter));
        let sampled = Some(Sample { at: now, ..Sample::default() });
        *self = Self { state: State::Running, began: Some(now), sampled, order, filter, ..Self::default() };
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
        let Some(before) = &self.sampled else { return };
        let millis = u64::try_from((now - before.at).total(jiff::Unit::Millisecond).map_or(0, whole)).unwrap_or(0);
        if millis < 1000 {
            return;
        }
        let totals = self.progress.totals;
        let tables: Vec<u64> = self.progress.tables.iter().map(moved).collect();
        let sample = Sample { at: now, rows: totals.rows + totals.changes, bytes: totals.bytes, tables };
        let rate = |after: u64, before: u64| after.saturating_sub(before).saturating_mul(1000) / millis;
        push(&mut self.rates, rate(sample.rows, before.rows));
        push(&mut self.byte_rates, rate(sample.bytes, before.bytes));
        if let Some(lag) = self.progress.lag {
            push(&mut self.lags, u64::try_from(whole(lag.seconds * 1000.0)).unwrap_or(0));
        }
        let of_table = |(i, after): (usize, &u64)| rate(*after, before.tables.get(i).copied().unwrap_or(0));
        self.table_rates = sample.tables.iter().enumerate().map(of_table).collect();
        self.sampled = Some(sample);
        if self.order == Order::Rate {
            self.relist();
        }
    }

    /// Takes the engine's counters in.
    pub fn counted(&mut self, progress: Progress) {
        let again =
            progress.tables.len() != self.progress.tables.len() || !matches!(self.order, Order::Plan | Order::Name);
        self.progress = progress;
        if again {
            self.relist();
        }
    }

    /// Makes the list of tables anew.
    pub fn relist(&mut self) {
        let tables = &self.progress.tables;
        let words = Words::new(self.filter.text());
        let shown =
            |t: &TableProgress| !words.any() || words.are_in(&format!("{}.{} {}", t.schema, t.table, state(t.state)));
        let mut rows: Vec<usize> = (0..tables.len()).filter(|&i| shown(&tables[i])).collect();
        match self.order {
            Order::Plan => {}
            Order::State => rows.sort_by_key(|&i| urgency(tables[i].state)),
            Order::Name => rows.sort_by(|&a, &b| name(&tables[a]).cmp(&name(&tables[b]))),
            Order::Rows => rows.sort_by_key(|&i| Reverse(moved(&tables[i]))),
            Order::Rate => rows.sort_by_key(|&i| Reverse(self.table_rates.get(i).copied().unwrap_or(0))),
        }
        self.rows = rows;
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
    }

    /// The chosen table.
    pub fn chosen(&self) -> Option<&TableProgress> {
        self.rows.get(self.cursor).and_then(|&i| self.progress.tables.get(i))
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

fn push(samples: &mut VecDeque<u64>, sample: u64) {
    samples.push_back(sample);
    if samples.len() > SAMPLES {
        samples.pop_front();
    }
}

fn moved(table: &TableProgress) -> u64 {
    table.rows_done + table.changes
}

fn name(table: &TableProgress) -> (&str, &str) {
    (&table.schema, &table.table)
}

fn urgency(state: TableState) -> u8 {
    match state {
        TableState::Failed => 0,
        TableState::Interrupted => 1,
        TableState::Loading => 2,
        TableState::Streaming => 3,
        TableState::Waiting => 4,
        TableState::Loaded => 5,
    }
}

/// A table's state in words.
pub fn state(state: TableState) -> &'static str {
    match state {
        TableState::Waiting => "waiting",
        TableState::Loading => "loading",
        TableState::Loaded => "loaded",
        TableState::Streaming => "streaming",
        TableState::Failed => "failed",
        TableState::Interrupted => "interrupted",
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
