//! What can be wrong with a pipeline file, in words. No message here ever holds a value that could
//! be a password: only keys, places, and values of keys with a fixed vocabulary.

use std::fmt;
use std::path::PathBuf;

use crate::text;

/// A pipeline file that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PipelineError {
    /// The file, as it was named.
    pub path: PathBuf,
    /// The class, for a program that wants to react.
    pub kind: PipelineErrorKind,
    /// At least one, in the order of the file.
    pub problems: Vec<Problem>,
}

/// Classes of unusable pipeline files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipelineErrorKind {
    /// There is no such file.
    Missing,
    /// There is one, but it cannot be read as text.
    Unreadable,
    /// It was read; its content, or a variable that overrides it, is wrong.
    Invalid,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong, what is right, and what to do.
    pub message: String,
}

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the file as a whole.
    File,
    /// On a line of the file, counted from 1.
    Line(usize),
    /// At a column of a line, both counted from 1.
    Column(usize, usize),
    /// In an environment variable.
    Variable(String),
}

impl Problem {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }
}

impl PipelineError {
    pub(super) fn new(path: impl Into<PathBuf>, kind: PipelineErrorKind, problems: Vec<Problem>) -> Self {
        Self { path: path.into(), kind, problems }
    }

    pub(super) fn unreadable(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::new(path, PipelineErrorKind::Unreadable, vec![Problem::new(Place::File, message)])
    }
}

impl fmt::Display for PipelineError {
    /// One line for each problem, in the form `file:line: message`, which editors can jump to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = text::safe(&self.path.display().to_string());
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            match &problem.place {
                Place::File => write!(f, "{path}: ")?,
                Place::Line(line) => write!(f, "{path}:{line}: ")?,
                Place::Column(line, column) => write!(f, "{path}:{line}:{column}: ")?,
                Place::Variable(name) => write!(f, "environment variable {}: ", text::safe(name))?,
            }
            write!(f, "{}", problem.message)?;
        }
        Ok(())
    }
}
