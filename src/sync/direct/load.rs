//! The full load: copying tables as one snapshot of the source has them.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_postgres::Client;

use super::prepare::{self, Fill, Job, Wish};
use super::snapshot::{self, Snapshot};
use super::supervise::{Run, Setup};
use super::target::{self, Server};
use super::{SyncOptions, cdc, plan, report};
use crate::connect;
use crate::connect::mysql::Like;
use crate::facts::PgTable;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::sync::error::{Cause, SyncError};
use crate::sync::{Phase, Reporter, Stop};

/// A load and nothing after it.
pub(super) async fn only(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: &SyncOptions,
    reporter: &Reporter,
    stop: &Stop,
    began: Instant,
) -> Result<(), SyncError> {
    report::phase(reporter, Phase::Prepare).await;
    let ready = async {
        let source = connect::postgres::open(&pipeline.source, passwords.source.as_ref()).await?;
        let mut control = connect::mysql::open(&pipeline.target, passwords.target.as_ref(), None).await?;
        let server = Server::of(&mut control).await?;
        target::lock(&mut control, &pipeline.name, &pipeline.target_databases()).await?;
        let wish = Wish { fill: &|_| options.fill(), refuse: &|_, _| None };
        let jobs = prepare::tables(pipeline, &wish, &source, &mut control, server).await?;
        report::begun(reporter, pipeline.sync.mode, &jobs).await;
        // The rows that come now are of another moment than those that changes were followed to.
        cdc::forget_tables(&mut control, &pipeline.target.database, &pipeline.name).await?;
        let tables: Vec<&PgTable> = jobs.iter().map(|j| &j.source).collect();
        snapshot::lock(&source, &tables).await?;
        let id = snapshot::export(&source).await?;
        Ok::<_, SyncError>((control, server, jobs, Snapshot { client: source, id }))
    };
    let (control, server, jobs, snapshot) = tokio::select! {
        biased;
        () = stop.wait() => return Err(SyncError::Stopped(Box::default())),
        ready = ready => ready?,
    };
    let target = Like::session(&control, &pipeline.target, passwords.target.as_ref());
    let load = Load { pipeline, passwords, server, target, jobs: jobs.into(), reporter, began, resumes: false };
    let done = load.run(&snapshot, stop, None).await;
    drop(snapshot);
    // Ends the lock, whatever became of the run.
    let _ = control.disconnect().await;
    done
}

/// What a load needs beside its snapshot.
pub(super) struct Load<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) passwords: &'a Passwords,
    pub(super) server: Server,
    /// Options for sessions on the target.
    pub(super) target: Like,
    pub(super) jobs: Arc<[Job]>,
    pub(super) reporter: &'a Reporter,
    pub(super) began: Instant,
    /// A run that does not come to its end is gone on with by the next.
    pub(super) resumes: bool,
}

impl Load<'_> {
    /// Copies the tables that are to be loaded; `loaded` hears of each that is complete.
    pub(super) async fn run(
        &self,
        snapshot: &Snapshot,
        stop: &Stop,
        loaded: Option<mpsc::UnboundedSender<usize>>,
    ) -> Result<(), SyncError> {
        report::phase(self.reporter, Phase::FullLoad).await;
        let queue = self.parts(&snapshot.client).await?;
        let setup = Setup {
            pipeline: self.pipeline.clone(),
            passwords: self.passwords.clone(),
            server: self.server,
            target: self.target.clone(),
            snapshot: snapshot.id.clone(),
            jobs: Arc::clone(&self.jobs),
            reporter: self.reporter.clone(),
            began: self.began,
            resumes: self.resumes,
            loaded,
        };
        Arc::new(Run::new(setup, queue)).go(stop).await
    }

    async fn parts(&self, client: &Client) -> Result<std::collections::VecDeque<plan::Part>, SyncError> {
        let failed = |e: tokio_postgres::Error| SyncError::Prepare {
            doing: "measuring the source's tables".to_owned(),
            cause: Cause::from(&e),
        };
        let tables: Vec<&PgTable> = self.jobs.iter().map(|j| &j.source).collect();
        let leaves = plan::leaves(client, &tables).await.map_err(failed)?;
        let version = client.query_one("SELECT current_setting('server_version_num')::int4", &[]).await;
        let by_pages = version.map_err(failed)?.get::<_, i32>(0) >= 140_000;
        let mut queue = plan::cut(&tables, &leaves, self.pipeline.sync.parallel, by_pages);
        queue.retain(|part| self.jobs[part.table].fill != Fill::Keep);
        Ok(queue)
    }
}
