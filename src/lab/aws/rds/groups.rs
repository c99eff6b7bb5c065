//! Parameter groups: what they hold, and making them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::catalog::Parameter;
use super::{Side, State, list};
use crate::lab::aws::account::{Account, empty};
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;

/// A parameter group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) family: String,
    pub(super) description: String,
    /// What users have set.
    pub(super) values: BTreeMap<String, String>,
    pub(super) tags: Vec<(String, String)>,
}

impl Group {
    /// A group that sets nothing.
    pub(super) fn new(name: &str, family: &str, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            family: family.to_owned(),
            description: description.to_owned(),
            values: BTreeMap::new(),
            tags: Vec::new(),
        }
    }

    /// The value that holds on an instance with this group, where it is not the engine's own default.
    pub(super) fn value<'a>(&'a self, parameter: &'a Parameter) -> Option<&'a str> {
        self.values.get(&parameter.name).or(parameter.system.as_ref()).map(String::as_str)
    }

    fn shown(&self, account: &Account) -> Value {
        json!({"DBParameterGroupName": self.name, "DBParameterGroupFamily": self.family,
               "Description": self.description, "DBParameterGroupArn": account.arn("rds", "pg", &self.name)})
    }
}

impl State {
    pub(super) fn group(&self, name: &str) -> Result<&Group, AwsError> {
        // RDS keeps names in small letters.
        self.groups.iter().find(|g| g.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            AwsError::new(404, "DBParameterGroupNotFound", format!("DBParameterGroup not found: {name}"))
        })
    }

    /// A group that may be changed.
    pub(super) fn group_mut(&mut self, name: &str) -> Result<&mut Group, AwsError> {
        if name.starts_with("default.") {
            let why = format!("Cannot modify a default parameter group. {name} is a default group.");
            return Err(AwsError::bad("InvalidDBParameterGroupState", why));
        }
        self.group(name)?;
        self.groups
            .iter_mut()
            .find(|g| g.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| AwsError::missing("DBParameterGroupName"))
    }

    /// The engine's parameters of a family.
    pub(super) fn catalog(&self, family: &str) -> &[Parameter] {
        self.instances.iter().find(|i| i.family == family).map_or(&[], |i| &i.catalog)
    }
}

/// `DescribeDBParameterGroups`.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let state = &account.state().rds;
    let groups: Vec<Value> = match input.text("DBParameterGroupName") {
        Some(name) => vec![state.group(name)?.shown(account)],
        None => state.groups.iter().map(|g| g.shown(account)).collect(),
    };
    list(groups, "DBParameterGroups", "DBParameterGroup", input)
}

/// `DescribeDBParameters`.
pub(super) fn parameters(account: &Account, input: &Input) -> Answer {
    let state = &account.state().rds;
    let group = state.group(input.required("DBParameterGroupName")?)?;
    let source = input.text("Source");
    let all: Vec<Value> = state
        .catalog(&group.family)
        .iter()
        .map(|parameter| shown(group, parameter))
        .filter(|p| source.is_none_or(|source| p["Source"] == source))
        .collect();
    list(all, "Parameters", "Parameter", input)
}

fn shown(group: &Group, parameter: &Parameter) -> Value {
    let source = match (group.values.contains_key(&parameter.name), &parameter.system) {
        (true, _) => "user",
        (false, Some(_)) => "system",
        (false, None) => "engine-default",
    };
    json!({
        "ParameterName": parameter.name,
        "ParameterValue": group.value(parameter),
        "Description": parameter.description,
        "Source": source,
        "ApplyType": if parameter.dynamic { "dynamic" } else { "static" },
        "DataType": parameter.data_type,
        "AllowedValues": parameter.allowed,
        "IsModifiable": parameter.modifiable,
        "ApplyMethod": if parameter.dynamic && source == "user" { "immediate" } else { "pending-reboot" },
    })
}

/// `CreateDBParameterGroup`.
pub(super) fn create(account: &Account, input: &Input) -> Answer {
    let family = input.required("DBParameterGroupFamily")?;
    let mut state = account.state();
    if !state.rds.instances.iter().any(|i| i.family == family) {
        let why = format!("ParameterGroupFamily {family} is not a valid parameter group family");
        return Err(AwsError::bad("InvalidParameterValue", why));
    }
    let mut group =
        Group::new(&free_name(&state.rds, input, "DBParameterGroupName")?, family, input.required("Description")?);
    group.tags = input.tags();
    let shown = group.shown(account);
    state.rds.groups.push(group);
    Ok(json!({ "DBParameterGroup": shown }))
}

/// `CopyDBParameterGroup`. A default group can be copied too.
pub(super) fn copy(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let source = input.required("SourceDBParameterGroupIdentifier")?;
    let mut group = state.rds.group(source.rsplit(':').next().unwrap_or(source))?.clone();
    group.name = free_name(&state.rds, input, "TargetDBParameterGroupIdentifier")?;
    input.required("TargetDBParameterGroupDescription")?.clone_into(&mut group.description);
    group.tags = input.tags();
    let shown = group.shown(account);
    state.rds.groups.push(group);
    Ok(json!({ "DBParameterGroup": shown }))
}

/// `DeleteDBParameterGroup`.
pub(super) fn delete(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let name = state.rds.group_mut(input.required("DBParameterGroupName")?)?.name.clone();
    if state.rds.instances.iter().any(|i| i.group == name) {
        let why =
            "One or more database instances are still members of this parameter group, so the group cannot be deleted";
        return Err(AwsError::bad("InvalidDBParameterGroupState", why));
    }
    state.rds.groups.retain(|g| g.name != name);
    empty()
}

fn free_name(state: &State, input: &Input, member: &str) -> Result<String, AwsError> {
    let name = input.required(member)?.to_lowercase();
    if state.group(&name).is_ok() {
        return Err(AwsError::bad("DBParameterGroupAlreadyExists", format!("Parameter group {name} already exists")));
    }
    let sound = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.ends_with('-')
        && !name.contains("--");
    if !sound {
        let why = format!(
            "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must contain only \
             ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        );
        return Err(AwsError::bad("InvalidParameterValue", why));
    }
    Ok(name)
}

/// Which instances have this group.
pub(super) fn members(state: &State, group: &str) -> Vec<Side> {
    state.instances.iter().filter(|i| i.group == group).map(|i| i.side).collect()
}
