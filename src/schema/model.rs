//! A table as it should be on the target.

use serde::{Deserialize, Serialize};

use crate::facts::Wanted;

/// A source table mapped to the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetTable {
    /// Source schema.
    pub source_schema: String,
    /// Source table.
    pub source_name: String,
    /// Target database.
    pub database: String,
    /// Target table.
    pub name: String,
    /// Columns in source order; generated source columns are ordinary columns here.
    pub columns: Vec<TargetColumn>,
    /// Primary key columns; empty when the source offers none.
    pub primary_key: Vec<String>,
    /// Other unique keys that are carried over (whole-table, without expressions).
    pub unique_keys: Vec<TargetKey>,
}

/// A unique key on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetKey {
    /// Index name.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<String>,
}

/// A column as it should be on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetColumn {
    /// Name, as on the source.
    pub name: String,
    /// The whole type, such as `DECIMAL(12,2)` or `VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`.
    pub sql_type: String,
    /// NULL allowed.
    pub nullable: bool,
    /// How its values travel.
    pub transfer: Transfer,
    /// The longest value seen, for a key column whose source type has no length: the length in `sql_type` has
    /// head-room, an existing column may be as short as this.
    #[serde(default)]
    pub longest: Option<u64>,
}

impl TargetTable {
    /// What is wanted, as it is kept.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let of = |c: &TargetColumn| format!("{} {}", c.sql_type, if c.nullable { "NULL" } else { "NOT NULL" });
        let columns = self.columns.iter().map(|c| (c.name.clone(), of(c))).collect();
        Wanted { columns, key: self.primary_key.clone() }
    }
}

/// How a column's values travel from PostgreSQL's text to MySQL's: what the projection selects, what may need
/// refusing, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transfer {
    /// Any text; the type's own output form.
    Text,
    /// Integers: the same digits on both sides.
    Integer,
    /// `numeric` into `DECIMAL(precision, scale)`: NaN, infinity and what does not fit are refused.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Binary floating point: NaN and infinity are refused.
    Float,
    /// `t`/`f` to 1/0.
    Boolean,
    /// `bytea`.
    Bytes,
    /// `date`: infinity, BC and years beyond 9999 are refused.
    Date,
    /// `time` without zone.
    Time,
    /// `timestamp` without zone: refused like `date`.
    Timestamp,
    /// `timestamptz`, written as UTC: refused like `date`.
    TimestampTz,
    /// `jsonb` into a JSON column: numbers that a double cannot hold are refused where the server would round them.
    Json,
    /// `money`, selected as numeric.
    Money,
}
