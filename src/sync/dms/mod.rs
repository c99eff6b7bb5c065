//! The engine `dms`: AWS DMS moves the rows, and this one starts it, watches it and says what it says.
//!
//! [`task`] and [`serverless`] make the calls, [`begin`] decides how a task is started, [`assess`] has DMS look at it first, [`watch`]
//! turns what DMS tells into the events that every engine emits, [`words`] puts DMS's vocabulary into plain words,
//! [`source`] and [`target`] ask the databases what DMS does not tell.
//!
//! The task is DMS's: it goes on when this program ends. Asked to stop, the engine stops watching and says how the task
//! is stopped; only `--until-caught-up` and [`stop`] end it.

mod assess;
mod begin;
mod latency;
mod log;
mod serverless;
mod source;
mod target;
mod task;
mod watch;
mod words;

use std::time::{Duration, Instant};

use super::{Engine, Event, Phase, Reporter, Stop, SyncError, Totals};
use crate::aws::Session;
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{Dms as Names, Pipeline};
use task::Task;

/// What is asked for beside the pipeline file.
#[derive(Debug, Clone, Default)]
pub struct DmsOptions {
    /// Begin anew, even where target tables hold rows: DMS empties them.
    pub truncate_target: bool,
    /// Tables (`schema.table` patterns) that are loaded again.
    pub reload: Vec<String>,
    /// End, and stop the task, when the target holds all that had committed as watching began.
    pub until_caught_up: bool,
    /// Start without an assessment.
    pub skip_assessment: bool,
}

/// AWS DMS.
#[derive(Debug, Clone)]
pub struct Dms {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// Both sides' passwords, for what is asked of the databases themselves.
    pub passwords: Passwords,
    /// What is asked for beside.
    pub options: DmsOptions,
}

/// Everything that a run needs.
struct Run {
    pipeline: Pipeline,
    names: Names,
    passwords: Passwords,
    options: DmsOptions,
    session: Session,
    reporter: Reporter,
    stop: Stop,
    began: Instant,
}

/// How a run ended well.
enum Ended {
    /// The work is done.
    Finished,
    /// It is no longer watched, or somebody stopped the task.
    Left(String),
}

impl Engine for Dms {
    async fn run(self, reporter: Reporter, stop: Stop) -> Result<Totals, SyncError> {
        let began = Instant::now();
        let tell = reporter.clone();
        let ended = match self.open(reporter, stop, began).await {
            Ok(run) => Box::pin(run.go()).await,
            Err(error) => Err(error),
        };
        let mut totals = Totals::default();
        tell.progress(|p| {
            p.totals.seconds = began.elapsed().as_secs_f64();
            totals = p.totals;
        });
        let event = match &ended {
            Ok(Ended::Finished) => Event::Finished { totals },
            Ok(Ended::Left(reason)) => {
                Event::Stopped { reason: reason.clone(), resume: Some(super::RESUME.to_owned()) }
            }
            Err(error) => Event::Stopped { reason: error.to_string(), resume: error.resume() },
        };
        tell.event(event).await;
        ended.map(|_| totals)
    }
}

impl Dms {
    async fn open(self, reporter: Reporter, stop: Stop, began: Instant) -> Result<Run, SyncError> {
        let (session, names) = session(&self.pipeline).await?;
        let Self { pipeline, passwords, options } = self;
        Ok(Run { pipeline, names, passwords, options, session, reporter, stop, began })
    }
}

/// The account and the names; what is missing in the pipeline file is said.
async fn session(pipeline: &Pipeline) -> Result<(Session, Names), SyncError> {
    let managed = |why: &str| SyncError::Managed { what: "engine dms".to_owned(), why: why.to_owned(), next: None };
    let Some(names) = pipeline.dms.clone() else { return Err(managed("the pipeline file has no section [dms]")) };
    let Some(aws) = &pipeline.aws else { return Err(managed("the pipeline file has no section [aws] with region")) };
    Ok((Session::open(aws).await, names))
}

impl Run {
    async fn go(&self) -> Result<Ended, SyncError> {
        self.phase(Phase::Prepare).await;
        let source = source::Source::open(&self.pipeline, &self.passwords).await;
        if let Err(why) = &source {
            self.warn(
                None,
                format!("the source cannot be asked from here, so row counts and lag in bytes are unknown: {why}"),
            )
            .await;
        }
        let source = source.ok();
        let task = Task::find(&self.session, &self.names).await?;
        let tables = source.as_ref().map_or(0, |s| s.tables.len());
        self.reporter
            .event(Event::Started { engine: "dms".into(), mode: self.pipeline.sync.mode.as_str().into(), tables })
            .await;
        begin::begin(self, &task, source.as_ref()).await?;
        watch::watch(self, &task, source.as_ref()).await
    }

    async fn phase(&self, phase: Phase) {
        let mut new = false;
        self.reporter.progress(|p| {
            new = p.phase != phase;
            p.phase = phase;
        });
        if new || phase == Phase::Prepare {
            self.reporter.event(Event::Phase { phase }).await;
        }
    }

    async fn warn(&self, table: Option<String>, message: String) {
        self.reporter.event(Event::Warning { table, message }).await;
    }

    /// Between two looks: a simulator answers at once, AWS refreshes its figures slowly and grants few calls.
    async fn pause(&self) {
        pause(&self.session).await;
    }
}

async fn pause(session: &Session) {
    let millis = if session.aws().endpoint_url.is_some() { 300 } else { 10_000 };
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Stops the pipeline's task and waits until it has stopped; false where it did not run.
///
/// # Errors
/// There is no task, or AWS refuses.
pub async fn stop(pipeline: &Pipeline) -> Result<bool, SyncError> {
    let (session, names) = session(pipeline).await?;
    let task = Task::find(&session, &names).await?;
    let runs = matches!(task.stand(&session).await?.status.as_str(), "running" | "starting");
    if runs {
        task.stop(&session).await?;
    }
    while task.stand(&session).await?.moves() {
        pause(&session).await;
    }
    Ok(runs)
}
