//! Runs effects on the runtime and sends messages back. Nothing is decided here.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::message::{Effect, Judged, Message};
use crate::checks::registry;
use crate::diagnose;
use crate::facts::Facts;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;

/// Runs effects; what still runs when it is dropped is dropped with it.
pub struct Runner {
    path: PathBuf,
    passwords: Passwords,
    out: mpsc::Sender<Message>,
    tasks: JoinSet<()>,
    check: Option<AbortHandle>,
}

impl Runner {
    /// A runner that sends its messages to `out`.
    pub fn new(path: PathBuf, passwords: Passwords, out: mpsc::Sender<Message>) -> Self {
        Self { path, passwords, out, tasks: JoinSet::new(), check: None }
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
            Effect::Confirmed(_) | Effect::Quit => {}
        }
    }
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
        Arc::new(collect(pipeline, &passwords, &tell).await)
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

/// Stands in for the collectors.
async fn collect(pipeline: Pipeline, _passwords: &Passwords, tell: &(dyn Fn(&Facts) + Send + Sync)) -> Facts {
    let facts = Facts::pending(pipeline);
    tell(&facts);
    facts
}
