//! Calls to AWS as steps of a fix.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::quote::shell_word;

/// A call that changes something in AWS, or proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwsCall {
    /// Changes settings of a DMS endpoint, and waits until they are in force.
    ModifyEndpoint {
        /// The endpoint.
        arn: String,
        /// Setting to value, named as in the API: `SslMode`, `PostgreSQLSettings.HeartbeatEnable`. The certificate may
        /// be given by its name, as `CertificateIdentifier`.
        settings: BTreeMap<String, String>,
    },
    /// Imports the certificates of RDS, which are built in, into DMS; one of this name that is there already will do.
    ImportCertificate {
        /// The name that it gets.
        identifier: String,
    },
    /// Lets the replication instance connect, and waits for the outcome.
    TestConnection {
        /// From here.
        instance_arn: String,
        /// To there.
        endpoint_arn: String,
    },
    /// Changes settings of a DMS task. A running one is stopped and goes on afterwards.
    ModifyTask {
        /// The task.
        arn: String,
        /// JSON pointer to value: `/Logging/EnableLogging`.
        settings: BTreeMap<String, Value>,
    },
    /// Changes a replication instance.
    ModifyInstance {
        /// The replication instance.
        arn: String,
        /// Setting to value: `MultiAZ`, `AllocatedStorage`, `ReplicationInstanceClass`, `EngineVersion`.
        settings: BTreeMap<String, String>,
    },
    /// Makes a parameter group with the engine's defaults, as a `default.` group has them; one of this name that is
    /// there already will do.
    CreateParameterGroup {
        /// Its name.
        name: String,
        /// Such as `postgres15`.
        family: String,
        /// For a cluster.
        cluster: bool,
    },
    /// Sets a parameter of a group.
    SetParameter {
        /// The group.
        group: String,
        /// The parameter.
        name: String,
        /// The value; `None` is the engine's default.
        value: Option<String>,
        /// The group is a cluster's.
        cluster: bool,
        /// It needs a reboot (a static parameter).
        at_reboot: bool,
    },
    /// Gives an instance or a cluster another parameter group.
    AttachParameterGroup {
        /// The instance or cluster.
        database: String,
        /// The group.
        group: String,
        /// It is a cluster.
        cluster: bool,
    },
    /// Reboots an instance, and waits until it is back.
    Reboot {
        /// The instance.
        instance: String,
    },
    /// Makes a role that a service may take, with a managed policy.
    CreateRole {
        /// Its name.
        name: String,
        /// Such as `dms.amazonaws.com`.
        service: String,
        /// The managed policy's ARN.
        policy: String,
    },
    /// Gives a role a managed policy.
    AttachPolicy {
        /// The role.
        role: String,
        /// The managed policy's ARN.
        policy: String,
    },
    /// Takes a managed policy from a role.
    DetachPolicy {
        /// The role.
        role: String,
        /// The managed policy's ARN.
        policy: String,
    },
}

impl AwsCall {
    /// As a command of the AWS CLI, so that it can be typed as well as applied.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Self::ModifyEndpoint { arn, settings } => {
                format!("aws dms modify-endpoint --endpoint-arn {arn}{}", options(settings))
            }
            Self::ImportCertificate { identifier } => format!(
                "aws dms import-certificate --certificate-identifier {identifier} --certificate-pem \
                 file://global-bundle.pem"
            ),
            Self::TestConnection { instance_arn, endpoint_arn } => format!(
                "aws dms test-connection --replication-instance-arn {instance_arn} --endpoint-arn {endpoint_arn}"
            ),
            Self::ModifyTask { arn, settings } => {
                let changed: Vec<String> =
                    settings.iter().map(|(name, value)| format!("{}={value}", dotted(name))).collect();
                format!("aws dms modify-replication-task --replication-task-arn {arn}: {}", changed.join(", "))
            }
            Self::ModifyInstance { arn, settings } => format!(
                "aws dms modify-replication-instance --replication-instance-arn {arn} --apply-immediately{}",
                options(settings)
            ),
            Self::CreateParameterGroup { name, family, cluster } => {
                let (kind, group) = kind(*cluster);
                format!(
                    "aws rds create-{kind}parameter-group --{group} {name} --db-parameter-group-family {family} --description {name}"
                )
            }
            Self::SetParameter { group, name, value, cluster, at_reboot } => {
                set_parameter(group, name, value.as_deref(), *cluster, *at_reboot)
            }
            Self::AttachParameterGroup { database, group, cluster: true } => format!(
                "aws rds modify-db-cluster --db-cluster-identifier {database} --db-cluster-parameter-group-name {group} --apply-immediately"
            ),
            Self::AttachParameterGroup { database, group, cluster: false } => format!(
                "aws rds modify-db-instance --db-instance-identifier {database} --db-parameter-group-name {group} --apply-immediately"
            ),
            Self::Reboot { instance } => format!("aws rds reboot-db-instance --db-instance-identifier {instance}"),
            Self::CreateRole { name, service, policy } => {
                format!("aws iam create-role --role-name {name} (trusts {service}), attach-role-policy {policy}")
            }
            Self::AttachPolicy { role, policy } => {
                format!("aws iam attach-role-policy --role-name {role} --policy-arn {policy}")
            }
            Self::DetachPolicy { role, policy } => {
                format!("aws iam detach-role-policy --role-name {role} --policy-arn {policy}")
            }
        }
    }

    /// Whether the two are one step of a plan: settings of one endpoint, task or instance are changed in one call.
    #[must_use]
    pub(super) fn same_step(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ModifyEndpoint { arn: a, .. }, Self::ModifyEndpoint { arn: b, .. })
            | (Self::ModifyTask { arn: a, .. }, Self::ModifyTask { arn: b, .. })
            | (Self::ModifyInstance { arn: a, .. }, Self::ModifyInstance { arn: b, .. }) => a == b,
            _ => self == other,
        }
    }

    /// Takes in what another call of the same step changes; where both set a thing, the first stands.
    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::ModifyEndpoint { settings, .. }, Self::ModifyEndpoint { settings: more, .. })
            | (Self::ModifyInstance { settings, .. }, Self::ModifyInstance { settings: more, .. }) => {
                for (name, value) in more {
                    settings.entry(name).or_insert(value);
                }
            }
            (Self::ModifyTask { settings, .. }, Self::ModifyTask { settings: more, .. }) => {
                for (name, value) in more {
                    settings.entry(name).or_insert(value);
                }
            }
            _ => {}
        }
    }
}

fn kind(cluster: bool) -> (&'static str, &'static str) {
    if cluster { ("db-cluster-", "db-cluster-parameter-group-name") } else { ("db-", "db-parameter-group-name") }
}

fn set_parameter(group: &str, name: &str, value: Option<&str>, cluster: bool, at_reboot: bool) -> String {
    let (kind, option) = kind(cluster);
    let method = if at_reboot { "pending-reboot" } else { "immediate" };
    match value {
        Some(value) => {
            // In this notation a comma ends a value that is not in quotes.
            let value = if value.contains(',') { format!("\"{value}\"") } else { value.to_owned() };
            let word = shell_word(&format!("ParameterName={name},ParameterValue={value},ApplyMethod={method}"));
            format!("aws rds modify-{kind}parameter-group --{option} {group} --parameters {word}")
        }
        None => format!(
            "aws rds reset-{kind}parameter-group --{option} {group} --parameters ParameterName={name},ApplyMethod={method}"
        ),
    }
}

/// ` --ssl-mode require --postgre-sql-settings HeartbeatEnable=true,HeartbeatFrequency=5`.
fn options(settings: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut group = "";
    for (name, value) in settings {
        match name.split_once('.') {
            Some((parent, key)) if parent == group => out.push_str(&format!(",{key}={}", shell_word(value))),
            Some((parent, key)) => {
                out.push_str(&format!(" --{} {key}={}", option(parent), shell_word(value)));
                group = parent;
            }
            None => out.push_str(&format!(" --{} {}", option(name), shell_word(value))),
        }
    }
    out
}

/// The CLI's name of an API's field.
fn option(name: &str) -> String {
    match name {
        "PostgreSQLSettings" => return "postgre-sql-settings".to_owned(),
        "MySQLSettings" => return "my-sql-settings".to_owned(),
        "MultiAZ" => return "multi-az".to_owned(),
        _ => {}
    }
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `/Logging/EnableLogging` as `Logging.EnableLogging`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(settings: &[(&str, &str)]) -> AwsCall {
        let settings = settings.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        AwsCall::ModifyEndpoint { arn: "ARN".into(), settings }
    }

    #[test]
    fn a_call_can_be_typed() {
        let call = endpoint(&[
            ("SslMode", "require"),
            ("PostgreSQLSettings.HeartbeatEnable", "true"),
            ("PostgreSQLSettings.HeartbeatFrequency", "5"),
        ]);
        insta::assert_snapshot!(call.command(), @"aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings HeartbeatEnable=true,HeartbeatFrequency=5 --ssl-mode require");
        let set = |value: Option<&str>| AwsCall::SetParameter {
            group: "g".into(),
            name: "rds.force_ssl".into(),
            value: value.map(str::to_owned),
            cluster: false,
            at_reboot: false,
        };
        insta::assert_snapshot!(set(Some("0")).command(), @"aws rds modify-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.force_ssl,ParameterValue=0,ApplyMethod=immediate");
        insta::assert_snapshot!(set(None).command(), @"aws rds reset-db-parameter-group --db-parameter-group-name g --parameters ParameterName=rds.force_ssl,ApplyMethod=immediate");
    }

    #[test]
    fn a_list_stays_one_value() {
        let shown = set_parameter("g", "sql_mode", Some("A,B"), false, false);
        assert!(shown.ends_with(r#"'ParameterName=sql_mode,ParameterValue="A,B",ApplyMethod=immediate'"#), "{shown}");
    }

    #[test]
    fn settings_of_one_endpoint_are_one_call_and_the_first_stands() {
        let mut first = endpoint(&[("SslMode", "require")]);
        let second = endpoint(&[("SslMode", "none"), ("Port", "1")]);
        assert!(first.same_step(&second));
        first.merge(second);
        assert_eq!(first, endpoint(&[("SslMode", "require"), ("Port", "1")]));
    }
}
