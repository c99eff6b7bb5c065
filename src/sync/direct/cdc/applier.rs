//! The task that applies batches one after another, again where that helps, and reports what it did.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::apply::{Applier, Failure};
use super::change::Batch;
use crate::sync::direct::target;
use crate::sync::error::SyncError;
use crate::sync::{Event, Lsn, Reporter};
use crate::text::safe;

/// Where the applier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Applied {
    /// Batches that were applied, with or without a commit.
    pub(super) batches: u64,
    /// The target stands here, for good.
    pub(super) lsn: Lsn,
    /// When the newest applied transaction committed on the source, microseconds since 2000.
    pub(super) time: Option<i64>,
}

/// A batch that met a deadlock or a lock is tried so often.
const TRIES: u32 = 6;

/// Applies all batches until there are no more.
pub(super) async fn work(
    mut applier: Applier,
    mut batches: mpsc::Receiver<Batch>,
    applied: watch::Sender<Applied>,
    reporter: Reporter,
    began: Instant,
) -> Result<(), SyncError> {
    while let Some(batch) = batches.recv().await {
        patiently(&mut applier, &batch).await.map_err(|failure| told(failure, &applier, applied.borrow().lsn))?;
        report(&reporter, &batch, began);
        tell_of_nulls(&mut applier, &reporter).await;
        applied.send_modify(|a| {
            a.batches += 1;
            if let Some(reached) = batch.reached {
                a.lsn = reached.lsn;
                a.time = reached.time.or(a.time);
            }
        });
    }
    // A session that is told good-bye leaves no error in the server's log.
    let _ = tokio::time::timeout(Duration::from_secs(2), applier.conn.disconnect()).await;
    Ok(())
}

/// Applies a batch, again after a deadlock: where earlier pieces of its transaction went with it, only a new start
/// from the checkpoint helps.
async fn patiently(applier: &mut Applier, batch: &Batch) -> Result<(), Failure> {
    let mut tries = 1;
    loop {
        let alone = !applier.open;
        match applier.apply(batch).await {
            Err(Failure::Cause { cause, .. }) if alone && tries < TRIES && target::worth_another_try(&cause) => {
                tokio::time::sleep(Duration::from_millis(u64::from(tries * tries) * 40)).await;
                tries += 1;
            }
            other => return other,
        }
    }
}

fn told(failure: Failure, applier: &Applier, position: Lsn) -> SyncError {
    match failure {
        Failure::Fenced => SyncError::Fenced,
        Failure::Cause { place, cause } => {
            let table = place.map(|place| safe(&applier.jobs[place].source.label()));
            SyncError::Changes { table, cause: Box::new(cause), position }
        }
    }
}

fn report(reporter: &Reporter, batch: &Batch, began: Instant) {
    reporter.progress(|p| {
        p.totals.changes += batch.changes;
        p.totals.bytes += batch.bytes as u64;
        p.totals.seconds = began.elapsed().as_secs_f64();
        for work in &batch.tables {
            if let Some(table) = p.tables.get_mut(work.place) {
                table.changes += work.changes;
                table.kinds += work.kinds;
            }
        }
    });
}

async fn tell_of_nulls(applier: &mut Applier, reporter: &Reporter) {
    let nulled = std::mem::take(&mut applier.nulled);
    if nulled > 0 {
        let message = format!("{nulled} changed values that MySQL cannot hold were written as NULL");
        reporter.event(Event::Warning { table: None, message }).await;
    }
}
