//! What DMS does not tell, asked of the source itself: how many rows there are, and how far its slot is.

use tokio_postgres::Client;

use super::task::Task;
use crate::connect;
use crate::facts::{PgTable, postgres};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::sync::Lsn;

/// A session, and the selected tables.
pub(super) struct Source {
    client: Client,
    pub(super) tables: Vec<PgTable>,
}

/// Where the task's slot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// WAL that is not confirmed, bytes.
    pub(super) behind: u64,
    /// WAL that is kept for it, bytes.
    pub(super) retained: u64,
    /// Confirmed up to here.
    pub(super) confirmed: Lsn,
}

impl Source {
    /// Logs in and lists the selected tables; an error is in words.
    pub(super) async fn open(pipeline: &Pipeline, passwords: &Passwords) -> Result<Self, String> {
        let client =
            connect::postgres::open(&pipeline.source, passwords.source.as_ref()).await.map_err(|e| e.to_string())?;
        let tables = postgres::tables(&client, pipeline).await.map_err(|e| e.to_string())?;
        Ok(Self { client, tables })
    }

    /// Where the source's WAL ends now.
    pub(super) async fn position(&self) -> Option<Lsn> {
        let row = self.client.query_one("SELECT pg_current_wal_lsn()::text", &[]).await.ok()?;
        row.get::<_, String>(0).parse().ok()
    }

    /// The task's slot. DMS names it after the task's ARN where its endpoint names none.
    pub(super) async fn slot(&self, task: &Task, named: Option<&str>) -> Option<Slot> {
        let id: String = task.id().to_lowercase().chars().take(16).collect();
        let sql = "SELECT greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::int8, \
                   greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::int8, confirmed_flush_lsn::text \
                   FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database() AND \
                   confirmed_flush_lsn IS NOT NULL AND (slot_name = $1 OR ($1 = '' AND position($2 in slot_name) > 0)) \
                   ORDER BY active DESC, slot_name LIMIT 1";
        let row = self.client.query_opt(sql, &[&named.unwrap_or_default(), &id]).await.ok()??;
        let bytes = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0);
        Some(Slot { behind: bytes(0), retained: bytes(1), confirmed: row.get::<_, String>(2).parse().ok()? })
    }
}
