//! Where a task or a serverless replication stands: what its descriptions and statistics are made of. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::lab::aws::names::seconds;
use crate::sync::{Kinds, Progress, Stop, TableProgress, TableState};

/// States that both kinds have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stand {
    #[default]
    Ready,
    Starting,
    Running,
    Stopping,
    Stopped,
    Failed,
}

/// One task or serverless replication.
#[derive(Debug, Default)]
pub(super) struct Movement {
    pub(super) stand: Stand,
    pub(super) stop_reason: Option<&'static str>,
    pub(super) failure: Option<String>,
    /// Stops the engine that runs now.
    pub(super) stop: Option<Stop>,
    /// Why it is to fail, where that is scripted.
    pub(super) scripted: Option<String>,
    /// Tables that are to be loaded again.
    pub(super) reload: Vec<String>,
    pub(super) tables: Vec<Table>,
    pub(super) fresh_start: Option<Timestamp>,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    /// The assessment that a serverless replication was started with, as its description shows it.
    pub(super) assessment: Option<Value>,
    load_began: Option<Timestamp>,
    load_ended: Option<Timestamp>,
}

/// One table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    /// In the words of DMS.
    pub(super) state: &'static str,
    rows: u64,
    rows_total: Option<u64>,
    /// Changes that were applied before the engine's present run, and in it.
    before: Kinds,
    now: Kinds,
    load_began: Option<Timestamp>,
    load_ended: Option<Timestamp>,
    reloaded: bool,
    updated: Option<Timestamp>,
}

/// DMS's word for a table that is given up.
pub(super) const TABLE_ERROR: &str = "Table error";
/// DMS's word for a table whose rows are there.
const COMPLETED: &str = "Table completed";

impl Movement {
    /// It has an engine that runs, or is about to.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.stand, Stand::Starting | Stand::Running | Stand::Stopping)
    }

    /// A start; `fresh` forgets what was there.
    pub(super) fn start(&mut self, now: Timestamp, fresh: bool) {
        if fresh {
            *self = Self { fresh_start: Some(now), ..Self::default() };
        }
        self.stand = Stand::Starting;
        (self.stop_reason, self.failure, self.ended) = (None, None, None);
        self.started = Some(now);
        for table in &mut self.tables {
            table.carry();
        }
    }

    /// The end.
    pub(super) fn end(&mut self, now: Timestamp, stand: Stand, reason: &'static str, failure: Option<String>) {
        (self.stand, self.stop_reason, self.failure, self.ended) = (stand, Some(reason), failure, Some(now));
        (self.stop, self.scripted, self.reload) = (None, None, Vec::new());
    }

    /// The engine runs anew, and counts from zero.
    pub(super) fn again(&mut self) {
        self.tables.iter_mut().for_each(Table::carry);
    }

    /// The engine's counters.
    pub(super) fn take(&mut self, progress: &Progress, now: Timestamp) {
        for told in &progress.tables {
            let place = self.tables.iter().position(|t| t.schema == told.schema && t.name == told.table);
            let place = place.unwrap_or_else(|| {
                self.tables.push(Table { schema: told.schema.clone(), name: told.table.clone(), ..Table::default() });
                self.tables.len() - 1
            });
            self.tables[place].take(told, now);
        }
        self.load_began = self.load_began.or(self.tables.iter().filter_map(|t| t.load_began).min());
        let loading = |t: &Table| t.state != COMPLETED && t.state != TABLE_ERROR;
        if self.load_began.is_some() && !self.tables.iter().any(loading) {
            self.load_ended = self.load_ended.or(Some(now));
        }
    }

    /// The label of a table that an error names: errors are made safe for a terminal, tables need not be.
    pub(super) fn label(&self, told: &str) -> String {
        let labels = self.tables.iter().map(Table::label);
        labels.into_iter().find(|label| label == told || crate::text::safe(label) == told).unwrap_or(told.to_owned())
    }

    /// The table is given up.
    pub(super) fn fail(&mut self, label: &str, now: Timestamp) {
        if let Some(table) = self.tables.iter_mut().find(|t| t.label() == label) {
            (table.state, table.updated) = (TABLE_ERROR, Some(now));
        } else if let Some((schema, name)) = label.split_once('.') {
            let (schema, name) = (schema.to_owned(), name.to_owned());
            self.tables.push(Table { schema, name, state: TABLE_ERROR, updated: Some(now), ..Table::default() });
        }
    }

    /// The table is to be loaded again; false where there is none of that name.
    pub(super) fn reload(&mut self, label: &str) -> bool {
        let Some(table) = self.tables.iter_mut().find(|t| t.label() == label) else { return false };
        table.reloaded = true;
        (table.state, table.rows, table.load_ended) = ("Table is being reloaded", 0, None);
        self.reload.push(label.to_owned());
        true
    }

    /// Labels of the tables whose state this is.
    pub(super) fn labels(&self, state: &str) -> Vec<String> {
        self.tables.iter().filter(|t| t.state == state).map(Table::label).collect()
    }

    /// Labels of the tables whose rows are there.
    pub(super) fn completed(&self) -> Vec<String> {
        self.labels(COMPLETED)
    }

    /// `ReplicationTaskStats`; members without a value are left out.
    pub(super) fn stats(&self, now: Timestamp) -> Value {
        let count = |states: &[&str]| self.tables.iter().filter(|t| states.contains(&t.state)).count();
        let elapsed =
            self.started.map_or(0, |began| self.ended.unwrap_or(now).as_millisecond() - began.as_millisecond());
        let mut stats = json!({
            "FullLoadProgressPercent": self.percent(),
            "ElapsedTimeMillis": elapsed.max(0),
            "TablesLoaded": count(&[COMPLETED]),
            "TablesLoading": count(&["Full load", "Table is being reloaded"]),
            "TablesQueued": count(&["Before load"]),
            "TablesErrored": count(&[TABLE_ERROR]),
        });
        for (name, at) in [
            ("FreshStartDate", self.fresh_start),
            ("StartDate", self.started),
            ("StopDate", self.ended),
            ("FullLoadStartDate", self.load_began),
            ("FullLoadFinishDate", self.load_ended),
        ] {
            if let Some(at) = at {
                stats[name] = seconds(at).into();
            }
        }
        stats
    }

    /// By rows, of which the totals are estimates; 100 only when all tables are done.
    fn percent(&self) -> u64 {
        let done = |t: &Table| t.state == COMPLETED || t.state == TABLE_ERROR;
        // Where only tables in error are known, the others are still to come.
        if self.tables.iter().all(done) && self.tables.iter().any(|t| t.state == COMPLETED) {
            return 100;
        }
        let rows = self.tables.iter().map(|t| t.rows).sum::<u64>();
        let total = self.tables.iter().map(|t| t.rows_total.unwrap_or(0).max(t.rows)).sum::<u64>();
        (rows * 100).checked_div(total).unwrap_or(0).min(99)
    }
}

impl Table {
    /// A table for show.
    pub(super) fn pretended(schema: &str, name: String, rows: u64, now: Timestamp) -> Self {
        Self {
            schema: schema.to_owned(),
            name,
            state: COMPLETED,
            rows,
            load_began: Some(now),
            load_ended: Some(now),
            updated: Some(now),
            ..Self::default()
        }
    }

    fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    fn carry(&mut self) {
        self.before += std::mem::take(&mut self.now);
    }

    fn take(&mut self, told: &TableProgress, now: Timestamp) {
        self.state = match told.state {
            TableState::Waiting | TableState::Loading if self.reloaded && self.load_ended.is_none() => {
                "Table is being reloaded"
            }
            TableState::Waiting => "Before load",
            TableState::Loading => "Full load",
            TableState::Loaded | TableState::Streaming => COMPLETED,
            TableState::Failed => TABLE_ERROR,
            TableState::Interrupted => "Table cancelled",
        };
        if told.state != TableState::Waiting && told.rows_done > 0 {
            self.load_began = self.load_began.or(Some(now));
        }
        if self.state == COMPLETED && self.load_began.is_some() {
            self.load_ended = self.load_ended.or(Some(now));
        }
        // A run that goes on does not count again what is there.
        if told.rows_done > 0 {
            self.rows = told.rows_done;
        }
        self.rows_total = told.rows_total.or(self.rows_total);
        (self.now, self.updated) = (told.kinds, Some(now));
    }

    /// As `DescribeTableStatistics` tells it.
    pub(super) fn shown(&self) -> Value {
        let mut all = self.before;
        all += self.now;
        let mut shown = json!({
            "SchemaName": self.schema, "TableName": self.name,
            "Inserts": all.inserts, "Deletes": all.deletes, "Updates": all.updates, "Ddls": 0,
            "AppliedInserts": all.inserts, "AppliedDeletes": all.deletes, "AppliedUpdates": all.updates,
            "AppliedDdls": 0, "FullLoadRows": self.rows, "FullLoadCondtnlChkFailedRows": 0, "FullLoadErrorRows": 0,
            "FullLoadReloaded": self.reloaded, "TableState": self.state, "ValidationPendingRecords": 0,
            "ValidationFailedRecords": 0, "ValidationSuspendedRecords": 0, "ValidationState": "Not enabled",
        });
        let times = [
            ("FullLoadStartTime", self.load_began),
            ("FullLoadEndTime", self.load_ended),
            ("LastUpdateTime", self.updated),
        ];
        for (name, at) in times {
            if let Some(at) = at {
                shown[name] = seconds(at).into();
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn told(name: &str, state: TableState, rows_done: u64, inserts: u64) -> TableProgress {
        let kinds = Kinds { inserts, ..Kinds::default() };
        let (schema, table) = ("public".to_owned(), name.to_owned());
        TableProgress { schema, table, state, rows_done, rows_total: Some(100), kinds, ..TableProgress::default() }
    }

    fn take(movement: &mut Movement, second: i64, tables: Vec<TableProgress>) {
        movement.take(&Progress { tables, ..Progress::default() }, at(second));
    }

    #[test]
    fn a_load_becomes_statistics() {
        let mut movement = Movement::default();
        movement.start(at(0), true);
        take(&mut movement, 1, vec![told("a", TableState::Loading, 50, 0), told("b", TableState::Waiting, 0, 0)]);
        let stats = movement.stats(at(2));
        assert_eq!(stats["FullLoadProgressPercent"], 25);
        assert_eq!((&stats["TablesLoading"], &stats["TablesQueued"]), (&json!(1), &json!(1)));
        take(&mut movement, 3, vec![told("a", TableState::Loaded, 100, 0), told("b", TableState::Loaded, 0, 0)]);
        movement.end(at(4), Stand::Stopped, "Stop Reason FULL_LOAD_ONLY_FINISHED", None);
        let stats = movement.stats(at(60));
        assert_eq!((&stats["FullLoadProgressPercent"], &stats["ElapsedTimeMillis"]), (&json!(100), &json!(4000)));
        assert_eq!(stats["FullLoadFinishDate"], seconds(at(3)));
        assert_eq!(movement.tables[0].shown()["FullLoadRows"], 100);
    }

    #[test]
    fn changes_of_several_runs_add_up() {
        let mut movement = Movement::default();
        movement.start(at(0), true);
        take(&mut movement, 1, vec![told("a", TableState::Streaming, 100, 3)]);
        movement.again();
        take(&mut movement, 2, vec![told("a", TableState::Streaming, 0, 2)]);
        let shown = movement.tables[0].shown();
        assert_eq!((&shown["Inserts"], &shown["FullLoadRows"]), (&json!(5), &json!(100)));
    }

    #[test]
    fn a_table_is_found_under_the_name_that_an_error_gives_it() {
        let mut movement = Movement::default();
        movement.start(at(0), true);
        take(
            &mut movement,
            1,
            vec![told("a", TableState::Loading, 0, 0), told("odd\tname", TableState::Loading, 0, 0)],
        );
        assert_eq!(movement.label(&crate::text::safe("public.odd\tname")), "public.odd\tname");
        assert_eq!(movement.label("public.b"), "public.b");
    }

    #[test]
    fn a_failed_table_stays_failed_and_a_reloaded_one_begins_anew() {
        let mut movement = Movement::default();
        movement.start(at(0), true);
        take(&mut movement, 1, vec![told("a", TableState::Loaded, 100, 0), told("b", TableState::Loading, 10, 0)]);
        movement.fail("public.b", at(2));
        movement.fail("public.c", at(2));
        assert_eq!(movement.stats(at(2))["FullLoadProgressPercent"], 100);
        assert_eq!(movement.labels(TABLE_ERROR), ["public.b", "public.c"]);
        let mut early = Movement::default();
        early.fail("public.c", at(2));
        assert_eq!(early.stats(at(2))["FullLoadProgressPercent"], 0);
        assert!(movement.reload("public.a") && !movement.reload("public.x"));
        take(&mut movement, 3, vec![told("a", TableState::Waiting, 0, 0)]);
        assert_eq!(movement.tables[0].state, "Table is being reloaded");
        take(&mut movement, 4, vec![told("a", TableState::Streaming, 101, 0)]);
        let shown = movement.tables[0].shown();
        assert_eq!(
            (&shown["TableState"], &shown["FullLoadRows"], &shown["FullLoadReloaded"]),
            (&json!("Table completed"), &json!(101), &json!(true))
        );
    }
}
