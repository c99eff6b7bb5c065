//! How far the target is behind, by CloudWatch.

use std::time::{Duration, Instant, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};

use super::Run;
use super::task::Task;
use crate::aws::Error;
use crate::facts::aws::serverless_dimensions;

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
    let pairs = if task.serverless {
        serverless_dimensions(&run.session, &task.arn, &task.name).await?
    } else {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let instance = pair("ReplicationInstanceIdentifier", &task.instance);
        Some(vec![instance, pair("ReplicationTaskIdentifier", task.id())])
    };
    let dimension = |(name, value)| Dimension::builder().name(name).value(value).build();
    Ok(pairs.map(|pairs| pairs.into_iter().map(dimension).collect()))
}
