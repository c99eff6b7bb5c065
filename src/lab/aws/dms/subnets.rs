//! Replication subnet groups.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::lab::aws::account::{Account, empty};
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::page::{dms_page, filter};
use crate::lab::aws::rds::{SUBNETS, VPC};
use crate::lab::aws::records::text;

const ID: &str = "ReplicationSubnetGroupIdentifier";

/// `CreateReplicationSubnetGroup`. Needs `dms-vpc-role`, and subnets in two zones.
pub(super) fn create(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    state.iam.demand_vpc_role()?;
    let name = input.required(ID)?.to_lowercase();
    if state.dms.subnet_groups.find(ID, &name).is_some() {
        return Err(AwsError::exists(format!("Replication subnet group {name} already exists.")));
    }
    let group = json!({
        ID: name, "ReplicationSubnetGroupDescription": input.required("ReplicationSubnetGroupDescription")?,
        "VpcId": VPC, "SubnetGroupStatus": "Complete", "Subnets": subnets(account, input)?,
        "SupportedNetworkTypes": ["IPV4"],
    });
    let arn = account.arn("dms", "subgrp", &name);
    state.dms.tags.insert(arn, input.tags());
    state.dms.subnet_groups.push(group.clone());
    Ok(json!({ "ReplicationSubnetGroup": group }))
}

/// `ModifyReplicationSubnetGroup`.
pub(super) fn modify(account: &Account, input: &Input) -> Answer {
    let subnets = subnets(account, input)?;
    let mut state = account.state();
    let name = input.required(ID)?;
    let group = state.dms.subnet_groups.find_mut(ID, &name.to_lowercase()).ok_or_else(|| missing(name))?;
    group["Subnets"] = subnets;
    super::take_over(group, input, &["ReplicationSubnetGroupDescription"]);
    Ok(json!({ "ReplicationSubnetGroup": group }))
}

fn subnets(account: &Account, input: &Input) -> Result<Value, AwsError> {
    let (mut zones, mut all) = (BTreeSet::new(), Vec::new());
    for id in input.texts("SubnetIds") {
        let Some((_, zone)) = SUBNETS.iter().find(|(known, _)| *known == id) else {
            return Err(AwsError::bad("InvalidSubnet", format!("The subnet {id} does not exist in {VPC}.")));
        };
        zones.insert(*zone);
        all.push(json!({"SubnetIdentifier": id, "SubnetStatus": "Active",
                        "SubnetAvailabilityZone": {"Name": format!("{}{zone}", account.stage.region)}}));
    }
    if zones.len() < 2 {
        let why = "The DB Subnet Group doesn't meet availability zone coverage requirement. Please add subnets to cover \
                   at least 2 availability zones.";
        return Err(AwsError::bad("ReplicationSubnetGroupDoesNotCoverEnoughAZs", why));
    }
    Ok(all.into())
}

/// `DescribeReplicationSubnetGroups`.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let all = account.state().dms.subnet_groups.all();
    dms_page(filter(all, input, &[("replication-subnet-group-id", ID)])?, "ReplicationSubnetGroups", input)
}

/// `DeleteReplicationSubnetGroup`.
pub(super) fn delete(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let name = input.required(ID)?.to_lowercase();
    let used = state.dms.instances.iter().any(|i| text(&i["ReplicationSubnetGroup"], ID) == name)
        || state.dms.configs.iter().any(|c| text(&c["ComputeConfig"], "ReplicationSubnetGroupId") == name);
    if used {
        return Err(AwsError::state(format!("Cannot delete replication subnet group {name} because it is in use.")));
    }
    if !state.dms.subnet_groups.remove(ID, &name) {
        return Err(missing(&name));
    }
    empty()
}

pub(super) fn missing(name: &str) -> AwsError {
    AwsError::not_found(format!("Replication subnet group {name} not found."))
}
