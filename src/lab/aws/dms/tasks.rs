//! Replication tasks.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::movement::{Movement, Stand};
use super::mover::{self, Begin};
use super::plan::{self, Members, Work};
use super::{State, connections, instances, mappings, settings, statistics};
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::seconds;
use crate::lab::aws::page::{dms_page, filter};
use crate::lab::aws::records::text;

/// The member that holds the ARN.
pub(super) const ARN: &str = "ReplicationTaskArn";
const ID: &str = "ReplicationTaskIdentifier";
const STATUS: &str = "Status";
const MEMBERS: Members = Members { arn: ARN, name: ID, mode: "MigrationType", settings: "ReplicationTaskSettings" };

impl State {
    /// A task by its ARN.
    pub(super) fn task(&self, arn: &str) -> Result<&Value, AwsError> {
        self.tasks.find(ARN, arn).ok_or_else(|| AwsError::not_found(format!("Replication task not found: {arn}")))
    }

    fn movement(&mut self, arn: &str) -> &mut Movement {
        self.movements.entry(arn.to_owned()).or_default()
    }
}

/// `CreateReplicationTask`: creating, and ready after a while.
pub(super) fn create(account: &Arc<Account>, input: &Input) -> Answer {
    let name = super::identifier(input, ID)?;
    let mut state = account.state();
    if state.dms.tasks.find(ID, &name).is_some() {
        return Err(AwsError::exists(format!("Replication task {name} already exists.")));
    }
    state.dms.available_instance(input.required(instances::ARN)?)?;
    for (member, kind) in [("SourceEndpointArn", "SOURCE"), ("TargetEndpointArn", "TARGET")] {
        let endpoint = state.dms.endpoint(input.required(member)?)?;
        if text(endpoint, "EndpointType") != kind {
            return Err(AwsError::value(format!(
                "The endpoint {} is no {kind} endpoint.",
                text(endpoint, "EndpointIdentifier")
            )));
        }
    }
    let arn = super::new_arn(account, "task", input);
    let mut task = json!({ID: name, ARN: arn, STATUS: "creating",
                          "ReplicationTaskCreationDate": seconds(Timestamp::now())});
    change(&mut task, input)?;
    state.dms.tags.insert(arn.clone(), input.tags());
    state.dms.tasks.push(task.clone());
    state.dms.movement(&arn);
    state.dms.happened(&name, "replication-task", "creation", "Replication task has been created (simulation)");
    drop(state);
    account.later(account.delays().start, move |state| state.dms.tasks.set(ARN, &arn, (STATUS, "ready".into())));
    Ok(json!({ "ReplicationTask": task }))
}

/// Takes over what the call carries, and holds it against what DMS and the simulation take.
fn change(task: &mut Value, input: &Input) -> Result<(), AwsError> {
    refuse_positions(input)?;
    let members =
        ["SourceEndpointArn", "TargetEndpointArn", instances::ARN, "MigrationType", "TableMappings", "TaskData"];
    super::take_over(task, input, &members);
    plan::mode(text(task, "MigrationType"))?;
    mappings::read(text(task, "TableMappings"))?;
    let before = task.get(MEMBERS.settings).and_then(Value::as_str);
    let settings = settings::merged(input.text(MEMBERS.settings).or(before))?;
    task[MEMBERS.settings] = settings.into();
    Ok(())
}

/// Where the engine begins is its own affair.
pub(super) fn refuse_positions(input: &Input) -> Result<(), AwsError> {
    for member in ["CdcStartTime", "CdcStartPosition", "CdcStopPosition"] {
        if input.0.get(member).is_some_and(|v| !v.is_null() && v != "") {
            return Err(AwsError::not_simulated(&format!(
                "{member}: changes are followed from the slot's position on"
            )));
        }
    }
    Ok(())
}

/// `ModifyReplicationTask`: not while it runs.
pub(super) fn modify(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    let mut state = account.state();
    let mut task = state.dms.task(arn)?.clone();
    demand_idle(&mut state.dms, arn)?;
    change(&mut task, input)?;
    if let Some(name) = input.text(ID) {
        task[ID] = name.to_lowercase().into();
    }
    if let Some(kept) = state.dms.tasks.find_mut(ARN, arn) {
        *kept = task.clone();
    }
    Ok(json!({ "ReplicationTask": shown(&state.dms, task) }))
}

/// `DescribeReplicationTasks`; with `WithoutSettings` without settings and mappings.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let state = account.state();
    let known = [
        ("replication-task-arn", ARN),
        ("replication-task-id", ID),
        ("migration-type", "MigrationType"),
        ("endpoint-arn", "SourceEndpointArn"),
        ("endpoint-arn", "TargetEndpointArn"),
        ("replication-instance-arn", instances::ARN),
    ];
    let tasks = filter(state.dms.tasks.all(), input, &known)?;
    let mut all: Vec<Value> = tasks.into_iter().map(|task| shown(&state.dms, task)).collect();
    if input.flag("WithoutSettings") {
        for task in all.iter_mut().filter_map(Value::as_object_mut) {
            task.shift_remove(MEMBERS.settings);
            task.shift_remove("TableMappings");
        }
    }
    dms_page(all, "ReplicationTasks", input)
}

/// A task with where it stands.
fn shown(state: &State, mut task: Value) -> Value {
    let Some(movement) = state.movements.get(text(&task, ARN)) else { return task };
    let status = match movement.stand {
        Stand::Ready => None,
        Stand::Starting => Some("starting"),
        Stand::Running => Some("running"),
        Stand::Stopping => Some("stopping"),
        Stand::Stopped => Some("stopped"),
        Stand::Failed => Some("failed"),
    };
    // What is made and what is deleted is not the movement's affair.
    if let Some(status) = status.filter(|_| text(&task, STATUS) == "ready") {
        task[STATUS] = status.into();
    }
    if let Some(started) = movement.started {
        task["ReplicationTaskStartDate"] = seconds(started).into();
        task["ReplicationTaskStats"] = movement.stats(Timestamp::now());
    }
    if let Some(reason) = movement.stop_reason {
        task["StopReason"] = reason.into();
    }
    if let Some(failure) = &movement.failure {
        task["LastFailureMessage"] = failure.as_str().into();
    }
    task
}

/// `StartReplicationTask`. Both endpoints must have been tested.
pub(super) fn start(account: &Arc<Account>, input: &Input) -> Answer {
    refuse_positions(input)?;
    let arn = input.required(ARN)?;
    let mut state = account.state();
    let task = state.dms.task(arn)?.clone();
    if text(&task, STATUS) != "ready" || state.dms.movement(arn).is_busy() {
        let status = shown(&state.dms, task);
        return Err(AwsError::state(format!("The task is {}; it cannot be started.", text(&status, STATUS))));
    }
    state.dms.available_instance(text(&task, instances::ARN))?;
    let endpoints = ["SourceEndpointArn", "TargetEndpointArn"].map(|member| text(&task, member));
    connections::demand_tested(&state.dms, text(&task, instances::ARN), endpoints)?;
    let work = plan::work(account, &state, &task, &MEMBERS, log_names(&state.dms, &task))?;
    let movement = state.dms.movement(arn);
    let begin = how(input.required("StartReplicationTaskType")?, movement, &work)?;
    movement.start(Timestamp::now(), begin != Begin::Resume);
    state.dms.happened(
        text(&task, ID),
        "replication-task",
        "state change",
        "Replication task has started (simulation)",
    );
    let shown = shown(&state.dms, task);
    drop(state);
    mover::begin(account, work, begin);
    Ok(json!({ "ReplicationTask": shown }))
}

/// How a run begins, where the kind of start is one that the task takes.
pub(super) fn how(kind: &str, movement: &Movement, work: &Work) -> Result<Begin, AwsError> {
    let before = movement.started.is_some();
    let refused = |name: &str, why: &str| {
        Err(AwsError::bad("InvalidParameterCombinationException", format!("Start Type : {name}, {why}")))
    };
    match kind {
        "start-replication" if before => {
            refused("START_REPLICATION", "valid only for tasks running for the first time")
        }
        "start-replication" if work.settings.truncate => Ok(Begin::Empty),
        "start-replication" => Ok(Begin::Keep),
        "reload-target" => Ok(Begin::Empty),
        "resume-processing" if !before => refused("RESUME_PROCESSING", "not valid for tasks that never ran"),
        "resume-processing" if work.mode.has_cdc() => Ok(Begin::Resume),
        // A full load that is resumed begins again.
        "resume-processing" => Ok(Begin::Empty),
        other => Err(AwsError::value(format!("Invalid start type: {other}"))),
    }
}

/// `StopReplicationTask`.
pub(super) fn stop(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    let mut state = account.state();
    let task = state.dms.task(arn)?.clone();
    if !halt(state.dms.movement(arn)) {
        return Err(AwsError::state(format!("Replication Task '{arn}' is currently not running")));
    }
    Ok(json!({ "ReplicationTask": shown(&state.dms, task) }))
}

/// Tells a movement to stop; false where it does not run.
pub(super) fn halt(movement: &mut Movement) -> bool {
    if !matches!(movement.stand, Stand::Starting | Stand::Running) {
        return false;
    }
    movement.stand = Stand::Stopping;
    if let Some(stop) = &movement.stop {
        stop.request();
    }
    true
}

/// `DeleteReplicationTask`: not while it runs. Slot and publication go too.
pub(super) fn delete(account: &Arc<Account>, input: &Input) -> Answer {
    let arn = input.required(ARN)?.to_owned();
    let mut state = account.state();
    let task = state.dms.task(&arn)?.clone();
    demand_idle(&mut state.dms, &arn)?;
    let work = plan::work(account, &state, &task, &MEMBERS, log_names(&state.dms, &task))?;
    state.dms.tasks.set(ARN, &arn, (STATUS, "deleting".into()));
    let mut shown = shown(&state.dms, task);
    shown[STATUS] = "deleting".into();
    drop(state);
    if work.mode.has_cdc() {
        mover::clean_up(work);
    }
    account.later(account.delays().delete, move |state| {
        state.dms.tasks.remove(ARN, &arn);
        state.dms.movements.remove(&arn);
        state.dms.tags.remove(&arn);
    });
    Ok(json!({ "ReplicationTask": shown }))
}

/// `ReloadTables`: of a task that runs.
pub(super) fn reload(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    if input.text("ReloadOption") == Some("validate-only") {
        return Err(AwsError::not_simulated("validation"));
    }
    let mut state = account.state();
    state.dms.task(arn)?;
    reload_tables(state.dms.movement(arn), input)?;
    statistics::only(arn, ARN)
}

/// Has the engine load again the tables that the call names.
pub(super) fn reload_tables(movement: &mut Movement, input: &Input) -> Result<(), AwsError> {
    if movement.stand != Stand::Running {
        return Err(AwsError::state("Tables can be reloaded only while the task is running."));
    }
    for label in statistics::named(input) {
        if !movement.reload(&label) {
            return Err(AwsError::not_found(format!("The task has no table {label}.")));
        }
    }
    if let Some(stop) = &movement.stop {
        stop.request();
    }
    Ok(())
}

fn demand_idle(state: &mut State, arn: &str) -> Result<(), AwsError> {
    if state.movement(arn).is_busy() {
        return Err(AwsError::state(format!("Replication Task '{arn}' is currently running; stop it first.")));
    }
    Ok(())
}

/// The log's group and stream, as DMS names them.
pub(super) fn log_names(state: &State, task: &Value) -> (String, String) {
    let instance = state.instance(text(task, instances::ARN)).map(|i| text(i, "ReplicationInstanceIdentifier"));
    let id = text(task, ARN).rsplit(':').next().unwrap_or_default();
    (format!("dms-tasks-{}", instance.unwrap_or_default()), format!("dms-task-{id}"))
}
