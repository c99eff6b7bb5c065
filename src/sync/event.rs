//! What engines tell. The TUI, the plain progress and `--progress json` only render these.

use serde::{Deserialize, Serialize};

/// Something that happened once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The engine began.
    Started {
        /// `direct`, `dms`, `s3`.
        engine: String,
        /// `full-load`, …
        mode: String,
        /// Selected tables.
        tables: usize,
    },
    /// The run as a whole entered a phase.
    Phase {
        /// Which.
        phase: Phase,
    },
    /// A table's state changed.
    Table(TableProgress),
    /// Something a person should know; the run goes on.
    Warning {
        /// `public.charts`, or nothing when it is about the whole run.
        table: Option<String>,
        /// In words.
        message: String,
    },
    /// The run ended before its work was done.
    Stopped {
        /// Why, in words.
        reason: String,
        /// What to type to go on.
        resume: Option<String>,
    },
    /// The run ended with its work done.
    Finished {
        /// What was done.
        totals: Totals,
    },
}

/// Phases of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Looking, creating tables.
    #[default]
    Prepare,
    /// Copying rows.
    FullLoad,
    /// Applying what changed during the copy.
    CatchUp,
    /// Applying changes as they come.
    Streaming,
    /// Finishing what was begun.
    Stopping,
}

/// States of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableState {
    /// Not begun.
    #[default]
    Waiting,
    /// Rows are being copied.
    Loading,
    /// All rows are there.
    Loaded,
    /// Changes are being applied.
    Streaming,
    /// It failed; a warning or the stop's reason says why.
    Failed,
    /// Stopped on request before all rows were there.
    Interrupted,
}

/// One table's counters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TableProgress {
    /// Source schema.
    pub schema: String,
    /// Source table.
    pub table: String,
    /// Where it stands.
    pub state: TableState,
    /// Rows written to the target.
    pub rows_done: u64,
    /// Rows to write; an estimate until the table is loaded.
    pub rows_total: Option<u64>,
    /// Bytes sent to the target.
    pub bytes: u64,
    /// Row changes of the source that were applied.
    #[serde(default)]
    pub changes: u64,
    /// The same by what they did; a TRUNCATE is none of these.
    #[serde(default)]
    pub kinds: Kinds,
}

/// Row changes of the source by what they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kinds {
    /// New rows.
    pub inserts: u64,
    /// Changed rows.
    pub updates: u64,
    /// Rows that are gone.
    pub deletes: u64,
}

impl std::ops::AddAssign for Kinds {
    fn add_assign(&mut self, more: Self) {
        self.inserts += more.inserts;
        self.updates += more.updates;
        self.deletes += more.deletes;
    }
}

/// Sums over all tables.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Tables that are loaded.
    pub tables: usize,
    /// Rows written.
    pub rows: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Seconds since the start.
    pub seconds: f64,
    /// Row changes of the source that were applied.
    #[serde(default)]
    pub changes: u64,
    /// Transactions of the target that they were applied in, where the engine knows it.
    #[serde(default)]
    pub batches: u64,
}

/// How far the target is behind.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Lag {
    /// WAL not yet applied.
    pub bytes: u64,
    /// Age of the newest applied commit; nothing when none is waiting.
    pub seconds: f64,
    /// WAL that the source keeps for the slot.
    pub retained: Option<u64>,
}

/// Where all counters stand now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// One row a table, in the order of the plan.
    pub tables: Vec<TableProgress>,
    /// Sums. `seconds` is set by the engine with each change.
    pub totals: Totals,
    /// Present while changes are applied.
    pub lag: Option<Lag>,
}
