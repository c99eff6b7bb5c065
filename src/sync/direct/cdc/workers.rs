//! Sessions that apply batches side by side where their keys do not meet, and commit them in their order.
//!
//! Each batch is one transaction, which ends by moving the checkpoint. A batch executes while earlier ones still do, and
//! waits for them before it touches the checkpoint: so readers of the target see one state of the source after another,
//! and the position says the whole truth. MySQL's replicas do the same (`replica_preserve_commit_order`).
//!
//! The servers do not know of that wait. Where a lock that is not foreseen (of a gap, of a definition, of a collation
//! that takes two keys for one) makes an earlier batch wait for a later one, its wait is short and ends in an error;
//! then the later ones give up what they did, and all are applied one after another; so are some that follow (`caution`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::apply::{Applier, Failure};
use super::caution::Caution;
use super::change::Batch;
use super::meeting::may_meet;
use crate::sync::direct::prepare::Job;
use crate::sync::direct::target;
use crate::sync::error::SyncError;
use crate::sync::{Event, Lsn, Reporter};
use crate::text::safe;

/// Where the target is.
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
/// How long a session waits for a lock that another program holds.
pub(super) const PATIENT: &str = "SET SESSION innodb_lock_wait_timeout = 50, SESSION lock_wait_timeout = 60";
/// How long it does so while others work beside it, any of which may hold the lock.
pub(super) const HASTY: &str = "SET SESSION innodb_lock_wait_timeout = 2, SESSION lock_wait_timeout = 2";

/// The sessions, and what they do.
pub(super) struct Workers {
    idle: Vec<Applier>,
    /// In the order of their commits.
    busy: VecDeque<Busy>,
    caution: Caution,
    jobs: Arc<[Job]>,
    applied: watch::Sender<Applied>,
    reporter: Reporter,
    began: Instant,
}

/// A session with a batch.
struct Busy {
    batch: Arc<Batch>,
    /// No earlier pieces of a source transaction go with it.
    alone: bool,
    /// Given when all earlier batches are committed.
    turn: Option<oneshot::Sender<()>>,
    task: Task,
}

/// The session again, and the values that it wrote as NULL because MySQL cannot hold them.
type Ended = (Applier, Result<u64, Failure>);

/// Ends with whoever waits for it: a session must not go on to write for a run that is over.
struct Task(JoinHandle<Ended>);

impl Task {
    async fn ended(&mut self) -> Ended {
        match (&mut self.0).await {
            Ok(ended) => ended,
            // Nobody waits for a task that was aborted, so it panicked.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Workers {
    /// The sessions of a run; one at least.
    pub(super) fn new(
        idle: Vec<Applier>,
        jobs: Arc<[Job]>,
        applied: watch::Sender<Applied>,
        reporter: Reporter,
        began: Instant,
    ) -> Self {
        Self { idle, busy: VecDeque::new(), caution: Caution::none(), jobs, applied, reporter, began }
    }

    /// Applies all batches until there are no more.
    pub(super) async fn work(mut self, mut batches: mpsc::Receiver<Batch>) -> Result<(), SyncError> {
        let (mut next, mut more) = (None::<Arc<Batch>>, true);
        while more || next.is_some() || !self.busy.is_empty() {
            if let Some(batch) = next.take_if(|batch| self.may_start(batch)) {
                self.start(batch);
                continue;
            }
            tokio::select! {
                biased;
                ended = first_ended(&mut self.busy) => self.ended(ended).await?,
                batch = batches.recv(), if more && next.is_none() => {
                    more = batch.is_some();
                    next = batch.map(Arc::new);
                }
            }
        }
        for applier in self.idle {
            // A session that is told good-bye leaves no error in the server's log.
            let _ = tokio::time::timeout(Duration::from_secs(2), applier.conn.disconnect()).await;
        }
        Ok(())
    }

    /// A session is free, and nothing that is under way has to be done first.
    fn may_start(&self, batch: &Batch) -> bool {
        let table = |place: usize| &self.jobs[place].have;
        let apart = |busy: &Busy| busy.alone && !may_meet(&busy.batch, batch, &table);
        let waits = self.caution.alone() && !self.busy.is_empty();
        !self.idle.is_empty() && !waits && self.busy.iter().all(apart)
    }

    fn start(&mut self, batch: Arc<Batch>) {
        // A transaction that is open goes on in its session.
        let at = self.idle.iter().position(|applier| applier.open).unwrap_or(0);
        let mut applier = self.idle.swap_remove(at);
        let (turn, my_turn) = oneshot::channel();
        let (alone, work) = (!applier.open, Arc::clone(&batch));
        let task = tokio::spawn(async move {
            let done = applier.apply(&work, my_turn).await;
            (applier, done)
        });
        self.busy.push_back(Busy { batch, alone, turn: Some(turn), task: Task(task) });
        self.first_goes();
    }

    /// All that was before the first in the order is committed.
    fn first_goes(&mut self) {
        if let Some(turn) = self.busy.front_mut().and_then(|first| first.turn.take()) {
            // Nobody listens where it has failed already.
            let _ = turn.send(());
        }
    }

    /// The first in the order has come to its end.
    async fn ended(&mut self, (applier, done): Ended) -> Result<(), SyncError> {
        self.idle.push(applier);
        let Some(Busy { batch, alone, .. }) = self.busy.pop_front() else { return Ok(()) };
        match done {
            Ok(nulled) => self.tell(&batch, nulled).await,
            Err(failure) if alone && worth_another_try(&failure) => {
                let mut batches = vec![batch];
                batches.extend(self.recalled().await);
                tracing::info!(batches = batches.len(), "a lock brought batches into another order: one by one");
                // One that was alone met a lock of another program.
                if batches.len() > 1 {
                    self.caution.failed();
                }
                self.one_by_one(batches).await?;
            }
            Err(failure) => return Err(self.told(failure)),
        }
        self.first_goes();
        Ok(())
    }

    /// The batches that are under way, with nothing of them done.
    async fn recalled(&mut self) -> Vec<Arc<Batch>> {
        for busy in &mut self.busy {
            busy.turn = None;
        }
        let mut batches = Vec::new();
        for mut busy in std::mem::take(&mut self.busy) {
            self.idle.push(busy.task.ended().await.0);
            batches.push(busy.batch);
        }
        batches
    }

    /// Applies batches one after another, with patience.
    async fn one_by_one(&mut self, batches: Vec<Arc<Batch>>) -> Result<(), SyncError> {
        let several = self.idle.len() > 1;
        let Some(mut applier) = self.idle.pop() else { return Ok(()) };
        for batch in batches {
            let done = patiently(&mut applier, &batch, several).await;
            let nulled = done.map_err(|failure| self.told(failure))?;
            self.tell(&batch, nulled).await;
        }
        self.idle.push(applier);
        Ok(())
    }

    fn told(&self, failure: Failure) -> SyncError {
        match failure {
            Failure::Fenced | Failure::Recalled => SyncError::Fenced,
            Failure::Cause { place, cause } => {
                let table = place.map(|place| safe(&self.jobs[place].source.label()));
                SyncError::Changes { table, cause: Box::new(cause), position: self.applied.borrow().lsn }
            }
        }
    }

    /// A batch has been applied.
    async fn tell(&mut self, batch: &Batch, nulled: u64) {
        self.caution.went_well();
        let seconds = self.began.elapsed().as_secs_f64();
        self.reporter.progress(|p| {
            p.totals.changes += batch.changes;
            p.totals.batches += 1;
            p.totals.bytes += batch.bytes as u64;
            p.totals.seconds = seconds;
            for work in &batch.tables {
                if let Some(table) = p.tables.get_mut(work.place) {
                    table.changes += work.changes;
                    table.kinds += work.kinds;
                }
            }
        });
        if nulled > 0 {
            let message = format!("{nulled} changed values that MySQL cannot hold were written as NULL");
            self.reporter.event(Event::Warning { table: None, message }).await;
        }
        self.applied.send_modify(|a| {
            a.batches += 1;
            if let Some(reached) = batch.reached {
                a.lsn = reached.lsn;
                a.time = reached.time.or(a.time);
            }
        });
    }
}

/// How the first of them ends.
async fn first_ended(busy: &mut VecDeque<Busy>) -> Ended {
    match busy.front_mut() {
        Some(first) => first.task.ended().await,
        None => std::future::pending().await,
    }
}

/// A deadlock, or a lock that was not got.
fn worth_another_try(failure: &Failure) -> bool {
    matches!(failure, Failure::Cause { cause, .. } if target::worth_another_try(cause))
}

/// Applies a batch that waits for none, again after a deadlock.
async fn patiently(applier: &mut Applier, batch: &Batch, several: bool) -> Result<u64, Failure> {
    if several {
        applier.run(PATIENT).await?;
    }
    let mut tries = 1;
    let nulled = loop {
        let (go, turn) = oneshot::channel();
        // It is held until it is looked at.
        let _ = go.send(());
        match applier.apply(batch, turn).await {
            Err(failure) if tries < TRIES && worth_another_try(&failure) => {
                tokio::time::sleep(Duration::from_millis(u64::from(tries * tries) * 40)).await;
                tries += 1;
            }
            other => break other?,
        }
    };
    if several {
        applier.run(HASTY).await?;
    }
    Ok(nulled)
}
