//! How far a running sync has come: the checkpoint that it keeps on the target.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::error::Broken;
use super::report::SyncState;
use super::sides::Sides;
use crate::pipeline::Pipeline;
use crate::quote::{my_literal, my_table, pg_literal};

/// How often the checkpoint is looked at.
const EVERY: Duration = Duration::from_millis(100);
/// How much longer a sync may take for one step when its slot is in use: a large transaction is one step.
const IN_USE: u32 = 8;

/// The checkpoint of a pipeline, and what was seen of it.
#[derive(Debug)]
pub(super) struct Tide {
    ask: String,
    slot_in_use: String,
    patience: Duration,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Everything that moves while a sync runs.
    mark: String,
    moved: Instant,
    state: SyncState,
}

/// The checkpoint's row.
struct Checkpoint {
    lsn: Option<u64>,
    mark: String,
}

impl Tide {
    /// The checkpoint of the pipeline, if the target has one. `patience` is how long it may stand still before it counts
    /// as left behind.
    pub(super) async fn look(
        conn: &mut Conn,
        pipeline: &Pipeline,
        patience: Duration,
    ) -> Result<Option<Self>, mysql_async::Error> {
        let ask = format!(
            "SELECT lsn, CONCAT_WS(' ', lsn, epoch, batch, updated_at) FROM {} WHERE pipeline = {}",
            my_table(&pipeline.target.database, "cdc_doctor_checkpoint"),
            my_literal(&pipeline.name)
        );
        let Some(now) = checkpoint(conn, &ask).await? else { return Ok(None) };
        let slot = pg_literal(&pipeline.sync.slot);
        let slot_in_use =
            format!("SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = {slot} AND active)");
        let seen = Seen { mark: now.mark, moved: Instant::now(), state: SyncState::NotAsked };
        Ok(Some(Self { ask, slot_in_use, patience, seen: Mutex::new(seen) }))
    }

    /// What is known of the sync by now.
    pub(super) fn state(&self) -> SyncState {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).state
    }

    /// Waits until the target holds everything that committed on the source before `position`. False when the
    /// checkpoint stands still behind it, or is gone.
    pub(super) async fn reaches(&self, sides: &mut Sides, position: u64) -> Result<bool, Broken> {
        let began = Instant::now();
        loop {
            let Some(now) = checkpoint(&mut sides.target, &self.ask).await? else {
                return Ok(self.conclude(SyncState::None));
            };
            if now.lsn.is_some_and(|lsn| lsn >= position) {
                return Ok(self.conclude(SyncState::Following));
            }
            let still = self.still(now.mark, began);
            let standing = SyncState::Standing { behind_bytes: now.lsn.map(|lsn| position - lsn) };
            // Once found standing, nobody waits again.
            if matches!(self.state(), SyncState::Standing { .. }) {
                return Ok(self.conclude(standing));
            }
            if still > self.patience && (still > self.patience * IN_USE || !self.slot_in_use(sides).await?) {
                return Ok(self.conclude(standing));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// For how long the checkpoint has not moved while somebody looked.
    fn still(&self, mark: String, began: Instant) -> Duration {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.mark != mark {
            seen.mark = mark;
            seen.moved = Instant::now();
        }
        seen.moved.max(began).elapsed()
    }

    /// Keeps the state, and says whether the sync follows. What was found without it stays so, though it may come
    /// later.
    fn conclude(&self, state: SyncState) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let follows = state == SyncState::Following;
        if !(follows && matches!(seen.state, SyncState::Standing { .. })) {
            seen.state = state;
        }
        follows
    }

    async fn slot_in_use(&self, sides: &Sides) -> Result<bool, Broken> {
        Ok(sides.source.query_typed_one(&self.slot_in_use, &[]).await?.get(0))
    }
}

async fn checkpoint(conn: &mut Conn, ask: &str) -> Result<Option<Checkpoint>, mysql_async::Error> {
    match conn.query_first::<(Option<u64>, String), _>(ask).await {
        Ok(row) => Ok(row.map(|(lsn, mark)| Checkpoint { lsn, mark })),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tables (schema, name) of the pipeline whose load is not complete.
pub(super) async fn loading(conn: &mut Conn, pipeline: &Pipeline) -> Result<Vec<(String, String)>, mysql_async::Error> {
    let ask = format!(
        "SELECT source_schema, source_table FROM {} WHERE pipeline = {} AND state = 'loading'",
        my_table(&pipeline.target.database, "cdc_doctor_tables"),
        my_literal(&pipeline.name)
    );
    match conn.query(ask).await {
        Err(error) if is_missing(&error) => Ok(Vec::new()),
        rows => rows,
    }
}

/// No such table, no such database, or none that this account may see.
fn is_missing(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(e) if matches!(e.code, 1049 | 1142 | 1146))
}
