//! DMS: instances, endpoints, tasks and what they have been through.

use aws_sdk_databasemigration::types::{Filter, SourceType};

use super::convert::{moment, some, text};
use super::dms_convert::{certificate, endpoint, instance, table, task};
use super::dms_model::{DmsEndpoint, DmsTask, ReplicationInstance};
use super::dms_records::{
    AssessmentRun, DmsCertificate, DmsConnection, DmsEvent, Maintenance, Quota, SchemaRefresh, TableStatistics,
};
use crate::aws::{Error, Session, pages};

/// The most that a page may hold; tables come in larger ones.
const PAGE: i32 = 100;
const TABLE_PAGE: i32 = 500;
/// How far back events are looked at, minutes.
const EVENT_MINUTES: i32 = 24 * 60;
/// Runs of assessments that are looked into.
const RUNS: usize = 1;

/// All replication instances of the region.
pub(super) async fn instances(session: &Session) -> Result<Vec<ReplicationInstance>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_replication_instances().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplicationInstances", ask.send()).await?;
        Ok((page.replication_instances().iter().map(instance).collect(), page.marker))
    })
    .await
}

/// All endpoints of the region.
pub(super) async fn endpoints(session: &Session) -> Result<Vec<DmsEndpoint>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_endpoints().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeEndpoints", ask.send()).await?;
        Ok((page.endpoints().iter().map(endpoint).collect(), page.marker))
    })
    .await
}

/// The last test of every pair of instance and endpoint.
pub(super) async fn connections(session: &Session) -> Result<Vec<DmsConnection>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_connections().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeConnections", ask.send()).await?;
        let connection = |c: &aws_sdk_databasemigration::types::Connection| DmsConnection {
            instance_arn: text(c.replication_instance_arn()),
            endpoint_arn: text(c.endpoint_arn()),
            status: text(c.status()),
            failure: some(c.last_failure_message()),
        };
        Ok((page.connections().iter().map(connection).collect(), page.marker))
    })
    .await
}

/// All tasks of the region, with settings.
pub(super) async fn tasks(session: &Session) -> Result<Vec<DmsTask>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_replication_tasks().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplicationTasks", ask.send()).await?;
        Ok((page.replication_tasks().iter().map(task).collect(), page.marker))
    })
    .await
}

/// All imported certificates.
pub(super) async fn certificates(session: &Session) -> Result<Vec<DmsCertificate>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_certificates().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeCertificates", ask.send()).await?;
        Ok((page.certificates().iter().map(certificate).collect(), page.marker))
    })
    .await
}

/// The tables of a task.
pub(super) async fn tables(session: &Session, task: &DmsTask) -> Result<Vec<TableStatistics>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_table_statistics().replication_task_arn(&task.arn);
        let ask = ask.max_records(TABLE_PAGE).set_marker(marker);
        let page = session.call("dms:DescribeTableStatistics", ask.send()).await?;
        Ok((page.table_statistics().iter().map(table).collect(), page.marker))
    })
    .await
}

pub(super) fn filter(name: &str, value: &str) -> Option<Vec<Filter>> {
    // Both parts are given, and nothing else is demanded.
    Filter::builder().name(name).values(value).build().ok().map(|f| vec![f])
}

/// The assessment runs of a task, the latest first, and the single results of the latest.
pub(super) async fn assessments(session: &Session, task: &DmsTask) -> Result<Vec<AssessmentRun>, Error> {
    let runs = pages(async |marker| {
        let ask = session.dms().describe_replication_task_assessment_runs().max_records(PAGE).set_marker(marker);
        let ask = ask.set_filters(filter("replication-task-arn", &task.arn));
        let page = session.call("dms:DescribeReplicationTaskAssessmentRuns", ask.send()).await?;
        let run = |r: &aws_sdk_databasemigration::types::ReplicationTaskAssessmentRun| {
            let run = AssessmentRun {
                name: text(r.assessment_run_name()),
                status: text(r.status()),
                created: moment(r.replication_task_assessment_run_creation_date()),
                failure: some(r.last_failure_message()),
                results: Vec::new(),
            };
            (run, text(r.replication_task_assessment_run_arn()))
        };
        Ok((page.replication_task_assessment_runs().iter().map(run).collect(), page.marker))
    });
    let mut runs = runs.await?;
    runs.sort_by_key(|(run, _)| std::cmp::Reverse(run.created));
    for (run, arn) in runs.iter_mut().take(RUNS) {
        run.results = results(session, arn).await?;
    }
    Ok(runs.into_iter().map(|(run, _)| run).collect())
}

async fn results(session: &Session, run: &str) -> Result<Vec<(String, String)>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_replication_task_individual_assessments().max_records(PAGE);
        let ask = ask.set_marker(marker).set_filters(filter("replication-task-assessment-run-arn", run));
        let page = session.call("dms:DescribeReplicationTaskIndividualAssessments", ask.send()).await?;
        let results = page.replication_task_individual_assessments().iter();
        Ok((results.map(|r| (text(r.individual_assessment_name()), text(r.status()))).collect(), page.marker))
    })
    .await
}

/// Events of the last day about an instance or a task.
pub(super) async fn events(session: &Session, kind: SourceType, identifier: &str) -> Result<Vec<DmsEvent>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_events().source_type(kind.clone()).source_identifier(identifier);
        let ask = ask.duration(EVENT_MINUTES).max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeEvents", ask.send()).await?;
        let event = |e: &aws_sdk_databasemigration::types::Event| DmsEvent {
            about: kind.as_str().to_owned(),
            identifier: text(e.source_identifier()),
            message: text(e.message()),
            at: moment(e.date()),
        };
        Ok((page.events().iter().map(event).collect(), page.marker))
    })
    .await
}

/// Maintenance that waits.
pub(super) async fn maintenance(session: &Session) -> Result<Vec<Maintenance>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_pending_maintenance_actions().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribePendingMaintenanceActions", ask.send()).await?;
        let waiting = page.pending_maintenance_actions().iter().flat_map(|resource| {
            resource.pending_maintenance_action_details().iter().map(|action| Maintenance {
                arn: text(resource.resource_identifier()),
                action: text(action.action()),
                by: moment(action.current_apply_date().or(action.forced_apply_date())),
                description: some(action.description()),
            })
        });
        Ok((waiting.collect(), page.marker))
    })
    .await
}

/// The account's quotas.
pub(super) async fn quotas(session: &Session) -> Result<Vec<Quota>, Error> {
    let send = session.dms().describe_account_attributes().send();
    let answer = session.call("dms:DescribeAccountAttributes", send).await?;
    let quota = |q: &aws_sdk_databasemigration::types::AccountQuota| Quota {
        name: text(q.account_quota_name()),
        used: q.used(),
        max: q.max(),
    };
    Ok(answer.account_quotas().iter().map(quota).collect())
}

/// The instance classes that can be had here, each once.
pub(super) async fn classes(session: &Session) -> Result<Vec<String>, Error> {
    let mut all = pages(async |marker| {
        let ask = session.dms().describe_orderable_replication_instances().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeOrderableReplicationInstances", ask.send()).await?;
        let classes =
            page.orderable_replication_instances().iter().filter_map(|i| some(i.replication_instance_class()));
        Ok((classes.collect(), page.marker))
    })
    .await?;
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The last refresh of an endpoint's schemas; none where there was none.
pub(super) async fn refresh(session: &Session, endpoint: &DmsEndpoint) -> Result<Option<SchemaRefresh>, Error> {
    let send = session.dms().describe_refresh_schemas_status().endpoint_arn(&endpoint.arn).send();
    match session.call("dms:DescribeRefreshSchemasStatus", send).await {
        Err(error) if error.is_not_found() => Ok(None),
        answer => Ok(answer?.refresh_schemas_status().map(|s| SchemaRefresh {
            status: text(s.status().map(aws_sdk_databasemigration::types::RefreshSchemasStatusTypeValue::as_str)),
            failure: some(s.last_failure_message()),
        })),
    }
}
