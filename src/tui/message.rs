//! Everything that can happen to a session, and everything it can ask for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use super::confirm::Confirmed;
use super::job::JobKind;
use super::plan::ItemState;
use crate::checks::Area;
use crate::diagnose::Judgement;
use crate::facts::{CanaryRun, Facts};
use crate::pipeline::Pipeline;
use crate::provision;
use crate::provision::apply::Told;
use crate::schema::SchemaReport;
use crate::sync::{Event, Progress, Totals};
use crate::verify::Comparison;

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse was used.
    Mouse(MouseEvent),
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
    /// Memory that this program holds, bytes.
    Memory(u64),
    /// How far the job beside the screens is, in words.
    JobSays(String),
    /// It is over.
    JobOver(JobEnd),
    /// A resource of the DMS side changed its state.
    Told(Told),
}

/// How a job ended; errors are texts for people.
#[derive(Debug, Clone)]
pub enum JobEnd {
    /// Both sides were compared.
    Verified(Result<Box<Comparison>, String>),
    /// The canary came back, or did not.
    Canary(Box<CanaryRun>),
    /// What taking the last plan back would do, a line a step.
    Undoable(Result<Vec<String>, String>),
    /// It was taken back: what was done, and what was left as it is.
    Undone(Result<Vec<String>, String>),
    /// The DMS side was read.
    Planned(Result<Box<provision::Plan>, String>),
    /// It was made.
    Provisioned(Result<(), String>),
    /// A file was written.
    Written(Result<PathBuf, String>),
    /// A task of DMS was halted.
    Halted(Result<(), String>),
}

/// Which facts a run of the checks collects anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// What one area is about; the rest stays as it was seen before.
    Of(Area),
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
    /// The tables on both sides; told with the last word of a run.
    pub schema: Option<Arc<SchemaReport>>,
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
        /// What is collected.
        part: Part,
    },
    /// End the run of the checks that is going on.
    CancelCheck,
    /// Begin no further step of the plan that is being applied.
    EnoughSteps,
    /// Copy all rows; target tables that have rows are refused.
    Sync(Box<Pipeline>),
    /// Halt a task of DMS.
    Halt(Box<Pipeline>),
    /// Begin a job.
    Job(JobKind, Box<Pipeline>),
    /// End the job that runs.
    CancelJob,
    /// Write a file that is not there yet.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
    },
    /// Take a text to the clipboard.
    Copy(String),
    /// Do what was agreed to.
    Confirmed(Confirmed),
    /// Leave.
    Quit,
}
