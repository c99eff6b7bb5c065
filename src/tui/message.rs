//! Everything that can happen to a session, and everything it can ask for.

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::KeyEvent;

use super::confirm::Confirmed;
use super::plan::ItemState;
use crate::diagnose::Judgement;
use crate::facts::Facts;
use crate::pipeline::Pipeline;
use crate::sync::{Event, Progress, Totals};

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
    /// A step of the plan that is being applied: its place among the chosen ones, and how far it is.
    Step(usize, ItemState),
    /// The plan is over; the error is a text for people.
    Applied(Result<(), String>),
    /// The engine told of something that happened once.
    SyncEvent(jiff::Timestamp, Event),
    /// The engine's counters.
    SyncProgress(Progress),
    /// The engine ended.
    SyncEnded(jiff::Timestamp, Result<Totals, SyncFailure>),
}

/// Why a run of the engine did not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncFailure {
    /// In words.
    pub reason: String,
    /// What to type outside the session.
    pub resume: Option<String>,
    /// Emptying the target tables would let it run.
    pub truncate_helps: bool,
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
    /// Copy all rows; target tables that have rows are refused.
    Sync(Box<Pipeline>),
    /// Do what was agreed to.
    Confirmed(Confirmed),
    /// Leave.
    Quit,
}
