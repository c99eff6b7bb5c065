//! The plan as Terraform, for the provider `hashicorp/aws`.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::model::{Kind, Resource, TAG, Values};
use super::super::plan::{Plan, wanted};
use super::super::settings;
use super::{role_named, roles_before};
use crate::pipeline::Aws;

/// The configuration. Passwords are variables that are not shown.
#[must_use]
pub fn render(plan: &Plan, aws: &Aws) -> String {
    let mut out = format!(
        "# The DMS side of the pipeline {}, written by cdc-doctor.\n\
         terraform {{\n  required_providers {{\n    aws = {{\n      source  = \"hashicorp/aws\"\n      version = \">= 5.0\"\n    }}\n  }}\n}}\n\n\
         provider \"aws\" {{\n  region = {}\n}}\n",
        plan.pipeline,
        quoted(&aws.region)
    );
    for resource in wanted(plan) {
        out.push('\n');
        variables(&mut out, resource);
        block(&mut out, plan, resource);
    }
    out
}

/// A string of HCL: JSON's, with `${` and `%{` taken literally.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace("${", "$${").replace("%{", "%%{")
}

fn label(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "aws_iam_role",
        Kind::SubnetGroup => "aws_dms_replication_subnet_group",
        Kind::Certificate => "aws_dms_certificate",
        Kind::Instance => "aws_dms_replication_instance",
        Kind::Endpoint => "aws_dms_endpoint",
        Kind::Task => "aws_dms_replication_task",
        Kind::Config => "aws_dms_replication_config",
    }
}

/// The resource's type: endpoints for S3 have one of their own.
fn type_of(resource: &Resource) -> &'static str {
    if writes_to_s3(resource) { "aws_dms_s3_endpoint" } else { kind(resource.kind) }
}

fn writes_to_s3(resource: &Resource) -> bool {
    resource.values.contains_key("S3Settings.BucketName")
}

/// What must be there first though no argument names it: policies are resources of their own.
fn depends_on(plan: &Plan, resource: &Resource) -> Option<String> {
    let attached = roles_before(plan, resource).map(|r| format!("aws_iam_role_policy_attachment.{}", label(&r.name)));
    let written = resource.values.get("S3Settings.ServiceAccessRoleArn").and_then(|arn| role_named(plan, arn));
    let written = written.map(|role| format!("aws_iam_role_policy.{}", label(&role.name)));
    let all: Vec<String> = attached.chain(written).collect();
    (!all.is_empty()).then(|| format!("[{}]", all.join(", ")))
}

fn variables(out: &mut String, resource: &Resource) {
    let label = label(&resource.name);
    if resource.values.contains_key("Username") {
        let _ = writeln!(out, "variable \"{label}_password\" {{\n  type      = string\n  sensitive = true\n}}\n");
    }
    if resource.kind == Kind::Certificate {
        let _ = writeln!(
            out,
            "variable \"{label}_pem\" {{\n  type        = string\n  description = \"file of certificates; those of RDS: \
             https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem\"\n}}\n"
        );
    }
}

/// One resource.
fn block(out: &mut String, plan: &Plan, resource: &Resource) {
    let label = label(&resource.name);
    let _ = writeln!(out, "resource \"{}\" \"{label}\" {{", type_of(resource));
    let (mut plain, mut blocks) = (Vec::new(), std::collections::BTreeMap::<String, Vec<(String, String)>>::new());
    plain.push((identifier(resource.kind).to_owned(), quoted(&resource.name)));
    for (name, value) in values(plan, resource) {
        match name.split_once('.') {
            Some((outer, inner)) => blocks.entry(outer.to_owned()).or_default().push((inner.to_owned(), value)),
            None => plain.push((name, value)),
        }
    }
    if !resource.shared {
        plain.push(("tags".to_owned(), format!("{{ {} = {} }}", quoted(TAG), quoted(&plan.pipeline))));
    }
    plain.extend(depends_on(plan, resource).map(|value| ("depends_on".to_owned(), value)));
    let widest = plain.iter().map(|(n, _)| n.len()).max().unwrap_or(0);
    for (name, value) in &plain {
        let _ = writeln!(out, "  {name:widest$} = {value}");
    }
    for (name, members) in blocks {
        let _ = writeln!(out, "\n  {name} {{");
        for (n, v) in members {
            let _ = writeln!(out, "    {n} = {v}");
        }
        let _ = writeln!(out, "  }}");
    }
    let _ = writeln!(out, "}}");
    attachments(out, resource, &label);
}

/// Policies of a role are resources of their own.
fn attachments(out: &mut String, resource: &Resource, label: &str) {
    if resource.kind != Kind::Role {
        return;
    }
    let attached = resource.values.get("AttachedPolicies").and_then(Value::as_array);
    for policy in attached.into_iter().flatten().filter_map(Value::as_str) {
        let _ = writeln!(
            out,
            "\nresource \"aws_iam_role_policy_attachment\" \"{label}\" {{\n  role       = aws_iam_role.{label}.name\n  \
             policy_arn = {}\n}}",
            quoted(policy)
        );
    }
    if let Some(policy) = resource.values.get("Policy") {
        let _ = writeln!(
            out,
            "\nresource \"aws_iam_role_policy\" \"{label}\" {{\n  role   = aws_iam_role.{label}.name\n  policy = jsonencode({})\n}}",
            hcl(policy)
        );
    }
}

fn identifier(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "name",
        Kind::SubnetGroup => "replication_subnet_group_id",
        Kind::Certificate => "certificate_id",
        Kind::Instance => "replication_instance_id",
        Kind::Endpoint => "endpoint_id",
        Kind::Task => "replication_task_id",
        Kind::Config => "replication_config_identifier",
    }
}

/// Arguments in the provider's names; a dot goes into a block.
fn values(plan: &Plan, resource: &Resource) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let label = label(&resource.name);
    let known = resource.values.iter().filter(|(name, _)| !name.starts_with(settings::PREFIX));
    all.extend(known.filter_map(|(name, value)| argument(plan, resource, name, value)));
    match resource.kind {
        Kind::Role => {
            let service = resource.values.get("Service").and_then(Value::as_str).unwrap_or_default();
            let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
            all.push(("assume_role_policy".to_owned(), format!("jsonencode({})", hcl(&trust))));
        }
        Kind::SubnetGroup => {
            all.push(("replication_subnet_group_description".to_owned(), quoted("cdc-doctor")));
        }
        Kind::Certificate => all.push(("certificate_pem".to_owned(), format!("file(var.{label}_pem)"))),
        Kind::Endpoint if resource.values.contains_key("Username") => {
            all.push(("password".to_owned(), format!("var.{label}_password")));
        }
        Kind::Task => all.push(("replication_task_settings".to_owned(), document(&resource.values))),
        Kind::Config => all.push(("replication_settings".to_owned(), document(&resource.values))),
        _ => {}
    }
    all
}

fn document(values: &Values) -> String {
    format!("jsonencode({})", hcl(&settings::document(values)))
}

fn argument(plan: &Plan, resource: &Resource, name: &str, value: &Value) -> Option<(String, String)> {
    let reference = |kind_of: Kind, attribute: &str| {
        let name = value.as_str().unwrap_or_default();
        let found = wanted(plan).find(|r| r.kind == kind_of && r.name == name);
        format!("{}.{}.{attribute}", found.map_or(kind(kind_of), type_of), label(name))
    };
    let (name, value) = match name {
        "Service" | "AttachedPolicies" | "Policy" | "CertificatePem" => return None,
        "EngineName" if writes_to_s3(resource) => return None,
        "S3Settings.ServiceAccessRoleArn" => {
            let role = role_named(plan, value).map(|role| format!("aws_iam_role.{}.arn", label(&role.name)));
            ("service_access_role_arn", role.unwrap_or_else(|| hcl(value)))
        }
        // The provider's own words for the API's `sse-s3` and `sse-kms`.
        "S3Settings.EncryptionMode" => {
            ("encryption_mode", quoted(&value.as_str().unwrap_or_default().to_uppercase().replace('-', "_")))
        }
        "CertificateIdentifier" => ("certificate_arn", reference(Kind::Certificate, "certificate_arn")),
        "SourceEndpoint" => ("source_endpoint_arn", reference(Kind::Endpoint, "endpoint_arn")),
        "TargetEndpoint" => ("target_endpoint_arn", reference(Kind::Endpoint, "endpoint_arn")),
        "ReplicationInstance" => ("replication_instance_arn", reference(Kind::Instance, "replication_instance_arn")),
        "ReplicationSubnetGroupIdentifier" => {
            ("replication_subnet_group_id", reference(Kind::SubnetGroup, "replication_subnet_group_id"))
        }
        "TableMappings" => ("table_mappings", format!("jsonencode({})", hcl(value))),
        "MySQLSettings.TargetDbType" => return None,
        "ExtraConnectionAttributes" => {
            // The provider has no argument for the kind of target.
            let all = format!("{};targetDbType=MULTIPLE_DATABASES", value.as_str().unwrap_or_default());
            ("extra_connection_attributes", quoted(&all))
        }
        other => return Some((snake(other.trim_start_matches("S3Settings.")), hcl(value))),
    };
    Some((name.to_owned(), value))
}

/// `ReplicationInstanceClass` as `replication_instance_class`; structures as their blocks are called.
fn snake(name: &str) -> String {
    let name = name.replace("PostgreSQLSettings", "PostgresSettings").replace("MultiAZ", "MultiAz");
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with(['.', '_']) {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A value of HCL; structures over many lines.
fn hcl(value: &Value) -> String {
    indented(value, 2)
}

fn indented(value: &Value, indent: usize) -> String {
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
    match value {
        Value::String(text) => quoted(text),
        Value::Array(all) if all.iter().any(Value::is_object) => {
            let all: Vec<String> = all.iter().map(|v| format!("{inner}{}", indented(v, indent + 2))).collect();
            format!("[\n{}\n{outer}]", all.join(",\n"))
        }
        Value::Array(all) => format!("[{}]", all.iter().map(hcl).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let line = |(n, v): (&String, &Value)| format!("{inner}{} = {}\n", quoted(n), indented(v, indent + 2));
            format!("{{\n{}{outer}}}", members.iter().map(line).collect::<String>())
        }
        other => other.to_string(),
    }
}
