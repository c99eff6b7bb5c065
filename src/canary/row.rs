//! The row that is sent: values that pipelines are known to change, and SQL that writes them.

use crate::facts::CANARY_TABLE;
use crate::quote::{pg_ident, pg_literal, pg_table};

/// A value in the form that both sides are compared in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Whole(i64),
    Flag(bool),
    Text(String),
    /// Decimal digits.
    Number(&'static str),
    /// `2026-03-29 00:30:00.123456`, in UTC.
    Instant(&'static str),
    Day(&'static str),
    Bytes(Vec<u8>),
    Json(&'static str),
    Float(f64),
}

/// A column with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) column: &'static str,
    pub(super) value: Value,
}

/// Columns in order, with their types. All but the key may be NULL, so that a pipeline that loses a value can be seen
/// to do so.
const COLUMNS: [(&str, &str); 11] = [
    ("id", "bigint PRIMARY KEY"),
    ("step", "integer"),
    ("flag", "boolean"),
    ("note", "text"),
    ("amount", "numeric(20,6)"),
    ("seen_at", "timestamptz"),
    ("payload", "bytea"),
    ("doc", "jsonb"),
    ("day", "date"),
    ("ratio", "double precision"),
    (LARGE, "text"),
];

/// The column that an update leaves alone.
const LARGE: &str = "body";

/// Tells an updated row from one just inserted.
pub(super) const STEP: &str = "step";

/// Characters of the large text: well above what PostgreSQL keeps within the row (2 kB) or sends again with an update
/// that does not touch it.
const LARGE_SIZE: usize = 16_384;

/// The row as it is inserted.
pub(super) fn inserted(id: i64) -> Vec<Cell> {
    let values = [
        Value::Whole(id),
        Value::Whole(1),
        Value::Flag(false),
        Value::Text("naïve 🎵 \"double\" 'single' back\\slash\ttab\nsecond line".into()),
        Value::Number("12345678901234.567891"),
        Value::Instant("2026-03-29 00:30:00.123456"),
        Value::Bytes((0..=255).collect()),
        Value::Json(r#"{"list": [1, 2.5, null, true], "emoji": "🎵", "nested": {"ä": ""}}"#),
        Value::Day("2024-02-29"),
        Value::Float(0.1),
        Value::Text(large(id)),
    ];
    cells(values)
}

/// The row as it is after the update.
pub(super) fn updated(id: i64) -> Vec<Cell> {
    let values = [
        Value::Whole(id),
        Value::Whole(2),
        Value::Flag(true),
        Value::Text("🧪 Ω≈ç√ 中文 ".into()),
        Value::Number("-0.000001"),
        Value::Instant("1999-12-31 23:59:59.999999"),
        Value::Bytes(vec![0, 255, 0, 10, 13, 9, 92, 39]),
        Value::Json(r#"{"n": -1}"#),
        Value::Null,
        Value::Float(-1.5e-300),
        Value::Text(large(id)),
    ];
    cells(values)
}

fn cells(values: [Value; COLUMNS.len()]) -> Vec<Cell> {
    COLUMNS.iter().zip(values).map(|((column, _), value)| Cell { column, value }).collect()
}

/// A text that does not compress and is another for each run, so that an old row is not taken for this one.
fn large(id: i64) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = id.unsigned_abs();
    let mut next = || {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        char::from(ALPHABET[usize::from((z >> 58) as u8)])
    };
    (0..LARGE_SIZE).map(|_| next()).collect()
}

impl Value {
    /// As an expression of PostgreSQL.
    fn sql(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Whole(n) => n.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) => pg_literal(text),
            Self::Number(text) | Self::Day(text) | Self::Json(text) => pg_literal(text),
            Self::Instant(text) => pg_literal(&format!("{text}+00")),
            Self::Bytes(bytes) => {
                let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
                format!("decode({}, 'hex')", pg_literal(&hex))
            }
            Self::Float(number) => pg_literal(&format!("{number:e}")),
        }
    }
}

/// Makes the table. The large text is kept outside the row and not compressed.
pub(super) fn create_sql(schema: &str) -> String {
    let table = pg_table(schema, CANARY_TABLE);
    let columns = COLUMNS.map(|(name, ty)| format!("{} {ty}", pg_ident(name))).join(", ");
    let comment = pg_literal(
        "A row that cdc-doctor check --canary sends through the pipeline; empty between runs, and may be dropped.",
    );
    format!(
        "CREATE TABLE {table} ({columns}); ALTER TABLE {table} ALTER COLUMN {} SET STORAGE EXTERNAL; \
         COMMENT ON TABLE {table} IS {comment}",
        pg_ident(LARGE)
    )
}

pub(super) fn insert_sql(schema: &str, id: i64) -> String {
    let cells = inserted(id);
    let columns: Vec<String> = cells.iter().map(|c| pg_ident(c.column)).collect();
    let values: Vec<String> = cells.iter().map(|c| c.value.sql()).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", pg_table(schema, CANARY_TABLE), columns.join(", "), values.join(", "))
}

pub(super) fn update_sql(schema: &str, id: i64) -> String {
    let changes: Vec<String> = updated(id)
        .iter()
        .filter(|c| c.column != "id" && c.column != LARGE)
        .map(|c| format!("{} = {}", pg_ident(c.column), c.value.sql()))
        .collect();
    format!("UPDATE {} SET {} WHERE id = {id}", pg_table(schema, CANARY_TABLE), changes.join(", "))
}

/// Removes all rows: this run's, and those of runs that were broken off.
pub(super) fn delete_sql(schema: &str) -> String {
    format!("DELETE FROM {}", pg_table(schema, CANARY_TABLE))
}

/// What is read on the target, in the order of the cells.
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_changes_everything_but_the_key_and_the_large_text() {
        let (before, after) = (inserted(7), updated(7));
        let same: Vec<&str> =
            before.iter().zip(&after).filter(|(a, b)| a.value == b.value).map(|(a, _)| a.column).collect();
        assert_eq!(same, ["id", "body"]);
        assert!(!update_sql("public", 7).contains("\"body\""));
    }

    #[test]
    fn the_large_text_is_long_and_another_in_each_run() {
        let (one, two) = (large(1), large(2));
        assert_eq!(one.len(), LARGE_SIZE);
        let same = one.bytes().zip(two.bytes()).filter(|(a, b)| a == b).count();
        assert!(same < LARGE_SIZE / 16, "{same}");
    }
}
