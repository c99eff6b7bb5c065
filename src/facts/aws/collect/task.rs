//! The pipeline's task: its tables, assessments, events, log and readings.

use std::collections::BTreeMap;

use aws_sdk_databasemigration::types::SourceType;

use super::super::super::board::{Board, Settle};
use super::super::super::{Unknown, UnknownKind};
use super::super::dms_model::{DmsFacts, DmsTask};
use super::super::dms_records::DmsEvent;
use super::super::rds_model::Readings;
use super::super::{cloudwatch, dms, logs};
use super::seen;
use crate::aws::{Error, Session};
use crate::pipeline::Dms;

pub(super) async fn task(board: &Board<'_>, session: &Session, dms: &Dms, first: &DmsFacts) {
    // DMS keeps identifiers in small letters, and its logs, events and metrics are found by nothing else.
    let dms = &Dms { instance: dms.instance.to_lowercase(), task: dms.task.to_lowercase(), ..dms.clone() };
    let found = first.task(dms).and_then(|task| task.ok_or_else(not_there));
    let task = match found {
        Ok(task) => task,
        Err(why) => {
            board.aws(|facts| {
                facts.dms.tables.settle(&why);
                facts.dms.assessments.settle(&why);
                facts.dms.events.settle(&why);
                facts.dms.log.settle(&why);
                facts.dms.task_metrics.settle(&why);
                facts.dms.alarms.settle(&why);
                facts.dms.log_group.settle(&why);
            });
            return;
        }
    };
    if dms.serverless {
        super::serverless::replication(board, session, task).await;
        return;
    }
    let (tables, assessments, events, log, metrics, alarms, log_group) = tokio::join!(
        dms::tables(session, task),
        dms::assessments(session, task),
        events(session, dms),
        logs::complaints(session, &dms.instance, &task.arn),
        task_metrics(session, dms, task),
        task_alarms(session, dms, task),
        logs::group(session, logs::group_of(&dms.instance)),
    );
    board.aws(|facts| {
        facts.dms.tables = seen(tables);
        facts.dms.assessments = seen(assessments);
        facts.dms.events = seen(events);
        facts.dms.log = seen(log);
        facts.dms.task_metrics = seen(metrics);
        facts.dms.alarms = seen(alarms);
        facts.dms.log_group = seen(log_group);
    });
}

fn not_there() -> Unknown {
    Unknown::new(UnknownKind::NotConfigured, "the task does not exist yet")
}

async fn events(session: &Session, dms: &Dms) -> Result<Vec<DmsEvent>, Error> {
    let mut all = dms::events(session, SourceType::ReplicationInstance, &dms.instance).await?;
    all.extend(dms::events(session, SourceType::from("replication-task"), &dms.task).await?);
    all.sort_by_key(|e| e.at);
    Ok(all)
}

async fn task_metrics(session: &Session, dms: &Dms, task: &DmsTask) -> Result<Readings, Error> {
    cloudwatch::readings(session, "AWS/DMS", &task_dimensions(dms, task), cloudwatch::TASK).await
}

async fn task_alarms(session: &Session, dms: &Dms, task: &DmsTask) -> Result<BTreeMap<String, usize>, Error> {
    cloudwatch::alarms(session, "AWS/DMS", &task_dimensions(dms, task), cloudwatch::TASK_ALARMS).await
}

fn task_dimensions<'a>(dms: &'a Dms, task: &'a DmsTask) -> [(&'static str, &'a str); 2] {
    let id = task.arn.rsplit(':').next().unwrap_or_default();
    [("ReplicationInstanceIdentifier", dms.instance.as_str()), ("ReplicationTaskIdentifier", id)]
}
