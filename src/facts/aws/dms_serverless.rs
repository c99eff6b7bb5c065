//! DMS Serverless: a replication configuration stands for instance and task, and is seen as a task.

use aws_sdk_databasemigration::types as dms;
use serde_json::Value;

use super::convert::{moment, some, text};
use super::dms::filter;
use super::dms_convert::table;
use super::dms_model::DmsTask;
use super::dms_records::{AssessmentRun, TableStatistics};
use crate::aws::{Error, Session, pages};

const PAGE: i32 = 100;

/// The states of a replication between its start and running, as the guide of DMS Serverless lists them.
pub(crate) const STARTS: [&str; 7] = [
    "initializing",
    "preparing_metadata_resources",
    "testing_connection",
    "fetching_metadata",
    "calculating_capacity",
    "provisioning_capacity",
    "replication_starting",
];

/// All replication configurations of the region, each with the state of its replication.
pub(super) async fn tasks(session: &Session) -> Result<Vec<DmsTask>, Error> {
    let configs = pages(async |marker| {
        let ask = session.dms().describe_replication_configs().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplicationConfigs", ask.send()).await?;
        Ok((page.replication_configs().to_vec(), page.marker))
    });
    let runs = pages(async |marker| {
        let ask = session.dms().describe_replications().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplications", ask.send()).await?;
        Ok((page.replications().to_vec(), page.marker))
    });
    let (configs, runs) = (configs.await?, runs.await?);
    let run_of = |config: &dms::ReplicationConfig| {
        runs.iter().find(|r| r.replication_config_arn() == config.replication_config_arn())
    };
    Ok(configs.iter().map(|config| task(config, run_of(config))).collect())
}

/// The tables of a replication.
pub(super) async fn tables(session: &Session, task: &DmsTask) -> Result<Vec<TableStatistics>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_replication_table_statistics().replication_config_arn(&task.arn);
        let page = session.call("dms:DescribeReplicationTableStatistics", ask.set_marker(marker).send()).await?;
        Ok((page.replication_table_statistics().iter().map(table).collect(), page.marker))
    })
    .await
}

/// The assessments that the replication was started with, the latest first. DMS keeps their single results in S3 only.
pub(super) async fn assessments(session: &Session, task: &DmsTask) -> Result<Vec<AssessmentRun>, Error> {
    let ask = session.dms().describe_replications().set_filters(filter("replication-config-arn", &task.arn));
    let page = session.call("dms:DescribeReplications", ask.send()).await?;
    let runs = page.replications().iter().flat_map(dms::Replication::premigration_assessment_statuses);
    let mut all: Vec<AssessmentRun> = runs.map(assessment).collect();
    all.sort_by_key(|run| std::cmp::Reverse(run.created));
    Ok(all)
}

fn assessment(from: &dms::PremigrationAssessmentStatus) -> AssessmentRun {
    let arn = text(from.premigration_assessment_run_arn());
    AssessmentRun {
        name: arn.rsplit(':').next().unwrap_or_default().to_owned(),
        status: text(from.status()),
        created: moment(from.premigration_assessment_run_creation_date()),
        failure: some(from.last_failure_message()),
        results: Vec::new(),
    }
}

fn task(config: &dms::ReplicationConfig, run: Option<&dms::Replication>) -> DmsTask {
    let stats = run.and_then(|r| r.replication_stats());
    let tables = stats.map(|s| (s.tables_loaded(), s.tables_loading(), s.tables_queued(), s.tables_errored()));
    let failures = run.map(|r| r.failure_messages().join("; "));
    let status = match run.and_then(|r| r.status()) {
        None | Some("created") => "ready",
        Some(status) if STARTS.contains(&status) => "starting",
        Some(status) => status,
    };
    DmsTask {
        identifier: text(config.replication_config_identifier()),
        arn: text(config.replication_config_arn()),
        migration_type: text(config.replication_type().map(dms::MigrationTypeValue::as_str)),
        status: status.to_owned(),
        stop_reason: run.and_then(|r| some(r.stop_reason())),
        failure: failures.filter(|f| !f.is_empty()),
        source_arn: text(config.source_endpoint_arn()),
        target_arn: text(config.target_endpoint_arn()),
        instance_arn: String::new(),
        settings: serde_json::from_str(config.replication_settings().unwrap_or_default()).unwrap_or(Value::Null),
        mappings: text(config.table_mappings()),
        cdc_start_position: run.and_then(|r| some(r.cdc_start_position())),
        started: stats.and_then(|s| moment(s.start_date())),
        percent: stats.map_or(0, dms::ReplicationStats::full_load_progress_percent),
        tables: tables.unwrap_or_default(),
    }
}
