//! Replication instances: names, for there is nothing behind them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{State, subnets, tasks};
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::seconds;
use crate::lab::aws::page::{dms_page, filter};
use crate::lab::aws::rds::{SECURITY_GROUP, SUBNETS, VPC};
use crate::lab::aws::records::text;

/// The member that holds the ARN.
pub(super) const ARN: &str = "ReplicationInstanceArn";
const ID: &str = "ReplicationInstanceIdentifier";
const STATUS: &str = "ReplicationInstanceStatus";
/// The version of new instances.
pub(super) const VERSION: &str = "3.6.1";

impl State {
    /// An instance by its ARN.
    pub(super) fn instance(&self, arn: &str) -> Result<&Value, AwsError> {
        let found = self.instances.find(ARN, arn);
        found.ok_or_else(|| AwsError::not_found(format!("Replication instance not found: {arn}")))
    }

    /// An instance that is ready to work.
    pub(super) fn available_instance(&self, arn: &str) -> Result<&Value, AwsError> {
        let instance = self.instance(arn)?;
        let name = text(instance, ID);
        match text(instance, STATUS) {
            "available" => Ok(instance),
            status => {
                Err(AwsError::state(format!("Replication instance {name} is {status}; it must be available for this.")))
            }
        }
    }
}

/// `CreateReplicationInstance`: creating, and available after a while. Needs `dms-vpc-role`.
pub(super) fn create(account: &Arc<Account>, input: &Input) -> Answer {
    let mut state = account.state();
    state.iam.demand_vpc_role()?;
    let name = super::identifier(input, ID)?;
    if state.dms.instances.find(ID, &name).is_some() {
        return Err(AwsError::exists(format!("Replication Instance '{name}' already exists.")));
    }
    let group = match input.text("ReplicationSubnetGroupIdentifier") {
        Some(group) => {
            let found = state.dms.subnet_groups.find("ReplicationSubnetGroupIdentifier", &group.to_lowercase());
            found.cloned().ok_or_else(|| subnets::missing(group))?
        }
        None => json!({"ReplicationSubnetGroupIdentifier": "default", "VpcId": VPC, "SubnetGroupStatus": "Complete",
                       "ReplicationSubnetGroupDescription": "default", "Subnets": []}),
    };
    let mut instance = described(account, input)?;
    instance["ReplicationSubnetGroup"] = group;
    instance[ID] = name.as_str().into();
    let arn = super::new_arn(account, "rep", input);
    instance[ARN] = arn.as_str().into();
    state.dms.tags.insert(arn.clone(), input.tags());
    state.dms.instances.push(instance.clone());
    state.dms.happened(&name, "replication-instance", "creation", "Replication instance is being created (simulation)");
    drop(state);
    account.later(account.delays().create, move |state| {
        if let Some(instance) = state.dms.instances.find_mut(ARN, &arn) {
            instance[STATUS] = "available".into();
            instance["InstanceCreateTime"] = seconds(Timestamp::now()).into();
            instance["ReplicationInstancePrivateIpAddress"] = "127.0.0.1".into();
            instance["ReplicationInstancePrivateIpAddresses"] = json!(["127.0.0.1"]);
            state.dms.happened(&name, "replication-instance", "creation", "Replication instance created (simulation)");
        }
    });
    Ok(json!({ "ReplicationInstance": instance }))
}

/// What the call says of a new instance, over the defaults.
fn described(account: &Account, input: &Input) -> Answer {
    let groups = match input.texts("VpcSecurityGroupIds") {
        none if none.is_empty() => vec![SECURITY_GROUP],
        some => some,
    };
    let groups: Vec<Value> = groups.iter().map(|id| json!({"VpcSecurityGroupId": id, "Status": "active"})).collect();
    let on = |member: &str| input.0.get(member).and_then(Value::as_bool).unwrap_or(true);
    Ok(json!({
        STATUS: "creating",
        "ReplicationInstanceClass": class(input)?,
        "AllocatedStorage": input.number("AllocatedStorage").unwrap_or(50),
        "VpcSecurityGroups": groups,
        "AvailabilityZone": format!("{}{}", account.stage.region, SUBNETS[0].1),
        "PreferredMaintenanceWindow": input.text("PreferredMaintenanceWindow").unwrap_or("sun:06:00-sun:06:30"),
        "PendingModifiedValues": {},
        "MultiAZ": input.flag("MultiAZ"),
        "EngineVersion": input.text("EngineVersion").unwrap_or(VERSION),
        "AutoMinorVersionUpgrade": on("AutoMinorVersionUpgrade"),
        "KmsKeyId": account.arn("kms", "key", "00000000-0000-0000-0000-000000000000"),
        "PubliclyAccessible": on("PubliclyAccessible"),
        "NetworkType": "IPV4",
    }))
}

fn class(input: &Input) -> Result<&str, AwsError> {
    let class = input.required("ReplicationInstanceClass")?;
    if super::offers::CLASSES.contains(&class) {
        return Ok(class);
    }
    Err(AwsError::value(format!("Invalid replication instance class: {class}")))
}

/// `ModifyReplicationInstance`: modifying, and available after a while.
pub(super) fn modify(account: &Arc<Account>, input: &Input) -> Answer {
    if input.text("ReplicationInstanceClass").is_some() {
        class(input)?;
    }
    let arn = input.required(ARN)?.to_owned();
    let mut state = account.state();
    state.dms.available_instance(&arn)?;
    let members = [
        "AllocatedStorage",
        "ReplicationInstanceClass",
        "MultiAZ",
        "EngineVersion",
        "AutoMinorVersionUpgrade",
        "PreferredMaintenanceWindow",
    ];
    let Some(instance) = state.dms.instances.find_mut(ARN, &arn) else { return Err(AwsError::not_found(arn)) };
    super::take_over(instance, input, &members);
    instance[STATUS] = "modifying".into();
    let shown = instance.clone();
    drop(state);
    account.later(account.delays().apply, move |state| {
        state.dms.instances.set(ARN, &arn, (STATUS, "available".into()));
    });
    Ok(json!({ "ReplicationInstance": shown }))
}

/// `DescribeReplicationInstances`.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let all = account.state().dms.instances.all();
    let known = [
        ("replication-instance-arn", ARN),
        ("replication-instance-id", ID),
        ("replication-instance-class", "ReplicationInstanceClass"),
        ("engine-version", "EngineVersion"),
    ];
    dms_page(filter(all, input, &known)?, "ReplicationInstances", input)
}

/// `DeleteReplicationInstance`: not while it has tasks.
pub(super) fn delete(account: &Arc<Account>, input: &Input) -> Answer {
    let arn = input.required(ARN)?.to_owned();
    let mut state = account.state();
    state.dms.instance(&arn)?;
    if state.dms.tasks.iter().any(|task| text(task, ARN) == arn) {
        return Err(AwsError::state("Cannot delete the replication instance because it has replication tasks."));
    }
    state.dms.instances.set(ARN, &arn, (STATUS, "deleting".into()));
    let shown = state.dms.instance(&arn)?.clone();
    drop(state);
    account.later(account.delays().delete, move |state| {
        state.dms.instances.remove(ARN, &arn);
        state.dms.connections.remove(ARN, &arn);
    });
    Ok(json!({ "ReplicationInstance": shown }))
}

/// `DescribeReplicationInstanceTaskLogs`.
pub(super) fn task_logs(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    let state = account.state();
    state.dms.available_instance(arn)?;
    let tasks = state.dms.tasks.iter().filter(|task| text(task, ARN) == arn);
    let all: Vec<Value> = tasks
        .map(|task| {
            let (group, stream) = tasks::log_names(&state.dms, task);
            json!({"ReplicationTaskName": task["ReplicationTaskIdentifier"], "ReplicationTaskArn": task[tasks::ARN],
                   "ReplicationInstanceTaskLogSize": state.logs.size(&group, &stream)})
        })
        .collect();
    let mut answer = dms_page(all, "ReplicationInstanceTaskLogs", input)?;
    answer[ARN] = arn.into();
    Ok(answer)
}
