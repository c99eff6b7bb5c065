//! What is only found out when it is asked for by name: a row sent through the running pipeline, rows compared.

use serde::{Deserialize, Serialize};

/// The table, on both sides, that the canary's row goes through.
pub const CANARY_TABLE: &str = "cdc_doctor_canary";

/// One row that was written, changed and deleted on the source, and what of it was seen on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryRun {
    /// `schema.table` on the source.
    pub source: String,
    /// `database.table` on the target.
    pub target: String,
    /// How long each change was waited for, seconds.
    pub limit_seconds: u64,
    /// How far it came.
    pub end: CanaryEnd,
}

/// How far a canary came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryEnd {
    /// The patterns of the pipeline file leave the table out.
    NotSelected,
    /// The publication does not publish the table, and this login may not add it.
    NotPublished {
        /// The statement that would.
        sql: String,
        /// The server's refusal.
        why: String,
    },
    /// Nobody reads from the pipeline's slot, or sync has never begun; what was seen.
    NotRunning(String),
    /// Sync runs, and began before the table was there.
    NotCarried,
    /// One side did not let it: what was being done, and the refusal in words.
    Refused {
        /// Such as `creating public.cdc_doctor_canary`.
        doing: String,
        /// The refusal.
        why: String,
    },
    /// The row was written. Changes in order; what came after one that did not arrive was not tried.
    Followed(Vec<CanaryLeg>),
}

/// One change of the canary's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryLeg {
    /// Which.
    pub change: CanaryChange,
    /// From the commit on the source until it was seen on the target, milliseconds; `None` when it was not in time.
    pub delay_ms: Option<u64>,
    /// Values that arrived other than they were sent.
    pub changed: Vec<CanaryValue>,
    /// What the target last said, where it refused to be read.
    pub said: Option<String>,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryChange {
    /// The row is written.
    Insert,
    /// All columns but a large one are changed.
    Update,
    /// The row is removed.
    Delete,
}

impl CanaryChange {
    /// As in sentences.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A value that was changed on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryValue {
    /// Column.
    pub column: String,
    /// What the source has, shortened.
    pub sent: String,
    /// What the target has, shortened.
    pub arrived: String,
}

/// A table's rows on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableComparison {
    /// `schema.table` on the source.
    pub table: String,
    /// Rows on the source.
    pub source_rows: u64,
    /// Rows on the target.
    pub target_rows: u64,
    /// Count and checksum are the same.
    pub equal: bool,
    /// Why it could not be compared; then the other numbers mean nothing.
    pub failed: Option<String>,
}
