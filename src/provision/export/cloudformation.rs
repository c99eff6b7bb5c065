//! The plan as a CloudFormation template, in JSON.

use serde_json::{Map, Value, json};

use super::super::model::{Kind, Resource, TAG, Values};
use super::super::plan::Plan;
use super::super::settings;
use super::{role_named, roles_before};

/// The template. Passwords are parameters that nobody sees; roles that serve the whole account are left out where they
/// are there already.
#[must_use]
pub fn render(plan: &Plan) -> String {
    let mut resources = Map::new();
    let mut parameters = Map::new();
    for resource in super::super::plan::wanted(plan) {
        let properties = properties(plan, resource, &mut parameters);
        let mut declared = json!({"Type": kind(resource.kind), "Properties": properties});
        let before: Vec<String> = roles_before(plan, resource).map(logical).collect();
        if !before.is_empty() {
            declared["DependsOn"] = before.into();
        }
        resources.insert(logical(resource), declared);
    }
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("The DMS side of the pipeline {}, written by cdc-doctor", plan.pipeline),
        "Parameters": parameters,
        "Resources": resources,
    });
    serde_json::to_string_pretty(&template).unwrap_or_default() + "\n"
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "AWS::IAM::Role",
        Kind::SubnetGroup => "AWS::DMS::ReplicationSubnetGroup",
        Kind::Certificate => "AWS::DMS::Certificate",
        Kind::Instance => "AWS::DMS::ReplicationInstance",
        Kind::Endpoint => "AWS::DMS::Endpoint",
        Kind::Task => "AWS::DMS::ReplicationTask",
        Kind::Config => "AWS::DMS::ReplicationConfig",
    }
}

/// Letters and digits only.
fn logical_name(kind: Kind, name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let camel: String = words.map(|w| w[..1].to_uppercase() + &w[1..]).collect();
    let kind = match kind {
        Kind::Role => "Role",
        Kind::SubnetGroup => "SubnetGroup",
        Kind::Certificate => "Certificate",
        Kind::Instance => "Instance",
        Kind::Endpoint => "Endpoint",
        Kind::Task => "Task",
        Kind::Config => "Replication",
    };
    kind.to_owned() + &camel
}

fn logical(resource: &Resource) -> String {
    logical_name(resource.kind, &resource.name)
}

fn properties(plan: &Plan, resource: &Resource, parameters: &mut Map<String, Value>) -> Value {
    let mut all = nested(&resource.values);
    for (value, kind, property) in REFERENCES {
        if let Some(Value::String(name)) = all.remove(value) {
            all.insert(property.to_owned(), json!({"Ref": logical_name(kind, &name)}));
        }
    }
    if let Some(role) = all.get_mut("S3Settings").and_then(|s| s.get_mut("ServiceAccessRoleArn"))
        && let Some(known) = role_named(plan, role)
    {
        *role = json!({"Fn::GetAtt": [logical(known), "Arn"]});
    }
    let identifier = match resource.kind {
        Kind::Role => "RoleName",
        Kind::SubnetGroup => "ReplicationSubnetGroupIdentifier",
        Kind::Certificate => "CertificateIdentifier",
        Kind::Instance => "ReplicationInstanceIdentifier",
        Kind::Endpoint => "EndpointIdentifier",
        Kind::Task => "ReplicationTaskIdentifier",
        Kind::Config => "ReplicationConfigIdentifier",
    };
    all.insert(identifier.to_owned(), resource.name.as_str().into());
    if !resource.shared && resource.kind != Kind::Certificate {
        all.insert("Tags".to_owned(), json!([{"Key": TAG, "Value": plan.pipeline}]));
    }
    special(resource, &mut all, parameters);
    Value::Object(all)
}

/// Values that name other resources, and the properties that take them.
const REFERENCES: [(&str, Kind, &str); 5] = [
    ("CertificateIdentifier", Kind::Certificate, "CertificateArn"),
    ("SourceEndpoint", Kind::Endpoint, "SourceEndpointArn"),
    ("TargetEndpoint", Kind::Endpoint, "TargetEndpointArn"),
    ("ReplicationInstance", Kind::Instance, "ReplicationInstanceArn"),
    ("ReplicationSubnetGroupIdentifier", Kind::SubnetGroup, "ReplicationSubnetGroupIdentifier"),
];

/// What CloudFormation has otherwise than the API.
fn special(resource: &Resource, all: &mut Map<String, Value>, parameters: &mut Map<String, Value>) {
    match resource.kind {
        Kind::Role => {
            let service = all.remove("Service").unwrap_or_default();
            all.insert(
                "AssumeRolePolicyDocument".to_owned(),
                json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}),
            );
            if let Some(policies) = all.remove("AttachedPolicies") {
                all.insert("ManagedPolicyArns".to_owned(), policies);
            }
            if let Some(policy) = all.remove("Policy") {
                all.insert("Policies".to_owned(), json!([{"PolicyName": "cdc-doctor", "PolicyDocument": policy}]));
            }
        }
        Kind::SubnetGroup => {
            all.insert("ReplicationSubnetGroupDescription".to_owned(), "cdc-doctor".into());
        }
        Kind::Certificate => {
            let parameter = logical(resource) + "Pem";
            // A parameter holds 4096 bytes, and a region's bundle is longer.
            let about = "PEM of the one authority that signed the server's certificate, as RDS shows it (such as \
                         rds-ca-rsa2048-g1); it is in https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem";
            parameters.insert(parameter.clone(), json!({"Type": "String", "Description": about}));
            all.insert("CertificatePem".to_owned(), json!({"Ref": parameter}));
        }
        Kind::Endpoint if resource.values.contains_key("Username") => {
            let parameter = logical(resource) + "Password";
            parameters.insert(parameter.clone(), json!({"Type": "String", "NoEcho": true}));
            all.insert("Password".to_owned(), json!({"Ref": parameter}));
            if let Some(settings) = all.remove("PostgreSQLSettings") {
                all.insert("PostgreSqlSettings".to_owned(), settings);
            }
            if let Some(settings) = all.remove("MySQLSettings") {
                let kind = settings["TargetDbType"].clone();
                let have = all.get("ExtraConnectionAttributes").and_then(Value::as_str).unwrap_or_default().to_owned();
                // The template has no property for it.
                let more = format!(
                    "{have};targetDbType={}",
                    kind.as_str().unwrap_or_default().to_uppercase().replace('-', "_")
                );
                all.insert("ExtraConnectionAttributes".to_owned(), more.trim_start_matches(';').into());
            }
        }
        Kind::Task | Kind::Config => {
            let name = if resource.kind == Kind::Task { "ReplicationTaskSettings" } else { "ReplicationSettings" };
            let document = settings::document(&resource.values);
            let config = resource.kind == Kind::Config;
            all.insert(name.to_owned(), if config { document } else { document.to_string().into() });
            if let Some(mappings) = all.get_mut("TableMappings").filter(|_| !config) {
                *mappings = mappings.to_string().into();
            }
        }
        _ => {}
    }
}

/// Dotted names as structures; task settings are left out.
fn nested(values: &Values) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in values.iter().filter(|(name, _)| !name.starts_with(settings::PREFIX)) {
        match name.split_once('.') {
            None => drop(all.insert(name.clone(), value.clone())),
            Some((outer, inner)) => {
                let entry = all.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(members) = entry {
                    members.insert(inner.to_owned(), value.clone());
                }
            }
        }
    }
    all
}
