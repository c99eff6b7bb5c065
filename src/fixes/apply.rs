//! Applies a plan, step by step, and writes each down. Everything that can be found wrong beforehand is found before the
//! first change.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::execute::Executor;
use super::journal::{Journal, JournalEvent};
use super::{Action, ApplyError, Cost, Permits, Plan, Stopped};
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{Pipeline, edit};
use crate::quote::shell_word;

pub use super::undo::{preview, undo};

/// What happens while a plan is applied or taken back.
#[derive(Debug, Clone, PartialEq)]
pub enum StepEvent {
    /// A step begins.
    Begun {
        /// Counted from 0, as in the plan.
        step: usize,
        /// How many there are.
        total: usize,
        /// What is done.
        action: String,
    },
    /// It is done.
    Done {
        /// Counted from 0.
        step: usize,
        /// How long it took.
        took: Duration,
    },
    /// It failed, and no other step will begin.
    Failed {
        /// Counted from 0.
        step: usize,
        /// In the server's words.
        why: String,
    },
    /// An undo leaves it as it is.
    Kept {
        /// Counted from 0.
        step: usize,
        /// Why.
        why: String,
    },
}

/// A plan applied, or a run taken back, to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// What was done, in order.
    pub done: Vec<String>,
    /// What an undo left as it is, each with the reason.
    pub kept: Vec<String>,
    /// The pipeline as it is now.
    pub pipeline: Pipeline,
    /// Where it is written down.
    pub journal: PathBuf,
}

/// Applies a plan. Stops at the first step that fails; the steps before it stand, are in the journal, and can be
/// taken back.
///
/// # Errors
/// Nothing was changed, or [`ApplyError::Stopped`]: what was done, what was not, and how to go on.
pub async fn run(
    plan: &Plan,
    pipeline: &Pipeline,
    passwords: &Passwords,
    permits: Permits,
    observe: &mut (dyn FnMut(StepEvent) + Send),
) -> Result<Applied, ApplyError> {
    run_until(&AtomicBool::new(false), plan, pipeline, passwords, permits, observe).await
}

/// As [`run`], but no step is begun once `enough` is true; the one that runs is finished.
///
/// # Errors
/// As [`run`]; what was left by `enough` is [`ApplyError::Stopped`] at the first step that was not begun.
pub async fn run_until(
    enough: &AtomicBool,
    plan: &Plan,
    pipeline: &Pipeline,
    passwords: &Passwords,
    permits: Permits,
    observe: &mut (dyn FnMut(StepEvent) + Send),
) -> Result<Applied, ApplyError> {
    examine(plan, pipeline, permits)?;
    let mut journal = Journal::open(&pipeline.path)?;
    let run = run_name();
    let total = plan.steps.len();
    let mut executor = Executor::new(pipeline.clone(), passwords);
    let mut done = Vec::new();
    for (i, planned) in plan.steps.iter().enumerate() {
        let action = &planned.step.action;
        if enough.load(Ordering::Relaxed) {
            executor.close().await;
            return Err(stopped(plan, &pipeline.path, i, "not begun: it was ended before this step".to_owned(), done));
        }
        observe(StepEvent::Begun { step: i, total, action: action.describe() });
        let started = Instant::now();
        let outcome = match begin(&mut journal, &run, i, plan, &pipeline.path) {
            Ok(()) => match executor.run(action).await {
                Ok(()) => confirm(&mut journal, &run, i, JournalEvent::Applied),
                Err(why) => {
                    // The failure itself is what must be told; the journal shows an unconfirmed step at worst.
                    let _ = journal.write(&run, i + 1, JournalEvent::Failed { why: why.clone() });
                    Err(why)
                }
            },
            Err(why) => Err(why),
        };
        if let Err(why) = outcome {
            observe(StepEvent::Failed { step: i, why: why.clone() });
            executor.close().await;
            return Err(stopped(plan, &pipeline.path, i, why, done));
        }
        observe(StepEvent::Done { step: i, took: started.elapsed() });
        done.push(action.describe());
    }
    executor.close().await;
    let pipeline = executor.pipeline().clone();
    Ok(Applied { done, kept: Vec::new(), pipeline, journal: journal.path().to_owned() })
}

/// Finds everything that can be found wrong before anything is changed.
fn examine(plan: &Plan, pipeline: &Pipeline, permits: Permits) -> Result<(), ApplyError> {
    if plan.is_empty() {
        return Err(ApplyError::Empty { by_hand: !plan.notes.is_empty() });
    }
    for (i, planned) in plan.steps.iter().enumerate() {
        let step = &planned.step;
        let refused =
            |why, flag| Err(ApplyError::NotPermitted { step: i + 1, action: step.action.describe(), why, flag });
        if step.cost == Cost::Reboot && !permits.reboot {
            return refused("reboots a database server", "--allow-reboot");
        }
        if step.data_loss && !permits.data_loss {
            return refused("removes or changes stored rows", "--allow-data-loss");
        }
    }
    let edits = || {
        plan.steps.iter().filter_map(|s| match &s.step.action {
            Action::EditPipeline { key, value, .. } => Some((key.as_str(), value.as_str())),
            _ => None,
        })
    };
    for (key, _) in edits() {
        if let Some(variable) = crate::pipeline::overridden(key) {
            return Err(ApplyError::Overridden { variable, key: key.to_owned() });
        }
    }
    if edits().next().is_some() {
        edit::preview(&pipeline.path, edits())?;
    }
    Ok(())
}

fn begin(journal: &mut Journal, run: &str, i: usize, plan: &Plan, file: &Path) -> Result<(), String> {
    let planned = &plan.steps[i];
    let before = match &planned.step.action {
        Action::EditPipeline { key, .. } => edit::get(file, key).map_err(|error| error.to_string())?,
        _ => None,
    };
    let event = JournalEvent::Begun {
        codes: planned.codes.clone(),
        action: planned.step.action.clone(),
        before,
        undo: planned.step.undo.clone(),
    };
    journal.write(run, i + 1, event).map_err(|error| error.to_string())
}

/// Writes down what was done. That it could not be written down does not undo it, so the message says that it was done.
pub(super) fn confirm(journal: &mut Journal, run: &str, i: usize, event: JournalEvent) -> Result<(), String> {
    journal.write(run, i + 1, event).map_err(|error| format!("it was done, but could not be written down: {error}"))
}

fn stopped(plan: &Plan, file: &Path, failed: usize, why: String, done: Vec<String>) -> ApplyError {
    let left: Vec<String> = plan.steps[failed..].iter().map(|s| s.step.action.describe()).collect();
    let mut codes: Vec<&str> = Vec::new();
    for code in plan.steps[failed..].iter().flat_map(|s| &s.codes) {
        if !codes.contains(&code.as_str()) {
            codes.push(code);
        }
    }
    ApplyError::Stopped(Box::new(Stopped {
        step: failed + 1,
        total: plan.steps.len(),
        action: plan.steps[failed].step.action.describe(),
        why,
        done,
        left,
        resume: format!("{} {}", command(file, "fix"), codes.join(" ")),
    }))
}

/// A command of this program on a pipeline file, as it is typed.
pub(super) fn command(file: &Path, subcommand: &str) -> String {
    let name = file.display().to_string();
    if matches!(name.as_str(), "cdc-doctor.toml" | "./cdc-doctor.toml") {
        return format!("cdc-doctor {subcommand}");
    }
    format!("cdc-doctor -c {} {subcommand}", shell_word(&name))
}

/// Runs are named by when they began; the process tells two of the same moment apart.
fn run_name() -> String {
    format!("{}-{}", jiff::Timestamp::now(), std::process::id())
}
