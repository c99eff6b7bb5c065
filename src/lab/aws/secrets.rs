//! Secrets Manager.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::account::Account;
use super::errors::{Answer, AwsError};
use super::input::Input;
use super::names::{random_id, request_id, seconds};

/// All secrets by name.
#[derive(Debug, Default)]
pub(super) struct State(BTreeMap<String, Secret>);

#[derive(Debug)]
struct Secret {
    arn: String,
    value: SecretString,
    version: String,
    description: String,
    created: Timestamp,
    deleted: Option<Timestamp>,
    tags: Vec<(String, String)>,
}

/// Puts a secret in, or another value into it, and gives its ARN.
pub(super) fn put(account: &Arc<Account>, name: &str, value: SecretString) -> String {
    let arn = account.arn("secretsmanager", "secret", &format!("{name}-{}", &random_id()[..6]));
    let mut state = account.state();
    let secret = state.secrets.0.entry(name.to_owned()).or_insert_with(|| Secret {
        arn,
        value: SecretString::default(),
        version: String::new(),
        description: super::names::SIMULATION.to_owned(),
        created: Timestamp::now(),
        deleted: None,
        tags: Vec::new(),
    });
    (secret.value, secret.version) = (value, request_id());
    secret.arn.clone()
}

impl State {
    /// A secret's value by name or ARN.
    pub(super) fn value(&self, id: &str) -> Option<&SecretString> {
        let usable = self.find(id).filter(|(_, secret)| secret.deleted.is_none());
        usable.map(|(_, secret)| &secret.value)
    }

    /// By name, ARN, or the ARN without its random ending.
    fn find(&self, id: &str) -> Option<(&String, &Secret)> {
        let without_ending = |arn: &str| arn.rsplit_once('-').map(|(arn, _)| arn.to_owned());
        self.0.iter().find(|(name, s)| *name == id || s.arn == id || without_ending(&s.arn).as_deref() == Some(id))
    }
}

/// Answers a call; nothing where there is none of that name.
pub(super) fn answer(account: &Arc<Account>, operation: &str, input: &Input) -> Option<Answer> {
    Some(match operation {
        "CreateSecret" => create(account, input),
        "GetSecretValue" => with(account, input, |name, secret| {
            json!({"ARN": secret.arn, "Name": name, "VersionId": secret.version, "VersionStages": ["AWSCURRENT"],
                   "SecretString": secret.value.expose_secret(), "CreatedDate": seconds(secret.created)})
        }),
        "DescribeSecret" => describe(account, input),
        "DeleteSecret" => delete(account, input),
        _ => return None,
    })
}

fn create(account: &Arc<Account>, input: &Input) -> Answer {
    let name = input.required("Name")?;
    if account.state().secrets.find(name).is_some() {
        let why = format!("The operation failed because the secret {name} already exists.");
        return Err(AwsError::bad("ResourceExistsException", why));
    }
    let Some(value) = input.text("SecretString") else {
        return Err(AwsError::bad(
            "InvalidParameterException",
            "You must provide SecretString; the simulation has no binary secrets.",
        ));
    };
    let arn = put(account, name, value.to_owned().into());
    let mut state = account.state();
    let Some(secret) = state.secrets.0.get_mut(name) else { return Err(not_found()) };
    secret.tags = input.tags();
    if let Some(description) = input.text("Description") {
        description.clone_into(&mut secret.description);
    }
    Ok(json!({"ARN": arn, "Name": name, "VersionId": secret.version}))
}

fn describe(account: &Arc<Account>, input: &Input) -> Answer {
    let state = account.state();
    let (name, secret) = state.secrets.find(input.required("SecretId")?).ok_or_else(not_found)?;
    let tags: Vec<Value> = secret.tags.iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect();
    let mut shown = json!({"ARN": secret.arn, "Name": name, "Description": secret.description, "Tags": tags,
                           "CreatedDate": seconds(secret.created), "LastChangedDate": seconds(secret.created),
                           "VersionIdsToStages": {secret.version.clone(): ["AWSCURRENT"]}});
    if let Some(deleted) = secret.deleted {
        shown["DeletedDate"] = seconds(deleted).into();
    }
    Ok(shown)
}

fn delete(account: &Arc<Account>, input: &Input) -> Answer {
    let id = input.required("SecretId")?;
    let mut state = account.state();
    let (name, arn) = state.secrets.find(id).map(|(name, s)| (name.clone(), s.arn.clone())).ok_or_else(not_found)?;
    let now = Timestamp::now();
    if input.flag("ForceDeleteWithoutRecovery") {
        state.secrets.0.remove(&name);
    } else if let Some(secret) = state.secrets.0.get_mut(&name) {
        secret.deleted = Some(now);
    }
    Ok(json!({"ARN": arn, "Name": name, "DeletionDate": seconds(now)}))
}

fn with(account: &Arc<Account>, input: &Input, show: impl Fn(&str, &Secret) -> Value) -> Answer {
    let state = account.state();
    let (name, secret) = state.secrets.find(input.required("SecretId")?).ok_or_else(not_found)?;
    if secret.deleted.is_some() {
        let why = "You can't perform this operation on the secret because it was marked for deletion.";
        return Err(AwsError::bad("InvalidRequestException", why));
    }
    Ok(show(name, secret))
}

fn not_found() -> AwsError {
    AwsError::bad("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}
