//! Are a source table and its target equal? Every value of both is fetched and brought into one form here, so that
//! nothing of the program's own `verify` is relied on.

use std::collections::BTreeMap;
use std::fmt::Write;

use cdc_doctor::quote::{my_ident, pg_ident, pg_table};
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value};

use super::model::{Kind, REFERS, Table, UNIQUE, Unique};
use crate::support::{self, Source, Target};

/// A row in normal form.
type Row = Vec<Option<String>>;

/// Fails with the differences, table by table.
pub fn assert_equal(source: &Source, target: &Target, tables: &[Table]) {
    let all: String = tables.iter().filter_map(|table| difference(source, target, table)).collect();
    assert!(all.is_empty(), "source and target differ on {target}\n{all}");
}

/// What differs, in words; nothing when the tables are equal.
fn difference(source: &Source, target: &Target, table: &Table) -> Option<String> {
    let columns = columns(table);
    let from = source_rows(source, table, &columns);
    let to = match target_rows(target, table, &columns) {
        Ok(rows) => rows,
        Err(error) => return Some(format!("{}: {error}\n", table.name)),
    };
    let all = describe(&from, &to, table.key().len(), &columns);
    (!all.is_empty())
        .then(|| format!("{}: {} rows on the source, {} on the target\n{all}", table.name, from.len(), to.len()))
}

/// A column with the form in which it is compared; none where both servers' own text is that form.
fn columns(table: &Table) -> Vec<(String, Option<Kind>)> {
    let mut all: Vec<_> = table.key().iter().map(|(name, _)| ((*name).to_owned(), None)).collect();
    all.extend(table.columns.iter().map(|c| (c.name.clone(), Some(c.kind))));
    all.extend((table.unique != Unique::None).then(|| (UNIQUE.to_owned(), None)));
    all.extend(table.refers.map(|_| (REFERS.to_owned(), None)));
    all
}

fn source_rows(source: &Source, table: &Table, columns: &[(String, Option<Kind>)]) -> Vec<Row> {
    let list: Vec<String> = columns.iter().map(|(name, kind)| on_source(&pg_ident(name), *kind)).collect();
    let sql = format!("SELECT {} FROM {}", list.join(", "), pg_table("public", &table.name));
    let rows = support::block_on(async { source.client().await.query(&sql, &[]).await.unwrap() });
    let text = |row: &tokio_postgres::Row| (0..columns.len()).map(|at| row.get::<_, Option<String>>(at)).collect();
    normal(rows.iter().map(text).collect(), columns)
}

fn target_rows(target: &Target, table: &Table, columns: &[(String, Option<Kind>)]) -> Result<Vec<Row>, String> {
    let list: Vec<String> = columns.iter().map(|(name, kind)| on_target(&my_ident(name), *kind)).collect();
    let sql = format!("SELECT {} FROM {}", list.join(", "), my_ident(&table.name));
    let rows: Vec<mysql_async::Row> = support::block_on(async {
        let mut conn = target.conn().await;
        // As a prepared statement: doubles come as they are stored and not as text.
        let rows = conn.exec(&sql, Params::Empty).await.map_err(|e| e.to_string());
        conn.disconnect().await.map_err(|e| e.to_string())?;
        rows
    })?;
    let text = |value| match value {
        Value::NULL => None,
        Value::Double(double) => Some(format!("{double:?}")),
        Value::Bytes(bytes) => Some(String::from_utf8(bytes).unwrap_or_else(|e| format!("not UTF-8: {e:?}"))),
        other => Some(format!("{other:?}")),
    };
    let rows = rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect());
    Ok(normal(rows.collect(), columns))
}

/// A text that the target can give too, whatever the session's settings.
fn on_source(column: &str, kind: Option<Kind>) -> String {
    match kind {
        Some(Kind::Bool) => format!("{column}::int::text"),
        Some(Kind::Bytes) => format!("encode({column}, 'hex')"),
        Some(Kind::TimestampTz) => format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"),
        Some(Kind::Timestamp) => format!("to_char({column}, 'YYYY-MM-DD HH24:MI:SS.US')"),
        Some(Kind::Date) => format!("to_char({column}, 'YYYY-MM-DD')"),
        // to_char writes the end of the day as its beginning.
        Some(Kind::Time) => {
            format!("CASE WHEN {column} = '24:00' THEN '24:00:00.000000' ELSE to_char({column}, 'HH24:MI:SS.US') END")
        }
        _ => format!("{column}::text"),
    }
}

fn on_target(column: &str, kind: Option<Kind>) -> String {
    match kind {
        Some(Kind::Double) => column.to_owned(),
        Some(Kind::Bytes) => format!("LOWER(HEX({column}))"),
        Some(Kind::TimestampTz | Kind::Timestamp) => format!("DATE_FORMAT({column}, '%Y-%m-%d %H:%i:%s.%f')"),
        Some(Kind::Date) => format!("DATE_FORMAT({column}, '%Y-%m-%d')"),
        Some(Kind::Time) => format!("TIME_FORMAT({column}, '%H:%i:%s.%f')"),
        _ => format!("CAST({column} AS CHAR)"),
    }
}

/// Brings every value into its one form, and the rows into order.
fn normal(mut rows: Vec<Row>, columns: &[(String, Option<Kind>)]) -> Vec<Row> {
    for row in &mut rows {
        for (value, (_, kind)) in row.iter_mut().zip(columns) {
            let Some(value) = value else { continue };
            match kind {
                // Both write all places that the column has, which need not be as many.
                Some(Kind::Numeric | Kind::Decimal) if value.contains('.') => {
                    *value = value.trim_end_matches('0').trim_end_matches('.').to_owned();
                }
                Some(Kind::Double) => *value = format!("{:?}", value.parse::<f64>().unwrap()),
                Some(Kind::Json) => *value = json(&serde_json::from_str(value).unwrap()),
                _ => {}
            }
        }
    }
    rows.sort();
    rows
}

/// JSON with sorted keys and numbers by value: MySQL writes 3.0 where PostgreSQL writes 3.
fn json(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => n.to_string(),
            (None, Some(n)) if n.fract() == 0.0 => format!("{n:.0}"),
            _ => n.to_string(),
        },
        Value::Array(all) => format!("[{}]", all.iter().map(json).collect::<Vec<_>>().join(",")),
        Value::Object(all) => {
            let sorted: BTreeMap<_, _> = all.iter().collect();
            let pairs = sorted.iter().map(|(k, v)| format!("{}:{}", Value::String((*k).clone()), json(v)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// How many differences are told of each kind.
const TOLD: usize = 5;

/// Matches sorted rows by the first `key` columns, or as wholes where there is no key.
fn describe(from: &[Row], to: &[Row], key: usize, columns: &[(String, Option<Kind>)]) -> String {
    let key = if key == 0 { columns.len() } else { key };
    let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let (mut from, mut to) = (from.iter().peekable(), to.iter().peekable());
    loop {
        let order = match (from.peek(), to.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a[..key].cmp(&b[..key]),
        };
        let (a, b) = (from.next_if(|_| order.is_le()), to.next_if(|_| order.is_ge()));
        let row = a.or(b).unwrap();
        let name = row[..key].iter().map(shown).collect::<Vec<_>>().join(", ");
        match (a, b) {
            (Some(a), Some(b)) if a != b => {
                let differ = a.iter().zip(b).zip(columns).filter(|((a, b), _)| a != b);
                for ((a, b), (column, _)) in differ {
                    lines.entry("differs").or_default().push(format!("{name}: {column}: {} ≠ {}", shown(a), shown(b)));
                }
            }
            (Some(_), Some(_)) => {}
            (Some(_), None) => lines.entry("only on the source").or_default().push(name),
            (None, _) => lines.entry("only on the target").or_default().push(name),
        }
    }
    let mut text = String::new();
    for (what, lines) in lines {
        let _ = writeln!(text, "  {what}, {} in all:", lines.len());
        for line in lines.iter().take(TOLD) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// A value as a person reads it; of a long one both ends, which tell it from others.
fn shown(value: &Option<String>) -> String {
    let Some(value) = value else { return "NULL".to_owned() };
    let characters: Vec<char> = value.chars().collect();
    if characters.len() <= 80 {
        return format!("{value:?}");
    }
    let (head, tail): (String, String) =
        (characters[..40].iter().collect(), characters[characters.len() - 20..].iter().collect());
    format!("{head:?}…{tail:?} ({} characters)", characters.len())
}

#[test]
fn a_difference_is_told_by_key_and_column() {
    let columns = [("id".to_owned(), None), ("v".to_owned(), None)];
    let rows = |all: &[(&str, &str)]| -> Vec<Row> {
        all.iter().map(|(id, v)| vec![Some((*id).to_owned()), Some((*v).to_owned())]).collect()
    };
    let from = rows(&[("1", "a"), ("2", "b"), ("3", "c")]);
    assert_eq!(describe(&from, &from, 1, &columns), "");
    let to = rows(&[("1", "a"), ("2", "x"), ("4", "d")]);
    let told = "  differs, 1 in all:\n    \"2\": v: \"b\" ≠ \"x\"\n  only on the source, 1 in all:\n    \"3\"\n  only on the \
                target, 1 in all:\n    \"4\"\n";
    assert_eq!(describe(&from, &to, 1, &columns), told);
    // Without a key a row that is there twice is missed when it is there once.
    let (twice, once) = (rows(&[("1", "a"), ("1", "a")]), rows(&[("1", "a")]));
    assert_eq!(describe(&twice, &once, 0, &columns), "  only on the source, 1 in all:\n    \"1\", \"a\"\n");
}
