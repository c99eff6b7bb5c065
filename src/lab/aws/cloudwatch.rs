//! CloudWatch: samples of metrics. Alarms on them are in [`alarms`].

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{self, Account};
use super::alarms;
use super::errors::Answer;
use super::input::Input;
use super::names::seconds;
use super::records::Records;

/// Samples that are kept of a metric.
const KEPT: usize = 1_000;

/// Samples (seconds since 1970, value) by namespace, metric and the value of a dimension.
type Samples = HashMap<(String, String, String), VecDeque<(f64, f64)>>;

/// The CloudWatch side of the account.
#[derive(Debug, Default)]
pub(super) struct State {
    samples: Samples,
    alarms: Records,
}

impl State {
    /// Adds a sample of now.
    pub(super) fn add(&mut self, namespace: &str, metric: &str, dimension: &str, value: f64) {
        let key = (namespace.to_owned(), metric.to_owned(), dimension.to_owned());
        let samples = self.samples.entry(key).or_default();
        samples.push_back((seconds(Timestamp::now()), value));
        if samples.len() > KEPT {
            samples.pop_front();
        }
    }

    /// Takes all samples away, as if their hour were over.
    pub(super) fn forget(&mut self) {
        self.samples.clear();
    }

    /// The samples of a query; the first of its dimensions that has some decides.
    fn find(&self, metric: &Value) -> Option<&VecDeque<(f64, f64)>> {
        let word = |name| metric.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let dimensions = metric.get("Dimensions").and_then(Value::as_array).into_iter().flatten();
        // The task says more than the instance, and stands after it.
        let values: Vec<&str> = dimensions.filter_map(|d| d.get("Value")?.as_str()).collect();
        values
            .iter()
            .rev()
            .find_map(|value| self.samples.get(&(word("Namespace"), word("MetricName"), (*value).to_owned())))
    }
}

/// Answers a call; nothing where there is none of that name.
pub(super) fn answer(account: &Account, operation: &str, input: &Input) -> Option<Answer> {
    let all = &mut *account.state();
    Some(match operation {
        "GetMetricData" => Ok(data(&all.metrics, input)),
        "ListMetrics" => Ok(list(all, input)),
        "PutMetricAlarm" => alarms::put(&mut all.metrics.alarms, &account.stage.region, input),
        "DescribeAlarmsForMetric" => alarms::for_metric(&all.metrics.alarms, input),
        "DescribeAlarms" => Ok(alarms::all(&all.metrics.alarms, input)),
        "DeleteAlarms" => alarms::delete(&mut all.metrics.alarms, input),
        _ => return None,
    })
}

/// `ListMetrics`: those that have samples, on one page.
fn list(state: &account::State, input: &Input) -> Value {
    let wanted = |member: &str, is: &str| input.text(member).is_none_or(|w| w == is);
    let all = state.metrics.samples.keys();
    let all = all.filter(|(namespace, metric, _)| wanted("Namespace", namespace) && wanted("MetricName", metric));
    let shown = all.map(|(namespace, metric, of)| {
        let dimensions: Vec<Value> = dimensions(state, namespace, of)
            .into_iter()
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect();
        json!({"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions})
    });
    json!({"Metrics": shown.collect::<Vec<_>>()})
}

/// What a metric is kept under. AWS does not document it for serverless replications; the name of theirs is our own.
fn dimensions(state: &account::State, namespace: &str, of: &str) -> Vec<(&'static str, String)> {
    if namespace == "AWS/RDS" {
        return vec![("DBInstanceIdentifier", of.to_owned())];
    }
    match state.dms.instance_of(of) {
        Some(instance) => {
            vec![("ReplicationInstanceIdentifier", instance), ("ReplicationTaskIdentifier", of.to_owned())]
        }
        None if state.dms.is_config(of) => vec![("ReplicationConfigResourceId", of.to_owned())],
        None => vec![("ReplicationInstanceIdentifier", of.to_owned())],
    }
}

fn data(state: &State, input: &Input) -> Value {
    let time = |name, otherwise| input.0.get(name).and_then(Value::as_f64).unwrap_or(otherwise);
    let (from, to) = (time("StartTime", 0.0), time("EndTime", f64::MAX));
    let results: Vec<Value> = input
        .list("MetricDataQueries")
        .iter()
        .map(|query| {
            let stat = query.get("MetricStat").unwrap_or(&Value::Null);
            let metric = stat.get("Metric").unwrap_or(&Value::Null);
            let samples = state.find(metric).into_iter().flatten().filter(|(at, _)| (from..=to).contains(at));
            let mut points = periods(samples.copied(), stat);
            if input.text("ScanBy") != Some("TimestampAscending") {
                points.reverse();
            }
            let label = query.get("Label").or(metric.get("MetricName")).cloned();
            json!({"Id": query.get("Id"), "Label": label, "StatusCode": "Complete",
                   "Timestamps": points.iter().map(|p| p.0).collect::<Vec<_>>(),
                   "Values": points.iter().map(|p| p.1).collect::<Vec<_>>()})
        })
        .collect();
    json!({"MetricDataResults": results, "Messages": []})
}

/// One point for each period that has samples, by the statistic that is asked for.
fn periods(samples: impl Iterator<Item = (f64, f64)>, stat: &Value) -> Vec<(f64, f64)> {
    let period = stat.get("Period").and_then(Value::as_f64).filter(|p| *p >= 1.0).unwrap_or(60.0);
    let mut groups: Vec<(f64, Vec<f64>)> = Vec::new();
    for (at, value) in samples {
        let begin = (at / period).floor() * period;
        match groups.last_mut() {
            Some((same, values)) if (*same - begin).abs() < 0.5 => values.push(value),
            _ => groups.push((begin, vec![value])),
        }
    }
    let statistic = stat.get("Stat").and_then(Value::as_str).unwrap_or("Average");
    groups.into_iter().map(|(begin, values)| (begin, one(statistic, &values))).collect()
}

fn one(statistic: &str, values: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few samples")]
    let count = values.len() as f64;
    match statistic {
        "Maximum" => values.iter().copied().fold(f64::MIN, f64::max),
        "Minimum" => values.iter().copied().fold(f64::MAX, f64::min),
        "Sum" => values.iter().sum(),
        "SampleCount" => count,
        _ => values.iter().sum::<f64>() / count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_period_are_one_point() {
        let stat = json!({"Period": 60, "Stat": "Maximum"});
        let samples = [(119.0, 1.0), (120.0, 5.0), (150.0, 7.0), (200.0, 2.0)];
        assert_eq!(periods(samples.into_iter(), &stat), [(60.0, 1.0), (120.0, 7.0), (180.0, 2.0)]);
        assert_eq!(one("Average", &[1.0, 2.0]), 1.5);
        assert_eq!(one("SampleCount", &[1.0, 2.0]), 2.0);
    }
}
