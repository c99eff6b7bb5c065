//! CloudWatch: alarms on one metric each. Nothing evaluates them, so they stay without data.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::empty;
use super::errors::{Answer, AwsError};
use super::input::Input;
use super::names::{arn, seconds};
use super::records::{Records, text};

/// Comparisons with a fixed threshold.
const COMPARISONS: [&str; 4] =
    ["GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"];
const STATISTICS: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
const MISSING_DATA: [&str; 4] = ["breaching", "notBreaching", "ignore", "missing"];
/// Members that are told as they were given.
const PLAIN: [&str; 17] = [
    "AlarmName",
    "AlarmDescription",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
];

fn invalid(why: impl Into<String>) -> AwsError {
    AwsError::bad("ValidationError", why)
}

/// `PutMetricAlarm`: one of the same name is replaced.
pub(super) fn put(alarms: &mut Records, region: &str, input: &Input) -> Answer {
    let name = input.required("AlarmName")?;
    sound(input)?;
    let now = seconds(Timestamp::now());
    let mut alarm = json!({
        "AlarmArn": arn("cloudwatch", region, "alarm", name), "ActionsEnabled": true, "Dimensions": [],
        "StateValue": "INSUFFICIENT_DATA", "StateReason": "Unchecked: Initial alarm creation",
        "StateUpdatedTimestamp": now, "AlarmConfigurationUpdatedTimestamp": now,
    });
    for member in PLAIN.iter().chain(&["ActionsEnabled"]) {
        if let Some(value) = input.0.get(*member).filter(|v| !v.is_null()) {
            alarm[*member] = value.clone();
        }
    }
    alarms.remove("AlarmName", name);
    alarms.push(alarm);
    empty()
}

/// Refuses what CloudWatch refuses.
fn sound(input: &Input) -> Result<(), AwsError> {
    if !input.list("Metrics").is_empty() {
        return Err(AwsError::not_simulated("alarms on an expression over metrics"));
    }
    for member in ["MetricName", "Namespace"] {
        input.required(member)?;
    }
    let statistic = (input.text("Statistic"), input.text("ExtendedStatistic"));
    match statistic {
        (None, None) => return Err(AwsError::missing("Statistic")),
        (Some(_), Some(_)) => {
            let why = "Statistic and ExtendedStatistic cannot both be given.";
            return Err(AwsError::bad("InvalidParameterCombination", why));
        }
        (Some(other), None) if !STATISTICS.contains(&other) => return Err(one_of("statistic", other, &STATISTICS)),
        _ => {}
    }
    let comparison = input.required("ComparisonOperator")?;
    if !COMPARISONS.contains(&comparison) {
        return Err(one_of("comparisonOperator", comparison, &COMPARISONS));
    }
    if input.0.get("Threshold").and_then(Value::as_f64).is_none() {
        return Err(AwsError::missing("Threshold"));
    }
    if let Some(other) = input.text("TreatMissingData").filter(|word| !MISSING_DATA.contains(word)) {
        return Err(one_of("treatMissingData", other, &MISSING_DATA));
    }
    for member in ["AlarmActions", "OKActions", "InsufficientDataActions"] {
        if let Some(action) = input.texts(member).into_iter().find(|a| !a.starts_with("arn:")) {
            return Err(invalid(format!("Invalid arn syntax: {action}")));
        }
    }
    periods(input)
}

/// Nothing is looked at over more than a day, or a week where a period is an hour or longer.
fn periods(input: &Input) -> Result<(), AwsError> {
    let whole = |member: &str| input.number(member).ok_or_else(|| AwsError::missing(member));
    let (period, count) = (whole("Period")?, whole("EvaluationPeriods")?);
    if count < 1 {
        return Err(invalid("EvaluationPeriods must be greater than or equal to 1"));
    }
    if ![10, 20, 30].contains(&period) && (period < 60 || period % 60 != 0) {
        return Err(invalid("Period must be 10, 20, 30 or a multiple of 60"));
    }
    let (name, most) = if period < 3_600 { ("a day", 86_400) } else { ("seven days", 604_800) };
    if period.saturating_mul(count) > most {
        return Err(invalid(format!(
            "Metrics cannot be checked across more than {name} (EvaluationPeriods * Period must be <= {most})."
        )));
    }
    if input.number("DatapointsToAlarm").is_some_and(|points| points > count) {
        return Err(invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods"));
    }
    Ok(())
}

fn one_of(member: &str, value: &str, known: &[&str]) -> AwsError {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy \
         enum value set: [{}]",
        known.join(", ")
    ))
}

/// `DescribeAlarmsForMetric`: those on this metric with exactly these dimensions.
pub(super) fn for_metric(alarms: &Records, input: &Input) -> Answer {
    let (metric, namespace) = (input.required("MetricName")?, input.required("Namespace")?);
    let wanted = dimensions(&input.0);
    let same = |alarm: &&Value| {
        let said = |member: &str| input.text(member).is_none_or(|w| text(alarm, member) == w);
        text(alarm, "MetricName") == metric
            && text(alarm, "Namespace") == namespace
            && dimensions(alarm) == wanted
            && ["Statistic", "ExtendedStatistic", "Unit"].iter().all(|m| said(m))
            && input.number("Period").is_none_or(|period| alarm["Period"] == period)
    };
    Ok(json!({"MetricAlarms": alarms.iter().filter(same).collect::<Vec<_>>()}))
}

fn dimensions(of: &Value) -> BTreeSet<(&str, &str)> {
    let all = of.get("Dimensions").and_then(Value::as_array).into_iter().flatten();
    all.map(|d| (text(d, "Name"), text(d, "Value"))).collect()
}

/// `DescribeAlarms`.
pub(super) fn all(alarms: &Records, input: &Input) -> Value {
    let (names, prefix) = (input.texts("AlarmNames"), input.text("AlarmNamePrefix").unwrap_or_default());
    let wanted = |alarm: &&Value| {
        let name = text(alarm, "AlarmName");
        (names.is_empty() || names.contains(&name))
            && name.starts_with(prefix)
            && input.text("StateValue").is_none_or(|state| text(alarm, "StateValue") == state)
    };
    json!({"MetricAlarms": alarms.iter().filter(wanted).collect::<Vec<_>>(), "CompositeAlarms": []})
}

/// `DeleteAlarms`: all of them or, where one is not there, none.
pub(super) fn delete(alarms: &mut Records, input: &Input) -> Answer {
    let names = input.texts("AlarmNames");
    if let Some(missing) = names.iter().find(|name| alarms.find("AlarmName", name).is_none()) {
        return Err(AwsError::new(404, "ResourceNotFound", format!("The alarm {missing} does not exist.")));
    }
    for name in names {
        alarms.remove("AlarmName", name);
    }
    empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm() -> Value {
        json!({"AlarmName": "lag", "Namespace": "AWS/RDS", "MetricName": "OldestReplicationSlotLag",
               "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "charts-source"}], "Statistic": "Maximum",
               "Period": 300, "EvaluationPeriods": 3, "Threshold": 5e9, "ComparisonOperator": "GreaterThanThreshold"})
    }

    fn with(member: &str, value: Value) -> Input {
        let mut alarm = alarm();
        alarm[member] = value;
        Input(alarm)
    }

    #[test]
    fn an_alarm_is_found_by_its_metric_and_all_dimensions() {
        let mut alarms = Records::default();
        for _ in 0..2 {
            put(&mut alarms, "eu-west-2", &Input(alarm())).unwrap();
        }
        let found = |input: &Input| {
            let answer = for_metric(&alarms, input).unwrap();
            answer["MetricAlarms"].as_array().unwrap().len()
        };
        let ask = json!({"Namespace": "AWS/RDS", "MetricName": "OldestReplicationSlotLag",
                         "Dimensions": alarm()["Dimensions"]});
        assert_eq!(found(&Input(ask.clone())), 1);
        for (member, value) in [("Dimensions", json!([])), ("Period", json!(60)), ("Namespace", json!("AWS/DMS"))] {
            let mut other = ask.clone();
            other[member] = value;
            assert_eq!(found(&Input(other)), 0, "{member}");
        }
    }

    #[test]
    fn what_cloudwatch_does_not_take_is_refused() {
        for (member, value, code) in [
            ("Period", json!(45), "ValidationError"),
            ("EvaluationPeriods", json!(289), "ValidationError"),
            ("DatapointsToAlarm", json!(4), "ValidationError"),
            ("Statistic", json!("Median"), "ValidationError"),
            ("Statistic", Value::Null, "MissingParameter"),
            ("ExtendedStatistic", json!("p90"), "InvalidParameterCombination"),
            ("ComparisonOperator", json!("Above"), "ValidationError"),
            ("Threshold", Value::Null, "MissingParameter"),
            ("TreatMissingData", json!("maybe"), "ValidationError"),
            ("AlarmActions", json!(["me"]), "ValidationError"),
        ] {
            let error = put(&mut Records::default(), "r", &with(member, value.clone())).unwrap_err();
            assert_eq!(error.code, code, "{member} {value}");
        }
        // Of an hour each, a week.
        let mut hourly = alarm();
        (hourly["Period"], hourly["EvaluationPeriods"]) = (json!(3600), json!(168));
        assert!(put(&mut Records::default(), "r", &Input(hourly)).is_ok());
    }
}
