//! The engine in this process: PostgreSQL `COPY` into MySQL's `LOAD DATA LOCAL`.
//!
//! [`full_load`] looks at both sides ([`prepare`]), takes one snapshot of the source ([`snapshot`]), cuts the tables
//! into parts ([`plan`]) and lets workers copy them ([`supervise`], [`part`]). What is selected of a column is in
//! [`projection`], what MySQL can hold in [`rules`], and the one pass over the bytes in [`encode`].
//!
//! Foreign keys are not checked on the target while a table that has them, or that others point at, is loaded:
//! tables are loaded in any order, and all rows come from one snapshot, in which the source has checked them.

mod encode;
mod part;
mod plan;
mod prepare;
mod projection;
mod report;
mod rules;
mod snapshot;
mod supervise;
mod target;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use mysql_async::{Conn, OptsBuilder};

use self::plan::Part;
use self::prepare::Job;
use self::snapshot::Snapshot;
use self::supervise::{Run, Setup};
use self::target::Server;
use super::error::{Cause, Outcome, SyncError};
use super::{Event, Phase, Reporter, Stop, Totals};
use crate::connect;
use crate::facts::PgTable;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;

/// What the user asked for beside the pipeline file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Remove the rows of target tables that have some; without it such a table is refused.
    pub truncate_target: bool,
}

/// Copies the rows of all selected tables as one snapshot of the source has them.
///
/// A table arrives whole or the run fails: every part of it is one transaction, and a part of which the target stored
/// anything else than what was sent is rolled back.
///
/// # Errors
/// What went wrong, where, what is on the target now and what to type next. Events say the same.
pub async fn full_load(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: LoadOptions,
    reporter: Reporter,
    stop: Stop,
) -> Result<Totals, SyncError> {
    let began = Instant::now();
    match load(pipeline, passwords, options, &reporter, &stop, began).await {
        Ok(tables) => {
            let mut totals = Totals::default();
            reporter.progress(|p| {
                p.totals.tables = tables;
                p.totals.seconds = began.elapsed().as_secs_f64();
                totals = p.totals;
            });
            reporter.event(Event::Finished { totals }).await;
            Ok(totals)
        }
        Err(error) => {
            reporter.event(Event::Stopped { reason: error.to_string(), resume: error.resume() }).await;
            Err(error)
        }
    }
}

/// Returns how many tables were loaded.
async fn load(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: LoadOptions,
    reporter: &Reporter,
    stop: &Stop,
    began: Instant,
) -> Result<usize, SyncError> {
    report::phase(reporter, Phase::Prepare).await;
    let ready = tokio::select! {
        biased;
        () = stop.wait() => return Err(SyncError::Stopped(Outcome::default())),
        ready = prepared(pipeline, passwords, options, reporter) => ready?,
    };
    report::phase(reporter, Phase::FullLoad).await;
    let Ready { control, server, snapshot, jobs, queue } = ready;
    let count = jobs.len();
    let setup = Setup {
        pipeline: pipeline.clone(),
        passwords: passwords.clone(),
        server,
        target: OptsBuilder::from_opts(control.opts().clone()),
        snapshot: snapshot.id.clone(),
        jobs,
        reporter: reporter.clone(),
        began,
    };
    let done = Arc::new(Run::new(setup, queue)).go(stop).await;
    drop(snapshot);
    // Ends the lock, whatever became of the run.
    let _ = control.disconnect().await;
    done.map(|()| count)
}

/// All that must stand before the first row moves.
struct Ready {
    /// Holds the lock on the target for as long as it lives.
    control: Conn,
    server: Server,
    snapshot: Snapshot,
    jobs: Vec<Job>,
    queue: VecDeque<Part>,
}

async fn prepared(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: LoadOptions,
    reporter: &Reporter,
) -> Result<Ready, SyncError> {
    let source = connect::postgres::open(&pipeline.source, passwords.source.as_ref()).await?;
    let mut control = connect::mysql::open(&pipeline.target, passwords.target.as_ref(), None).await?;
    let server = Server::of(&mut control).await?;
    target::lock(&mut control, &pipeline.name, &pipeline.target_databases()).await?;
    let jobs = prepare::tables(pipeline, options, &source, &mut control, server).await?;
    report::begun(reporter, &jobs).await;

    let tables: Vec<&PgTable> = jobs.iter().map(|j| &j.source).collect();
    let snapshot = Snapshot::take(source, &tables).await?;
    let failed = |e: tokio_postgres::Error| SyncError::Prepare {
        doing: "measuring the source's tables".to_owned(),
        cause: Cause::from(&e),
    };
    let leaves = plan::leaves(&snapshot.client, &tables).await.map_err(failed)?;
    let version = snapshot.client.query_one("SELECT current_setting('server_version_num')::int4", &[]).await;
    let by_pages = version.map_err(failed)?.get::<_, i32>(0) >= 140_000;
    let queue = plan::cut(&tables, &leaves, pipeline.sync.parallel, by_pages);
    Ok(Ready { control, server, snapshot, jobs, queue })
}
