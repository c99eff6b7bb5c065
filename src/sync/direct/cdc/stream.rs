//! The stream of changes: decoded, sorted into tables, merged into batches, handed to the applier; and the source told
//! what is safe on the target, never more.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::batch::{Builder, Change};
use super::change::{Batch, Reached};
use super::relation::{Goes, Router};
use super::spill::{Kept, Spills};
use super::workers::Applied;
use crate::connect::replication::{Stream, Streamed};
use crate::pipeline::Origin;
use crate::sync::direct::pgoutput::{self, Commit, Message, Old};
use crate::sync::error::{Cause, Side, SyncError};
use crate::sync::{Lsn, Stop};
use crate::text::safe;

/// Changes that come within so long after a transaction join its batch.
const LINGER: Duration = Duration::from_millis(4);
/// How often the source hears from us at least, well within any sensible `wal_sender_timeout`.
const TICK: Duration = Duration::from_millis(250);
/// How often an idle position is written down.
const IDLE: Duration = Duration::from_secs(10);
/// A source that says nothing for so long, though asked, is gone.
const SILENCE: Duration = Duration::from_secs(120);
/// How long a stop waits for the end of a transaction that is being received.
const GRACE: Duration = Duration::from_secs(10);
/// Messages that are taken without a look at anything else.
const AT_ONCE: u32 = 256;

/// A transaction that is being received.
#[derive(Debug, Clone, Copy)]
struct Transaction {
    /// Position of its commit record.
    commit: Lsn,
    xid: u32,
    /// It is passed over: it came to the source from elsewhere, or is on the target.
    skip: bool,
}

/// Follows the changes.
pub(super) struct Follower {
    stream: Stream,
    router: Router,
    to: Handed,
    stop: Stop,
    /// The source's position at the start.
    at_start: Lsn,
    /// It ends there.
    until_caught_up: bool,
    state: State,
}

/// The way of batches to the target, and what comes back.
pub(super) struct Handed {
    pub(super) batches: mpsc::Sender<Batch>,
    /// So many may be applied side by side.
    pub(super) at_once: usize,
    pub(super) applied: watch::Receiver<Applied>,
    pub(super) workers: JoinHandle<Result<(), SyncError>>,
}

/// What has been received and not been handed over.
struct State {
    builder: Builder,
    spills: Spills,
    transaction: Option<Transaction>,
    /// Within a piece of a transaction in progress.
    streaming: Option<u32>,
    /// A transaction that was kept and has committed.
    replay: Option<(Kept, u32, Commit)>,
    /// Batches handed over.
    sent: u64,
    /// The source has sent all changes before it.
    seen: Lsn,
    /// The position that was last handed over.
    handed: Lsn,
    /// Transactions that commit before it are on the target.
    start: Lsn,
    idle_since: Instant,
    heard: Instant,
    stopping: Option<Instant>,
}

/// How following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The position to end at is on the target.
    CaughtUp,
    /// On request.
    Stopped,
}

impl Follower {
    pub(super) fn new(
        stream: Stream,
        router: Router,
        to: Handed,
        stop: Stop,
        at_start: Lsn,
        until_caught_up: bool,
    ) -> Self {
        let handed = to.applied.borrow().lsn;
        let state = State {
            builder: Builder::default(),
            spills: Spills::default(),
            transaction: None,
            streaming: None,
            replay: None,
            sent: 0,
            seen: handed,
            handed,
            start: handed,
            idle_since: Instant::now(),
            heard: Instant::now(),
            stopping: None,
        };
        Self { stream, router, to, stop, at_start, until_caught_up, state }
    }

    /// Follows until the position to end at, the stop, an error, or until whoever watches says what is wrong.
    pub(super) async fn run(mut self, watch: impl Future<Output = Option<SyncError>>) -> Result<Ended, SyncError> {
        let wrong = async {
            match watch.await {
                Some(error) => error,
                // Who sees nothing has nothing to say.
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = self.follow() => ended,
            error = wrong => Err(error),
        };
        drop(self.to.batches);
        match ended {
            Ok(ended) => {
                // What was handed over is applied to its end.
                joined(self.to.workers.await)?;
                let position = self.to.applied.borrow().lsn;
                // A source that is gone hears it at the next start.
                let _ = self.stream.acknowledge(position.0, false).await;
                Ok(ended)
            }
            // An applier that has ended knows the cause.
            Err(error) if self.to.applied.has_changed().is_err() => joined(self.to.workers.await).and(Err(error)),
            Err(error) => {
                self.to.workers.abort();
                Err(error)
            }
        }
    }

    async fn follow(&mut self) -> Result<Ended, SyncError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stop = self.stop.clone();
        loop {
            self.hand_over();
            if let Some(ended) = self.ended() {
                return Ok(ended);
            }
            self.take_what_is_here().await?;
            let room = !self.state.builder.is_full();
            if room && self.state.replay.is_some() {
                // Let others have the thread, and see to the clock.
                tokio::task::yield_now().await;
            }
            let due = self.due_in();
            tokio::select! {
                biased;
                _ = tick.tick() => self.tick().await?,
                changed = self.to.applied.changed() => match changed {
                    // The source may have no change between here and its position at the start; only it can tell.
                    Ok(()) => self.acknowledge(self.state.handed < self.at_start && self.idle()).await?,
                    Err(_) => return Err(lost(&Cause::Lost { side: Side::Target, message: "nobody applies changes".to_owned() })),
                },
                () = stop.wait(), if self.state.stopping.is_none() => self.state.stopping = Some(Instant::now()),
                message = self.stream.next(), if room && self.state.replay.is_none() => {
                    let message = message.map_err(|e| lost(&Cause::from(&e)))?;
                    self.take(message).await?;
                }
                () = std::future::ready(()), if room && self.state.replay.is_some() => {}
                () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => {}
            }
        }
    }

    /// Takes messages that are here already, not so many that the clock is forgotten.
    async fn take_what_is_here(&mut self) -> Result<(), SyncError> {
        for _ in 0..AT_ONCE {
            if self.state.builder.is_full() {
                return Ok(());
            }
            if self.state.replay.is_some() {
                self.replay().await?;
                continue;
            }
            match self.stream.ready().map_err(|e| lost(&Cause::from(&e)))? {
                Some(message) => self.take(message).await?,
                None => return Ok(()),
            }
            if self.at_boundary() {
                self.hand_over();
                if self.state.stopping.is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn take(&mut self, message: Streamed) -> Result<(), SyncError> {
        self.state.heard = Instant::now();
        match message {
            Streamed::Data { payload, .. } => self.data(payload).await,
            Streamed::Alive { wal_end, reply } => {
                self.state.seen = self.state.seen.max(Lsn(wal_end));
                self.move_on_idle();
                if reply { self.acknowledge(false).await } else { Ok(()) }
            }
        }
    }

    /// The next message of a transaction that was kept.
    async fn replay(&mut self) -> Result<(), SyncError> {
        let Some((kept, xid, commit)) = &mut self.state.replay else { return Ok(()) };
        let foreign = kept.foreign && self.router.pipeline.sync.origin == Origin::None;
        let (skip, xid, commit) = (foreign || commit.at < self.state.start, *xid, *commit);
        let Some(message) = kept.next().map_err(|e| spilled(&e))? else {
            self.state.replay = None;
            self.state.builder.reached(Reached { lsn: commit.end, time: Some(commit.time) });
            return Ok(());
        };
        let decoded = pgoutput::decode(message, true).map_err(|_| malformed())?;
        if !kept.stands(decoded.xid) {
            return Ok(());
        }
        self.change(decoded.message, Transaction { commit: commit.at, xid, skip }).await
    }

    async fn data(&mut self, payload: Bytes) -> Result<(), SyncError> {
        let message =
            pgoutput::decode(payload.clone(), self.state.streaming.is_some()).map_err(|_| malformed())?.message;
        let state = &mut self.state;
        match message {
            Message::StreamStart { xid } => {
                state.spills.begin(xid);
                state.streaming = Some(xid);
            }
            Message::StreamStop => state.streaming = None,
            Message::StreamAbort { xid, subxid } => state.spills.abort(xid, subxid),
            Message::StreamCommit { xid, commit } => {
                self.begins();
                match self.state.spills.commit(xid).map_err(|e| spilled(&e))? {
                    Some(kept) => self.state.replay = Some((kept, xid, commit)),
                    None => self.state.builder.reached(Reached { lsn: commit.end, time: Some(commit.time) }),
                }
            }
            Message::Origin => match (state.streaming, &mut state.transaction) {
                (Some(xid), _) => state.spills.foreign(xid),
                (None, Some(transaction)) => {
                    transaction.skip |= self.router.pipeline.sync.origin == Origin::None;
                }
                (None, None) => {}
            },
            _ if state.streaming.is_some() => {
                let xid = state.streaming.unwrap_or_default();
                state.spills.keep(xid, &payload).map_err(|e| spilled(&e))?;
            }
            Message::Begin { commit, xid } => {
                state.transaction = Some(Transaction { commit, xid, skip: commit < state.start });
                self.begins();
            }
            Message::Commit(commit) => {
                state.transaction = None;
                state.builder.reached(Reached { lsn: commit.end, time: Some(commit.time) });
            }
            Message::Relation(relation) => self.router.learn(relation),
            message => {
                if let Some(transaction) = state.transaction {
                    self.change(message, transaction).await?;
                }
            }
        }
        Ok(())
    }

    /// A transaction begins: what is in the batch is no longer all there is before its position.
    fn begins(&mut self) {
        self.state.builder.goes_on();
    }

    /// A change of rows.
    async fn change(&mut self, message: Message, transaction: Transaction) -> Result<(), SyncError> {
        let (oid, change) = match message {
            Message::Relation(relation) => {
                self.router.learn(relation);
                return Ok(());
            }
            Message::Truncate { relations } if !transaction.skip => {
                self.truncate(&relations, transaction);
                return Ok(());
            }
            Message::Insert { relation, new } => (relation, Change::Insert(new)),
            Message::Update { relation, old: None, new } => (relation, Change::Update { old: None, new }),
            Message::Update { relation, old: Some(Old::Key(old)), new } => {
                (relation, Change::Update { old: Some(old), new })
            }
            Message::Update { relation, old: Some(Old::Row(old)), new } => {
                let new = new.over(&old);
                (relation, Change::Update { old: Some(old), new })
            }
            Message::Delete { relation, old: Old::Key(old) | Old::Row(old) } => (relation, Change::Delete(old)),
            _ => return Ok(()),
        };
        if transaction.skip {
            return Ok(());
        }
        let Some(Goes { place, layout }) = self.router.route(oid, transaction.commit, transaction.xid).await? else {
            return Ok(());
        };
        if !layout.fits(&change) {
            // No server should do this; 15.0 did with column lists.
            return Err(malformed());
        }
        if layout.key.is_empty() {
            self.state.builder.add_keyless(place, &layout, change);
        } else if !self.state.builder.add(place, &layout, change) {
            let table = Some(safe(&self.router.jobs[place].source.label()));
            return Err(SyncError::Changes { table, cause: Box::new(Cause::NoKey), position: self.state.handed });
        }
        Ok(())
    }

    fn truncate(&mut self, relations: &[u32], transaction: Transaction) {
        for oid in relations {
            if let Some(place) = self.router.place(*oid).filter(|place| self.router.from[*place] <= transaction.commit)
            {
                self.state.builder.truncate(place);
            }
        }
    }

    /// Between two transactions.
    fn at_boundary(&self) -> bool {
        self.state.transaction.is_none() && self.state.replay.is_none()
    }

    fn in_flight(&self) -> u64 {
        self.state.sent - self.to.applied.borrow().batches
    }

    /// How long a batch that is not full waits before it is handed over: for what comes soon after its first change
    /// when nothing is under way, for what fills it while something comes otherwise. Nothing where it is not its turn.
    fn due_in(&self) -> Option<Duration> {
        let may = !self.state.builder.is_empty() && self.at_boundary() && self.to.batches.capacity() > 0;
        let began = self.state.builder.began().filter(|_| may)?;
        match self.in_flight() {
            _ if self.state.stopping.is_some() => Some(Duration::ZERO),
            0 => Some(LINGER.saturating_sub(began.elapsed())),
            n if n < self.to.at_once as u64 => Some(LINGER.saturating_sub(self.state.heard.elapsed())),
            _ => None,
        }
    }

    /// Hands the batch over: a full one as soon as there is room, any other when it is due.
    fn hand_over(&mut self) {
        if !self.state.builder.is_full() && self.due_in() != Some(Duration::ZERO) {
            return;
        }
        let Ok(place) = self.to.batches.try_reserve() else { return };
        let batch = self.state.builder.take();
        if let Some(reached) = batch.reached {
            self.state.handed = reached.lsn;
            self.state.idle_since = Instant::now();
        }
        self.state.sent += 1;
        place.send(batch);
    }

    fn ended(&self) -> Option<Ended> {
        if let Some(since) = self.state.stopping {
            let clean = self.at_boundary() && self.state.builder.is_empty();
            return (clean || since.elapsed() >= GRACE).then_some(Ended::Stopped);
        }
        let there = self.until_caught_up && self.to.applied.borrow().lsn >= self.at_start;
        there.then_some(Ended::CaughtUp)
    }

    /// All that has come is on the target.
    fn idle(&self) -> bool {
        self.at_boundary() && self.state.builder.is_empty() && self.in_flight() == 0
    }

    /// Nothing of ours is in the WAL that the source has gone through: the target is that far, and the source may
    /// forget it.
    fn move_on_idle(&mut self) {
        let caught_up = self.state.handed < self.at_start && self.state.seen >= self.at_start;
        let due = caught_up || self.state.idle_since.elapsed() >= IDLE;
        if due && self.idle() && self.state.seen > self.state.handed {
            self.state.builder.reached(Reached { lsn: self.state.seen, time: None });
        }
    }

    async fn tick(&mut self) -> Result<(), SyncError> {
        self.move_on_idle();
        if self.state.heard.elapsed() >= SILENCE {
            let message = format!("it has said nothing for {} seconds", SILENCE.as_secs());
            return Err(lost(&Cause::Lost { side: Side::Source, message }));
        }
        let ask = self.state.handed < self.at_start || self.state.heard.elapsed() >= SILENCE / 4;
        self.acknowledge(ask).await
    }

    /// Tells the source what is safe on the target.
    async fn acknowledge(&mut self, ask: bool) -> Result<(), SyncError> {
        let position = self.to.applied.borrow_and_update().lsn;
        self.stream.acknowledge(position.0, ask).await.map_err(|e| lost(&Cause::from(&e)))
    }
}

fn joined(ended: Result<Result<(), SyncError>, tokio::task::JoinError>) -> Result<(), SyncError> {
    match ended {
        Ok(result) => result,
        Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
        Err(_) => Ok(()),
    }
}

fn lost(cause: &Cause) -> SyncError {
    SyncError::Prepare { doing: "following the source's changes".to_owned(), cause: cause.clone() }
}

fn malformed() -> SyncError {
    lost(&Cause::Malformed)
}

fn spilled(error: &std::io::Error) -> SyncError {
    SyncError::Spill { folder: std::env::temp_dir().display().to_string(), why: error.to_string() }
}
