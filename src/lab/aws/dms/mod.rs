//! DMS: what is made ([`subnets`], [`instances`], [`endpoints`], [`certificates`]), what is tried ([`connections`],
//! [`schemas`]), and what moves rows: [`tasks`] and serverless [`replications`], both run by [`mover`], which writes
//! down in a [`movement`] where they stand.

mod assessments;
mod certificates;
mod connections;
mod endpoints;
mod instances;
mod login;
mod mappings;
mod movement;
mod mover;
mod offers;
mod plan;
mod replications;
mod schemas;
mod settings;
mod statistics;
mod subnets;
mod tags;
mod tasks;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value, json};

use self::movement::Movement;
use super::account::Account;
use super::errors::{Answer, AwsError};
use super::input::Input;
use super::records::{Records, take_over};

pub(super) use connections::refuse_connections;
pub(super) use mover::fail;
pub(super) use statistics::pretend_tables;

/// The DMS side of the account.
#[derive(Debug, Default)]
pub(super) struct State {
    subnet_groups: Records,
    instances: Records,
    endpoints: Records,
    certificates: Records,
    connections: Records,
    refreshes: Records,
    schemas: HashMap<String, Vec<String>>,
    tasks: Records,
    configs: Records,
    /// Where tasks and serverless replications stand, by ARN.
    movements: HashMap<String, Movement>,
    assessments: Records,
    findings: Records,
    events: Records,
    /// What connection tests of endpoints, by identifier, fail with on purpose.
    refusals: HashMap<String, String>,
    /// Of endpoints, by ARN.
    passwords: HashMap<String, SecretString>,
    /// Of everything, by ARN.
    tags: HashMap<String, Vec<(String, String)>>,
}

impl State {
    /// Stops everything that moves rows.
    pub(super) fn stop_all(&mut self) {
        self.movements.values().filter_map(|m| m.stop.as_ref()).for_each(crate::sync::Stop::request);
    }

    /// The instance of the task whose ARN ends so.
    pub(super) fn instance_of(&self, id: &str) -> Option<String> {
        let task = self.tasks.iter().find(|task| ends_in(task, tasks::ARN, id))?;
        let instance = self.instance(super::records::text(task, instances::ARN)).ok()?;
        Some(super::records::text(instance, "ReplicationInstanceIdentifier").to_owned())
    }

    /// Whether there is a serverless replication whose ARN ends so.
    pub(super) fn is_config(&self, id: &str) -> bool {
        self.configs.iter().any(|config| ends_in(config, replications::ARN, id))
    }

    /// Writes an event down.
    pub(super) fn happened(&mut self, source: &str, kind: &str, category: &str, what: &str) {
        self.events.push(json!({"SourceIdentifier": source, "SourceType": kind, "Message": what,
                                "EventCategories": [category], "Date": super::names::seconds(jiff::Timestamp::now())}));
    }
}

fn ends_in(record: &Value, member: &str, id: &str) -> bool {
    super::records::text(record, member).rsplit(':').next() == Some(id)
}

/// Answers a call; nothing where there is none of that name.
pub(super) async fn answer(account: &Arc<Account>, operation: &str, input: &Input) -> Option<Answer> {
    Some(match operation {
        "CreateReplicationSubnetGroup" => subnets::create(account, input),
        "ModifyReplicationSubnetGroup" => subnets::modify(account, input),
        "DescribeReplicationSubnetGroups" => subnets::describe(account, input),
        "DeleteReplicationSubnetGroup" => subnets::delete(account, input),
        "CreateReplicationInstance" => instances::create(account, input),
        "ModifyReplicationInstance" => instances::modify(account, input),
        "DescribeReplicationInstances" => instances::describe(account, input),
        "DeleteReplicationInstance" => instances::delete(account, input),
        "DescribeReplicationInstanceTaskLogs" => instances::task_logs(account, input),
        "CreateEndpoint" => endpoints::create(account, input),
        "ModifyEndpoint" => endpoints::modify(account, input),
        "DescribeEndpoints" => endpoints::describe(account, input),
        "DeleteEndpoint" => endpoints::delete(account, input),
        "ImportCertificate" => certificates::import(account, input),
        "DescribeCertificates" => certificates::describe(account, input),
        "DeleteCertificate" => certificates::delete(account, input),
        "TestConnection" => connections::test(account, input),
        "DescribeConnections" => connections::describe(account, input),
        "DeleteConnection" => connections::delete(account, input),
        "RefreshSchemas" => schemas::refresh(account, input),
        "DescribeRefreshSchemasStatus" => schemas::status(account, input),
        "DescribeSchemas" => schemas::describe(account, input),
        "CreateReplicationTask" => tasks::create(account, input),
        "ModifyReplicationTask" => tasks::modify(account, input),
        "DescribeReplicationTasks" => tasks::describe(account, input),
        "StartReplicationTask" => tasks::start(account, input),
        "StopReplicationTask" => tasks::stop(account, input),
        "DeleteReplicationTask" => tasks::delete(account, input),
        "ReloadTables" => tasks::reload(account, input),
        "DescribeTableStatistics" => statistics::of_task(account, input),
        "CreateReplicationConfig" => replications::create(account, input),
        "ModifyReplicationConfig" => replications::modify(account, input),
        "DescribeReplicationConfigs" => replications::describe_configs(account, input),
        "DeleteReplicationConfig" => replications::delete(account, input),
        "StartReplication" => replications::start(account, input),
        "StopReplication" => replications::stop(account, input),
        "ReloadReplicationTables" => replications::reload(account, input),
        "DescribeReplications" => replications::describe(account, input),
        "DescribeReplicationTableStatistics" => statistics::of_replication(account, input),
        "StartReplicationTaskAssessmentRun" => assessments::start(account, input),
        "DescribeApplicableIndividualAssessments" => assessments::applicable(account, input),
        "DescribeReplicationTaskAssessmentRuns" => assessments::runs(account, input),
        "DescribeReplicationTaskIndividualAssessments" => assessments::findings(account, input),
        "DescribeEvents" => offers::events(account, input),
        "DescribeEndpointSettings" => offers::endpoint_settings(input),
        "DescribeAccountAttributes" => offers::account_attributes(account),
        "DescribeOrderableReplicationInstances" => offers::orderable(account, input),
        "DescribePendingMaintenanceActions" => offers::maintenance(account, input),
        "AddTagsToResource" => tags::add(account, input),
        "ListTagsForResource" => tags::list(account, input),
        "RemoveTagsFromResource" => tags::remove(account, input),
        _ => return None,
    })
}

/// The identifier that a resource is to have: DMS keeps it in small letters.
fn identifier(input: &Input, member: &str) -> Result<String, AwsError> {
    let name = input.required(member)?.to_lowercase();
    let sound = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.ends_with('-')
        && !name.contains("--");
    if sound {
        return Ok(name);
    }
    Err(AwsError::value(format!(
        "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII \
         letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    )))
}

/// The ARN of a new resource, ending in what the call asks for or in letters of chance.
fn new_arn(account: &Account, kind: &str, input: &Input) -> String {
    let id = input.text("ResourceIdentifier").map_or_else(super::names::random_id, str::to_uppercase);
    account.arn("dms", kind, &id)
}
