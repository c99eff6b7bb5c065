//! What a run knows of those before it, kept in the target beside the data, so that both commit together.

use std::collections::HashMap;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::change::Reached;
use crate::connect::replication::POSTGRES_EPOCH;
use crate::pipeline::Pipeline;
use crate::quote::{my_ident, my_literal, my_table};
use crate::sync::Lsn;
use crate::sync::error::{Cause, SyncError};

/// One row a pipeline: how far the target is.
pub const CHECKPOINT_TABLE: &str = "cdc_doctor_checkpoint";
/// One row a table: from which position on its changes are applied.
pub const TABLES_TABLE: &str = "cdc_doctor_tables";

const TEXT: &str = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";

/// What earlier runs have left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stored {
    /// The pipeline's row, where there is one.
    pub(super) row: Option<StoredRow>,
    /// The tables, by schema and name on the source.
    pub(super) tables: HashMap<(String, String), TableRow>,
}

/// The pipeline's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredRow {
    /// The replication slot.
    pub(super) slot: String,
    /// Which source: its system identifier and database.
    pub(super) source: String,
    /// Where the target stands; nothing until the slot was made.
    pub(super) lsn: Option<Lsn>,
}

/// A table's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TableRow {
    /// Its load came to the end.
    pub(super) loaded: bool,
    /// Changes of transactions that commit at or behind it are not in the load.
    pub(super) from: Lsn,
}

/// The right to write, taken by a run and lost to a later one.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    database: String,
    pipeline: String,
    epoch: u64,
}

fn failed(doing: &'static str) -> impl FnOnce(mysql_async::Error) -> SyncError {
    move |e| SyncError::Prepare { doing: doing.to_owned(), cause: Cause::from(&e) }
}

/// No such database, or no such table.
fn absent(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(e) if matches!(e.code, 1049 | 1146))
}

/// Reads what earlier runs have left; changes nothing.
pub(super) async fn read(conn: &mut Conn, pipeline: &Pipeline) -> Result<Stored, SyncError> {
    let (database, name) = (&pipeline.target.database, my_literal(&pipeline.name));
    let ask = format!("SELECT slot, source, lsn FROM {} WHERE pipeline = {name}", my_table(database, CHECKPOINT_TABLE));
    let row = match conn.query_first::<(String, String, Option<u64>), _>(ask).await {
        Err(e) if absent(&e) => None,
        other => other.map_err(failed("reading the checkpoint on the target"))?,
    };
    let ask = format!(
        "SELECT source_schema, source_table, state, lsn FROM {} WHERE pipeline = {name}",
        my_table(database, TABLES_TABLE)
    );
    let tables = match conn.query::<(String, String, String, Option<u64>), _>(ask).await {
        Err(e) if absent(&e) => Vec::new(),
        other => other.map_err(failed("reading the checkpoint on the target"))?,
    };
    let table = |(schema, name, state, lsn): (_, _, String, Option<u64>)| {
        ((schema, name), TableRow { loaded: state == "loaded", from: Lsn(lsn.unwrap_or(0)) })
    };
    Ok(Stored {
        row: row.map(|(slot, source, lsn)| StoredRow { slot, source, lsn: lsn.map(Lsn) }),
        tables: tables.into_iter().map(table).collect(),
    })
}

impl Checkpoint {
    /// Takes the right to write from all earlier runs, and tells where they have left the target, for good. The caller
    /// holds the lock on the target.
    pub(super) async fn claim(
        conn: &mut Conn,
        pipeline: &Pipeline,
        source: &str,
    ) -> Result<(Self, Option<Lsn>), SyncError> {
        let doing = "making the checkpoint on the target";
        let database = pipeline.target.database.clone();
        let create = format!("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4", my_ident(&database));
        for sql in [create_checkpoint(&database), create_tables(&database)] {
            match conn.query_drop(&sql).await {
                Err(e) if absent(&e) => {
                    conn.query_drop(&create).await.map_err(failed(doing))?;
                    conn.query_drop(&sql).await.map_err(failed(doing))?;
                }
                other => other.map_err(failed(doing))?,
            }
        }
        let table = my_table(&database, CHECKPOINT_TABLE);
        let (name, slot) = (my_literal(&pipeline.name), my_literal(&pipeline.sync.slot));
        let source = my_literal(source);
        conn.query_drop(format!(
            "INSERT INTO {table} (pipeline, slot, source, lsn, epoch, batch, updated_at) \
             VALUES ({name}, {slot}, {source}, NULL, 1, 0, UTC_TIMESTAMP(6)) \
             ON DUPLICATE KEY UPDATE epoch = epoch + 1, slot = {slot}, source = {source}"
        ))
        .await
        .map_err(failed(doing))?;
        let row: Option<(u64, Option<u64>)> = conn
            .query_first(format!("SELECT epoch, lsn FROM {table} WHERE pipeline = {name}"))
            .await
            .map_err(failed(doing))?;
        let (epoch, lsn) = row.unwrap_or_default();
        Ok((Self { database, pipeline: pipeline.name.clone(), epoch }, lsn.map(Lsn)))
    }

    /// The statement without which no target transaction commits: it changes one row for as long as this run may write,
    /// and holds it until the commit.
    pub(super) fn write_sql(&self, reached: Option<Reached>) -> String {
        let mut set = "batch = batch + 1, updated_at = UTC_TIMESTAMP(6)".to_owned();
        if let Some(reached) = reached {
            set.push_str(&format!(", lsn = {}", reached.lsn.0));
            if let Some(time) = reached.time.and_then(timestamp) {
                set.push_str(&format!(", committed_at = '{time}'"));
            }
        }
        let table = my_table(&self.database, CHECKPOINT_TABLE);
        format!("UPDATE {table} SET {set} WHERE {}", self.mine())
    }

    fn mine(&self) -> String {
        format!("pipeline = {} AND epoch = {}", my_literal(&self.pipeline), self.epoch)
    }

    /// Writes down where tables stand, and where the target does when that is given; all of it or nothing.
    pub(super) async fn record(
        &self,
        conn: &mut Conn,
        tables: impl IntoIterator<Item = (&str, &str, TableRow)>,
        lsn: Option<Lsn>,
    ) -> Result<(), SyncError> {
        let doing = "writing the checkpoint on the target";
        conn.query_drop("START TRANSACTION").await.map_err(failed(doing))?;
        let reached = lsn.map(|lsn| Reached { lsn, time: None });
        conn.query_drop(self.write_sql(reached)).await.map_err(failed(doing))?;
        if conn.affected_rows() != 1 {
            return Err(SyncError::Fenced);
        }
        let rows: Vec<String> = tables
            .into_iter()
            .map(|(schema, name, row)| {
                let state = if row.loaded { "loaded" } else { "loading" };
                let (pipeline, schema, name) = (my_literal(&self.pipeline), my_literal(schema), my_literal(name));
                format!("({pipeline}, {schema}, {name}, '{state}', {})", row.from.0)
            })
            .collect();
        for some in rows.chunks(500) {
            let table = my_table(&self.database, TABLES_TABLE);
            conn.query_drop(format!(
                "REPLACE INTO {table} (pipeline, source_schema, source_table, state, lsn) VALUES {}",
                some.join(", ")
            ))
            .await
            .map_err(failed(doing))?;
        }
        conn.query_drop("COMMIT").await.map_err(failed(doing))
    }
}

/// Removes all that this pipeline has left.
pub(super) async fn forget(conn: &mut Conn, pipeline: &Pipeline) -> Result<(), SyncError> {
    forget_tables(conn, &pipeline.target.database, &pipeline.name).await?;
    let table = my_table(&pipeline.target.database, CHECKPOINT_TABLE);
    conn.query_drop(format!("DELETE FROM {table} WHERE pipeline = {}", my_literal(&pipeline.name)))
        .await
        .map_err(failed("removing the checkpoint from the target"))
}

/// All tables of the pipeline are to be loaded anew.
pub(in crate::sync::direct) async fn forget_tables(
    conn: &mut Conn,
    database: &str,
    pipeline: &str,
) -> Result<(), SyncError> {
    let table = my_table(database, TABLES_TABLE);
    match conn.query_drop(format!("DELETE FROM {table} WHERE pipeline = {}", my_literal(pipeline))).await {
        Err(e) if absent(&e) => Ok(()),
        other => other.map_err(failed("removing the checkpoint from the target")),
    }
}

/// `2024-02-29 12:00:00.123456`, UTC.
fn timestamp(micros_since_2000: i64) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(micros_since_2000.checked_add(POSTGRES_EPOCH)?).ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

fn create_checkpoint(database: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (pipeline VARCHAR(255) {TEXT} PRIMARY KEY, slot VARCHAR(63) {TEXT}, \
         source VARCHAR(255) {TEXT}, lsn BIGINT UNSIGNED NULL, epoch BIGINT UNSIGNED NOT NULL, \
         batch BIGINT UNSIGNED NOT NULL, committed_at DATETIME(6) NULL, updated_at DATETIME(6) NOT NULL) ENGINE=InnoDB",
        my_table(database, CHECKPOINT_TABLE)
    )
}

fn create_tables(database: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (pipeline VARCHAR(255) {TEXT}, source_schema VARCHAR(63) {TEXT}, \
         source_table VARCHAR(63) {TEXT}, state VARCHAR(16) {TEXT}, lsn BIGINT UNSIGNED NULL, \
         PRIMARY KEY (pipeline, source_schema, source_table)) ENGINE=InnoDB",
        my_table(database, TABLES_TABLE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_begins_by_changing_the_row_of_this_run_only() {
        let checkpoint = Checkpoint { database: "d".into(), pipeline: "p'".into(), epoch: 7 };
        let reached = Reached { lsn: Lsn(258), time: Some(1) };
        assert_eq!(
            checkpoint.write_sql(Some(reached)),
            r"UPDATE `d`.`cdc_doctor_checkpoint` SET batch = batch + 1, updated_at = UTC_TIMESTAMP(6), lsn = 258, committed_at = '2000-01-01 00:00:00.000001' WHERE pipeline = 'p\'' AND epoch = 7"
        );
        assert!(!checkpoint.write_sql(None).contains("lsn"));
    }
}
