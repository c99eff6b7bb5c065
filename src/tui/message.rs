//! Everything that can happen to a session, and everything it can ask for.

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::KeyEvent;

use super::confirm::Confirmed;
use crate::diagnose::Judgement;
use crate::facts::Facts;
use crate::pipeline::Pipeline;

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has another size now.
    Resize(u16, u16),
    /// Time passed; sent only while something moves.
    Tick(jiff::Timestamp),
    /// Somebody asked the program to end.
    Terminate,
    /// The pipeline file was read for the given run of the checks; the error is a text for people.
    Pipeline(u64, Result<Box<Pipeline>, String>),
    /// The checks spoke.
    Judged(Judged),
}

/// What the checks said at one moment of a run.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Which run; an older run's late word is ignored.
    pub run: u64,
    /// What was seen.
    pub facts: Arc<Facts>,
    /// What it means.
    pub judgements: Vec<Judgement>,
    /// Since the run began.
    pub elapsed: Duration,
    /// Nothing is pending any more.
    pub done: bool,
}

/// What the session asks of the runtime.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read the pipeline file, collect facts and judge them; a run that is still going on is dropped.
    Check {
        /// Number of the run, to tell its messages.
        run: u64,
    },
    /// Do what was agreed to.
    Confirmed(Confirmed),
    /// Leave.
    Quit,
}
