//! Endpoints: how DMS logs in to a database.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{State, certificates};
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::page::{dms_page, filter};
use crate::lab::aws::records::text;

/// The member that holds the ARN.
pub(super) const ARN: &str = "EndpointArn";
const ID: &str = "EndpointIdentifier";
/// Members that are told as they were given. Passwords are none of them.
const PLAIN: [&str; 9] = [
    "EndpointType",
    "Username",
    "ServerName",
    "Port",
    "DatabaseName",
    "ExtraConnectionAttributes",
    "SslMode",
    certificates::ARN,
    "ServiceAccessRoleArn",
];
/// Engines, their names for people, and the TLS modes that they take.
const ENGINES: [(&str, &str, &[&str]); 6] = [
    ("postgres", "PostgreSQL", &["none", "require", "verify-ca", "verify-full"]),
    ("aurora-postgresql", "Amazon Aurora PostgreSQL", &["none", "require", "verify-ca", "verify-full"]),
    ("mysql", "MySQL", &["none", "verify-ca", "verify-full"]),
    ("mariadb", "MariaDB", &["none", "verify-ca", "verify-full"]),
    ("aurora", "Amazon Aurora MySQL", &["none", "verify-ca", "verify-full"]),
    ("s3", "Amazon S3", &["none"]),
];

/// The structure of an engine's own settings.
pub(super) fn settings_member(engine: &str) -> &'static str {
    match engine {
        "postgres" | "aurora-postgresql" => "PostgreSQLSettings",
        "s3" => "S3Settings",
        _ => "MySQLSettings",
    }
}

impl State {
    /// An endpoint by its ARN.
    pub(super) fn endpoint(&self, arn: &str) -> Result<&Value, AwsError> {
        self.endpoints.find(ARN, arn).ok_or_else(|| AwsError::not_found(format!("Endpoint not found: {arn}")))
    }

    /// A task or replication that uses the endpoint; only those that run, where it is asked for.
    fn user_of(&self, endpoint: &str, running: bool) -> Option<&str> {
        let tasks = self.tasks.iter().map(|t| (t, super::tasks::ARN));
        let mut all = tasks.chain(self.configs.iter().map(|c| (c, super::replications::ARN)));
        let uses = |r: &Value| text(r, "SourceEndpointArn") == endpoint || text(r, "TargetEndpointArn") == endpoint;
        let busy = |arn: &str| self.movements.get(arn).is_some_and(super::Movement::is_busy);
        all.find(|(r, arn)| uses(r) && (!running || busy(text(r, arn)))).map(|(r, arn)| text(r, arn))
    }
}

/// `CreateEndpoint`.
pub(super) fn create(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let name = super::identifier(input, ID)?;
    if state.dms.endpoints.find(ID, &name).is_some() {
        return Err(AwsError::exists(format!("Endpoint {name} already exists.")));
    }
    let engine = input.required("EngineName")?;
    let Some((_, display, _)) = ENGINES.iter().find(|(known, ..)| *known == engine) else {
        return Err(AwsError::not_simulated(&format!("the engine {engine}")));
    };
    let kind = input.required("EndpointType")?.to_lowercase();
    if !["source", "target"].contains(&kind.as_str()) {
        return Err(AwsError::value(format!("Invalid endpoint type: {kind}")));
    }
    let arn = super::new_arn(account, "endpoint", input);
    let mut endpoint =
        json!({ID: name, ARN: arn, "EngineName": engine, "EngineDisplayName": display, "SslMode": "none"});
    change(&state.dms, &mut endpoint, input)?;
    endpoint["EndpointType"] = kind.to_uppercase().into();
    endpoint["Status"] = "active".into();
    keep_password(&mut state.dms, &arn, engine, input);
    state.dms.tags.insert(arn, input.tags());
    state.dms.endpoints.push(endpoint.clone());
    Ok(json!({ "Endpoint": endpoint }))
}

/// Takes over what the call carries, and holds the result against what the engine takes.
fn change(state: &State, endpoint: &mut Value, input: &Input) -> Result<(), AwsError> {
    super::take_over(endpoint, input, &PLAIN);
    let engine = text(endpoint, "EngineName").to_owned();
    let settings = settings_member(&engine);
    if let Some(Value::Object(more)) = input.0.get(settings) {
        let mut all = endpoint.get(settings).and_then(Value::as_object).cloned().unwrap_or_default();
        all.extend(more.iter().filter(|(name, _)| *name != "Password").map(|(n, v)| (n.clone(), v.clone())));
        endpoint[settings] = all.into();
    }
    let mode = text(endpoint, "SslMode");
    let modes = ENGINES.iter().find(|(known, ..)| *known == engine).map_or::<&[&str], _>(&[], |e| e.2);
    if !modes.contains(&mode) {
        let why =
            format!("SSL mode '{mode}' is not supported by the engine '{engine}'; it takes: {}", modes.join(", "));
        return Err(AwsError::value(why));
    }
    let certificate = text(endpoint, certificates::ARN);
    if mode.starts_with("verify") && certificate.is_empty() {
        let why = format!("SSL mode '{mode}' needs a certificate: CertificateArn");
        return Err(AwsError::bad("InvalidParameterCombinationException", why));
    }
    if !certificate.is_empty() {
        certificates::find(state, certificate)?;
    }
    Ok(())
}

fn keep_password(state: &mut State, arn: &str, engine: &str, input: &Input) {
    let in_settings = input.0.get(settings_member(engine)).and_then(|s| s.get("Password")).and_then(Value::as_str);
    if let Some(password) = input.text("Password").or(in_settings) {
        state.passwords.insert(arn.to_owned(), password.to_owned().into());
    }
}

/// `ModifyEndpoint`: not while a task that uses it runs. Its connections must be tested again.
pub(super) fn modify(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    let mut state = account.state();
    let mut endpoint = state.dms.endpoint(arn)?.clone();
    if let Some(user) = state.dms.user_of(arn, true) {
        return Err(AwsError::state(format!("Endpoint is in use by a running replication: {user}. Stop it first.")));
    }
    let engine = text(&endpoint, "EngineName").to_owned();
    if input.text("EngineName").is_some_and(|other| other != engine) {
        return Err(AwsError::not_simulated("endpoints that change their engine"));
    }
    change(&state.dms, &mut endpoint, input)?;
    endpoint["EndpointType"] = text(&endpoint, "EndpointType").to_uppercase().into();
    if let Some(name) = input.text(ID) {
        endpoint[ID] = name.to_lowercase().into();
    }
    keep_password(&mut state.dms, arn, &engine, input);
    if let Some(kept) = state.dms.endpoints.find_mut(ARN, arn) {
        *kept = endpoint.clone();
    }
    state.dms.connections.remove(ARN, arn);
    Ok(json!({ "Endpoint": endpoint }))
}

/// `DescribeEndpoints`.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let all = account.state().dms.endpoints.all();
    let known =
        [("endpoint-arn", ARN), ("endpoint-type", "EndpointType"), ("endpoint-id", ID), ("engine-name", "EngineName")];
    dms_page(filter(all, input, &known)?, "Endpoints", input)
}

/// `DeleteEndpoint`: not while a task uses it.
pub(super) fn delete(account: &Arc<Account>, input: &Input) -> Answer {
    let arn = input.required(ARN)?.to_owned();
    let mut state = account.state();
    state.dms.endpoint(&arn)?;
    if let Some(user) = state.dms.user_of(&arn, false) {
        return Err(AwsError::state(format!("Endpoint is part of one or more replications: {user}")));
    }
    state.dms.endpoints.set(ARN, &arn, ("Status", "deleting".into()));
    let shown = state.dms.endpoint(&arn)?.clone();
    drop(state);
    account.later(account.delays().delete, move |state| {
        state.dms.endpoints.remove(ARN, &arn);
        state.dms.connections.remove(ARN, &arn);
        state.dms.passwords.remove(&arn);
    });
    Ok(json!({ "Endpoint": shown }))
}
