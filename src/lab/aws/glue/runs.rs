//! Runs of jobs. No script is run: a run starts, goes on for a while and has succeeded, unless its role or its connection
//! does not let it begin.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{State, invalid, jobs, not_found, required};
use crate::lab::aws::account::{self, Account};
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::{ACCOUNT, request_id, seconds};
use crate::lab::aws::page::glue_page;
use crate::lab::aws::records::{take_over, text};

const ID: &str = "Id";
const JOB: &str = "JobName";
const STATE: &str = "JobRunState";
const STARTED: &str = "StartedOn";
const COMPLETED: &str = "CompletedOn";
const MODIFIED: &str = "LastModifiedOn";
/// In seconds.
const LASTED: &str = "ExecutionTime";
/// States of a run that has not ended.
const GOING: [&str; 4] = ["STARTING", "RUNNING", "STOPPING", "WAITING"];
/// What a run has of its job.
const OF_JOB: [&str; 9] = [
    "JobMode",
    "AllocatedCapacity",
    "Timeout",
    "MaxCapacity",
    "WorkerType",
    "NumberOfWorkers",
    "SecurityConfiguration",
    "GlueVersion",
    "ExecutionClass",
];
/// What the start of a run may set instead.
const OF_START: [&str; 6] =
    ["Timeout", "MaxCapacity", "WorkerType", "NumberOfWorkers", "SecurityConfiguration", "ExecutionClass"];
/// Glue's words where its workers could not talk to each other.
const CLOSED: &str = "At least one security group must open all ingress ports.To limit traffic, the source security \
                      group in your inbound rule can be restricted to the same security group";

/// A new run of a job that starts now.
fn new(name: &str, job: &Value) -> Value {
    let now = seconds(Timestamp::now());
    let id = format!("jr_{}{}", request_id(), request_id()).replace('-', "");
    let mut run = json!({ID: id, "Attempt": 0, JOB: name, STATE: "STARTING", STARTED: now, MODIFIED: now,
                         "PredecessorRuns": [], LASTED: 0, "LogGroupName": "/aws-glue/jobs"});
    take_over(&mut run, &Input(job.clone()), &OF_JOB);
    run
}

/// Writes down a run that has these members, and gives its identifier. It succeeded within the last minute unless they
/// say otherwise, and stays as it is; null takes a member away.
pub(in crate::lab::aws) fn write_down(account: &Account, name: &str, members: Value) -> String {
    let state = &mut account.state().glue;
    let mut run = new(name, &state.job(name).cloned().unwrap_or_default());
    let given = |member: &str| members.get(member).and_then(Value::as_f64);
    let lasted = given(LASTED).or_else(|| Some(given(COMPLETED)? - given(STARTED)?)).unwrap_or(60.0);
    let started = given(STARTED).unwrap_or_else(|| given(COMPLETED).unwrap_or(seconds(Timestamp::now())) - lasted);
    (run[STARTED], run[LASTED]) = (started.into(), whole(lasted));
    match members.get(STATE).and_then(Value::as_str).unwrap_or("SUCCEEDED") {
        going if GOING.contains(&going) => {}
        ended => {
            run[STATE] = ended.into();
            (run[COMPLETED], run[MODIFIED]) = ((started + lasted).into(), (started + lasted).into());
        }
    }
    if let (Some(run), Value::Object(members)) = (run.as_object_mut(), members) {
        run.extend(members);
        run.retain(|_, value| !value.is_null());
    }
    let id = text(&run, ID).to_owned();
    state.runs.push(run);
    id
}

/// `StartJobRun`.
pub(super) fn start(account: &Arc<Account>, input: &Input) -> Answer {
    let name = required(input, JOB)?;
    if input.text("JobRunId").is_some() {
        return Err(invalid("This is a simulation, and it does not start a run again."));
    }
    let state = &mut account.state().glue;
    let mut job = state.job(name).map_err(|_| not_found("Failed to start job run due to missing metadata."))?.clone();
    let going = state.runs.iter().filter(|run| text(run, JOB) == name && is_going(run)).count();
    let most = job["ExecutionProperty"]["MaxConcurrentRuns"].as_u64().unwrap_or(1);
    if going as u64 >= most {
        return Err(AwsError::bad("ConcurrentRunsExceededException", format!("Concurrent runs exceeded for {name}")));
    }
    take_over(&mut job, input, &OF_START);
    jobs::set_capacity(&mut job)?;
    let mut run = new(name, &job);
    take_over(&mut run, input, &["Arguments"]);
    let id = text(&run, ID).to_owned();
    state.runs.push(run);
    tokio::spawn(go_on(Arc::clone(account), id.clone()));
    Ok(json!({"JobRunId": id}))
}

/// Lets a run go its way, unless it is stopped meanwhile.
async fn go_on(account: Arc<Account>, id: String) {
    for (from, to) in [("STARTING", "RUNNING"), ("RUNNING", "SUCCEEDED")] {
        tokio::time::sleep(account.delays().start).await;
        let state = &mut *account.state();
        let Some(run) = state.glue.runs.find(ID, &id).filter(|run| text(run, STATE) == from) else { return };
        let name = text(run, JOB).to_owned();
        let obstacle = obstacle(state, &name);
        let Some(run) = state.glue.runs.find_mut(ID, &id) else { return };
        match obstacle.filter(|_| from == "STARTING") {
            None => change(run, to),
            Some(why) => {
                let why = format!("{JOB}:{name} and JobRunId:{id} failed to execute with exception {why}");
                run["ErrorMessage"] = why.into();
                change(run, "FAILED");
            }
        }
    }
}

/// What does not let a job begin, in Glue's words.
fn obstacle(state: &account::State, name: &str) -> Option<String> {
    let job = state.glue.job(name).ok()?;
    let role = text(job, "Role").rsplit('/').next().unwrap_or_default();
    if !state.iam.trusts(role, "glue.amazonaws.com") {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        return Some(format!("Role {arn} should be given assume role permissions for Glue Service."));
    }
    let connections = job["Connections"]["Connections"].as_array().into_iter().flatten().filter_map(Value::as_str);
    connections.map(|name| state.glue.connection(name)).find_map(|connection| match connection {
        Ok(connection) => {
            let place = &connection["PhysicalConnectionRequirements"];
            let groups = place["SecurityGroupIdList"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let closed = place.get("SubnetId").is_some() && !groups.into_iter().any(|g| state.ec2.is_open_within(g));
            closed.then(|| CLOSED.to_owned())
        }
        Err(missing) => Some(missing.message),
    })
}

fn is_going(run: &Value) -> bool {
    GOING.contains(&text(run, STATE))
}

/// Brings a run into a state, and writes down when.
fn change(run: &mut Value, to: &str) {
    let now = seconds(Timestamp::now());
    (run[STATE], run[MODIFIED]) = (to.into(), now.into());
    if !GOING.contains(&to) {
        run[COMPLETED] = now.into();
        run[LASTED] = whole(now - run[STARTED].as_f64().unwrap_or(now));
    }
}

/// Seconds as the API has them of what a run took.
fn whole(seconds: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "no run takes longer than a number holds")]
    let seconds = seconds as i64;
    seconds.into()
}

/// `BatchStopJobRun`.
pub(super) fn stop(account: &Arc<Account>, input: &Input) -> Answer {
    let name = required(input, JOB)?;
    let state = &mut account.state().glue;
    let (mut stopped, mut errors) = (Vec::new(), Vec::new());
    for id in input.texts("JobRunIds") {
        let run = state.runs.find_mut(ID, id).filter(|run| text(run, JOB) == name);
        let (code, why) = match run {
            Some(run) if is_going(run) => {
                change(run, "STOPPING");
                let id = id.to_owned();
                account.later(account.delays().start, move |state| {
                    if let Some(run) = state.glue.runs.find_mut(ID, &id) {
                        change(run, "STOPPED");
                    }
                });
                stopped.push(json!({JOB: name, "JobRunId": text(run, ID)}));
                continue;
            }
            Some(run) => ("InvalidInputException", format!("The run is {} already.", text(run, STATE))),
            None => ("EntityNotFoundException", "There is no such run.".to_owned()),
        };
        errors.push(json!({JOB: name, "JobRunId": id, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": why}}));
    }
    Ok(json!({"SuccessfulSubmissions": stopped, "Errors": errors}))
}

/// `GetJobRun`.
pub(super) fn get(state: &State, input: &Input) -> Answer {
    let (name, id) = (required(input, JOB)?, required(input, "RunId")?);
    let run = state.runs.find(ID, id).filter(|run| text(run, JOB) == name);
    Ok(json!({"JobRun": run.ok_or_else(|| not_found(format!("Job Run {id} was not found.")))?}))
}

/// `GetJobRuns`, the newest first.
pub(super) fn all(state: &State, input: &Input) -> Answer {
    let name = required(input, JOB)?;
    state.job(name)?;
    let mut runs: Vec<Value> = state.runs.iter().filter(|run| text(run, JOB) == name).cloned().collect();
    let started = |run: &Value| run[STARTED].as_f64().unwrap_or_default();
    runs.reverse();
    runs.sort_by(|a, b| started(b).total_cmp(&started(a)));
    glue_page(runs, "JobRuns", input, 200)
}
