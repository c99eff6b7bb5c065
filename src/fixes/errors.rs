//! Why a plan was not applied, or not to its end.

use std::fmt;

use super::journal::JournalError;
use crate::pipeline::edit::EditError;
use crate::text;

/// What stopped a plan or an undo.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// There is nothing to apply.
    #[error("the plan has no step that this program can apply{}", if *by_hand { "; what it says is to be done by hand" } else { "" })]
    Empty {
        /// There are notes.
        by_hand: bool,
    },
    /// A step needs a permit that was not given; nothing was changed.
    #[error(
        "nothing was changed: step {step} ({}) {why}. Permit it with {flag}, or leave the step out",
        text::safe(action)
    )]
    NotPermitted {
        /// Counted from 1.
        step: usize,
        /// The step.
        action: String,
        /// What it would do.
        why: &'static str,
        /// The flag that permits it.
        flag: &'static str,
    },
    /// An environment variable would hide the edit; nothing was changed.
    #[error(
        "nothing was changed: the environment variable {variable} overrides {key}, so an edit of the file would have no effect. Change or unset the variable"
    )]
    Overridden {
        /// The variable.
        variable: String,
        /// The dotted key.
        key: String,
    },
    /// An edit of the pipeline file cannot be made; nothing was changed.
    #[error("nothing was changed: {0}")]
    Edit(#[from] EditError),
    /// The journal cannot be used; nothing was changed.
    #[error("nothing was changed: {0}")]
    Journal(#[from] JournalError),
    /// There is no run to take back.
    #[error("there is nothing to take back: the journal has no run of fix that still stands")]
    NothingToUndo,
    /// A step failed; those before it stand.
    #[error("{0}")]
    Stopped(Box<Stopped>),
}

/// How far it came, and how to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The step that failed, counted from 1.
    pub step: usize,
    /// How many there were.
    pub total: usize,
    /// The step that failed.
    pub action: String,
    /// Why, in the server's words.
    pub why: String,
    /// What was done.
    pub done: Vec<String>,
    /// What was not done, the failed step first.
    pub left: Vec<String>,
    /// The command to go on with.
    pub resume: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, total, action, why, done, left, resume } = self;
        write!(f, "step {step} of {total} failed: {}\n  {}", text::safe(action), text::safe(why))?;
        for (title, steps) in [("done", done), ("not done", left)] {
            write!(f, "\n{title}:{}", if steps.is_empty() { " nothing" } else { "" })?;
            for step in steps {
                write!(f, "\n  {}", text::safe(step))?;
            }
        }
        write!(f, "\ngo on with: {resume}")
    }
}
