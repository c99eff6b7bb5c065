//! How far the target is behind, by CloudWatch.

use std::time::{Duration, Instant, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, RecentlyActive};

use super::Run;
use super::task::Task;
use crate::aws::{Error, pages};

const NAMESPACE: &str = "AWS/DMS";
/// Seconds: the age of the oldest change that is not applied.
const METRIC: &str = "CDCLatencyTarget";
/// CloudWatch has a new figure once a minute.
const EVERY: Duration = Duration::from_secs(30);
/// How far back a figure may lie.
const SPAN: Duration = Duration::from_secs(600);

/// The latest figure, and what it is found by.
#[derive(Debug, Default)]
pub(super) struct Latency {
    dimensions: Option<Vec<Dimension>>,
    last: Option<(Instant, Option<f64>)>,
}

impl Latency {
    /// The latest figure. Nothing where CloudWatch has none, or may not be asked.
    pub(super) async fn seconds(&mut self, run: &Run, task: &Task) -> Option<f64> {
        if self.last.is_none_or(|(at, _)| at.elapsed() > EVERY) {
            self.last = Some((Instant::now(), self.ask(run, task).await));
        }
        self.last.and_then(|(_, seconds)| seconds)
    }

    async fn ask(&mut self, run: &Run, task: &Task) -> Option<f64> {
        if self.dimensions.is_none() {
            self.dimensions = dimensions(run, task).await.ok()?;
        }
        let metric = Metric::builder().namespace(NAMESPACE).metric_name(METRIC);
        let metric = metric.set_dimensions(Some(self.dimensions.clone()?)).build();
        let stat = MetricStat::builder().metric(metric).period(60).stat("Average").build();
        let now = SystemTime::now();
        let ask = run.session.cloudwatch().get_metric_data();
        let ask = ask.start_time(DateTime::from(now - SPAN)).end_time(DateTime::from(now));
        let ask = ask.metric_data_queries(MetricDataQuery::builder().id("latency").metric_stat(stat).build());
        let answer = run.session.call("cloudwatch:GetMetricData", ask.send()).await.ok()?;
        answer.metric_data_results().first()?.values().first().copied()
    }
}

/// What the task's metrics are kept under; nothing as long as there are none.
async fn dimensions(run: &Run, task: &Task) -> Result<Option<Vec<Dimension>>, Error> {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    if !task.serverless {
        return Ok(Some(vec![
            dimension("ReplicationInstanceIdentifier", &task.instance),
            dimension("ReplicationTaskIdentifier", task.id()),
        ]));
    }
    // The guide of DMS Serverless lists the metrics of a replication, and not what they are kept under.
    let all = pages(async |marker| {
        let ask = run.session.cloudwatch().list_metrics().namespace(NAMESPACE).metric_name(METRIC);
        let ask = ask.recently_active(RecentlyActive::Pt3H).set_next_token(marker);
        let page = run.session.call("cloudwatch:ListMetrics", ask.send()).await?;
        Ok((page.metrics().to_vec(), page.next_token))
    });
    let of_this = |m: &Metric| m.dimensions().iter().any(|d| names(d, task));
    Ok(all.await?.into_iter().find(of_this).map(|m| m.dimensions().to_vec()))
}

/// A dimension that stands for this serverless replication.
fn names(dimension: &Dimension, task: &Task) -> bool {
    let (name, value) = (dimension.name().unwrap_or_default(), dimension.value().unwrap_or_default());
    // An instance may have the same name as the replication.
    let by_name = name.starts_with("ReplicationConfig") && value.eq_ignore_ascii_case(&task.name);
    value == task.arn || value.eq_ignore_ascii_case(task.id()) || by_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serverless_replication_is_known_by_its_values() {
        let arn = "arn:aws:dms:eu-west-2:000000000000:replication-config:ABC";
        let task = Task { arn: arn.into(), name: "charts-task".into(), serverless: true, ..Task::default() };
        for (name, value, wanted) in [
            ("ReplicationConfigId", "ABC", true),
            ("ReplicationConfigArn", arn, true),
            ("ReplicationConfigIdentifier", "Charts-Task", true),
            ("ReplicationInstanceIdentifier", "charts-task", false),
            ("ReplicationConfigIdentifier", "other", false),
        ] {
            let dimension = Dimension::builder().name(name).value(value).build();
            assert_eq!(names(&dimension, &task), wanted, "{name} {value}");
        }
    }
}
