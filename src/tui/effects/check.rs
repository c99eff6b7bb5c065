//! Collects facts and judges them.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::super::message::{Judged, Message, Part};
use super::super::schema_list;
use super::{Seen, remember};
use crate::checks::{Area, registry};
use crate::diagnose;
use crate::facts::{self, Facts, Sides};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;

/// The sides that checks of an area look at; none for all of them.
fn sides(part: Part) -> Option<Sides> {
    let Part::Of(area) = part else { return None };
    let (source, target, aws) = match area {
        Area::Src => (true, false, false),
        Area::Tcf => (false, true, false),
        Area::Tbl | Area::Typ | Area::Tsc | Area::Net | Area::Tls | Area::Aut => (true, true, false),
        Area::Dri | Area::Dep | Area::Dtk | Area::Iam | Area::S3 | Area::Glu | Area::Rsk => (false, false, true),
        Area::Run => return None,
    };
    Some(Sides { source, target, aws })
}

/// Reads the file, collects, and judges after each stage. A receiver that went away means that the session ended.
pub async fn run(run: u64, part: Part, seen: Seen, path: PathBuf, passwords: Passwords, out: mpsc::Sender<Message>) {
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
        let before = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What was seen of another pipeline file says nothing of this one.
        let facts = match (sides(part), before.filter(|facts| facts.pipeline == pipeline)) {
            (Some(sides), Some(before)) => {
                facts::collect_again(before.as_ref().clone(), sides, &passwords, &tell).await
            }
            _ => facts::collect(&pipeline, &passwords, &tell).await,
        };
        let facts = Arc::new(facts);
        remember(&seen, &facts);
        facts
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
    let judging = tokio::task::spawn_blocking(move || {
        let schema = if done { schema_list::report(&seen).map(Arc::new) } else { None };
        (diagnose::judge(registry::ALL, &seen), schema)
    });
    // It fails only when it panicked, which ends the session on its own.
    if let Ok((judgements, schema)) = judging.await {
        let word = Judged { run, facts, judgements, schema, elapsed: began.elapsed(), done };
        let _ = out.send(Message::Judged(word)).await;
    }
}
