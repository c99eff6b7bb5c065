//! RDS: the two instances that stand on the lab's servers, and their parameter groups.

mod apply;
mod catalog;
mod change;
mod groups;
mod instances;
mod surroundings;

use std::sync::Arc;

use serde_json::{Value, json};

use self::groups::Group;
use self::instances::Instance;
use super::account::{Account, empty};
use super::errors::{Answer, AwsError};
use super::input::Input;
use super::page;

pub(super) use instances::begin;
pub(super) use surroundings::{SECURITY_GROUP, SUBNETS, VPC};

/// The RDS side of the account.
#[derive(Debug, Default)]
pub(super) struct State {
    instances: Vec<Instance>,
    groups: Vec<Group>,
    /// What happened: identifier, kind, when, what.
    events: Vec<(String, &'static str, jiff::Timestamp, String)>,
}

/// Which of the two servers is behind an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
}

/// Answers a call; nothing where there is none of that name.
pub(super) async fn answer(account: &Arc<Account>, operation: &str, input: &Input) -> Option<Answer> {
    Some(match operation {
        "DescribeDBInstances" => instances::describe(account, input),
        "ModifyDBInstance" => change::modify_instance(account, input),
        "RebootDBInstance" => change::reboot(account, input),
        "DescribeDBParameterGroups" => groups::describe(account, input),
        "DescribeDBParameters" => groups::parameters(account, input),
        "CreateDBParameterGroup" => groups::create(account, input),
        "CopyDBParameterGroup" => groups::copy(account, input),
        "DeleteDBParameterGroup" => groups::delete(account, input),
        "ModifyDBParameterGroup" => change::modify_group(account, input).await,
        "DescribeDBClusters" => match input.text("DBClusterIdentifier") {
            Some(name) => Err(AwsError::new(404, "DBClusterNotFoundFault", format!("DBCluster {name} not found."))),
            None => list(Vec::new(), "DBClusters", "DBCluster", input),
        },
        "DescribeDBClusterParameters" => list(Vec::new(), "Parameters", "Parameter", input),
        "DescribeDBProxies" => match input.text("DBProxyName") {
            Some(name) => Err(AwsError::new(404, "DBProxyNotFoundFault", format!("DBProxy {name} not found."))),
            None => list(Vec::new(), "DBProxies", "member", input),
        },
        "DescribeDBSubnetGroups" => surroundings::subnet_groups(account, input),
        "DescribeCertificates" => surroundings::certificates(account, input),
        "DescribePendingMaintenanceActions" => {
            list(Vec::new(), "PendingMaintenanceActions", "ResourcePendingMaintenanceActions", input)
        }
        "DescribeEvents" => surroundings::events(account, input),
        "DescribeDBEngineVersions" => surroundings::versions(account, input),
        "ListTagsForResource" => tags(account, input),
        "AddTagsToResource" => add_tags(account, input),
        _ => return None,
    })
}

/// A page of a list as the query protocol has it.
fn list(records: Vec<Value>, name: &str, element: &str, input: &Input) -> Answer {
    let mut answer = page::page(records, name, input, 100, "InvalidParameterValue")?;
    let page = answer[name].take();
    answer[name] = json!({ element: page });
    Ok(answer)
}

fn tags(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let tags = state.rds.tags_of(account, input.required("ResourceName")?)?;
    let all: Vec<Value> = tags.iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect();
    Ok(json!({"TagList": {"Tag": all}}))
}

fn add_tags(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let tags = state.rds.tags_of(account, input.required("ResourceName")?)?;
    for (key, value) in input.tags() {
        tags.retain(|(k, _)| *k != key);
        tags.push((key, value));
    }
    empty()
}

impl State {
    fn tags_of(&mut self, account: &Account, arn: &str) -> Result<&mut Vec<(String, String)>, AwsError> {
        let instance = self.instances.iter_mut().find(|i| account.arn("rds", "db", &i.identifier) == arn);
        let group = self.groups.iter_mut().find(|g| account.arn("rds", "pg", &g.name) == arn);
        match (instance, group) {
            (Some(instance), _) => Ok(&mut instance.tags),
            (_, Some(group)) => Ok(&mut group.tags),
            (None, None) => Err(AwsError::new(404, "DBInstanceNotFound", format!("{arn} was not found."))),
        }
    }

    fn happened(&mut self, identifier: &str, kind: &'static str, what: impl Into<String>) {
        self.events.push((identifier.to_owned(), kind, jiff::Timestamp::now(), what.into()));
    }
}
