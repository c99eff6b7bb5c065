//! Jobs: what Glue would run, by whose rights and with how many workers.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NAME, State, exists, invalid, not_found, part, required};
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::seconds;
use crate::lab::aws::page::glue_page;
use crate::lab::aws::records::{take_over, text};

/// Members that are told as they were given.
const PLAIN: [&str; 20] = [
    "JobMode",
    "JobRunQueuingEnabled",
    "Description",
    "LogUri",
    "Role",
    "ExecutionProperty",
    "Command",
    "DefaultArguments",
    "NonOverridableArguments",
    "Connections",
    "MaxRetries",
    "AllocatedCapacity",
    "Timeout",
    "MaxCapacity",
    "WorkerType",
    "NumberOfWorkers",
    "SecurityConfiguration",
    "NotificationProperty",
    "GlueVersion",
    "ExecutionClass",
];
/// What a job can be: Spark, Spark that streams, Python alone, Ray.
const COMMANDS: [&str; 4] = ["glueetl", "gluestreaming", "pythonshell", "glueray"];
/// What the API reference gives jobs that name no version.
const VERSION: &str = "6.0";

impl State {
    /// A job by its name.
    pub(super) fn job(&self, name: &str) -> Result<&Value, AwsError> {
        self.jobs.find(NAME, name).ok_or_else(|| not_found(format!("Job {name} was not found.")))
    }
}

/// A job as it is told: what the call carries, and Glue's defaults.
fn job(name: &str, input: &Input) -> Result<Value, AwsError> {
    required(input, "Role")?;
    let kind = part(input, "Command")?;
    let kind = required(&kind, NAME)?;
    if !COMMANDS.contains(&kind) {
        return Err(invalid(format!("The command {kind} is none of {}.", COMMANDS.join(", "))));
    }
    if input.0.get("Connections").is_some_and(|c| c["Connections"].as_array().is_none_or(Vec::is_empty)) {
        return Err(invalid("Connections list should not be null or empty."));
    }
    let mut job = json!({NAME: name, "JobMode": "SCRIPT", "ExecutionProperty": {"MaxConcurrentRuns": 1},
                         "MaxRetries": 0, "GlueVersion": VERSION});
    take_over(&mut job, input, &PLAIN);
    let old = text(&job, "GlueVersion").split('.').next().and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n < 5);
    if job.get("Timeout").is_none() {
        // In minutes.
        job["Timeout"] = if old { 2_880 } else { 480 }.into();
    }
    set_capacity(&mut job)?;
    let now = seconds(Timestamp::now());
    (job["CreatedOn"], job["LastModifiedOn"]) = (now.into(), now.into());
    Ok(job)
}

/// Sets the processing units (DPU) that the workers are, or that a job without workers has.
pub(super) fn set_capacity(job: &mut Value) -> Result<(), AwsError> {
    let workers = job.get("NumberOfWorkers").and_then(Value::as_f64);
    let units = match (text(job, "WorkerType"), workers) {
        ("", None) if text(&job["Command"], NAME) == "pythonshell" => 0.0625,
        ("", None) => 10.0,
        ("", Some(_)) => return Err(invalid("NumberOfWorkers needs a WorkerType.")),
        (_, None) => return Err(invalid("WorkerType needs a NumberOfWorkers.")),
        (worker, Some(workers)) => workers * units(worker)?,
    };
    if workers.is_some() || job.get("MaxCapacity").is_none() {
        job["MaxCapacity"] = units.into();
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole units, as the older member has them")]
    let whole = job["MaxCapacity"].as_f64().unwrap_or(units) as i64;
    job["AllocatedCapacity"] = whole.into();
    Ok(())
}

/// Processing units of a worker; the number in its name says them.
fn units(worker: &str) -> Result<f64, AwsError> {
    let number = match worker {
        "Standard" => Some(1.0),
        "G.025X" => Some(0.25),
        other => other.split_once('.').and_then(|(_, size)| size.strip_suffix('X')?.parse().ok()),
    };
    number.ok_or_else(|| invalid(format!("The worker type {worker} is not known.")))
}

/// `CreateJob`.
pub(super) fn create(state: &mut State, input: &Input) -> Answer {
    let name = required(input, NAME)?;
    if state.jobs.find(NAME, name).is_some() {
        return Err(exists(format!("Job {name} already exists.")));
    }
    state.jobs.push(job(name, input)?);
    Ok(json!({ NAME: name }))
}

/// `UpdateJob`: what the call does not carry goes back to its default.
pub(super) fn update(state: &mut State, input: &Input) -> Answer {
    let name = required(input, "JobName")?;
    let created = state.job(name)?["CreatedOn"].clone();
    let mut changed = job(name, &part(input, "JobUpdate")?)?;
    changed["CreatedOn"] = created;
    if let Some(kept) = state.jobs.find_mut(NAME, name) {
        *kept = changed;
    }
    Ok(json!({"JobName": name}))
}

/// `GetJob`.
pub(super) fn get(state: &State, input: &Input) -> Answer {
    Ok(json!({"Job": state.job(required(input, "JobName")?)?}))
}

/// `GetJobs`.
pub(super) fn all(state: &State, input: &Input) -> Answer {
    glue_page(state.jobs.all(), "Jobs", input, 1_000)
}

/// `ListJobs`: their names.
pub(super) fn names(state: &State, input: &Input) -> Answer {
    glue_page(state.jobs.all().iter().map(|job| job[NAME].clone()).collect(), "JobNames", input, 1_000)
}

/// `DeleteJob`, with the job's runs. Where there is none, nothing is wrong.
pub(super) fn delete(state: &mut State, input: &Input) -> Answer {
    let name = required(input, "JobName")?;
    state.jobs.remove(NAME, name);
    state.runs.remove("JobName", name);
    Ok(json!({"JobName": name}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_what_the_workers_are() {
        let capacity = |members: Value| {
            let mut job = members;
            set_capacity(&mut job).map(|()| (job["MaxCapacity"].as_f64().unwrap(), job["AllocatedCapacity"].clone()))
        };
        assert_eq!(capacity(json!({"WorkerType": "G.2X", "NumberOfWorkers": 5})), Ok((10.0, 10.into())));
        assert_eq!(capacity(json!({"WorkerType": "G.025X", "NumberOfWorkers": 2})), Ok((0.5, 0.into())));
        assert_eq!(capacity(json!({})), Ok((10.0, 10.into())));
        assert_eq!(capacity(json!({"MaxCapacity": 3.0})), Ok((3.0, 3.into())));
        assert_eq!(capacity(json!({"Command": {"Name": "pythonshell"}})), Ok((0.0625, 0.into())));
        for wrong in [
            json!({"WorkerType": "G.2X"}),
            json!({"NumberOfWorkers": 2}),
            json!({"WorkerType": "huge", "NumberOfWorkers": 2}),
        ] {
            assert_eq!(capacity(wrong).unwrap_err().code, "InvalidInputException");
        }
    }
}
