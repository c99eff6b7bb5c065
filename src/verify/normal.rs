//! The same text for the same value on both servers, whatever each would print by itself.

use crate::quote::{my_ident, my_literal, my_table, pg_ident, pg_literal, pg_table};
use crate::schema::{TargetColumn, TargetTable, Transfer};

/// Stands for NULL within a row's text.
const NULL_MARK: &str = "\\N";

/// Digits after the point to which floating point is compared.
const FLOAT_SCALE: u8 = 10;

/// One row: count and checksum of the source table.
pub(super) fn source_sql(table: &TargetTable) -> String {
    let texts = table.columns.iter().map(|c| format!("coalesce({}, {})", source_text(c), pg_literal(NULL_MARK)));
    let row = texts.collect::<Vec<_>>().join(", ");
    format!(
        "SELECT count(*), coalesce(sum(('x' || left(encode(sha256(convert_to(concat_ws('|', {row}), 'UTF8')), 'hex'), 15))\
         ::bit(60)::bigint), 0)::text FROM {}",
        pg_table(&table.source_schema, &table.source_name)
    )
}

/// The same of the target table.
pub(super) fn target_sql(table: &TargetTable) -> String {
    let texts = table.columns.iter().map(|c| format!("COALESCE({}, {})", target_text(c), my_literal(NULL_MARK)));
    let row = texts.collect::<Vec<_>>().join(", ");
    format!(
        "SELECT COUNT(*), CAST(COALESCE(SUM(CAST(CONV(LEFT(SHA2(CONCAT_WS('|', {row}), 256), 15), 16, 10) AS UNSIGNED)), 0) \
         AS CHAR) FROM {}",
        my_table(&table.database, &table.name)
    )
}

fn source_text(column: &TargetColumn) -> String {
    let c = pg_ident(&column.name);
    match column.transfer {
        // `char(n)` in the form that MySQL gives back: without the padding.
        Transfer::Text if column.sql_type.starts_with("CHAR") => format!("{c}::text"),
        // The type's output form, which a cast is not for inet: it adds the mask. `concat` turns NULL into ''.
        Transfer::Text => format!("CASE WHEN {c} IS NOT NULL THEN concat({c}) END"),
        Transfer::Integer | Transfer::Date | Transfer::Json => format!("{c}::text"),
        Transfer::Decimal { scale, .. } => format!("round({c}, {scale})::text"),
        Transfer::Money => format!("round({c}::numeric, 4)::text"),
        Transfer::Float => format!("round({c}::text::numeric, {FLOAT_SCALE})::text"),
        Transfer::Boolean => format!("{c}::int::text"),
        Transfer::Bytes => format!("encode({c}, 'hex')"),
        Transfer::Time => format!("to_char({c}, 'HH24:MI:SS.US')"),
        Transfer::Timestamp => format!("to_char({c}, 'YYYY-MM-DD HH24:MI:SS.US')"),
        Transfer::TimestampTz => format!("to_char({c} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"),
    }
}

fn target_text(column: &TargetColumn) -> String {
    let c = my_ident(&column.name);
    match column.transfer {
        Transfer::Text | Transfer::Json => format!("CONVERT({c} USING utf8mb4)"),
        Transfer::Integer | Transfer::Boolean | Transfer::Decimal { .. } => format!("CAST({c} AS CHAR)"),
        Transfer::Money => format!("CAST(CAST({c} AS DECIMAL(65,4)) AS CHAR)"),
        Transfer::Float => format!("CAST(CAST({c} AS DECIMAL(65,{FLOAT_SCALE})) AS CHAR)"),
        Transfer::Bytes => format!("LOWER(HEX({c}))"),
        Transfer::Date => format!("DATE_FORMAT({c}, '%Y-%m-%d')"),
        Transfer::Time => format!("TIME_FORMAT({c}, '%H:%i:%s.%f')"),
        Transfer::Timestamp | Transfer::TimestampTz => format!("DATE_FORMAT({c}, '%Y-%m-%d %H:%i:%s.%f')"),
    }
}
