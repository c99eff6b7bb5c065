//! Moving rows: one stream of events, whatever moves them.

pub mod direct;
pub mod dms;
mod error;
mod event;
mod lsn;

pub use error::{Cause, Outcome, RELOAD, RESUME, Refused, Side, SyncError};
pub use event::{Event, Kinds, Lag, Phase, Progress, TableProgress, TableState, Totals};

pub use lsn::{Lsn, NoLsn};

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

/// What an engine reports through: events that happened once go through a bounded channel and are never dropped;
/// counters are a latest-value watch.
#[derive(Debug, Clone)]
pub struct Reporter {
    events: mpsc::Sender<Event>,
    progress: Arc<watch::Sender<Progress>>,
}

/// The other end of a [`Reporter`].
#[derive(Debug)]
pub struct Feed {
    /// What happened, in order; closed when the engine has ended.
    pub events: mpsc::Receiver<Event>,
    /// Where the counters stand now.
    pub progress: watch::Receiver<Progress>,
}

/// A connected pair. An engine that is a few hundred events ahead of its reader waits.
#[must_use]
pub fn channel() -> (Reporter, Feed) {
    let (events, events_rx) = mpsc::channel(256);
    let (progress, progress_rx) = watch::channel(Progress::default());
    (Reporter { events, progress: Arc::new(progress) }, Feed { events: events_rx, progress: progress_rx })
}

impl Reporter {
    /// Reports what happened once. A reader that went away is no reason to stop copying.
    pub async fn event(&self, event: Event) {
        let _ = self.events.send(event).await;
    }

    /// Changes the counters.
    pub fn progress(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }
}

/// Moves rows. Every engine tells the same events.
pub trait Engine {
    /// Moves what it was made for, until it is done or told to stop.
    ///
    /// # Errors
    /// What went wrong, where, what is on the target now and what to type next. Events say the same.
    fn run(self, reporter: Reporter, stop: Stop) -> impl Future<Output = Result<Totals, SyncError>> + Send;
}

/// Told to stop cleanly: Ctrl-C, SIGTERM, a key in the session. Cloned freely; never unset.
#[derive(Debug, Clone)]
pub struct Stop {
    sender: Arc<watch::Sender<bool>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { sender: Arc::new(watch::channel(false).0) }
    }
}

impl Stop {
    /// Asks for the stop.
    pub fn request(&self) {
        self.sender.send_replace(true);
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn requested(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until it is asked for.
    pub async fn wait(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as this clone does, so the wait ends only by the request.
        let _ = receiver.wait_for(|stop| *stop).await;
    }
}
