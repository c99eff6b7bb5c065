//! Runs effects on the runtime and sends messages back. Nothing is decided here.

mod check;
mod fix;
mod job;
mod sync;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::confirm::Guarded;
use super::job::JobKind;
use super::message::{Effect, JobEnd, Message};
use crate::facts::Facts;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::sync::Stop;
use crate::sync::direct::SyncOptions;

/// How long a sync may take to stop before the session leaves without it.
const PATIENCE: Duration = Duration::from_secs(15);

/// What was seen last, for a run that looks again at a part.
type Seen = Arc<Mutex<Option<Arc<Facts>>>>;

/// Runs effects; what still runs when it is dropped is dropped with it.
pub struct Runner {
    path: PathBuf,
    passwords: Passwords,
    out: mpsc::Sender<Message>,
    tasks: JoinSet<()>,
    check: Option<AbortHandle>,
    seen: Seen,
    job: Option<AbortHandle>,
    job_stop: Stop,
    /// No further step of the plan is begun.
    enough: Arc<AtomicBool>,
    stop: Stop,
}

impl Runner {
    /// A runner that sends its messages to `out`.
    pub fn new(path: PathBuf, passwords: Passwords, out: mpsc::Sender<Message>) -> Self {
        Self {
            path,
            passwords,
            out,
            tasks: JoinSet::new(),
            check: None,
            seen: Seen::default(),
            job: None,
            job_stop: Stop::default(),
            enough: Arc::default(),
            stop: Stop::default(),
        }
    }

    /// Starts an effect; [`Effect::Quit`] and [`Effect::Copy`] are the session's own.
    pub fn run(&mut self, effect: Effect) {
        while self.tasks.try_join_next().is_some() {}
        match effect {
            Effect::Check { run, part } => {
                if let Some(old) = self.check.take() {
                    old.abort();
                }
                let before = Arc::clone(&self.seen);
                let work = check::run(run, part, before, self.path.clone(), self.passwords.clone(), self.out.clone());
                self.check = Some(self.tasks.spawn(work));
            }
            Effect::CancelCheck => {
                if let Some(run) = self.check.take() {
                    run.abort();
                }
            }
            Effect::EnoughSteps => self.enough.store(true, Ordering::Relaxed),
            Effect::Sync(pipeline) => self.sync(pipeline, SyncOptions::default()),
            Effect::Halt(pipeline) => {
                self.stop.request();
                let out = self.out.clone();
                self.tasks.spawn(async move {
                    let halted = crate::sync::dms::stop(&pipeline).await;
                    let end = JobEnd::Halted(halted.map(|_| ()).map_err(|why| why.to_string()));
                    let _ = out.send(Message::JobOver(end)).await;
                });
            }
            Effect::Job(kind, pipeline) => self.job(kind, pipeline),
            Effect::CancelJob => {
                // A comparison ends the statements that its servers are at; the others have nothing to end.
                self.job_stop.request();
                if let Some(job) = self.job.take() {
                    job.abort();
                }
            }
            Effect::Write { path, text } => {
                let out = self.out.clone();
                self.tasks.spawn_blocking(move || {
                    let _ = out.blocking_send(Message::JobOver(JobEnd::Written(job::write(path, &text))));
                });
            }
            Effect::Confirmed(confirmed) => self.confirmed(confirmed.into_action()),
            Effect::Quit | Effect::Copy(_) => {}
        }
    }

    fn confirmed(&mut self, action: Guarded) {
        match action {
            Guarded::Apply(apply) => {
                self.enough = Arc::default();
                let work = fix::apply(apply, Arc::clone(&self.enough), self.passwords.clone(), self.out.clone());
                self.tasks.spawn(work);
            }
            Guarded::Undo { pipeline, .. } => {
                let work = fix::undo(pipeline, self.passwords.clone(), self.out.clone());
                self.tasks.spawn(work);
            }
            Guarded::Provision { pipeline, plan } => {
                self.job_stop = Stop::default();
                let (passwords, stop, out) = (self.passwords.clone(), self.job_stop.clone(), self.out.clone());
                // Its waits are async closures, whose futures the compiler does not know to be Send.
                let runtime = tokio::runtime::Handle::current();
                self.tasks.spawn_blocking(move || {
                    runtime.block_on(job::provision(pipeline, *plan, passwords, stop, out));
                });
            }
            Guarded::TruncateAndLoad(pipeline) => {
                self.sync(pipeline, SyncOptions { truncate_target: true, ..SyncOptions::default() });
            }
            Guarded::Reload { pipeline, table } => {
                self.sync(pipeline, SyncOptions { reload: vec![table], ..SyncOptions::default() });
            }
            Guarded::StopSync | Guarded::LeaveTask => self.stop.request(),
            Guarded::StopAndQuit => {
                self.stop.request();
                let out = self.out.clone();
                self.tasks.spawn(async move {
                    tokio::time::sleep(PATIENCE).await;
                    let _ = out.send(Message::Terminate).await;
                });
            }
        }
    }

    fn sync(&mut self, pipeline: Box<Pipeline>, options: SyncOptions) {
        self.stop = Stop::default();
        let work = sync::run(pipeline, self.passwords.clone(), options, self.stop.clone(), self.out.clone());
        self.tasks.spawn(work);
    }

    fn job(&mut self, kind: JobKind, pipeline: Box<Pipeline>) {
        let (passwords, out) = (self.passwords.clone(), self.out.clone());
        self.job_stop = Stop::default();
        self.job = match kind {
            // It ends by itself when it is asked to: aborted, it would leave its statements running on the servers.
            JobKind::Verify => {
                self.tasks.spawn(job::verify(pipeline, passwords, self.job_stop.clone(), out));
                None
            }
            JobKind::Canary => Some(self.tasks.spawn(job::canary(pipeline, passwords, out))),
            JobKind::ReadUndo => Some(self.tasks.spawn(fix::read_undo(pipeline, out))),
            JobKind::ReadPlan => Some(self.tasks.spawn(job::read_plan(pipeline, passwords, out))),
            // These two begin with a yes.
            JobKind::Undo | JobKind::Provision => None,
        };
    }
}

/// Passes on what is told by somebody who cannot wait, until nobody tells any more.
async fn pass_on(mut told: mpsc::UnboundedReceiver<Message>, out: &mpsc::Sender<Message>) {
    while let Some(message) = told.recv().await {
        let _ = out.send(message).await;
    }
}

fn remember(seen: &Seen, facts: &Arc<Facts>) {
    *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(facts));
}
