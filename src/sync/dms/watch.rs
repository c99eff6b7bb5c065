//! Watches the task, and tells what every engine tells.

use std::collections::{BTreeMap, BTreeSet};

use super::latency::Latency;
use super::log::Log;
use super::source::Source;
use super::task::{Stand, Table, Task, filter};
use super::{Ended, Run, words};
use crate::sync::{Event, Lag, Lsn, Phase, SyncError, TableProgress, TableState};

/// What is known between two looks.
struct Watch<'a> {
    run: &'a Run,
    task: &'a Task,
    source: Option<&'a Source>,
    log: Log,
    states: BTreeMap<String, TableState>,
    differing: BTreeSet<String>,
    slot_name: Option<String>,
    latency: Latency,
    /// Caught up when the slot has confirmed this.
    goal: Option<Lsn>,
    deaf: bool,
}

/// Watches until the task ends, is left, or has caught up.
pub(super) async fn watch(run: &Run, task: &Task, source: Option<&Source>) -> Result<Ended, SyncError> {
    let goal = match source {
        Some(source) if run.options.until_caught_up => source.position().await,
        _ => None,
    };
    if run.options.until_caught_up && goal.is_none() {
        let why = "--until-caught-up compares the source's WAL with its slot, and the source cannot be asked from here. The task goes on";
        return Err(SyncError::Managed {
            what: task.label(),
            why: why.to_owned(),
            next: Some("cdc-doctor sync".to_owned()),
        });
    }
    let (log, refusal) = Log::from_the_end(&run.session, task).await;
    let mut watch = Watch {
        run,
        task,
        source,
        log,
        states: BTreeMap::new(),
        differing: BTreeSet::new(),
        slot_name: slot_name(run, task).await,
        latency: Latency::default(),
        goal,
        deaf: false,
    };
    if let Some(error) = refusal {
        watch.unheard(&error).await;
    }
    loop {
        if let Some(ended) = watch.look().await? {
            return Ok(ended);
        }
        tokio::select! {
            () = run.pause() => {}
            () = run.stop.wait() => return watch.leave().await,
        }
    }
}

/// The slot that the source endpoint names, where it names one.
async fn slot_name(run: &Run, task: &Task) -> Option<String> {
    let ask = run.session.dms().describe_endpoints().set_filters(filter("endpoint-arn", &task.source_endpoint));
    let page = run.session.call("dms:DescribeEndpoints", ask.send()).await.ok()?;
    page.endpoints().first()?.postgre_sql_settings()?.slot_name().filter(|n| !n.is_empty()).map(str::to_owned)
}

impl Watch<'_> {
    async fn look(&mut self) -> Result<Option<Ended>, SyncError> {
        let stand = self.task.stand(&self.run.session).await?;
        let tables = self.task.tables(&self.run.session).await?;
        self.complaints().await;
        self.tell(&stand, &tables).await;
        if stand.moves() {
            return if stand.status == "running" { self.caught_up(&tables).await } else { Ok(None) };
        }
        self.complaints().await;
        self.end(&stand, &tables).map(Some)
    }

    /// Errors and warnings of the log, as they appear.
    async fn complaints(&mut self) {
        match self.log.read(&self.run.session, self.task).await {
            Ok(lines) => {
                for line in lines {
                    self.run.warn(None, words::line(&line)).await;
                }
            }
            Err(error) => self.unheard(&error).await,
        }
    }

    /// The log may not be read; said once.
    async fn unheard(&mut self, error: &crate::aws::Error) {
        if !std::mem::replace(&mut self.deaf, true) {
            self.run
                .warn(None, format!("the task's log cannot be read, so its errors are not shown here: {error}"))
                .await;
        }
    }

    async fn tell(&mut self, stand: &Stand, tables: &[Table]) {
        let rows: Vec<TableProgress> = tables.iter().map(|t| self.row(t)).collect();
        let lag = if self.task.mode == "full-load" { None } else { self.lag().await };
        let loaded = |t: &TableProgress| matches!(t.state, TableState::Loaded | TableState::Streaming);
        self.run.reporter.progress(|p| {
            p.totals.tables = rows.iter().filter(|t| loaded(t)).count();
            p.totals.rows = rows.iter().map(|t| t.rows_done).sum();
            p.totals.changes = rows.iter().map(|t| t.changes).sum();
            p.totals.seconds = self.run.began.elapsed().as_secs_f64();
            p.tables.clone_from(&rows);
            p.lag = lag;
        });
        if !rows.is_empty() && stand.status == "running" {
            let loading = rows.iter().any(|t| matches!(t.state, TableState::Waiting | TableState::Loading));
            let streams = self.task.mode != "full-load" && !loading;
            self.run.phase(if streams { Phase::Streaming } else { Phase::FullLoad }).await;
        }
        for (row, table) in rows.into_iter().zip(tables) {
            self.table(row, table).await;
        }
    }

    /// A table with the rows that the source's statistics expect.
    fn row(&self, table: &Table) -> TableProgress {
        let mut row = table.progress.clone();
        let known = self.source.and_then(|s| s.tables.iter().find(|t| t.schema == row.schema && t.name == row.table));
        row.rows_total = match row.state {
            TableState::Loaded | TableState::Streaming => Some(row.rows_done),
            _ => known.and_then(|t| u64::try_from(t.estimated_rows).ok()),
        };
        row
    }

    /// Tells what is new of a table.
    async fn table(&mut self, row: TableProgress, table: &Table) {
        let label = format!("{}.{}", row.schema, row.table);
        if table.mismatched > 0 && self.differing.insert(label.clone()) {
            let text =
                format!("DMS's validation finds {} rows that differ; cdc-doctor verify says which", table.mismatched);
            self.run.warn(Some(label.clone()), text).await;
        }
        if self.states.insert(label.clone(), row.state) == Some(row.state) {
            return;
        }
        if row.state == TableState::Failed {
            let text = format!(
                "DMS has given this table up ({}); the others go on. Mend the cause, then load it again: cdc-doctor sync --reload {label}",
                table.state
            );
            self.run.warn(Some(label), text).await;
        }
        self.run.reporter.event(Event::Table(row)).await;
    }

    async fn lag(&mut self) -> Option<Lag> {
        let slot = match self.source {
            Some(source) => source.slot(self.task, self.slot_name.as_deref()).await,
            None => None,
        };
        let seconds = self.latency.seconds(self.run, self.task).await;
        (slot.is_some() || seconds.is_some()).then(|| Lag {
            bytes: slot.map_or(0, |s| s.behind),
            seconds: seconds.unwrap_or(0.0),
            retained: slot.map(|s| s.retained),
        })
    }

    /// The slot has confirmed what had committed as watching began: the task is stopped.
    async fn caught_up(&self, tables: &[Table]) -> Result<Option<Ended>, SyncError> {
        let (Some(goal), Some(source)) = (self.goal, self.source) else { return Ok(None) };
        let loading = |t: &Table| matches!(t.progress.state, TableState::Waiting | TableState::Loading);
        let slot = source.slot(self.task, self.slot_name.as_deref()).await;
        if tables.is_empty() || tables.iter().any(loading) || slot.is_none_or(|s| s.confirmed < goal) {
            return Ok(None);
        }
        self.run.phase(Phase::Stopping).await;
        self.task.stop(&self.run.session).await?;
        while self.task.stand(&self.run.session).await?.moves() {
            self.run.pause().await;
        }
        match failed(tables) {
            none if none.is_empty() => Ok(Some(Ended::Finished)),
            tables => Err(self.lost(&tables)),
        }
    }

    fn lost(&self, tables: &[String]) -> SyncError {
        SyncError::Managed {
            what: self.task.label(),
            why: format!(
                "it gave up {}: the target does not hold all rows of {}",
                plural(tables.len()),
                tables.join(", ")
            ),
            next: Some(format!("cdc-doctor sync --reload {}", tables.join(","))),
        }
    }

    /// What a task's end means.
    fn end(&self, stand: &Stand, tables: &[Table]) -> Result<Ended, SyncError> {
        let lost = failed(tables);
        if stand.status == "stopped" && words::is_done(&stand.stop_reason) {
            return if lost.is_empty() { Ok(Ended::Finished) } else { Err(self.lost(&lost)) };
        }
        if stand.status == "stopped" && words::reason(&stand.stop_reason) == "NORMAL" {
            return Ok(Ended::Left(format!("the {} was stopped", self.task.label())));
        }
        Err(SyncError::Managed {
            what: format!("{} is {}", self.task.label(), stand.status),
            why: words::failure(stand, self.log.last_error.as_deref()),
            next: Some("cdc-doctor sync".to_owned()),
        })
    }

    /// Stops watching; the task is DMS's and goes on.
    async fn leave(&self) -> Result<Ended, SyncError> {
        self.run.phase(Phase::Stopping).await;
        Ok(Ended::Left(format!(
            "no longer watched; the {} goes on in AWS. To stop it: cdc-doctor sync --stop",
            self.task.label()
        )))
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "one table".to_owned() } else { format!("{count} tables") }
}

fn failed(tables: &[Table]) -> Vec<String> {
    let failed = tables.iter().filter(|t| t.progress.state == TableState::Failed);
    failed.map(|t| format!("{}.{}", t.progress.schema, t.progress.table)).collect()
}
