//! Connection tests: real logins.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{State, endpoints, instances, login};
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::page::{dms_page, filter};
use crate::lab::aws::records::text;

/// `TestConnection`: testing, and successful or failed when the login has been tried.
pub(super) fn test(account: &Arc<Account>, input: &Input) -> Answer {
    let (instance, endpoint) = (input.required(instances::ARN)?.to_owned(), input.required(endpoints::ARN)?.to_owned());
    let mut state = account.state();
    let instance_name = state.dms.available_instance(&instance)?["ReplicationInstanceIdentifier"].clone();
    let endpoint_name = state.dms.endpoint(&endpoint)?["EndpointIdentifier"].clone();
    if find(&state.dms, &instance, &endpoint).is_some_and(|c| text(c, "Status") == "testing") {
        return Err(AwsError::state("A connection test is already running for this endpoint."));
    }
    let connection = json!({instances::ARN: instance, endpoints::ARN: endpoint, "Status": "testing",
                            "LastFailureMessage": "", "EndpointIdentifier": endpoint_name,
                            "ReplicationInstanceIdentifier": instance_name, "Key": key(&instance, &endpoint)});
    state.dms.connections.remove("Key", &key(&instance, &endpoint));
    state.dms.connections.push(connection.clone());
    let login = login::read(account, &state, &endpoint)?;
    drop(state);
    let (account, shown) = (Arc::clone(account), shown(connection.clone()));
    tokio::spawn(async move {
        tokio::time::sleep(account.delays().start).await;
        let scripted = account.state().dms.refusals.get(text(&connection, "EndpointIdentifier")).cloned();
        let failure = match scripted {
            Some(words) => Some(words),
            None => login::open(&login).await.err(),
        };
        let mut state = account.state();
        if let Some(connection) = state.dms.connections.find_mut("Key", &key(&instance, &endpoint)) {
            connection["Status"] = if failure.is_none() { "successful" } else { "failed" }.into();
            connection["LastFailureMessage"] = failure.unwrap_or_default().into();
        }
    });
    Ok(json!({ "Connection": shown }))
}

/// Scripts what connection tests of an endpoint fail with.
pub(in crate::lab::aws) fn refuse_connections(account: &Account, endpoint: &str, words: Option<&str>) {
    let refusals = &mut account.state().dms.refusals;
    match words {
        Some(words) => refusals.insert(endpoint.to_owned(), words.to_owned()),
        None => refusals.remove(endpoint),
    };
}

fn key(instance: &str, endpoint: &str) -> String {
    format!("{instance} {endpoint}")
}

fn find<'a>(state: &'a State, instance: &str, endpoint: &str) -> Option<&'a Value> {
    state.connections.find("Key", &key(instance, endpoint))
}

/// Without the member that is ours alone.
fn shown(mut connection: Value) -> Value {
    if let Some(members) = connection.as_object_mut() {
        members.shift_remove("Key");
    }
    connection
}

/// `DescribeConnections`.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let all = account.state().dms.connections.all().into_iter().map(shown).collect();
    let known = [("endpoint-arn", endpoints::ARN), ("replication-instance-arn", instances::ARN)];
    dms_page(filter(all, input, &known)?, "Connections", input)
}

/// `DeleteConnection`.
pub(super) fn delete(account: &Account, input: &Input) -> Answer {
    let (instance, endpoint) = (input.required(instances::ARN)?, input.required(endpoints::ARN)?);
    let mut state = account.state();
    let Some(connection) = find(&state.dms, instance, endpoint).cloned() else {
        return Err(AwsError::not_found("Connection not found."));
    };
    state.dms.connections.remove("Key", &key(instance, endpoint));
    let mut shown = shown(connection);
    shown["Status"] = "deleting".into();
    Ok(json!({ "Connection": shown }))
}

/// Both endpoints of a task must have been tested on its instance.
pub(super) fn demand_tested(state: &State, instance: &str, endpoints: [&str; 2]) -> Result<(), AwsError> {
    let fine = |endpoint| find(state, instance, endpoint).is_some_and(|c| text(c, "Status") == "successful");
    if endpoints.into_iter().all(fine) {
        return Ok(());
    }
    Err(AwsError::state(
        "Test connection for replication instance and endpoint should be successful for starting the replication task",
    ))
}
