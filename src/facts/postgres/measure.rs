//! How long the values of key columns without a declared length are: MySQL wants a length for a key.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Client;

use super::super::{PgColumn, PgTable, TypeClass};
use super::ask::Ask;
use crate::quote::{pg_ident, pg_table};

/// Tables per statement: each is locked for reading with its indexes, and locks are limited on the whole server.
const BATCH: usize = 100;

/// The longest declared length that is taken as it stands: characters of up to four bytes within 3072 index bytes.
const SHORT: i32 = 768;

/// Fills in the longest value of each key column that has no declared length, or a very long one, by one statement
/// per batch of tables. It reads those tables in full. Tables that the login may not read, or not in full, are left.
///
/// # Errors
/// The driver's error; what was measured before stays.
pub async fn measure(client: &Client, tables: &mut [PgTable]) -> Result<(), tokio_postgres::Error> {
    run(&Ask::new(client), tables).await
}

/// The same for a judgement, which waits a few seconds at most; what takes longer stays unmeasured.
pub(super) async fn briefly(ask: &Ask<'_>, tables: &mut [PgTable]) {
    match timeout(Duration::from_secs(5), run(ask, tables)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("key columns not measured: {error}"),
        Err(_) => tracing::debug!("key columns not measured: it took too long"),
    }
}

async fn run(ask: &Ask<'_>, tables: &mut [PgTable]) -> Result<(), tokio_postgres::Error> {
    let wanted: Vec<(usize, Vec<usize>)> = tables
        .iter()
        .enumerate()
        .filter(|(_, t)| t.can_select && t.schema_usage && !t.row_security)
        .map(|(at, t)| (at, key_columns(t)))
        .filter(|(_, columns)| !columns.is_empty())
        .collect();
    for batch in wanted.chunks(BATCH) {
        let selects: Vec<String> = batch.iter().map(|(at, columns)| select(&tables[*at], *at, columns)).collect();
        for row in ask.rows(&selects.join(" UNION ALL "), &[]).await? {
            let Ok(at) = usize::try_from(row.get::<_, i64>(0)) else { continue };
            let lengths: Vec<Option<i64>> = row.get(1);
            let Some((_, columns)) = batch.iter().find(|(known, _)| *known == at) else { continue };
            for (column, length) in columns.iter().zip(lengths) {
                tables[at].columns[*column].longest = Some(length.and_then(|l| u64::try_from(l).ok()).unwrap_or(0));
            }
        }
    }
    Ok(())
}

fn select(table: &PgTable, at: usize, columns: &[usize]) -> String {
    let lengths: Vec<String> = columns
        .iter()
        .map(|c| {
            let column = &table.columns[*c];
            let name = pg_ident(&column.name);
            match column.ty.name.as_str() {
                "bytea" => format!("max(octet_length({name}))::int8"),
                _ => format!("max(char_length({name}::text))::int8"),
            }
        })
        .collect();
    format!("SELECT {at}::int8, ARRAY[{}] FROM {}", lengths.join(", "), pg_table(&table.schema, &table.name))
}

/// Columns of any whole-table key whose type says nothing of their length. In a table without a primary key also
/// those that could become one, unless a counter among them makes the better key.
fn key_columns(table: &PgTable) -> Vec<usize> {
    let keys = table.primary_key.iter().chain(table.unique_keys.iter().filter(|k| !k.partial && !k.expressions));
    let in_keys: HashSet<&str> = keys.flat_map(|k| k.columns.iter().map(String::as_str)).collect();
    let counted = table.columns.iter().any(|c| c.unique_by_statistics && c.identity);
    let candidates = table.primary_key.is_none() && !counted;
    let wanted = |c: &PgColumn| (in_keys.contains(c.name.as_str()) || candidates && c.unique_by_statistics) && long(c);
    table.columns.iter().enumerate().filter(|(_, c)| wanted(c)).map(|(at, _)| at).collect()
}

fn long(column: &PgColumn) -> bool {
    let ty = &column.ty;
    ty.class == TypeClass::Base
        && match ty.name.as_str() {
            "text" | "citext" | "bytea" => true,
            "varchar" | "bpchar" => ty.modifier < 0 || ty.modifier - 4 > SHORT,
            _ => false,
        }
}
