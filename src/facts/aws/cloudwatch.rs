//! CloudWatch: readings of the last hour.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, RecentlyActive};

use super::rds_model::{Reading, Readings};
use crate::aws::{Error, Session, pages};

/// Of an RDS instance.
pub(super) const RDS: &[&str] = &[
    "FreeStorageSpace",
    "FreeableMemory",
    "CPUUtilization",
    "DatabaseConnections",
    "TransactionLogsDiskUsage",
    "OldestReplicationSlotLag",
];
/// Of a replication instance.
pub(super) const INSTANCE: &[&str] = &["FreeStorageSpace", "FreeableMemory", "SwapUsage", "CPUUtilization"];
/// Of a task.
pub(super) const TASK: &[&str] = &[
    "CDCLatencySource",
    "CDCLatencyTarget",
    "CDCIncomingChanges",
    "CDCChangesDiskSource",
    "CDCChangesDiskTarget",
    "FullLoadThroughputRowsTarget",
    "CPUUtilization",
];

/// What of a PostgreSQL source should have an alarm.
pub(super) const RDS_ALARMS: &[&str] = &["FreeStorageSpace", "OldestReplicationSlotLag"];
/// What of a task should have one.
pub(super) const TASK_ALARMS: &[&str] = &["CDCLatencySource", "CDCLatencyTarget"];

/// How far back, and in what steps.
const SPAN: Duration = Duration::from_secs(60 * 60);
const STEP_SECONDS: i32 = 300;

/// The readings of one thing, by the metric's name; what CloudWatch has no data of is left out.
pub(super) async fn readings(
    session: &Session,
    namespace: &str,
    dimensions: &[(&str, &str)],
    names: &[&str],
) -> Result<Readings, Error> {
    let dimensions = as_dimensions(dimensions);
    let query = |(i, name): (usize, &&str)| {
        let metric = Metric::builder().namespace(namespace).metric_name(*name).set_dimensions(Some(dimensions.clone()));
        let average = MetricStat::builder().metric(metric.build()).period(STEP_SECONDS).stat("Average").build();
        MetricDataQuery::builder().id(format!("m{i}")).metric_stat(average).build()
    };
    let now = SystemTime::now();
    let ask = session.cloudwatch().get_metric_data().start_time(DateTime::from(now - SPAN));
    let ask = ask.end_time(DateTime::from(now));
    let ask = ask.set_metric_data_queries(Some(names.iter().enumerate().map(query).collect()));
    let answer = session.call("cloudwatch:GetMetricData", ask.send()).await?;
    let of = |i: usize| {
        let id = format!("m{i}");
        answer.metric_data_results().iter().find(|r| r.id() == Some(id.as_str()))
    };
    // The newest comes first.
    let reading = |i: usize| reading(of(i)?.values());
    Ok(names.iter().enumerate().filter_map(|(i, name)| Some(((*name).to_owned(), reading(i)?))).collect())
}

/// How many alarms watch each of these metrics of one thing. Alarms on an expression over metrics, and composite ones,
/// are not among them: CloudWatch does not tell of those by metric.
pub(super) async fn alarms(
    session: &Session,
    namespace: &str,
    dimensions: &[(&str, &str)],
    names: &[&str],
) -> Result<BTreeMap<String, usize>, Error> {
    let dimensions = as_dimensions(dimensions);
    let mut all = BTreeMap::new();
    for name in names {
        let ask = session.cloudwatch().describe_alarms_for_metric().namespace(namespace).metric_name(*name);
        let ask = ask.set_dimensions(Some(dimensions.clone()));
        let answer = session.call("cloudwatch:DescribeAlarmsForMetric", ask.send()).await?;
        all.insert((*name).to_owned(), answer.metric_alarms().len());
    }
    Ok(all)
}

/// What the metrics of a serverless replication are kept under; nothing as long as there are none. The guide of DMS
/// Serverless lists the metrics and not this, so it is looked for among those of the last hours.
///
/// # Errors
/// The metrics cannot be listed.
pub(crate) async fn serverless_dimensions(
    session: &Session,
    arn: &str,
    identifier: &str,
) -> Result<Option<Vec<(String, String)>>, Error> {
    let all = pages(async |marker| {
        let ask = session.cloudwatch().list_metrics().namespace("AWS/DMS").metric_name("CDCLatencyTarget");
        let ask = ask.recently_active(RecentlyActive::Pt3H).set_next_token(marker);
        let page = session.call("cloudwatch:ListMetrics", ask.send()).await?;
        Ok((page.metrics().to_vec(), page.next_token))
    });
    let pair = |d: &Dimension| (d.name().unwrap_or_default().to_owned(), d.value().unwrap_or_default().to_owned());
    let mut pairs = all.await?.into_iter().map(|m| m.dimensions().iter().map(pair).collect::<Vec<_>>());
    Ok(pairs.find(|all| all.iter().any(|(name, value)| names(name, value, arn, identifier))))
}

/// A dimension that stands for this serverless replication.
fn names(name: &str, value: &str, arn: &str, identifier: &str) -> bool {
    let id = arn.rsplit(':').next().unwrap_or_default();
    // An instance may have the same name as the replication.
    let by_name = name.starts_with("ReplicationConfig") && value.eq_ignore_ascii_case(identifier);
    value == arn || value.eq_ignore_ascii_case(id) || by_name
}

fn as_dimensions(pairs: &[(&str, &str)]) -> Vec<Dimension> {
    pairs.iter().map(|(name, value)| Dimension::builder().name(*name).value(*value).build()).collect()
}

fn reading(values: &[f64]) -> Option<Reading> {
    let last = *values.first()?;
    let least = values.iter().copied().fold(last, f64::min);
    let most = values.iter().copied().fold(last, f64::max);
    Some(Reading { last, least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serverless_replication_is_known_by_its_values() {
        let arn = "arn:aws:dms:eu-west-2:000000000000:replication-config:ABC";
        for (name, value, wanted) in [
            ("ReplicationConfigId", "ABC", true),
            ("ReplicationConfigArn", arn, true),
            ("ReplicationConfigIdentifier", "Charts-Task", true),
            ("ReplicationInstanceIdentifier", "charts-task", false),
            ("ReplicationConfigIdentifier", "other", false),
        ] {
            assert_eq!(names(name, value, arn, "charts-task"), wanted, "{name} {value}");
        }
    }

    #[test]
    fn the_newest_value_comes_first() {
        assert_eq!(reading(&[3.0, 1.0, 5.0]), Some(Reading { last: 3.0, least: 1.0, most: 5.0 }));
        assert_eq!(reading(&[]), None);
    }
}
