//! What a comparison found, in the shape of its JSON. Field names are a contract.

use serde::Serialize;
use serde_json::{Map, Value};

/// The result of a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// 1; grows only when a field changes its meaning.
    pub schema_version: u32,
    /// The pipeline's name.
    pub pipeline: String,
    /// Every table that was asked for, in the order of the source's names.
    pub tables: Vec<TableResult>,
    /// No table differs, and none could not be compared.
    pub equal: bool,
    /// Whether a sync moved changes meanwhile.
    pub sync: SyncState,
    /// The whole comparison, milliseconds.
    pub elapsed_ms: u64,
    /// Both servers in words; not part of the JSON contract.
    #[serde(skip)]
    pub headline: String,
}

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Source and target are equal.
    Equal,
    /// At least one table differs.
    Different,
    /// No table differs, and at least one could not be compared.
    Incomplete,
}

impl Comparison {
    /// What it came to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.tables.iter().any(TableResult::differs) {
            Outcome::Different
        } else if self.equal {
            Outcome::Equal
        } else {
            Outcome::Incomplete
        }
    }
}

/// A sync of the same pipeline, as far as it mattered: it is looked at only when something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SyncState {
    /// The target has no checkpoint of this pipeline: nothing follows the source's changes.
    None,
    /// There is a checkpoint, and no reason to wait for it.
    NotAsked,
    /// It follows: what differs was confirmed on a target that had caught up.
    Following,
    /// The checkpoint stands still behind the source.
    Standing {
        /// WAL that is not applied, bytes; none where the checkpoint has no position yet.
        behind_bytes: Option<u64>,
    },
}

/// One table.
#[derive(Debug, Clone, Serialize)]
pub struct TableResult {
    /// `schema.table` on the source.
    pub table: String,
    /// `database.table` on the target.
    pub target: String,
    /// No row differs, as far as could be decided.
    pub equal: bool,
    /// How rows were told apart.
    pub compared_by: ComparedBy,
    /// Rows on the source, at the first look.
    pub source_rows: u64,
    /// Rows on the target, at the first look.
    pub target_rows: u64,
    /// Rows that differ, ordered by key; empty for a table without a key.
    pub differences: Vec<Difference>,
    /// `differences` are all there are. False when parts of the table that differ were not looked into.
    pub complete: bool,
    /// Rows that kept changing on the source while they were looked at, and were not decided.
    pub undecided: u64,
    /// Values that the target cannot hold and that stand as NULL there, as the pipeline says.
    pub nulled: u64,
    /// What a person should know, in words.
    pub notes: Vec<String>,
    /// Why the table could not be compared.
    pub error: Option<String>,
    /// Milliseconds from the first look at it to the last.
    pub elapsed_ms: u64,
}

impl TableResult {
    /// It was compared, and differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.equal && self.error.is_none()
    }
}

/// How rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComparedBy {
    /// By the key.
    Key,
    /// Not at all: there is no key. Only the number of rows and a checksum of all of them are compared.
    Multiset,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The key's columns and values.
    pub key: Map<String, Value>,
    /// In what way.
    pub kind: Kind,
    /// The columns that differ, of a changed row.
    pub columns: Vec<ColumnDifference>,
}

/// In what way a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// On the source only.
    Missing,
    /// On the target only.
    Extra,
    /// On both, with other values.
    Changed,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Changed => "changed",
        }
    }
}

/// A column that differs, with both values: NULL is `null`, integers and floats are numbers, everything else is text,
/// cut to some 200 characters around the difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnDifference {
    /// Its name on the source.
    pub column: String,
    /// The source's value.
    pub source: Value,
    /// The target's value.
    pub target: Value,
}
