//! Takes the last run back, last step first. A second undo takes back the run before.

use std::time::Instant;

use super::apply::{Applied, StepEvent, command, confirm};
use super::execute::Executor;
use super::journal::{Journal, JournalEvent, Recorded, path_of};
use super::{Action, ApplyError, Stopped};
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{Pipeline, edit};

/// What taking a step back means.
enum Back {
    /// Do this.
    Act(Action),
    /// Give a key of the pipeline file its value before, or take it out.
    Key(String, Option<String>),
    /// Nothing can or may be done; the reason.
    Keep(String),
}

/// Takes back the last run that still stands. Steps without a way back are left, and named.
///
/// # Errors
/// Nothing was changed, or [`ApplyError::Stopped`]; a further undo goes on where this one stopped.
pub async fn undo(
    pipeline: &Pipeline,
    passwords: &Passwords,
    observe: &mut (dyn FnMut(StepEvent) + Send),
) -> Result<Applied, ApplyError> {
    if !path_of(&pipeline.path).exists() {
        return Err(ApplyError::NothingToUndo);
    }
    let mut journal = Journal::open(&pipeline.path)?;
    let mut steps = journal.last_run();
    if steps.is_empty() {
        return Err(ApplyError::NothingToUndo);
    }
    steps.reverse();
    let total = steps.len();
    let mut executor = Executor::new(pipeline.clone(), passwords);
    let (mut done, mut kept) = (Vec::new(), Vec::new());
    for (i, step) in steps.iter().enumerate() {
        let index = step.step.saturating_sub(1);
        let back = way_back(step, executor.pipeline());
        let action = describe(&back, step);
        if let Back::Keep(why) = back {
            confirm(&mut journal, &step.run, index, JournalEvent::Kept { why: why.clone() })
                .map_err(|why| stopped(pipeline, &steps, i, action.clone(), why, &done))?;
            kept.push(format!("{action}: {why}"));
            observe(StepEvent::Kept { step: i, why });
            continue;
        }
        observe(StepEvent::Begun { step: i, total, action: action.clone() });
        let started = Instant::now();
        let outcome = match &back {
            Back::Act(action) => executor.run(action).await,
            Back::Key(key, value) => executor.set_key(key, value.as_deref()).await,
            Back::Keep(_) => Ok(()),
        };
        let outcome = outcome.and_then(|()| confirm(&mut journal, &step.run, index, JournalEvent::Undone));
        if let Err(why) = outcome {
            observe(StepEvent::Failed { step: i, why: why.clone() });
            executor.close().await;
            return Err(stopped(pipeline, &steps, i, action, why, &done));
        }
        observe(StepEvent::Done { step: i, took: started.elapsed() });
        done.push(action);
    }
    executor.close().await;
    let pipeline = executor.pipeline().clone();
    Ok(Applied { done, kept, pipeline, journal: journal.path().to_owned() })
}

/// What [`undo`] would do now, a line a step, the last step first. Changes nothing.
///
/// # Errors
/// There is nothing to take back, or the journal cannot be read.
pub fn preview(pipeline: &Pipeline) -> Result<Vec<String>, ApplyError> {
    if !path_of(&pipeline.path).exists() {
        return Err(ApplyError::NothingToUndo);
    }
    let mut steps = Journal::open(&pipeline.path)?.last_run();
    if steps.is_empty() {
        return Err(ApplyError::NothingToUndo);
    }
    steps.reverse();
    let line = |step: &Recorded| {
        let back = way_back(step, pipeline);
        let action = describe(&back, step);
        if let Back::Keep(why) = back { format!("left as it is: {action} ({why})") } else { action }
    };
    Ok(steps.iter().map(line).collect())
}

fn way_back(step: &Recorded, pipeline: &Pipeline) -> Back {
    if !step.confirmed && !matches!(step.action, Action::EditPipeline { .. }) {
        return Back::Keep("the program ended in the middle of it, so look yourself whether it was done".to_owned());
    }
    let Action::EditPipeline { key, value, .. } = &step.action else {
        return match &step.undo {
            Some(Action::Note(text)) => Back::Keep(format!("by hand: {text}")),
            Some(action) => Back::Act(action.clone()),
            None => Back::Keep("there is no way back".to_owned()),
        };
    };
    match edit::get(&pipeline.path, key) {
        Ok(now) if now == step.before => Back::Keep("the file has the value before already".to_owned()),
        Ok(Some(now)) if now == *value => Back::Key(key.clone(), step.before.clone()),
        Ok(_) => Back::Keep("the file was changed since".to_owned()),
        Err(error) => Back::Keep(error.to_string()),
    }
}

fn describe(back: &Back, step: &Recorded) -> String {
    match back {
        Back::Act(action) => action.describe(),
        Back::Key(key, Some(value)) => Action::edit(key, value).describe(),
        Back::Key(key, None) => format!("pipeline file: take {key} out"),
        Back::Keep(_) => step.action.describe(),
    }
}

fn stopped(
    pipeline: &Pipeline,
    steps: &[Recorded],
    failed: usize,
    action: String,
    why: String,
    done: &[String],
) -> ApplyError {
    let left = steps[failed..].iter().map(|s| describe(&way_back(s, pipeline), s)).collect();
    ApplyError::Stopped(Box::new(Stopped {
        step: failed + 1,
        total: steps.len(),
        action,
        why,
        done: done.to_vec(),
        left,
        resume: format!("{} --undo", command(&pipeline.path, "fix")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_may_not_have_run_is_not_reversed_blindly() {
        let text = "name = \"x\"\n[source]\nhost = \"a\"\ndatabase = \"d\"\nuser = \"u\"\n[target]\nhost = \"a\"\n\
                    database = \"d\"\nuser = \"u\"\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, text.replace("host = \"a\"\ndatabase", "host = \"a\"\ntls = \"require\"\ndatabase"))
            .unwrap();
        let pipeline = Pipeline::parse(&path, text).unwrap();
        let undo = Some(Action::source("DROP INDEX i"));
        let mut step = Recorded {
            run: "r".into(),
            step: 1,
            codes: Vec::new(),
            action: Action::source("CREATE INDEX i"),
            before: None,
            undo: undo.clone(),
            confirmed: false,
        };
        assert!(matches!(way_back(&step, &pipeline), Back::Keep(why) if why.contains("in the middle")));
        step.confirmed = true;
        assert!(matches!(way_back(&step, &pipeline), Back::Act(action) if Some(&action) == undo.as_ref()));
        // Of an edit the file itself tells whether it was made.
        step.confirmed = false;
        step.action = Action::edit("source.tls", "require");
        assert!(matches!(way_back(&step, &pipeline), Back::Key(key, None) if key == "source.tls"));
    }
}
