//! Runs effects on the runtime and sends messages back. Nothing is decided here.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::confirm::{Apply, Guarded};
use super::message::{Effect, Judged, Message, SyncFailure};
use super::plan::ItemState;
use crate::checks::registry;
use crate::diagnose;
use crate::facts::{self, Facts};
use crate::fixes::apply::StepEvent;
use crate::fixes::{self, ApplyError};
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{EngineKind, Pipeline};

use crate::sync::direct::{Direct, SyncOptions};
use crate::sync::dms::{Dms, DmsOptions};
use crate::sync::{self, Engine as _, Feed, Reporter, Stop, SyncError, Totals};

/// How often the engine's counters are passed on.
const COUNTERS: Duration = Duration::from_millis(66);
/// How long a sync may take to stop before the session leaves without it.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs effects; what still runs when it is dropped is dropped with it.
pub struct Runner {
    path: PathBuf,
    passwords: Passwords,
    out: mpsc::Sender<Message>,
    tasks: JoinSet<()>,
    check: Option<AbortHandle>,
    stop: Stop,
}

impl Runner {
    /// A runner that sends its messages to `out`.
    pub fn new(path: PathBuf, passwords: Passwords, out: mpsc::Sender<Message>) -> Self {
        Self { path, passwords, out, tasks: JoinSet::new(), check: None, stop: Stop::default() }
    }

    /// Starts an effect; [`Effect::Quit`] is the session's own.
    pub fn run(&mut self, effect: Effect) {
        while self.tasks.try_join_next().is_some() {}
        match effect {
            Effect::Check { run } => {
                if let Some(old) = self.check.take() {
                    old.abort();
                }
                let work = check(run, self.path.clone(), self.passwords.clone(), self.out.clone());
                self.check = Some(self.tasks.spawn(work));
            }
            Effect::Sync(pipeline) => self.sync(pipeline, SyncOptions::default()),
            Effect::Confirmed(confirmed) => self.confirmed(confirmed.into_action()),
            Effect::Quit => {}
        }
    }

    fn confirmed(&mut self, action: Guarded) {
        match action {
            Guarded::Apply(apply) => {
                let work = self::apply(apply, self.passwords.clone(), self.out.clone());
                self.tasks.spawn(work);
            }
            Guarded::TruncateAndLoad(pipeline) => {
                self.sync(pipeline, SyncOptions { truncate_target: true, ..SyncOptions::default() });
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
        let work = sync(pipeline, self.passwords.clone(), options, self.stop.clone(), self.out.clone());
        self.tasks.spawn(work);
    }
}

/// Runs the engine and passes on what it tells, until it has ended and everything was told.
async fn sync(
    pipeline: Box<Pipeline>,
    passwords: Passwords,
    options: SyncOptions,
    stop: Stop,
    out: mpsc::Sender<Message>,
) {
    let (reporter, Feed { mut events, mut progress }) = sync::channel();
    let engine = move_rows(*pipeline, passwords, options, reporter, stop);
    let told = async {
        while let Some(event) = events.recv().await {
            let _ = out.send(Message::SyncEvent(jiff::Timestamp::now(), event)).await;
        }
    };
    let counted = async {
        while progress.changed().await.is_ok() {
            let now = progress.borrow_and_update().clone();
            let _ = out.send(Message::SyncProgress(now)).await;
            tokio::time::sleep(COUNTERS).await;
        }
    };
    let (result, (), ()) = tokio::join!(engine, told, counted);
    let result = result.map_err(|why| {
        let resume = why.resume();
        SyncFailure {
            reason: why.to_string(),
            truncate_helps: resume.as_deref().is_some_and(|r| r.contains("--truncate-target")),
            resume,
        }
    });
    let _ = out.send(Message::SyncEnded(jiff::Timestamp::now(), result)).await;
}

async fn move_rows(
    pipeline: Pipeline,
    passwords: Passwords,
    options: SyncOptions,
    reporter: Reporter,
    stop: Stop,
) -> Result<Totals, SyncError> {
    if pipeline.sync.engine == EngineKind::Dms {
        let options = DmsOptions { truncate_target: options.truncate_target, ..DmsOptions::default() };
        return Dms { pipeline, passwords, options }.run(reporter, stop).await;
    }
    Direct { pipeline, passwords, options }.run(reporter, stop).await
}

/// Reads the file, collects, and judges after each stage. A receiver that went away means that the session ended.
async fn check(run: u64, path: PathBuf, passwords: Passwords, out: mpsc::Sender<Message>) {
    let began = Instant::now();
    let pipeline = match Pipeline::load(&path) {
        Ok(pipeline) => pipeline,
        Err(why) => {
            let _ = out.send(Message::Pipeline(run, Err(why.to_string()))).await;
            return;
        }
    };
    let _ = out.send(Message::Pipeline(run, Ok(Box::new(pipeline.clone())))).await;
    let (latest, mut stages) = watch::channel(None);
    let collecting = async move {
        let tell = |facts: &Facts| {
            latest.send_replace(Some(Arc::new(facts.clone())));
        };
        Arc::new(facts::collect(&pipeline, &passwords, &tell).await)
    };
    // Judging many tables takes longer than some stages: only the newest one is judged.
    let judging = async {
        while stages.changed().await.is_ok() {
            let facts = stages.borrow_and_update().clone();
            if let Some(facts) = facts {
                judge(run, facts, began, false, &out).await;
            }
        }
    };
    let (facts, ()) = tokio::join!(collecting, judging);
    judge(run, facts, began, true, &out).await;
}

async fn judge(run: u64, facts: Arc<Facts>, began: Instant, done: bool, out: &mpsc::Sender<Message>) {
    let seen = Arc::clone(&facts);
    let judging = tokio::task::spawn_blocking(move || diagnose::judge(registry::ALL, &seen));
    // It fails only when it panicked, which ends the session on its own.
    if let Ok(judgements) = judging.await {
        let word = Judged { run, facts, judgements, elapsed: began.elapsed(), done };
        let _ = out.send(Message::Judged(word)).await;
    }
}

/// Applies a plan, a message for each step. What it may do was agreed to with the plan as it stands here.
async fn apply(apply: Box<Apply>, passwords: Passwords, out: mpsc::Sender<Message>) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let passing = async {
        while let Some(message) = told.recv().await {
            let _ = out.send(message).await;
        }
    };
    let applying = async move {
        let mut observe = |event| {
            let (step, state) = match event {
                StepEvent::Begun { step, .. } => (step, ItemState::Running),
                StepEvent::Done { step, .. } => (step, ItemState::Done),
                StepEvent::Failed { step, why } | StepEvent::Kept { step, why } => (step, ItemState::Failed(why)),
            };
            let _ = tell.send(Message::Step(step, state));
        };
        let plan = &apply.plan;
        fixes::apply::run(plan, &apply.pipeline, &passwords, plan.needs(), &mut observe).await
    };
    let (result, ()) = tokio::join!(applying, passing);
    let result = result.map(|_| ()).map_err(|why| match why {
        // The steps themselves show what was done and what failed.
        ApplyError::Stopped(at) => format!(
            "Step {} of {} failed. Those before it stand; cdc-doctor fix --undo takes them back.",
            at.step, at.total
        ),
        other => other.to_string(),
    });
    let _ = out.send(Message::Applied(result)).await;
}
