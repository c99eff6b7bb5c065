//! Moves rows: runs this program's own engine for a task, and tells where it stands in DMS's terms.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mysql_async::prelude::Queryable;
use tokio::sync::watch;
use tokio::time::Instant;

use super::login::{self, Session};
use super::movement::{Movement, Stand, TABLE_ERROR};
use super::plan::{Next, Work, next};
use super::words;
use crate::lab::aws::account::Account;
use crate::pipeline::{Pipeline, SyncMode};
use crate::quote::{my_ident, my_table, pg_ident, pg_literal};
use crate::sync::direct::{Direct, SyncOptions};
use crate::sync::{self, Engine as _, Event, Feed, Progress, Stop, SyncError, Totals};

/// How often the engine's counters are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How often lag becomes a sample of a metric.
const SAMPLE: Duration = Duration::from_secs(1);

/// How a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// Rows that are on the target go.
    Empty,
    /// Rows that are on the target stay.
    Keep,
    /// Where the last run ended.
    Resume,
}

/// Starts a run in the background. The movement must be starting.
pub(super) fn begin(account: &Arc<Account>, work: Work, begin: Begin) {
    let run = Run { account: Arc::clone(account), work };
    tokio::spawn(async move {
        tokio::time::sleep(run.account.delays().start).await;
        let (stand, reason, failure) = run.go(begin).await;
        if let Some(why) = &failure {
            run.say("TASK_MANAGER", 'E', why);
        }
        run.say("TASK_MANAGER", 'I', &format!("Task '{}' ended: {reason}", run.work.name));
        run.change(|m| m.end(Timestamp::now(), stand, reason, failure.clone()));
        let mut state = run.account.state();
        let (category, what) = match stand {
            Stand::Failed => ("failure", "Replication task has failed (simulation)"),
            _ => ("state change", "Replication task has stopped (simulation)"),
        };
        state.dms.happened(&run.work.name, "replication-task", category, what);
    });
}

struct Run {
    account: Arc<Account>,
    work: Work,
}

type End = (Stand, &'static str, Option<String>);

impl Run {
    async fn go(&self, begin: Begin) -> End {
        let mode = self.work.mode.as_str();
        self.say(
            "TASK_MANAGER",
            'I',
            &format!("Task '{}' running {mode} in {begin:?} mode, simulated", self.work.name),
        );
        for rule in &self.work.selection.ignored {
            self.say("TRANSFORMATION", 'W', rule);
        }
        let mut pipeline = match self.prepare(begin).await {
            Ok(pipeline) => pipeline,
            Err(why) => return failed(&why),
        };
        self.change(|m| {
            if m.stand == Stand::Starting {
                m.stand = Stand::Running;
            }
        });
        let mut options = SyncOptions {
            truncate_target: begin == Begin::Empty && self.work.mode != SyncMode::Cdc,
            until_caught_up: self.work.settings.stop_when_caught_up && self.work.mode.has_cdc(),
            ..SyncOptions::default()
        };
        loop {
            let (ended, stopped) = self.once(pipeline.clone(), options.clone()).await;
            let moved_nothing = matches!(ended, Err(SyncError::Refused(_)));
            if let Some(why) = self.scripted() {
                return failed(&why);
            }
            match next(ended, stopped, self.work.settings.stop_on_table_error) {
                Next::Without(tables) => {
                    if !self.give_up(&tables, &mut pipeline) {
                        return failed("A table fails that was given up before");
                    }
                    options = self.without(&options, moved_nothing);
                }
                end => match self.to_reload().filter(|_| end == Next::Stopped) {
                    Some(reload) => options = SyncOptions { reload, truncate_target: false, ..options },
                    None => return self.end(&end),
                },
            }
            self.change(Movement::again);
        }
    }

    /// The options of the run after one in which tables failed: followed tables go on where they are; a plain load
    /// begins again with those that are not complete.
    fn without(&self, options: &SyncOptions, moved_nothing: bool) -> SyncOptions {
        let truncate = options.truncate_target;
        let truncate_target = match self.work.mode {
            SyncMode::FullLoad => truncate || !moved_nothing,
            _ => truncate && moved_nothing,
        };
        SyncOptions { truncate_target, reload: Vec::new(), ..options.clone() }
    }

    /// The end in DMS's terms.
    fn end(&self, next: &Next) -> End {
        match next {
            Next::Failed(why) => failed(why),
            Next::NothingLeft => self.nothing_left(),
            Next::Finished if self.work.mode == SyncMode::FullLoad => {
                (Stand::Stopped, "Stop Reason FULL_LOAD_ONLY_FINISHED", None)
            }
            Next::Finished => (Stand::Stopped, "Stop Reason STOPPED_AFTER_CACHED_EVENTS", None),
            Next::Stopped | Next::Without(_) => (Stand::Stopped, "Stop Reason NORMAL", None),
        }
    }

    /// The pipeline, with its target databases made where they are missing, and its target tables dropped where the
    /// settings say so, as DMS does.
    async fn prepare(&self, begin: Begin) -> Result<Pipeline, String> {
        let (pipeline, databases) = self.work.pipeline().await?;
        let Session::MySql(mut conn) = login::open(&self.work.target_login()).await? else { return Ok(pipeline) };
        let mut statements: Vec<String> =
            databases.iter().map(|name| format!("CREATE DATABASE IF NOT EXISTS {}", my_ident(name))).collect();
        if begin == Begin::Empty && self.work.settings.drop && self.work.mode != SyncMode::Cdc {
            statements.push("SET foreign_key_checks = 0".to_owned());
            let tables = self.work.tables(&pipeline).await?.into_iter();
            statements.extend(
                tables.map(|(database, table)| format!("DROP TABLE IF EXISTS {}", my_table(&database, &table))),
            );
        }
        for statement in statements {
            // Where the login may not, the engine says what is missing.
            if let Err(error) = conn.query_drop(&statement).await {
                self.say("TARGET_LOAD", 'W', &format!("{statement}: {error}"));
            }
        }
        let _ = conn.disconnect().await;
        Ok(pipeline)
    }

    /// One run of the engine; whether it was told to stop.
    async fn once(&self, pipeline: Pipeline, options: SyncOptions) -> (Result<Totals, SyncError>, bool) {
        let stop = Stop::default();
        self.change(|m| {
            m.stop = Some(stop.clone());
            // Asked for while no engine ran.
            if m.stand == Stand::Stopping || m.scripted.is_some() || !m.reload.is_empty() {
                stop.request();
            }
        });
        let (reporter, feed) = sync::channel();
        let engine = Direct { pipeline, passwords: self.work.passwords(), options };
        let (ended, ()) = tokio::join!(engine.run(reporter, stop.clone()), self.follow(feed));
        (ended, stop.requested())
    }

    /// Tells what the engine tells, until it has ended.
    async fn follow(&self, mut feed: Feed) {
        let mut look = tokio::time::interval(LOOK);
        let mut sampled: Option<Instant> = None;
        loop {
            tokio::select! {
                event = feed.events.recv() => match event {
                    Some(event) => self.event(&event),
                    None => break,
                },
                _ = look.tick() => {
                    let now = self.count(&mut feed.progress);
                    if let Some(lag) = now.lag.filter(|_| sampled.is_none_or(|at| at.elapsed() >= SAMPLE)) {
                        sampled = Some(Instant::now());
                        self.sample(lag.seconds);
                    }
                }
            }
        }
        self.count(&mut feed.progress);
    }

    /// Takes the counters over.
    fn count(&self, progress: &mut watch::Receiver<Progress>) -> Progress {
        let now = progress.borrow_and_update().clone();
        self.change(|m| m.take(&now, Timestamp::now()));
        now
    }

    fn event(&self, event: &Event) {
        match event {
            Event::Started { tables, .. } => {
                self.say("TABLES_MANAGER", 'I', &format!("{tables} tables are selected"));
            }
            Event::Phase { phase } => self.say("TASK_MANAGER", 'I', &format!("The task's phase is now: {phase:?}")),
            Event::Table(t) => {
                let text = format!("Table '{}'.'{}': {:?}, {} rows", t.schema, t.table, t.state, t.rows_done);
                self.say("TABLES_MANAGER", 'I', &text);
            }
            Event::Warning { table, message } => {
                let about = table.as_deref().map(|t| format!("Table '{t}': ")).unwrap_or_default();
                self.say("SOURCE_UNLOAD", 'W', &format!("{about}{message}"));
            }
            Event::Stopped { .. } | Event::Finished { .. } => {}
        }
    }

    /// Latency of source and target: the engine knows one lag, that of both together.
    fn sample(&self, seconds: f64) {
        let mut state = self.account.state();
        let id = self.work.arn.rsplit(':').next().unwrap_or_default();
        for name in ["CDCLatencySource", "CDCLatencyTarget"] {
            state.metrics.add("AWS/DMS", name, id, seconds);
        }
    }

    /// Marks tables as failed and leaves them out from now on; of a plain load also those that are complete. False
    /// where one of them was left out already, so that leaving it out again would change nothing.
    fn give_up(&self, tables: &[(String, String)], pipeline: &mut Pipeline) -> bool {
        let exclude = &mut pipeline.tables.exclude;
        let before = exclude.len();
        for (table, why) in tables {
            self.say("TASK_MANAGER", 'E', &format!("Table '{table}' was errored/suspended: {why}"));
            self.change(|m| {
                let label = m.label(table);
                m.fail(&label, Timestamp::now());
                if !exclude.contains(&label) {
                    exclude.push(label);
                }
            });
        }
        let some_new = exclude.len() > before;
        if self.work.mode == SyncMode::FullLoad {
            self.change(|m| exclude.append(&mut m.completed()));
        }
        some_new
    }

    /// The end of a task that selects nothing, or nothing more.
    fn nothing_left(&self) -> End {
        let (mut errors, mut completed) = (0, 0);
        self.change(|m| (errors, completed) = (m.labels(TABLE_ERROR).len(), m.completed().len()));
        match (errors, completed) {
            (0, _) => failed(words::NO_TABLES),
            (_, 0) => failed("All tables of the task are in error"),
            _ if self.work.mode == SyncMode::FullLoad => (Stand::Stopped, "Stop Reason FULL_LOAD_ONLY_FINISHED", None),
            _ => failed("All tables of the task are in error"),
        }
    }

    fn scripted(&self) -> Option<String> {
        self.account.state().dms.movements.get_mut(&self.work.arn)?.scripted.take()
    }

    fn to_reload(&self) -> Option<Vec<String>> {
        let mut state = self.account.state();
        let movement = state.dms.movements.get_mut(&self.work.arn)?;
        let reload = std::mem::take(&mut movement.reload);
        (movement.stand == Stand::Running && !reload.is_empty()).then_some(reload)
    }

    fn change(&self, change: impl FnOnce(&mut Movement)) {
        if let Some(movement) = self.account.state().dms.movements.get_mut(&self.work.arn) {
            change(movement);
        }
    }

    /// Writes into the task's log, where it has one: DMS writes by the account's role for logs.
    fn say(&self, component: &str, level: char, text: &str) {
        let mut state = self.account.state();
        if self.work.settings.logging && state.iam.may_log() {
            let line = words::log_line(Timestamp::now(), component, level, text);
            let (group, stream) = &self.work.log;
            state.logs.add(group, stream, line);
        }
    }
}

fn failed(why: &str) -> End {
    (Stand::Failed, "Stop Reason FATAL_ERROR Error Level FATAL", Some(words::task_failure(why)))
}

/// Lets a run fail for a scripted reason; false where there is none.
pub(in crate::lab::aws) fn fail(account: &Account, arn: &str, why: &str) -> bool {
    let mut state = account.state();
    let Some(movement) = state.dms.movements.get_mut(arn).filter(|m| m.is_busy()) else { return false };
    movement.scripted = Some(why.to_owned());
    if let Some(stop) = &movement.stop {
        stop.request();
    }
    true
}

/// Drops what a task that is deleted has left on the source, in the background and as far as that goes.
pub(super) fn clean_up(work: Work) {
    tokio::spawn(async move {
        let Ok(Session::Postgres(client)) = login::open(&work.source).await else { return };
        let slot = pg_literal(&work.slot);
        let drop_slot = format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
             WHERE slot_name = {slot} AND NOT active"
        );
        let _ = client.batch_execute(&drop_slot).await;
        let _ = client.batch_execute(&format!("DROP PUBLICATION IF EXISTS {}", pg_ident(&work.slot))).await;
    });
}
