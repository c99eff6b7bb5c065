//! DMS Serverless: a configuration, and the replication that runs it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::movement::{Movement, Stand};
use super::mover::{self, Begin};
use super::plan::{self, Members};
use super::{State, assessments, mappings, settings, statistics, subnets, tasks};
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::seconds;
use crate::lab::aws::page::{dms_page, filter};
use crate::lab::aws::records::text;

/// The member that holds the ARN.
pub(super) const ARN: &str = "ReplicationConfigArn";
const ID: &str = "ReplicationConfigIdentifier";
const MEMBERS: Members = Members { arn: ARN, name: ID, mode: "ReplicationType", settings: "ReplicationSettings" };

fn config<'a>(state: &'a State, arn: &str) -> Result<&'a Value, AwsError> {
    state.configs.find(ARN, arn).ok_or_else(|| AwsError::not_found(format!("Replication config not found: {arn}")))
}

/// `CreateReplicationConfig`. Needs `dms-vpc-role`.
pub(super) fn create(account: &Account, input: &Input) -> Answer {
    let name = super::identifier(input, ID)?;
    let mut state = account.state();
    state.iam.demand_vpc_role()?;
    if state.dms.configs.find(ID, &name).is_some() {
        return Err(AwsError::exists(format!("Replication config {name} already exists.")));
    }
    for member in ["SourceEndpointArn", "TargetEndpointArn"] {
        state.dms.endpoint(input.required(member)?)?;
    }
    let arn = super::new_arn(account, "replication-config", input);
    let now = seconds(Timestamp::now());
    let mut config = json!({ID: name, ARN: arn, "ReplicationConfigCreateTime": now});
    change(&state.dms, &mut config, input)?;
    state.dms.tags.insert(arn.clone(), input.tags());
    state.dms.configs.push(config.clone());
    state.dms.movements.insert(arn, Movement::default());
    Ok(json!({ "ReplicationConfig": config }))
}

fn change(state: &State, config: &mut Value, input: &Input) -> Result<(), AwsError> {
    let members = [
        "SourceEndpointArn",
        "TargetEndpointArn",
        MEMBERS.mode,
        "TableMappings",
        "ComputeConfig",
        "SupplementalSettings",
    ];
    super::take_over(config, input, &members);
    plan::mode(text(config, MEMBERS.mode))?;
    mappings::read(text(config, "TableMappings"))?;
    let group = text(&config["ComputeConfig"], "ReplicationSubnetGroupId").to_lowercase();
    if !group.is_empty() && state.subnet_groups.find("ReplicationSubnetGroupIdentifier", &group).is_none() {
        return Err(subnets::missing(&group));
    }
    let before = config.get(MEMBERS.settings).and_then(Value::as_str);
    let settings = settings::merged(input.text(MEMBERS.settings).or(before))?;
    config[MEMBERS.settings] = settings.into();
    config["ReplicationConfigUpdateTime"] = seconds(Timestamp::now()).into();
    Ok(())
}

/// `ModifyReplicationConfig`: not while it runs.
pub(super) fn modify(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    let mut state = account.state();
    let mut changed = config(&state.dms, arn)?.clone();
    demand_idle(&state.dms, arn)?;
    change(&state.dms, &mut changed, input)?;
    if let Some(kept) = state.dms.configs.find_mut(ARN, arn) {
        *kept = changed.clone();
    }
    Ok(json!({ "ReplicationConfig": changed }))
}

/// `DescribeReplicationConfigs`.
pub(super) fn describe_configs(account: &Account, input: &Input) -> Answer {
    let all = account.state().dms.configs.all();
    let known = [("replication-config-arn", ARN), ("replication-config-id", ID), ("replication-type", MEMBERS.mode)];
    dms_page(filter(all, input, &known)?, "ReplicationConfigs", input)
}

/// `DeleteReplicationConfig`: not while it runs.
pub(super) fn delete(account: &Arc<Account>, input: &Input) -> Answer {
    let arn = input.required(ARN)?.to_owned();
    let state = account.state();
    let shown = config(&state.dms, &arn)?.clone();
    demand_idle(&state.dms, &arn)?;
    let work = plan::work(account, &state, &shown, &MEMBERS, log_names(&arn))?;
    drop(state);
    if work.mode.has_cdc() {
        mover::clean_up(work);
    }
    account.later(account.delays().delete, move |state| {
        state.dms.configs.remove(ARN, &arn);
        state.dms.movements.remove(&arn);
        state.dms.tags.remove(&arn);
    });
    Ok(json!({ "ReplicationConfig": shown }))
}

/// `StartReplication`. It has no replication instance, so its logins are tried when it runs.
pub(super) fn start(account: &Arc<Account>, input: &Input) -> Answer {
    tasks::refuse_positions(input)?;
    let arn = input.required(ARN)?;
    let mut state = account.state();
    let config = config(&state.dms, arn)?.clone();
    demand_idle(&state.dms, arn)?;
    let work = plan::work(account, &state, &config, &MEMBERS, log_names(arn))?;
    let assessment = assessment(account, arn, input)?;
    let movement = state.dms.movements.entry(arn.to_owned()).or_default();
    let begin = tasks::how(input.required("StartReplicationType")?, movement, &work)?;
    movement.start(Timestamp::now(), begin != Begin::Resume);
    movement.assessment.clone_from(&assessment);
    let shown = shown(&state.dms, &config);
    drop(state);
    match assessment {
        None => mover::begin(account, work, begin),
        Some(assessment) => {
            let account = Arc::clone(account);
            tokio::spawn(async move {
                let fails = assessment["FailOnAssessmentFailure"] == true;
                if assess(&account, &work).await || !fails {
                    mover::begin(&account, work, begin);
                }
            });
        }
    }
    Ok(json!({ "Replication": shown }))
}

/// What `PremigrationAssessmentSettings` asks for, as the description of the replication shows it.
fn assessment(account: &Account, arn: &str, input: &Input) -> Result<Option<Value>, AwsError> {
    let Some(settings) = input.text("PremigrationAssessmentSettings") else { return Ok(None) };
    let settings: Value = serde_json::from_str(settings)
        .map_err(|_| AwsError::value(format!("PremigrationAssessmentSettings is no JSON: {settings}")))?;
    let id = arn.rsplit(':').next().unwrap_or_default();
    Ok(Some(json!({
        "PremigrationAssessmentRunArn": account.arn("dms", "assessment-run", id), "Status": "running",
        "FailOnAssessmentFailure": settings.get("FailOnAssessmentFailure").and_then(Value::as_bool).unwrap_or(true),
        "PremigrationAssessmentRunCreationDate": seconds(Timestamp::now()),
    })))
}

/// Assesses a replication before it runs. One that fails ends here, as if it had not been started.
async fn assess(account: &Account, work: &plan::Work) -> bool {
    tokio::time::sleep(account.delays().start).await;
    let keyless = assessments::keyless(&work.source, &work.selection).await;
    let mut state = account.state();
    let movement = state.dms.movements.entry(work.arn.clone()).or_default();
    let (status, why) = match keyless {
        Ok(tables) if tables.is_empty() => ("passed", None),
        Ok(tables) => ("failed", Some(format!("{}: {}", assessments::KEYS, tables.join(", ")))),
        Err(why) => ("error-executing", Some(why)),
    };
    let Some(assessment) = &mut movement.assessment else { return true };
    assessment["Status"] = status.into();
    let Some(why) = why else { return true };
    assessment["LastFailureMessage"] = why.clone().into();
    if assessment["FailOnAssessmentFailure"] == true {
        let failure = format!("Premigration assessment failed: {why}");
        movement.end(Timestamp::now(), Stand::Failed, "Stop Reason FATAL_ERROR", Some(failure));
        movement.started = None;
    }
    false
}

/// `ReloadReplicationTables`: while it runs.
pub(super) fn reload(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    if input.text("ReloadOption") == Some("validate-only") {
        return Err(AwsError::not_simulated("validation"));
    }
    let mut state = account.state();
    config(&state.dms, arn)?;
    tasks::reload_tables(state.dms.movements.entry(arn.to_owned()).or_default(), input)?;
    statistics::only(arn, ARN)
}

/// `StopReplication`.
pub(super) fn stop(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    let mut state = account.state();
    let config = config(&state.dms, arn)?.clone();
    if !state.dms.movements.get_mut(arn).is_some_and(tasks::halt) {
        return Err(AwsError::state(format!("Replication '{arn}' is currently not running")));
    }
    Ok(json!({ "Replication": shown(&state.dms, &config) }))
}

/// `DescribeReplications`.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let state = account.state();
    let known = [("replication-config-arn", ARN), ("replication-config-id", ID), ("replication-type", MEMBERS.mode)];
    let configs = filter(state.dms.configs.all(), input, &known)?;
    dms_page(configs.iter().map(|config| shown(&state.dms, config)).collect(), "Replications", input)
}

fn shown(state: &State, config: &Value) -> Value {
    let fresh = Movement::default();
    let movement = state.movements.get(text(config, ARN)).unwrap_or(&fresh);
    let status = match movement.stand {
        Stand::Ready => "created",
        Stand::Starting => "initializing",
        Stand::Running => "running",
        Stand::Stopping => "stopping",
        Stand::Stopped => "stopped",
        Stand::Failed => "failed",
    };
    let mut shown = json!({"Status": status});
    for member in [ID, ARN, "SourceEndpointArn", "TargetEndpointArn", MEMBERS.mode] {
        shown[member] = config[member].clone();
    }
    shown["ReplicationCreateTime"] = config["ReplicationConfigCreateTime"].clone();
    shown["ReplicationUpdateTime"] = config["ReplicationConfigUpdateTime"].clone();
    if let Some(started) = movement.started {
        shown["ReplicationStats"] = movement.stats(Timestamp::now());
        let units = config["ComputeConfig"].get("MaxCapacityUnits").cloned().unwrap_or(1.into());
        shown["ProvisionData"] = json!({"ProvisionState": "succeeded", "ProvisionedCapacityUnits": units,
                                        "DateProvisioned": seconds(started)});
    }
    if let Some(ended) = movement.ended {
        shown["ReplicationLastStopTime"] = seconds(ended).into();
    }
    if let Some(reason) = movement.stop_reason {
        shown["StopReason"] = reason.into();
    }
    if let Some(assessment) = &movement.assessment {
        shown["PremigrationAssessmentStatuses"] = json!([assessment]);
    }
    if let Some(failure) = &movement.failure {
        shown["FailureMessages"] = json!([failure]);
    }
    shown
}

fn demand_idle(state: &State, arn: &str) -> Result<(), AwsError> {
    if state.movements.get(arn).is_some_and(Movement::is_busy) {
        return Err(AwsError::state(format!("Replication '{arn}' is currently running; stop it first.")));
    }
    Ok(())
}

fn log_names(arn: &str) -> (String, String) {
    let id = arn.rsplit(':').next().unwrap_or_default();
    (format!("dms-serverless-replication-{id}"), format!("dms-serverless-serv-res-id-{id}"))
}
