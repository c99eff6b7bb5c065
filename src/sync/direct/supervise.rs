//! Workers that take parts from one queue until it is empty, the first failure, or the stop.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::part::{Copy, End, Sent};
use super::plan::Part;
use super::prepare::Job;
use super::target::{self, Server};
use super::{report, snapshot};
use crate::connect::mysql::Like;
use crate::pipeline::{Pipeline, secrets::Passwords};
use crate::sync::error::{Cause, Outcome, SyncError};
use crate::sync::{Event, Reporter, Stop, TableState};

/// Everything that the workers share.
pub(super) struct Run {
    pub(super) pipeline: Pipeline,
    pub(super) passwords: Passwords,
    pub(super) server: Server,
    /// Options for further sessions on the target.
    pub(super) target: Like,
    /// Name of the exported snapshot.
    pub(super) snapshot: String,
    pub(super) jobs: Arc<[Job]>,
    pub(super) reporter: Reporter,
    pub(super) began: Instant,
    resumes: bool,
    loaded: Option<mpsc::UnboundedSender<usize>>,
    queue: Mutex<VecDeque<Part>>,
    tables: Vec<Table>,
    /// Told when any worker fails, and when the user asks.
    halt: Stop,
    /// The target takes `LOAD DATA LOCAL`, as far as is known.
    infile: AtomicBool,
}

/// Where one table stands.
#[derive(Default)]
struct Table {
    parts: usize,
    left: AtomicUsize,
    rows: AtomicU64,
    nulled: AtomicU64,
    begun: OnceCell<()>,
}

impl Table {
    /// All its rows are there.
    fn complete(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

/// What ended a worker.
struct Failed {
    /// The part that failed for good; none when no session could be opened.
    part: Option<Part>,
    cause: Cause,
}

/// A part that met a deadlock or a lock is tried so often.
const TRIES: u32 = 6;

/// What a [`Run`] is made of, beside its queue.
pub(super) struct Setup {
    pub(super) pipeline: Pipeline,
    pub(super) passwords: Passwords,
    pub(super) server: Server,
    pub(super) target: Like,
    pub(super) snapshot: String,
    pub(super) jobs: Arc<[Job]>,
    pub(super) reporter: Reporter,
    pub(super) began: Instant,
    /// A run that does not come to its end is gone on with by the next.
    pub(super) resumes: bool,
    /// Hears of each table that is complete.
    pub(super) loaded: Option<mpsc::UnboundedSender<usize>>,
}

impl Run {
    /// A run that is about to copy these parts.
    pub(super) fn new(setup: Setup, queue: VecDeque<Part>) -> Self {
        let Setup { pipeline, passwords, server, target, snapshot, jobs, reporter, began, resumes, loaded } = setup;
        let mut tables: Vec<Table> = jobs.iter().map(|_| Table::default()).collect();
        for part in &queue {
            tables[part.table].parts += 1;
            *tables[part.table].left.get_mut() += 1;
        }
        let queue = Mutex::new(queue);
        let (halt, infile) = (Stop::default(), AtomicBool::new(true));
        Self {
            pipeline,
            passwords,
            server,
            target,
            snapshot,
            jobs,
            reporter,
            began,
            resumes,
            loaded,
            queue,
            tables,
            halt,
            infile,
        }
    }

    /// Copies all parts.
    pub(super) async fn go(self: Arc<Self>, stop: &Stop) -> Result<(), SyncError> {
        let workers = self.pipeline.sync.parallel.clamp(1, self.tables.iter().map(|t| t.parts).sum::<usize>().max(1));
        let mut running = JoinSet::new();
        for number in 0..workers {
            running.spawn(Arc::clone(&self).work(number));
        }
        let (mut failed, mut unopened) = (None, None);
        let all = async {
            while let Some(ended) = running.join_next().await {
                match ended {
                    Ok(Ok(())) => {}
                    // The others do its work; where there are none, this is why.
                    Ok(Err(failure)) if failure.part.is_none() => {
                        unopened.get_or_insert(failure);
                    }
                    Ok(Err(failure)) => {
                        self.halt.request();
                        failed.get_or_insert(failure);
                    }
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                }
            }
        };
        let forward = async {
            stop.wait().await;
            report::stopping(&self.reporter).await;
            self.halt.request();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = all => {}
            () = forward => {}
        }
        // One that was told to stop ended for that.
        let over = self.complete() || self.halt.requested();
        self.verdict(failed.or(if over { None } else { unopened })).await
    }

    /// What became of it all.
    async fn verdict(&self, failed: Option<Failed>) -> Result<(), SyncError> {
        if failed.is_none() && self.complete() {
            return Ok(());
        }
        let mut outcome = Outcome { resumes: self.resumes, ..Outcome::default() };
        for (place, (job, table)) in self.jobs.iter().zip(&self.tables).enumerate() {
            let label = job.source.label();
            if table.complete() {
                outcome.complete.push(label);
            } else if table.begun.initialized() {
                outcome.partial.push((label, table.rows.load(Ordering::Relaxed)));
                let broken = failed.as_ref().and_then(|f| f.part.as_ref()).is_some_and(|p| p.table == place);
                let state = if broken { TableState::Failed } else { TableState::Interrupted };
                report::table(&self.reporter, place, state).await;
            } else {
                outcome.untouched.push(label);
            }
        }
        let Some(Failed { part, cause }) = failed else { return Err(SyncError::Stopped(Box::new(outcome))) };
        let Some(part) = part else {
            return Err(SyncError::Prepare { doing: "opening sessions to copy rows".to_owned(), cause });
        };
        let parts = self.tables[part.table].parts;
        Err(SyncError::Table {
            table: crate::text::safe(&self.jobs[part.table].source.label()),
            part: (parts > 1).then(|| format!("part {} of {parts}", part.number)),
            cause: Box::new(cause),
            outcome: Box::new(outcome),
        })
    }

    /// All rows of all tables are there.
    fn complete(&self) -> bool {
        self.tables.iter().all(Table::complete)
    }

    fn next(&self) -> Option<Part> {
        if self.halt.requested() {
            return None;
        }
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// One worker. One must come about, the others help where they get their sessions.
    async fn work(self: Arc<Self>, number: usize) -> Result<(), Failed> {
        let (reader, mut conn) = match self.sessions().await {
            Ok(sessions) => sessions,
            Err(cause) => {
                if number > 0 {
                    let message = format!("rows are copied by fewer sessions than parallel asks for: {cause}");
                    self.reporter.event(Event::Warning { table: None, message }).await;
                }
                return Err(Failed { part: None, cause });
            }
        };
        while let Some(part) = self.next() {
            match self.part(&reader, &mut conn, &part).await {
                Ok(()) => {}
                Err(End::Halted) => break,
                Err(End::Cause(cause) | End::NoLocalInfile(cause)) => return Err(Failed { part: Some(part), cause }),
            }
        }
        // A session that is told good-bye leaves no error in the server's log.
        let _ = tokio::time::timeout(Duration::from_secs(2), conn.disconnect()).await;
        Ok(())
    }

    async fn sessions(&self) -> Result<(Client, Conn), Cause> {
        let conn = target::another(&self.target).await?;
        let reader = snapshot::reader(&self.pipeline.source, self.passwords.source.as_ref(), &self.snapshot).await?;
        Ok((reader, conn))
    }

    /// Copies one part, again where that may help.
    async fn part(&self, reader: &Client, conn: &mut Conn, part: &Part) -> Result<(), End> {
        self.tables[part.table].begun.get_or_try_init(|| self.begin(part.table, conn)).await?;
        let job = &self.jobs[part.table];
        let check = u8::from(!job.have.foreign_keys);
        conn.query_drop(format!("SET SESSION foreign_key_checks = {check}")).await.map_err(|e| Cause::from(&e))?;
        let mut tries = 1;
        loop {
            let infile = self.infile.load(Ordering::Relaxed);
            match self.attempt(reader, conn, part, infile).await {
                Ok(sent) => {
                    self.loaded(part.table, sent).await;
                    return Ok(());
                }
                Err(End::NoLocalInfile(cause)) if infile => self.without_infile(&cause).await,
                Err(End::Cause(cause)) if tries < TRIES && target::worth_another_try(&cause) => {
                    // Workers that met each other should not meet again.
                    let apart = 50 * u64::from(tries * tries) + part.number as u64 % 7 * 20;
                    tokio::time::sleep(Duration::from_millis(apart)).await;
                    tries += 1;
                }
                Err(end) => return Err(end),
            }
        }
    }

    async fn attempt(&self, reader: &Client, conn: &mut Conn, part: &Part, infile: bool) -> Result<Sent, End> {
        let told = (AtomicU64::new(0), AtomicU64::new(0));
        let copy = Copy {
            job: &self.jobs[part.table],
            part,
            reader,
            policy: self.pipeline.sync.on_unrepresentable,
            max_packet: self.server.max_packet,
            halt: &self.halt,
            sent: &|rows, bytes| {
                told.0.fetch_add(rows, Ordering::Relaxed);
                told.1.fetch_add(bytes, Ordering::Relaxed);
                report::sent(&self.reporter, part.table, rows, bytes, self.began);
            },
        };
        let done = copy.run(conn, infile).await;
        if done.is_err() {
            report::taken_back(&self.reporter, part.table, told.0.into_inner(), told.1.into_inner());
        }
        done
    }

    /// Once a table, before its first row.
    async fn begin(&self, place: usize, conn: &mut Conn) -> Result<(), End> {
        let job = &self.jobs[place];
        if job.clear {
            target::empty(conn, &job.have.schema, &job.have.name).await?;
        }
        report::table(&self.reporter, place, TableState::Loading).await;
        Ok(())
    }

    async fn loaded(&self, place: usize, sent: Sent) {
        let table = &self.tables[place];
        table.rows.fetch_add(sent.rows, Ordering::Relaxed);
        let nulled = table.nulled.fetch_add(sent.nulled, Ordering::Relaxed) + sent.nulled;
        if table.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            if nulled > 0 {
                let message = format!("{nulled} values that MySQL cannot hold were written as NULL");
                let table = Some(self.jobs[place].source.label());
                self.reporter.event(Event::Warning { table, message }).await;
            }
            if let Some(loaded) = &self.loaded {
                // Whoever listens ends after this run.
                let _ = loaded.send(place);
            }
            report::table(&self.reporter, place, TableState::Loaded).await;
        }
    }

    async fn without_infile(&self, cause: &Cause) {
        if self.infile.swap(false, Ordering::Relaxed) {
            let message = format!(
                "the target takes no LOAD DATA LOCAL ({cause}), so rows are inserted, which is slower; \
                 cdc-doctor fix TCF-001 turns it on"
            );
            self.reporter.event(Event::Warning { table: None, message }).await;
        }
    }
}
