//! Applies plans and takes them back.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::mpsc;

use super::super::confirm::Apply;
use super::super::message::{JobEnd, Message};
use super::super::plan::ItemState;
use super::pass_on;
use crate::fixes::apply::StepEvent;
use crate::fixes::{self, ApplyError};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;

/// Applies a plan, a message for each step. What it may do was agreed to with the plan as it stands here.
pub async fn apply(apply: Box<Apply>, enough: Arc<AtomicBool>, passwords: Passwords, out: mpsc::Sender<Message>) {
    let (tell, told) = mpsc::unbounded_channel();
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
        fixes::apply::run_until(&enough, plan, &apply.pipeline, &passwords, plan.needs(), &mut observe).await
    };
    let (result, ()) = tokio::join!(applying, pass_on(told, &out));
    let result = result.map(|_| ()).map_err(|why| match why {
        // The steps themselves show what was done and what failed.
        ApplyError::Stopped(at) => format!(
            "Step {} of {} was not done. Those before it stand; cdc-doctor fix --undo takes them back.",
            at.step, at.total
        ),
        other => other.to_string(),
    });
    let _ = out.send(Message::Applied(result)).await;
}

/// Reads from the journal what would be taken back.
pub async fn read_undo(pipeline: Box<Pipeline>, out: mpsc::Sender<Message>) {
    let reading = tokio::task::spawn_blocking(move || fixes::apply::preview(&pipeline));
    // It fails only when it panicked, which ends the session on its own.
    if let Ok(steps) = reading.await {
        let end = JobEnd::Undoable(steps.map_err(|why| why.to_string()));
        let _ = out.send(Message::JobOver(end)).await;
    }
}

/// Takes the last applied plan back.
pub async fn undo(pipeline: Box<Pipeline>, passwords: Passwords, out: mpsc::Sender<Message>) {
    let (tell, told) = mpsc::unbounded_channel();
    let undoing = async move {
        let mut observe = |event| {
            if let StepEvent::Begun { step, total, action } = event {
                let _ = tell.send(Message::JobSays(format!("{} of {total}, {action}", step + 1)));
            }
        };
        fixes::apply::undo(&pipeline, &passwords, &mut observe).await
    };
    let (result, ()) = tokio::join!(undoing, pass_on(told, &out));
    let lines = result.map(|undone| {
        let done = undone.done.iter().map(|line| format!("✓ {line}"));
        done.chain(undone.kept.iter().map(|line| format!("! left as it is: {line}"))).collect()
    });
    let _ = out.send(Message::JobOver(JobEnd::Undone(lines.map_err(|why| why.to_string())))).await;
}
