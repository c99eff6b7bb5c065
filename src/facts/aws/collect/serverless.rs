//! A serverless replication: its tables, assessments, log and readings. Of its events DMS tells nothing.

use std::collections::BTreeMap;

use super::super::super::board::Board;
use super::super::super::{Fact, Unknown, UnknownKind};
use super::super::dms_model::DmsTask;
use super::super::rds_model::Readings;
use super::super::{cloudwatch, dms_serverless, logs};
use super::seen;
use crate::aws::Session;

pub(super) async fn replication(board: &Board<'_>, session: &Session, task: &DmsTask) {
    let (tables, assessments, log, log_group, (metrics, alarms)) = tokio::join!(
        dms_serverless::tables(session, task),
        dms_serverless::assessments(session, task),
        logs::serverless_complaints(session, &task.arn),
        logs::group(session, logs::serverless_group(&task.arn)),
        watched(session, task),
    );
    let why = "DMS lists no events of serverless replications; EventBridge has them";
    board.aws(|facts| {
        facts.dms.tables = seen(tables);
        facts.dms.assessments = seen(assessments);
        facts.dms.log = seen(log);
        facts.dms.log_group = seen(log_group);
        facts.dms.events = Fact::unknown(UnknownKind::NotConfigured, why);
        facts.dms.task_metrics = metrics;
        facts.dms.alarms = alarms;
    });
}

/// What CloudWatch has of it, and the alarms on that.
async fn watched(session: &Session, task: &DmsTask) -> (Fact<Readings>, Fact<BTreeMap<String, usize>>) {
    let why = match cloudwatch::serverless_dimensions(session, &task.arn, &task.identifier).await {
        Ok(Some(found)) => return readings(session, &found).await,
        Ok(None) => {
            let none = "CloudWatch has no readings of the replication in the last three hours";
            Unknown::new(UnknownKind::NotConfigured, none)
        }
        Err(error) => error.into(),
    };
    (Fact::Unknown(why.clone()), Fact::Unknown(why))
}

async fn readings(session: &Session, found: &[(String, String)]) -> (Fact<Readings>, Fact<BTreeMap<String, usize>>) {
    let pairs: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (metrics, alarms) = tokio::join!(
        cloudwatch::readings(session, "AWS/DMS", &pairs, cloudwatch::TASK),
        cloudwatch::alarms(session, "AWS/DMS", &pairs, cloudwatch::TASK_ALARMS),
    );
    (seen(metrics), seen(alarms))
}
