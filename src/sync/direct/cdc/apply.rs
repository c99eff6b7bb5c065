//! Applying batches to the target: one transaction for the data and the position; [`super::statements`] writes the rows.
//!
//! Rows are matched by the primary key only. `INSERT … ON DUPLICATE KEY UPDATE` and `REPLACE` match by any unique key
//! and could land in another row, so a table with further unique keys has its rows deleted by their keys and inserted
//! again: values that rows swap, or hand on, then never meet.

use std::sync::Arc;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::sync::oneshot;

use super::change::{Batch, KeyedRow, Reached, Stage, TableWork, What};
use super::checkpoint::Checkpoint;
use super::row::RowLayout;
use super::statements::{Existing, Table};
use crate::pipeline::OnUnrepresentable;
use crate::sync::direct::prepare::Job;
use crate::sync::direct::target::Server;
use crate::sync::direct::tuple::Tuple;
use crate::sync::error::Cause;

/// Why a batch was not applied. Nothing of its transaction is on the target.
#[derive(Debug)]
pub(super) enum Failure {
    /// A later run has taken the right to write.
    Fenced,
    /// Its turn to commit never came.
    Recalled,
    /// The target refused it, or went away.
    Cause {
        /// Place of the table, where it was one.
        place: Option<usize>,
        /// What went wrong.
        cause: Cause,
    },
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Cause { place: None, cause }
    }
}

/// Writes to the target.
pub(super) struct Applier {
    pub(super) conn: Conn,
    pub(super) server: Server,
    pub(super) jobs: Arc<[Job]>,
    pub(super) checkpoint: Checkpoint,
    pub(super) policy: OnUnrepresentable,
    /// The target takes `LOAD DATA LOCAL`, as far as is known.
    pub(super) infile: bool,
    /// A transaction is open, which holds earlier pieces of a large source transaction.
    pub(super) open: bool,
    /// Values written as NULL because the target cannot hold them.
    pub(super) nulled: u64,
}

impl Applier {
    /// Applies a batch, and commits where a source transaction ends with it, but not before its turn.
    ///
    /// Values that were written as NULL because the target cannot hold them.
    pub(super) async fn apply(&mut self, batch: &Batch, turn: oneshot::Receiver<()>) -> Result<u64, Failure> {
        let done = self.transaction(batch, turn).await;
        if done.is_err() {
            self.open = false;
            // When this does not come through, the server rolls back as it notices the lost session.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(20), self.conn.query_drop("ROLLBACK")).await;
        }
        let nulled = std::mem::take(&mut self.nulled);
        done.map(|()| nulled)
    }

    async fn transaction(&mut self, batch: &Batch, turn: oneshot::Receiver<()>) -> Result<(), Failure> {
        if !self.open {
            self.run("START TRANSACTION").await?;
            if batch.reached.is_none() {
                // Many pieces follow: a run that takes over waits for them here, and not at some row.
                self.checkpoint(None).await?;
            }
        }
        self.open = true;
        for work in &batch.tables {
            let failed = |cause| Failure::Cause { place: Some(work.place), cause };
            self.table(work).await.map_err(failed)?;
        }
        if batch.reached.is_some() {
            turn.await.map_err(|_| Failure::Recalled)?;
            self.checkpoint(batch.reached).await?;
            self.run("COMMIT").await?;
            self.open = false;
        }
        Ok(())
    }

    /// Moves the checkpoint; held to the commit. Whoever was taken over finds no row to change.
    async fn checkpoint(&mut self, reached: Option<Reached>) -> Result<(), Failure> {
        let write = self.checkpoint.write_sql(reached);
        if self.run(&write).await? == 1 { Ok(()) } else { Err(Failure::Fenced) }
    }

    /// Runs a statement; the rows that it met.
    pub(super) async fn run(&mut self, sql: impl AsRef<[u8]>) -> Result<u64, Cause> {
        self.conn.query_drop(sql.as_ref()).await.map_err(|e| Cause::from(&e))?;
        Ok(self.conn.affected_rows())
    }

    async fn table(&mut self, work: &TableWork) -> Result<(), Cause> {
        let jobs = Arc::clone(&self.jobs);
        let table = Table { job: &jobs[work.place], target: jobs[work.place].target() };
        for stage in &work.stages {
            match stage {
                // TRUNCATE would commit what is open.
                Stage::Clear => drop(self.run(format!("DELETE FROM {}", table.target)).await?),
                Stage::Keyed(layout, rows) => self.keyed(&table, layout, rows).await?,
                Stage::Rekey { layout, old, new } => self.rekey(&table, layout, old, new).await?,
                Stage::Append(layout, rows) => {
                    self.insert(&table, layout, &rows.iter().collect::<Vec<_>>(), Existing::None).await?;
                }
                Stage::Exact { layout, old, new } => self.exact(&table, layout, old, new.as_ref()).await?,
            }
        }
        Ok(())
    }

    async fn keyed(&mut self, table: &Table<'_>, layout: &RowLayout, rows: &[KeyedRow]) -> Result<(), Cause> {
        let of = |what| rows.iter().filter(move |r| r.what == what).map(|r| &r.tuple).collect::<Vec<_>>();
        if !table.has_other_unique_keys() {
            self.delete(table, layout, &of(What::Delete)).await?;
            self.insert(table, layout, &of(What::Put), Existing::SameKey).await?;
            return self.set(table, layout, &of(What::Set)).await;
        }
        let mut completed = Vec::new();
        for row in of(What::Set) {
            completed.push(self.complete(table, layout, row).await?);
        }
        let all: Vec<&Tuple> = rows.iter().map(|r| &r.tuple).collect();
        self.delete(table, layout, &all).await?;
        let mut put = of(What::Put);
        put.extend(&completed);
        self.insert(table, layout, &put, Existing::None).await
    }
}
