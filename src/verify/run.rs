//! A comparison from beginning to end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::types::Type;

use super::error::VerifyError;
use super::prepare::{self, Server, look};
use super::report::{Comparison, SyncState, TableResult};
use super::sides::Sides;
use super::tide::Tide;
use super::work::Work;
use crate::connect::mysql::Like;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::sync::Stop;

/// What the user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Patterns of `schema.table`; none for all of the pipeline's tables.
    pub tables: Vec<String>,
    /// Differing rows that are listed of a table; once there are as many, the rest of the table is only digested.
    pub rows: usize,
    /// How long the checkpoint of a sync may stand still before nobody waits for it.
    pub patience: Duration,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { tables: Vec::new(), rows: 20, patience: Duration::from_secs(15) }
    }
}

/// How far a comparison is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tables.
    pub tables: usize,
    /// Tables that are compared.
    pub tables_done: usize,
    /// Parts of the tables whose parts are known.
    pub parts: usize,
    /// Parts that are compared.
    pub parts_done: usize,
    /// Rows of the source that were digested.
    pub rows: u64,
    /// The table that was begun last, or looked into.
    pub at: String,
    /// Rows of it are being looked at one by one.
    pub looking: bool,
}

/// How long a server may take to end a statement or a session that nobody waits for.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// Compares the selected tables on both sides. It changes nothing.
///
/// # Errors
/// What stopped the whole comparison. A table that cannot be compared has its reason in its own result.
pub async fn run(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: &VerifyOptions,
    progress: watch::Sender<Progress>,
    stop: &Stop,
) -> Result<Comparison, VerifyError> {
    let began = Instant::now();
    let ready = tokio::select! {
        biased;
        () = stop.wait() => return Err(VerifyError::Stopped),
        ready = prepared(pipeline, passwords, options, progress) => ready?,
    };
    let Ready { mut control, server, work } = ready;
    let done = compare(&work, &mut control, stop).await;
    // A session that is told good-bye leaves no error in the server's log.
    let _ = timeout(GRACE, control.target.disconnect()).await;
    done?;
    let sync = work.tide.as_ref().map_or(SyncState::None, Tide::state);
    let tables: Vec<TableResult> = work.results();
    Ok(Comparison {
        schema_version: 1,
        pipeline: pipeline.name.clone(),
        equal: tables.iter().all(|t| t.equal),
        tables,
        sync,
        elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        headline: server.headline,
    })
}

/// All that must stand before rows are compared.
struct Ready {
    control: Sides,
    server: Server,
    work: Arc<Work>,
}

async fn prepared(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: &VerifyOptions,
    progress: watch::Sender<Progress>,
) -> Result<Ready, VerifyError> {
    let mut control = Sides::open(pipeline, passwords).await?;
    let server = Server::of(&mut control, pipeline).await?;
    let jobs = prepare::jobs(&mut control, pipeline, options, &server).await?;
    let tide = Tide::look(&mut control.target, pipeline, options.patience).await;
    let tide = tide.map_err(|e| look("reading the checkpoint on the target", &e))?;
    let like = Like::session(&control.target, &pipeline.target, passwords.target.as_ref());
    let work = Work::new(pipeline, passwords, like, server.flavor, jobs, tide, options.rows, progress);
    Ok(Ready { control, server, work: Arc::new(work) })
}

/// Lets workers compare until all is done, the first failure, or the stop.
async fn compare(work: &Arc<Work>, control: &mut Sides, stop: &Stop) -> Result<(), VerifyError> {
    let mut workers = JoinSet::new();
    for number in 0..work.workers() {
        workers.spawn(Arc::clone(work).run(number));
    }
    let all = async {
        while let Some(ended) = workers.join_next().await {
            match ended {
                Ok(ended) => ended?,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        Ok(())
    };
    let done = tokio::select! {
        biased;
        () = stop.wait() => Err(VerifyError::Stopped),
        done = all => done,
    };
    if done.is_err() {
        workers.shutdown().await;
        end_statements(work, control).await;
    }
    done
}

/// A server goes on with a statement whose client is gone; it is told to stop. What it answers is of no interest.
async fn end_statements(work: &Work, control: &mut Sides) {
    let (source, target) = work.sessions();
    let cancel = "SELECT pg_cancel_backend(pid) FROM unnest($1) pid";
    let _ = timeout(GRACE, control.source.query_typed(cancel, &[(&source, Type::INT4_ARRAY)])).await;
    for connection in target {
        let _ = timeout(GRACE, control.target.query_drop(format!("KILL QUERY {connection}"))).await;
    }
}
