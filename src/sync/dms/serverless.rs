//! The calls on a serverless replication: a configuration, and the replication that runs it.

use aws_sdk_databasemigration::types as dms;
use serde_json::json;

use super::super::SyncError;
use super::task::{PAGE, Stand, Table, Task, filter, missing, table};
use crate::aws::{Error, Session, pages};
use crate::facts::aws::REPLICATION_STARTS;
use crate::pipeline::Dms;

/// Streams of the log that hold what the replication itself says; another tells of its states.
const STREAMS: &str = "dms-serverless-serv-res-id-";

/// The pipeline's replication.
pub(super) async fn find(session: &Session, names: &Dms) -> Result<Task, SyncError> {
    let ask = session.dms().describe_replication_configs().set_filters(filter("replication-config-id", &names.task));
    let page = match session.call("dms:DescribeReplicationConfigs", ask.send()).await {
        Err(error) if error.is_not_found() => None,
        answer => Some(answer?),
    };
    let all = page.as_ref().map_or(&[][..], |p| p.replication_configs());
    let named = |c: &&dms::ReplicationConfig| {
        c.replication_config_identifier().is_some_and(|id| id.eq_ignore_ascii_case(&names.task))
    };
    let Some(found) = all.iter().find(named) else { return Err(missing("serverless replication", &names.task)) };
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(Task {
        arn: text(found.replication_config_arn()),
        name: text(found.replication_config_identifier()),
        mode: text(found.replication_type().map(dms::MigrationTypeValue::as_str)),
        source_endpoint: text(found.source_endpoint_arn()),
        instance: String::new(),
        serverless: true,
    })
}

/// Where it stands now, in the words of a task.
pub(super) async fn stand(session: &Session, task: &Task) -> Result<Stand, Error> {
    let ask = session.dms().describe_replications().set_filters(filter("replication-config-arn", &task.arn));
    let page = session.call("dms:DescribeReplications", ask.send()).await?;
    let Some(run) = page.replications().first() else {
        return Ok(Stand { status: "deleted".to_owned(), ..Stand::default() });
    };
    let stats = run.replication_stats();
    let status = match run.status().unwrap_or_default() {
        "created" => "ready",
        status if REPLICATION_STARTS.contains(&status) => "starting",
        status => status,
    };
    Ok(Stand {
        status: status.to_owned(),
        stop_reason: run.stop_reason().unwrap_or_default().to_owned(),
        failure: failure(run),
        started: stats.is_some_and(|s| s.start_date().is_some()),
        percent: stats.map_or(0, dms::ReplicationStats::full_load_progress_percent),
    })
}

/// What went wrong: first what its assessment found, then what it says itself.
fn failure(run: &dms::Replication) -> Option<String> {
    let failed = |status: &str| status == "failed" || status.starts_with("error-");
    let assessed = run.premigration_assessment_statuses().iter().filter(|a| a.status().is_some_and(failed));
    let assessed = assessed.map(|a| {
        let why = a.last_failure_message().unwrap_or("see its result in S3");
        format!("the premigration assessment failed: {why} (cdc-doctor sync --skip-assessment starts without one)")
    });
    let all: Vec<String> = assessed.chain(run.failure_messages().iter().cloned()).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// All tables, over all pages.
pub(super) async fn tables(session: &Session, task: &Task) -> Result<Vec<Table>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_replication_table_statistics().replication_config_arn(&task.arn);
        let send = ask.max_records(PAGE).set_marker(marker).send();
        let page = session.call("dms:DescribeReplicationTableStatistics", send).await?;
        let follows = task.mode != "full-load";
        Ok((page.replication_table_statistics().iter().map(|t| table(t, follows)).collect(), page.marker))
    })
    .await
}

/// Starts it, and has DMS assess it first where that is asked for: DMS makes the bucket for the result itself.
pub(super) async fn start(session: &Session, task: &Task, how: &str, assess: bool) -> Result<(), Error> {
    let settings = json!({"FailOnAssessmentFailure": true}).to_string();
    let ask = session.dms().start_replication().replication_config_arn(&task.arn).start_replication_type(how);
    let ask = ask.set_premigration_assessment_settings(assess.then_some(settings));
    session.call("dms:StartReplication", ask.send()).await.map(drop)
}

/// Asks it to stop.
pub(super) async fn stop(session: &Session, task: &Task) -> Result<(), Error> {
    let send = session.dms().stop_replication().replication_config_arn(&task.arn).send();
    session.call("dms:StopReplication", send).await.map(drop)
}

/// Loads tables again while it runs; DMS takes ten at once.
pub(super) async fn reload(session: &Session, task: &Task, tables: Vec<dms::TableToReload>) -> Result<(), Error> {
    for some in tables.chunks(10) {
        let ask = session.dms().reload_replication_tables().replication_config_arn(&task.arn);
        let send = ask.set_tables_to_reload(Some(some.to_vec())).send();
        session.call("dms:ReloadReplicationTables", send).await?;
    }
    Ok(())
}

/// The latest stream of its log; each start writes to a new one. None where there is no log yet.
pub(super) async fn stream(session: &Session, group: &str) -> Result<Option<String>, Error> {
    let ask = session.logs().describe_log_streams().log_group_name(group).log_stream_name_prefix(STREAMS);
    let page = match session.call("logs:DescribeLogStreams", ask.send()).await {
        Err(error) if error.is_not_found() => return Ok(None),
        answer => answer?,
    };
    let latest = page.log_streams().iter().max_by_key(|s| s.creation_time());
    Ok(latest.and_then(|s| s.log_stream_name()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::{Answer, Stub};

    /// The states that AWS documents for the way from a start to running.
    #[tokio::test]
    async fn each_state_on_the_way_is_a_start() {
        let task = Task { arn: "arn:c".into(), serverless: true, ..Task::default() };
        for (status, ours) in [
            ("created", "ready"),
            ("initializing", "starting"),
            ("testing_connection", "starting"),
            ("provisioning_capacity", "starting"),
            ("replication_starting", "starting"),
            ("running", "running"),
            ("stopped", "stopped"),
        ] {
            let body = format!(r#"{{"Replications": [{{"Status": "{status}"}}]}}"#);
            let stub = Stub::start(vec![Answer::new("DescribeReplications\r\n", 200, &body)]).await;
            let stand = stand(&stub.session().await, &task).await.unwrap();
            assert_eq!((stand.status.as_str(), stand.started), (ours, false), "{status}");
        }
    }

    #[test]
    fn a_failed_assessment_is_told_first() {
        let assessed = dms::PremigrationAssessmentStatus::builder().status("failed").last_failure_message("no key");
        let run = dms::Replication::builder().failure_messages("stopped");
        let run = run.premigration_assessment_statuses(assessed.build()).build();
        let told = failure(&run).unwrap();
        assert!(
            told.starts_with("the premigration assessment failed: no key") && told.ends_with("; stopped"),
            "{told}"
        );
        assert_eq!(failure(&dms::Replication::builder().build()), None);
    }
}
