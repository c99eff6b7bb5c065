//! One view of the source for all readers: a session that exports its snapshot, and readers that import it.

use tokio_postgres::Client;

use crate::connect;
use crate::facts::PgTable;
use crate::pipeline::Endpoint;
use crate::pipeline::secrets::Password;
use crate::quote::{pg_literal, pg_table};
use crate::sync::error::{Cause, SyncError};

/// A snapshot, and the session that holds the locks on its tables. Both must live until every row is read.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The session.
    pub(super) client: Client,
    /// Its name, for the readers.
    pub(super) id: String,
}

/// How long to wait for a table that somebody alters.
const LOCK_SECONDS: u32 = 60;

fn failed(doing: &str) -> impl FnOnce(tokio_postgres::Error) -> SyncError {
    let doing = doing.to_owned();
    move |e| SyncError::Prepare { doing, cause: Cause::from(&e) }
}

/// Opens a transaction that locks the tables against TRUNCATE and ALTER for as long as it lives. It comes before the
/// snapshot: a table that is truncated or rewritten is empty in every snapshot that was there before.
pub(super) async fn lock(client: &Client, tables: &[&PgTable]) -> Result<(), SyncError> {
    let begin = format!("SET lock_timeout = '{LOCK_SECONDS}s'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    client.batch_execute(&begin).await.map_err(failed("opening the snapshot"))?;
    for some in tables.chunks(500) {
        let names: Vec<String> = some.iter().map(|t| pg_table(&t.schema, &t.name)).collect();
        let lock = format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", "));
        client.batch_execute(&lock).await.map_err(failed("locking the source tables against ALTER and TRUNCATE"))?;
    }
    Ok(())
}

/// Takes the snapshot of a session in a transaction; its name, good for as long as the transaction lives.
pub(super) async fn export(client: &Client) -> Result<String, SyncError> {
    let row = client.query_one("SELECT pg_catalog.pg_export_snapshot()", &[]).await;
    row.map(|row| row.get(0)).map_err(failed("exporting the snapshot"))
}

/// A session that sees what the snapshot sees. Rows come in the same order each time, so that the row that a warning
/// numbers can be found again.
pub(super) async fn reader(endpoint: &Endpoint, password: Option<&Password>, id: &str) -> Result<Client, Cause> {
    let client = connect::postgres::open(endpoint, password).await.map_err(|e| Cause::Connect(Box::new(e)))?;
    let begin = format!(
        "SET synchronize_seqscans = off; SET max_parallel_workers_per_gather = 0; SET jit = off; \
         BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}",
        pg_literal(id)
    );
    client.batch_execute(&begin).await.map_err(|e| Cause::from(&e))?;
    Ok(client)
}
