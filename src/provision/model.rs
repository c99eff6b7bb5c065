//! Resources as names and values: the same form for what is asked for and for what is there.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The tag on everything that is made here and belongs to one pipeline; its value is the pipeline's name.
pub const TAG: &str = "cdc-doctor:pipeline";

/// What kind of resource, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An IAM role.
    Role,
    /// A replication subnet group.
    SubnetGroup,
    /// An imported certificate authority.
    Certificate,
    /// A replication instance.
    Instance,
    /// An endpoint.
    Endpoint,
    /// A task.
    Task,
    /// A serverless replication's configuration.
    Config,
}

impl Kind {
    /// In words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::SubnetGroup => "subnet group",
            Self::Certificate => "certificate",
            Self::Instance => "replication instance",
            Self::Endpoint => "endpoint",
            Self::Task => "task",
            Self::Config => "serverless replication",
        }
    }
}

/// Values by the names that the API gives them; a dot goes into a structure, `Settings/…` into the task's settings.
pub type Values = BTreeMap<String, Value>;

/// A resource that the pipeline file asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// Its identifier.
    pub name: String,
    /// What it is to be. Other resources are named by their identifiers, never by ARN.
    pub values: Values,
    /// It serves the whole account, so it carries no tag and is never deleted here.
    pub shared: bool,
}

/// A resource that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Its identifier.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// In the service's words; empty where it has none.
    pub status: String,
    /// It carries this pipeline's tag.
    pub ours: bool,
    /// What it is, as far as anything compares it.
    pub values: Values,
}

/// DMS keeps identifiers in small letters.
#[must_use]
pub fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// A value as a person reads it.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
