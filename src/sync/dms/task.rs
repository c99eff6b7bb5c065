//! The calls on one task; those on a serverless replication, which stands for one, are in [`serverless`].

use aws_sdk_databasemigration::types as dms;

use super::super::{SyncError, TableProgress, TableState};
use super::{serverless, words};
use crate::aws::{Error, Session, pages};
use crate::pipeline::Dms;
use crate::sync::Kinds;

/// DMS hands out at most so many tables at once.
pub(super) const PAGE: i32 = 500;

/// A task that exists, or a serverless replication.
#[derive(Debug, Clone, Default)]
pub(super) struct Task {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) mode: String,
    pub(super) source_endpoint: String,
    /// Nothing where it is serverless.
    pub(super) instance: String,
    pub(super) serverless: bool,
}

/// Where a task stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stand {
    pub(super) status: String,
    pub(super) stop_reason: String,
    pub(super) failure: Option<String>,
    /// It was started before.
    pub(super) started: bool,
    /// Percent of the full load.
    pub(super) percent: i32,
}

impl Stand {
    /// It runs, or something is under way with it.
    pub(super) fn moves(&self) -> bool {
        matches!(
            self.status.as_str(),
            "starting" | "running" | "stopping" | "modifying" | "testing" | "moving" | "creating"
        )
    }
}

/// A table as DMS tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) progress: TableProgress,
    /// In DMS's words.
    pub(super) state: String,
    /// Rows that differ, by DMS's own validation.
    pub(super) mismatched: i64,
}

impl Task {
    /// The pipeline's task.
    pub(super) async fn find(session: &Session, names: &Dms) -> Result<Self, SyncError> {
        if names.serverless {
            return serverless::find(session, names).await;
        }
        let ask = session.dms().describe_replication_tasks().set_filters(filter("replication-task-id", &names.task));
        let page = match session.call("dms:DescribeReplicationTasks", ask.without_settings(true).send()).await {
            Err(error) if error.is_not_found() => None,
            answer => Some(answer?),
        };
        let all = page.as_ref().map_or(&[][..], |p| p.replication_tasks());
        let named = |t: &&dms::ReplicationTask| {
            t.replication_task_identifier().is_some_and(|id| id.eq_ignore_ascii_case(&names.task))
        };
        let Some(found) = all.iter().find(named) else { return Err(missing("DMS task", &names.task)) };
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Ok(Self {
            arn: text(found.replication_task_arn()),
            name: text(found.replication_task_identifier()),
            mode: text(found.migration_type().map(dms::MigrationTypeValue::as_str)),
            source_endpoint: text(found.source_endpoint_arn()),
            instance: names.instance.to_lowercase(),
            serverless: false,
        })
    }

    /// What errors are about: kind and name.
    pub(super) fn label(&self) -> String {
        format!("{} {}", if self.serverless { "serverless replication" } else { "DMS task" }, self.name)
    }

    /// The log's group.
    pub(super) fn log_group(&self) -> String {
        if self.serverless {
            format!("dms-serverless-replication-{}", self.id())
        } else {
            format!("dms-tasks-{}", self.instance)
        }
    }

    /// The last part of the ARN, by which CloudWatch and the log name the task.
    pub(super) fn id(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }

    /// Where it stands now.
    pub(super) async fn stand(&self, session: &Session) -> Result<Stand, Error> {
        if self.serverless {
            return serverless::stand(session, self).await;
        }
        let ask = session.dms().describe_replication_tasks().set_filters(filter("replication-task-arn", &self.arn));
        let page = session.call("dms:DescribeReplicationTasks", ask.without_settings(true).send()).await?;
        let Some(task) = page.replication_tasks().first() else {
            return Ok(Stand { status: "deleted".to_owned(), ..Stand::default() });
        };
        Ok(Stand {
            status: task.status().unwrap_or_default().to_owned(),
            stop_reason: task.stop_reason().unwrap_or_default().to_owned(),
            failure: task.last_failure_message().filter(|m| !m.is_empty()).map(str::to_owned),
            started: task.replication_task_start_date().is_some(),
            percent: task.replication_task_stats().map_or(0, dms::ReplicationTaskStats::full_load_progress_percent),
        })
    }

    /// All tables, over all pages.
    pub(super) async fn tables(&self, session: &Session) -> Result<Vec<Table>, Error> {
        if self.serverless {
            return serverless::tables(session, self).await;
        }
        pages(async |marker| {
            let ask = session.dms().describe_table_statistics().replication_task_arn(&self.arn);
            let send = ask.max_records(PAGE).set_marker(marker).send();
            let page = session.call("dms:DescribeTableStatistics", send).await?;
            Ok((page.table_statistics().iter().map(|t| table(t, self.mode != "full-load")).collect(), page.marker))
        })
        .await
    }

    /// Starts it: `start-replication`, `resume-processing` or `reload-target`. `assess` concerns serverless replications,
    /// which are assessed by the start itself.
    pub(super) async fn start(&self, session: &Session, how: &str, assess: bool) -> Result<(), Error> {
        if self.serverless {
            return serverless::start(session, self, how, assess).await;
        }
        let ask = session.dms().start_replication_task().replication_task_arn(&self.arn);
        let ask = ask.start_replication_task_type(dms::StartReplicationTaskTypeValue::from(how));
        session.call("dms:StartReplicationTask", ask.send()).await.map(drop)
    }

    /// Asks it to stop.
    pub(super) async fn stop(&self, session: &Session) -> Result<(), Error> {
        if self.serverless {
            return serverless::stop(session, self).await;
        }
        let send = session.dms().stop_replication_task().replication_task_arn(&self.arn).send();
        session.call("dms:StopReplicationTask", send).await.map(drop)
    }

    /// Loads tables again while it runs.
    pub(super) async fn reload(&self, session: &Session, tables: &[(String, String)]) -> Result<(), Error> {
        let one = |(schema, table): &(String, String)| {
            dms::TableToReload::builder().schema_name(schema).table_name(table).build().ok()
        };
        if self.serverless {
            return serverless::reload(session, self, tables.iter().filter_map(one).collect()).await;
        }
        // DMS takes ten at once.
        for some in tables.chunks(10) {
            let ask = session.dms().reload_tables().replication_task_arn(&self.arn);
            let send = ask.set_tables_to_reload(Some(some.iter().filter_map(one).collect())).send();
            session.call("dms:ReloadTables", send).await?;
        }
        Ok(())
    }
}

/// There is nothing of this name.
pub(super) fn missing(kind: &str, name: &str) -> SyncError {
    SyncError::Managed {
        what: format!("{kind} {name}"),
        why: "there is none of this name in this account and region. Make it: cdc-doctor provision apply".to_owned(),
        next: Some("cdc-doctor provision plan".to_owned()),
    }
}

pub(super) fn filter(name: &str, value: &str) -> Option<Vec<dms::Filter>> {
    // Both parts are given, and nothing else is demanded.
    dms::Filter::builder().name(name).values(value).build().ok().map(|f| vec![f])
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn table(from: &dms::TableStatistics, follows: bool) -> Table {
    let state = from.table_state().unwrap_or_default();
    // Older versions of DMS tell only what came in.
    let applied = |applied: Option<i64>, seen: i64| count(applied.unwrap_or(seen));
    let kinds = Kinds {
        inserts: applied(from.applied_inserts(), from.inserts()),
        updates: applied(from.applied_updates(), from.updates()),
        deletes: applied(from.applied_deletes(), from.deletes()),
    };
    let progress = TableProgress {
        schema: from.schema_name().unwrap_or_default().to_owned(),
        table: from.table_name().unwrap_or_default().to_owned(),
        state: match words::table_state(state) {
            TableState::Loaded if follows => TableState::Streaming,
            other => other,
        },
        rows_done: count(from.full_load_rows()),
        rows_total: None,
        bytes: 0,
        changes: kinds.inserts + kinds.updates + kinds.deletes,
        kinds,
    };
    Table { progress, state: state.to_owned(), mismatched: from.validation_failed_records() }
}
