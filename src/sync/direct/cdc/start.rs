//! All that must stand before changes are followed: both sessions, the lock, the slot, the publication, the tables and
//! the right to write. What speaks against it is found before anything is made.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use super::checkpoint::{self, Checkpoint, Stored};
use super::publication::{self, Oids};
use super::relation::key_columns;
use super::slot::{self, Plan};
use super::workers;
use crate::connect;
use crate::connect::mysql::Like;
use crate::facts::{MyTable, PgKey, PgTable, ReplicaIdentity};
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{Pipeline, SyncMode};
use crate::quote::pg_table;
use crate::schema;
use crate::sync::SyncError;
use crate::sync::direct::SyncOptions;
use crate::sync::direct::prepare::{self, Fill, Job, Wish};
use crate::sync::direct::target::{self, Server};
use crate::sync::error::{Cause, Refused};
use crate::text::safe;

/// What a try stands on.
pub(super) struct Started {
    pub(super) client: Arc<Client>,
    /// `server_version_num`.
    pub(super) version: i32,
    /// Holds the lock on the target, and is the first to write there.
    pub(super) conn: Conn,
    pub(super) server: Server,
    pub(super) jobs: Arc<[Job]>,
    pub(super) oids: Oids,
    pub(super) checkpoint: Checkpoint,
    pub(super) stored: Stored,
    pub(super) plan: Plan,
    /// The target keeps what it has committed when its machine fails (`innodb_flush_log_at_trx_commit = 1`).
    pub(super) durable: bool,
}

/// What is asked of a start.
pub(super) struct Asked<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) passwords: &'a Passwords,
    pub(super) options: &'a SyncOptions,
    /// The sessions of an earlier try, which the target may believe to be alive.
    pub(super) earlier: &'a [u32],
}

fn from_source(doing: &str) -> impl FnOnce(tokio_postgres::Error) -> SyncError {
    let doing = doing.to_owned();
    move |e| SyncError::Prepare { doing, cause: Cause::from(&e) }
}

/// Looks at everything, refuses, or makes what is missing but the slot.
pub(super) async fn start(asked: &Asked<'_>) -> Result<Started, SyncError> {
    let Asked { pipeline, passwords, options, earlier } = *asked;
    let client = connect::postgres::open(&pipeline.source, passwords.source.as_ref()).await?;
    let version = client.query_one("SELECT current_setting('server_version_num')::int4", &[]).await;
    let version: i32 = version.map_err(from_source("asking the source for its version"))?.get(0);
    let identity = identify(pipeline, passwords).await?;
    let mut conn = session(pipeline, passwords).await?;
    let server = Server::of(&mut conn).await?;
    lock(&mut conn, &pipeline.name, &pipeline.target_databases(), earlier).await?;
    let flush: Option<u8> = conn.query_first("SELECT @@innodb_flush_log_at_trx_commit").await.unwrap_or(None);

    let mut stored = checkpoint::read(&mut conn, pipeline).await?;
    let name = &pipeline.sync.slot;
    if options.truncate_target && stored.row.as_ref().is_some_and(|row| row.slot == *name) {
        slot::drop_slot(&client, name).await?;
        stored = Stored::default();
    }
    let there = slot::find(&client, name).await?;
    let plan = slot::judge(name, there.as_ref(), stored.row.as_ref(), &identity, &pipeline.source.database)?;
    if there.is_some() {
        slot::wait_until_free(&client, name).await?;
    }

    let fill = |table: &PgTable| fill(pipeline, options, &stored, table);
    let refuse = |table: &PgTable, have: Option<&MyTable>| unfollowable(table, have, version);
    let wish = Wish { fill: &fill, refuse: &refuse };
    let jobs = prepare::tables(pipeline, &wish, &client, &mut conn, server).await?;
    let tables: Vec<&PgTable> = jobs.iter().map(|j| &j.source).collect();
    let followed = |table: &PgTable| {
        let known = stored.tables.get(&(table.schema.clone(), table.name.clone()));
        fill(table) == Fill::Keep && known.is_some_and(|row| row.loaded)
    };
    let oids = publication::ensure(&client, &pipeline.sync.publication, &tables, followed, version).await?;
    let (checkpoint, lsn) = Checkpoint::claim(&mut conn, pipeline, &identity).await?;
    if let Some(row) = &mut stored.row {
        // What an earlier run had under way when it was read above is decided now.
        row.lsn = lsn;
    }
    let client = Arc::new(client);
    let durable = flush.is_none_or(|flush| flush == 1);
    Ok(Started { client, version, conn, server, jobs: jobs.into(), oids, checkpoint, stored, plan, durable })
}

/// Which source this is: its system identifier and database.
async fn identify(pipeline: &Pipeline, passwords: &Passwords) -> Result<String, SyncError> {
    let mut session = connect::postgres::open_replication(&pipeline.source, passwords.source.as_ref()).await?;
    let rows = session
        .query("IDENTIFY_SYSTEM")
        .await
        .map_err(|e| SyncError::Prepare { doing: "asking the source who it is".to_owned(), cause: Cause::from(&e) })?;
    let system = rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten().unwrap_or_default();
    Ok(format!("{system}/{}", pipeline.source.database))
}

/// A session that writes.
async fn session(pipeline: &Pipeline, passwords: &Passwords) -> Result<Conn, SyncError> {
    let first = connect::mysql::open(&pipeline.target, passwords.target.as_ref(), None).await?;
    let options = Like::session(&first, &pipeline.target, passwords.target.as_ref()).counting_found_rows();
    let _ = first.disconnect().await;
    another(&options).await.map_err(opening)
}

/// A session that counts the rows that a statement met, not those that it changed.
async fn another(options: &Like) -> Result<Conn, Cause> {
    let mut conn = target::another(options).await?;
    // The source has checked them, and sends what they entail as changes of its own.
    let unchecked = "SET SESSION foreign_key_checks = 0";
    for sql in [unchecked, workers::PATIENT] {
        conn.query_drop(sql).await.map_err(|e| Cause::from(&e))?;
    }
    Ok(conn)
}

fn opening(cause: Cause) -> SyncError {
    SyncError::Prepare { doing: "opening a session on the target".to_owned(), cause }
}

/// Further sessions that write beside the first, as many as are wanted and the target takes. Each holds a lock of its
/// own, so that a stale one is found.
pub(super) async fn more_sessions(
    first: &mut Conn,
    pipeline: &Pipeline,
    passwords: &Passwords,
    most: usize,
    earlier: &[u32],
) -> Result<Vec<Conn>, SyncError> {
    let mut more = Vec::new();
    // Locks of gaps would be in the way, and a log of statements needs them.
    if most < 2 || logs_statements(first).await {
        return Ok(more);
    }
    let options = Like::session(first, &pipeline.target, passwords.target.as_ref()).counting_found_rows();
    while more.len() + 1 < most {
        let mut conn = match another(&options).await {
            Ok(conn) => conn,
            Err(cause) if target::no_more_sessions(&cause) => break,
            Err(cause) => return Err(opening(cause)),
        };
        let name = format!("{}#{}", pipeline.name, more.len() + 2);
        lock(&mut conn, &name, &[pipeline.target.database.as_str()], earlier).await?;
        more.push(conn);
    }
    if !more.is_empty() {
        for conn in std::iter::once(first).chain(&mut more) {
            for sql in ["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", workers::HASTY] {
                conn.query_drop(sql).await.map_err(|e| opening(Cause::from(&e)))?;
            }
        }
    }
    Ok(more)
}

/// The binary log holds statements, which READ COMMITTED is not allowed to write (error 1665).
async fn logs_statements(conn: &mut Conn) -> bool {
    let ask = "SHOW SESSION VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format')";
    let values: Vec<(String, String)> = conn.query(ask).await.unwrap_or_default();
    let is = |name: &str, value: &str| values.iter().any(|(n, v)| n == name && v.eq_ignore_ascii_case(value));
    is("log_bin", "ON") && is("binlog_format", "STATEMENT")
}

/// Keeps other runs away. Sessions of this very run may not have been noticed to be gone.
async fn lock(conn: &mut Conn, name: &str, databases: &[&str], earlier: &[u32]) -> Result<(), SyncError> {
    let mut tried = 0;
    loop {
        match target::lock(conn, name, databases).await {
            Err(SyncError::Busy { connection, .. })
                if earlier.iter().any(|id| u64::from(*id) == connection) && tried < 20 =>
            {
                // It may be gone by now, and then there is nothing to end.
                let _ = conn.query_drop(format!("KILL {connection}")).await;
                tokio::time::sleep(Duration::from_millis(250)).await;
                tried += 1;
            }
            other => return other,
        }
    }
}

/// What is done with a table before its changes are followed.
fn fill(pipeline: &Pipeline, options: &SyncOptions, stored: &Stored, table: &PgTable) -> Fill {
    let known = stored.tables.get(&(table.schema.clone(), table.name.clone()));
    match known {
        _ if pipeline.sync.mode == SyncMode::Cdc && !options.reloads(&table.schema, &table.name) => Fill::Keep,
        Some(row) if row.loaded && !options.reloads(&table.schema, &table.name) => Fill::Keep,
        Some(_) => Fill::Again,
        None if options.reloads(&table.schema, &table.name) => Fill::Again,
        None => options.fill(),
    }
}

/// The key on the target, where an index is the replica identity and does not hold it.
fn unnamed_key(table: &PgTable, have: Option<&MyTable>) -> Option<Vec<String>> {
    let key = match have {
        Some(have) => key_columns(table, have).into_iter().map(str::to_owned).collect(),
        None => schema::planned_key(table).unwrap_or_default(),
    };
    let named = |k: &PgKey| k.identity && !key.is_empty() && key.iter().all(|c| k.columns.contains(c));
    let held = table.primary_key.iter().chain(&table.unique_keys).any(named);
    (table.replica_identity == ReplicaIdentity::Index && !held).then_some(key)
}

/// Why changes of the table could not be followed, or not all of them.
fn unfollowable(table: &PgTable, have: Option<&MyTable>, version: i32) -> Option<Refused> {
    let keyless = table.primary_key.is_none();
    let computed = |name: &str| have.and_then(|t| t.column(name)).is_some_and(|c| c.generated);
    let not_sent = table.columns.iter().find(|c| c.generated && version < 180_000 && !computed(&c.name));
    let (why, command) = if table.unlogged {
        ("it is unlogged: its changes are not in the write-ahead log".to_owned(), "cdc-doctor fix TBL-009".to_owned())
    } else if table.replica_identity == ReplicaIdentity::Nothing {
        (
            "its updates and deletes do not say which row they are of (REPLICA IDENTITY NOTHING)".to_owned(),
            "cdc-doctor fix TBL-003".to_owned(),
        )
    } else if keyless && table.replica_identity == ReplicaIdentity::Default {
        (
            "it has no primary key: its updates and deletes could not be followed, and the source would refuse them \
             once the table is published"
                .to_owned(),
            "cdc-doctor fix TBL-001".to_owned(),
        )
    } else if let Some(key) = unnamed_key(table, have) {
        (
            format!(
                "its changes name rows by the index of its replica identity, which has not all columns of the key on \
                 the target ({})",
                safe(&key.join(", "))
            ),
            format!("ALTER TABLE {} REPLICA IDENTITY DEFAULT", safe(&pg_table(&table.schema, &table.name))),
        )
    } else if let Some(column) = not_sent {
        (
            format!(
                "changes do not carry its generated column {}: let the target compute it, or make it an ordinary one",
                safe(&column.name)
            ),
            "cdc-doctor explain TBL-014".to_owned(),
        )
    } else {
        return None;
    };
    Some(Refused { table: table.label(), why, command: Some(command) })
}
