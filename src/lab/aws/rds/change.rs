//! Changes: parameters of a group, the group of an instance, a reboot.

use std::sync::Arc;

use serde_json::{Value, json};

use super::apply::{self, Setting};
use super::groups::members;
use super::{Side, State};
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;

/// Parameters that one call may change.
const MOST: usize = 20;

/// `ModifyDBParameterGroup`: dynamic parameters go to the servers at once, static ones wait for a reboot.
pub(super) async fn modify_group(account: &Arc<Account>, input: &Input) -> Answer {
    let (name, dynamic, sides) = {
        let mut state = account.state();
        let name = state.rds.group_mut(input.required("DBParameterGroupName")?)?.name.clone();
        let changes = changes(&state.rds, &name, input)?;
        let group = state.rds.group_mut(&name)?;
        group.values.extend(changes.iter().map(|c| (c.name.clone(), c.value.clone())));
        let sides = members(&state.rds, &name);
        let waits = changes.iter().any(|c| !c.at_once);
        for side in &sides {
            if let Some(instance) = state.rds.of_side(*side) {
                instance.apply.pending |= waits;
                instance.apply.applying |= changes.iter().any(|c| c.at_once);
            }
        }
        state.rds.happened(&name, "db-parameter-group", format!("Updated {} parameters", changes.len()));
        let dynamic = changes.into_iter().filter(|c| c.at_once).map(|c| (c.name, Some(c.value)));
        (name, dynamic.collect::<Vec<Setting>>(), sides)
    };
    for side in sides {
        put(account, side, dynamic.clone()).await;
        account.later(account.delays().apply, move |state| {
            if let Some(instance) = state.rds.of_side(side) {
                instance.apply.applying = false;
            }
        });
    }
    Ok(json!({ "DBParameterGroupName": name }))
}

struct Change {
    name: String,
    value: String,
    at_once: bool,
}

/// What the call asks for, all of it sound or nothing done.
fn changes(state: &State, group: &str, input: &Input) -> Result<Vec<Change>, AwsError> {
    let wrong = |why: String| AwsError::bad("InvalidParameterValue", why);
    let asked = input.list("Parameters");
    if asked.is_empty() || asked.len() > MOST {
        return Err(wrong(format!("A call changes 1 to {MOST} parameters, not {}", asked.len())));
    }
    let catalog = state.catalog(&state.group(group)?.family);
    let word = |p: &Value, member: &str| p.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    asked
        .iter()
        .map(|asked| {
            let (name, value) = (word(asked, "ParameterName"), word(asked, "ParameterValue"));
            let Some(parameter) = catalog.iter().find(|p| p.name == name) else {
                return Err(wrong(format!("Could not find parameter with name: {name}")));
            };
            if !parameter.modifiable {
                return Err(wrong(format!("The parameter {name} cannot be modified.")));
            }
            if !parameter.takes(&value) {
                let allowed = parameter.allowed.as_deref().unwrap_or_default();
                return Err(wrong(format!(
                    "Invalid parameter value: {value} for: {name} allowed values are: {allowed}"
                )));
            }
            let at_once = word(asked, "ApplyMethod") == "immediate";
            if at_once && !parameter.dynamic {
                let why = "cannot use immediate apply method for static parameter";
                return Err(AwsError::bad("InvalidParameterCombination", why));
            }
            Ok(Change { name, value, at_once })
        })
        .collect()
}

/// Sets parameters on the real server; what it refuses becomes an event of the instance.
async fn put(account: &Arc<Account>, side: Side, settings: Vec<Setting>) {
    let stage = account.stage.clone();
    let done = tokio::task::spawn_blocking(move || apply::set(&stage, side, &settings)).await;
    let refused = match done {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    let mut state = account.state();
    let identifier = state.rds.of_side(side).map(|i| i.identifier.clone()).unwrap_or_default();
    let why = format!("The engine did not take a parameter: {}", crate::text::safe(&refused));
    state.rds.happened(&identifier, "db-instance", why);
}

/// `ModifyDBInstance`: another parameter group (which waits for a reboot), class or certificate authority, and what
/// guards the instance.
pub(super) fn modify_instance(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let group = match input.text("DBParameterGroupName") {
        Some(name) => Some(state.rds.group(name)?.clone()),
        None => None,
    };
    let instance = state.rds.instance_mut(input.required("DBInstanceIdentifier")?)?;
    demand_available(instance.status, &instance.identifier)?;
    if let Some(group) = group {
        if group.family != instance.family {
            let why = format!(
                "The parameter group {} with DBParameterGroupFamily {} can't be used for this instance. Use a parameter \
                 group with DBParameterGroupFamily {}.",
                group.name, group.family, instance.family
            );
            return Err(AwsError::bad("InvalidParameterCombination", why));
        }
        instance.apply.pending |= instance.group != group.name;
        instance.group = group.name;
    }
    if let Some(class) = input.text("DBInstanceClass") {
        class.clone_into(&mut instance.class);
    }
    if let Some(certificate) = input.text("CACertificateIdentifier") {
        certificate.clone_into(&mut instance.certificate);
    }
    instance.guard.change(input)?;
    let (identifier, shown) = (instance.identifier.clone(), instance.shown(account));
    state.rds.happened(&identifier, "db-instance", "Finished applying modification");
    Ok(json!({ "DBInstance": shown }))
}

/// `RebootDBInstance`: the server really restarts, with all of its group's parameters.
pub(super) fn reboot(account: &Arc<Account>, input: &Input) -> Answer {
    let mut state = account.state();
    let instance = state.rds.instance_mut(input.required("DBInstanceIdentifier")?)?;
    demand_available(instance.status, &instance.identifier)?;
    instance.status = "rebooting";
    let (side, identifier, shown) = (instance.side, instance.identifier.clone(), instance.shown(account));
    let settings = settings(&state.rds, side)?;
    state.rds.happened(&identifier, "db-instance", "DB instance shutdown");
    let account = Arc::clone(account);
    tokio::spawn(async move {
        put(&account, side, settings).await;
        let stage = account.stage.clone();
        let restarted = tokio::task::spawn_blocking(move || apply::restart(&stage, side)).await;
        let fine = matches!(restarted, Ok(Ok(())));
        if fine && side == Side::Target {
            // A MySQL server forgets what was set while it ran.
            let again = settings_now(&account, side);
            put(&account, side, again).await;
        }
        tokio::time::sleep(account.delays().apply).await;
        let mut state = account.state();
        if let Some(instance) = state.rds.of_side(side) {
            instance.status = if fine { "available" } else { "incompatible-parameters" };
            instance.apply.pending &= !fine;
        }
        let what = if fine { "DB instance restarted" } else { "The engine does not start with these parameters" };
        state.rds.happened(&identifier, "db-instance", what);
    });
    Ok(json!({ "DBInstance": shown }))
}

fn settings_now(account: &Account, side: Side) -> Vec<Setting> {
    settings(&account.state().rds, side).unwrap_or_default()
}

/// Everything that the instance's group says, and the defaults of what only other groups say.
fn settings(state: &State, side: Side) -> Result<Vec<Setting>, AwsError> {
    let Some(instance) = state.instances.iter().find(|i| i.side == side) else { return Ok(Vec::new()) };
    let group = state.group(&instance.group)?;
    let ever = |name: &str| state.groups.iter().any(|g| g.family == instance.family && g.values.contains_key(name));
    let all = instance.catalog.iter().filter(|p| ever(&p.name) || p.name.starts_with("rds."));
    // MySQL takes no static parameter while it runs, and this simulation gives it none at its start.
    let all = all.filter(|p| side == Side::Source || p.dynamic);
    Ok(all
        .map(|p| {
            let value = group.values.get(&p.name).or(p.system.as_ref().filter(|_| p.name.starts_with("rds.")));
            (p.name.clone(), value.cloned())
        })
        .collect())
}

fn demand_available(status: &str, identifier: &str) -> Result<(), AwsError> {
    if status == "available" {
        return Ok(());
    }
    let why = format!("Database instance {identifier} is not in available state.");
    Err(AwsError::bad("InvalidDBInstanceState", why))
}
