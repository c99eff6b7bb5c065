//! The calls that make, change and delete one resource, from its values. None of them waits.

use std::collections::BTreeMap;

use aws_sdk_databasemigration::types as dms;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::desired::INLINE;
use super::model::{Item, Kind, Resource, TAG, Values};
use super::plan::Step;
use super::settings;
use crate::aws::{Error, Session};

/// What a call needs beside the resource's own values.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// ARNs by kind and name, in small letters.
    pub(super) arns: BTreeMap<(Kind, String), String>,
    /// The endpoint's password.
    pub(super) password: Option<SecretString>,
    /// The certificate's PEM.
    pub(super) pem: Option<String>,
    /// The pipeline's name, for the tag.
    pub(super) pipeline: String,
}

impl Around {
    /// The ARN of the resource that a value names.
    fn arn(&self, kind: Kind, values: &Values, name: &str) -> Option<String> {
        let name = values.get(name)?.as_str()?.to_lowercase();
        self.arns.get(&(kind, name)).cloned()
    }

    fn tags(&self, shared: bool) -> Option<Vec<dms::Tag>> {
        (!shared).then(|| vec![dms::Tag::builder().key(TAG).value(&self.pipeline).build()])
    }
}

fn text(values: &Values, name: &str) -> Option<String> {
    values.get(name)?.as_str().map(str::to_owned)
}

fn number(values: &Values, name: &str) -> Option<i32> {
    values.get(name)?.as_i64().and_then(|n| i32::try_from(n).ok())
}

fn flag(values: &Values, name: &str) -> Option<bool> {
    values.get(name)?.as_bool()
}

fn texts(values: &Values, name: &str) -> Option<Vec<String>> {
    Some(values.get(name)?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Makes a resource, and gives its ARN, where it has one.
pub(super) async fn create(session: &Session, resource: &Resource, around: &Around) -> Result<Option<String>, Error> {
    match resource.kind {
        Kind::Role => create_role(session, resource, around).await,
        Kind::SubnetGroup => create_subnet_group(session, resource, around).await,
        Kind::Certificate => import_certificate(session, resource, around).await,
        Kind::Instance => create_instance(session, resource, around).await,
        Kind::Endpoint => create_endpoint(session, resource, around).await,
        Kind::Task => create_task(session, resource, around).await,
        Kind::Config => create_config(session, resource, around).await,
    }
}

/// Changes a resource to its values.
pub(super) async fn change(session: &Session, step: &Step, around: &Around) -> Result<(), Error> {
    let (Some(resource), Some(item)) = (&step.resource, &step.item) else { return Ok(()) };
    match resource.kind {
        Kind::Role => write_role(session, resource).await,
        Kind::SubnetGroup => {
            let ask = session.dms().modify_replication_subnet_group();
            let ask = ask.replication_subnet_group_identifier(&item.name);
            let ask = ask.set_subnet_ids(texts(&resource.values, "SubnetIds"));
            session.call("dms:ModifyReplicationSubnetGroup", ask.send()).await.map(drop)
        }
        Kind::Instance => modify_instance(session, step, &item.arn).await,
        Kind::Endpoint => modify_endpoint(session, resource, &item.arn, around).await,
        Kind::Task => modify_task(session, resource, &item.arn).await,
        Kind::Config => modify_config(session, resource, &item.arn, around).await,
        // Another of the same name cannot take its place; the plan says so.
        Kind::Certificate => Ok(()),
    }
}

/// Deletes a resource.
pub(super) async fn delete(session: &Session, item: &Item) -> Result<(), Error> {
    let dms = session.dms();
    match item.kind {
        Kind::Role => delete_role(session, item).await,
        Kind::SubnetGroup => {
            let send = dms.delete_replication_subnet_group().replication_subnet_group_identifier(&item.name).send();
            session.call("dms:DeleteReplicationSubnetGroup", send).await.map(drop)
        }
        Kind::Certificate => {
            let send = dms.delete_certificate().certificate_arn(&item.arn).send();
            session.call("dms:DeleteCertificate", send).await.map(drop)
        }
        Kind::Instance => {
            let send = dms.delete_replication_instance().replication_instance_arn(&item.arn).send();
            session.call("dms:DeleteReplicationInstance", send).await.map(drop)
        }
        Kind::Endpoint => {
            let send = dms.delete_endpoint().endpoint_arn(&item.arn).send();
            session.call("dms:DeleteEndpoint", send).await.map(drop)
        }
        Kind::Task => {
            let send = dms.delete_replication_task().replication_task_arn(&item.arn).send();
            session.call("dms:DeleteReplicationTask", send).await.map(drop)
        }
        Kind::Config => {
            let send = dms.delete_replication_config().replication_config_arn(&item.arn).send();
            session.call("dms:DeleteReplicationConfig", send).await.map(drop)
        }
    }
}

async fn create_role(session: &Session, resource: &Resource, around: &Around) -> Result<Option<String>, Error> {
    let service = text(&resource.values, "Service").unwrap_or_default();
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
    let mut ask = session.iam().create_role().role_name(&resource.name);
    ask = ask.assume_role_policy_document(trust.to_string());
    if !resource.shared {
        // Key and value are given, and nothing else is demanded.
        ask = ask.set_tags(
            aws_sdk_iam::types::Tag::builder().key(TAG).value(&around.pipeline).build().ok().map(|t| vec![t]),
        );
    }
    let made = session.call("iam:CreateRole", ask.send()).await?;
    write_role(session, resource).await?;
    Ok(made.role().map(|r| r.arn().to_owned()))
}

async fn write_role(session: &Session, resource: &Resource) -> Result<(), Error> {
    for policy in texts(&resource.values, "AttachedPolicies").unwrap_or_default() {
        let send = session.iam().attach_role_policy().role_name(&resource.name).policy_arn(policy).send();
        session.call("iam:AttachRolePolicy", send).await?;
    }
    if let Some(policy) = resource.values.get("Policy") {
        let ask = session.iam().put_role_policy().role_name(&resource.name).policy_name(INLINE);
        session.call("iam:PutRolePolicy", ask.policy_document(policy.to_string()).send()).await?;
    }
    Ok(())
}

async fn delete_role(session: &Session, item: &Item) -> Result<(), Error> {
    if item.values.contains_key("Policy") {
        let send = session.iam().delete_role_policy().role_name(&item.name).policy_name(INLINE).send();
        session.call("iam:DeleteRolePolicy", send).await?;
    }
    session.call("iam:DeleteRole", session.iam().delete_role().role_name(&item.name).send()).await.map(drop)
}

async fn create_subnet_group(session: &Session, resource: &Resource, around: &Around) -> Result<Option<String>, Error> {
    let ask = session.dms().create_replication_subnet_group();
    let ask = ask.replication_subnet_group_identifier(&resource.name);
    let ask = ask.replication_subnet_group_description(format!("cdc-doctor: {}", around.pipeline));
    let ask = ask.set_subnet_ids(texts(&resource.values, "SubnetIds")).set_tags(around.tags(resource.shared));
    session.call("dms:CreateReplicationSubnetGroup", ask.send()).await.map(|_| None)
}

async fn import_certificate(session: &Session, resource: &Resource, around: &Around) -> Result<Option<String>, Error> {
    let ask = session.dms().import_certificate().certificate_identifier(&resource.name);
    let ask = ask.set_certificate_pem(around.pem.clone()).set_tags(around.tags(resource.shared));
    let made = session.call("dms:ImportCertificate", ask.send()).await?;
    Ok(made.certificate().and_then(|c| c.certificate_arn()).map(str::to_owned))
}

async fn create_instance(session: &Session, resource: &Resource, around: &Around) -> Result<Option<String>, Error> {
    let values = &resource.values;
    let ask = session.dms().create_replication_instance().replication_instance_identifier(&resource.name);
    let ask = ask.set_replication_instance_class(text(values, "ReplicationInstanceClass"));
    let ask = ask.set_allocated_storage(number(values, "AllocatedStorage"));
    let ask = ask.set_publicly_accessible(flag(values, "PubliclyAccessible"));
    let ask = ask.set_vpc_security_group_ids(texts(values, "VpcSecurityGroupIds"));
    let ask = ask.set_replication_subnet_group_identifier(text(values, "ReplicationSubnetGroupIdentifier"));
    let made = session.call("dms:CreateReplicationInstance", ask.set_tags(around.tags(resource.shared)).send()).await?;
    Ok(made.replication_instance().and_then(|i| i.replication_instance_arn()).map(str::to_owned))
}

async fn modify_instance(session: &Session, step: &Step, arn: &str) -> Result<(), Error> {
    // Only what differs: an unchanged class counts as a change, which takes minutes.
    let changed: Values = step.differences.iter().filter_map(|d| Some((d.name.clone(), d.after.clone()?))).collect();
    let ask = session.dms().modify_replication_instance().replication_instance_arn(arn).apply_immediately(true);
    let ask = ask.set_replication_instance_class(text(&changed, "ReplicationInstanceClass"));
    let ask = ask.set_allocated_storage(number(&changed, "AllocatedStorage"));
    let ask = ask.set_vpc_security_group_ids(texts(&changed, "VpcSecurityGroupIds"));
    session.call("dms:ModifyReplicationInstance", ask.send()).await.map(drop)
}

fn ssl_mode(values: &Values) -> Option<dms::DmsSslModeValue> {
    text(values, "SslMode").map(|m| dms::DmsSslModeValue::from(m.as_str()))
}

async fn create_endpoint(session: &Session, resource: &Resource, around: &Around) -> Result<Option<String>, Error> {
    let values = &resource.values;
    let side = text(values, "EndpointType").map(|t| dms::ReplicationEndpointTypeValue::from(t.as_str()));
    let ask = session.dms().create_endpoint().endpoint_identifier(&resource.name).set_endpoint_type(side);
    let ask = ask.set_engine_name(text(values, "EngineName")).set_server_name(text(values, "ServerName"));
    let ask = ask.set_port(number(values, "Port")).set_database_name(text(values, "DatabaseName"));
    let ask = ask.set_username(text(values, "Username")).set_password(password(around));
    let ask = ask.set_ssl_mode(ssl_mode(values));
    let ask = ask.set_certificate_arn(around.arn(Kind::Certificate, values, "CertificateIdentifier"));
    let ask = ask.set_extra_connection_attributes(text(values, "ExtraConnectionAttributes"));
    let ask = ask.set_postgre_sql_settings(postgres(values)).set_my_sql_settings(mysql(values));
    let ask = ask.set_s3_settings(s3(values)).set_tags(around.tags(resource.shared));
    let made = session.call("dms:CreateEndpoint", ask.send()).await?;
    Ok(made.endpoint().and_then(|e| e.endpoint_arn()).map(str::to_owned))
}

async fn modify_endpoint(session: &Session, resource: &Resource, arn: &str, around: &Around) -> Result<(), Error> {
    let values = &resource.values;
    let ask = session.dms().modify_endpoint().endpoint_arn(arn);
    let ask = ask.set_engine_name(text(values, "EngineName")).set_server_name(text(values, "ServerName"));
    let ask = ask.set_port(number(values, "Port")).set_database_name(text(values, "DatabaseName"));
    let ask = ask.set_username(text(values, "Username")).set_password(password(around));
    let ask = ask.set_ssl_mode(ssl_mode(values));
    let ask = ask.set_certificate_arn(around.arn(Kind::Certificate, values, "CertificateIdentifier"));
    let ask = ask.set_extra_connection_attributes(text(values, "ExtraConnectionAttributes"));
    let ask = ask.set_postgre_sql_settings(postgres(values)).set_my_sql_settings(mysql(values));
    session.call("dms:ModifyEndpoint", ask.set_s3_settings(s3(values)).send()).await.map(drop)
}

fn password(around: &Around) -> Option<String> {
    around.password.as_ref().map(|p| p.expose_secret().to_owned())
}

fn has(values: &Values, prefix: &str) -> bool {
    values.keys().any(|name| name.starts_with(prefix))
}

fn postgres(values: &Values) -> Option<dms::PostgreSqlSettings> {
    let name = |name: &str| format!("PostgreSQLSettings.{name}");
    has(values, "PostgreSQLSettings.").then(|| {
        dms::PostgreSqlSettings::builder()
            .set_heartbeat_enable(flag(values, &name("HeartbeatEnable")))
            .set_heartbeat_frequency(number(values, &name("HeartbeatFrequency")))
            .set_capture_ddls(flag(values, &name("CaptureDdls")))
            .set_execute_timeout(number(values, &name("ExecuteTimeout")))
            .set_fail_tasks_on_lob_truncation(flag(values, &name("FailTasksOnLobTruncation")))
            .build()
    })
}

fn mysql(values: &Values) -> Option<dms::MySqlSettings> {
    let kind = text(values, "MySQLSettings.TargetDbType")?;
    Some(dms::MySqlSettings::builder().target_db_type(dms::TargetDbType::from(kind.as_str())).build())
}

fn s3(values: &Values) -> Option<dms::S3Settings> {
    let word = |name: &str| text(values, &format!("S3Settings.{name}"));
    has(values, "S3Settings.").then(|| {
        dms::S3Settings::builder()
            .set_bucket_name(word("BucketName"))
            .set_bucket_folder(word("BucketFolder"))
            .set_service_access_role_arn(word("ServiceAccessRoleArn"))
            .set_data_format(word("DataFormat").map(|f| dms::DataFormatValue::from(f.as_str())))
            .set_encryption_mode(word("EncryptionMode").map(|m| dms::EncryptionModeValue::from(m.as_str())))
            .set_include_op_for_full_load(flag(values, "S3Settings.IncludeOpForFullLoad"))
            .set_timestamp_column_name(word("TimestampColumnName"))
            .build()
    })
}

fn mode(values: &Values, name: &str) -> Option<dms::MigrationTypeValue> {
    text(values, name).map(|m| dms::MigrationTypeValue::from(m.as_str()))
}

fn mappings(values: &Values) -> Option<String> {
    values.get("TableMappings").map(Value::to_string)
}

async fn create_task(session: &Session, resource: &Resource, around: &Around) -> Result<Option<String>, Error> {
    let values = &resource.values;
    let ask = session.dms().create_replication_task().replication_task_identifier(&resource.name);
    let ask = ask.set_source_endpoint_arn(around.arn(Kind::Endpoint, values, "SourceEndpoint"));
    let ask = ask.set_target_endpoint_arn(around.arn(Kind::Endpoint, values, "TargetEndpoint"));
    let ask = ask.set_replication_instance_arn(around.arn(Kind::Instance, values, "ReplicationInstance"));
    let ask = ask.set_migration_type(mode(values, "MigrationType")).set_table_mappings(mappings(values));
    let ask = ask.replication_task_settings(settings::document(values).to_string());
    let made = session.call("dms:CreateReplicationTask", ask.set_tags(around.tags(resource.shared)).send()).await?;
    Ok(made.replication_task().and_then(|t| t.replication_task_arn()).map(str::to_owned))
}

async fn modify_task(session: &Session, resource: &Resource, arn: &str) -> Result<(), Error> {
    let values = &resource.values;
    let ask = session.dms().modify_replication_task().replication_task_arn(arn);
    let ask = ask.set_migration_type(mode(values, "MigrationType")).set_table_mappings(mappings(values));
    let ask = ask.replication_task_settings(settings::document(values).to_string());
    session.call("dms:ModifyReplicationTask", ask.send()).await.map(drop)
}

fn compute(values: &Values) -> dms::ComputeConfig {
    let name = |name: &str| format!("ComputeConfig.{name}");
    dms::ComputeConfig::builder()
        .set_min_capacity_units(number(values, &name("MinCapacityUnits")))
        .set_max_capacity_units(number(values, &name("MaxCapacityUnits")))
        .set_replication_subnet_group_id(text(values, &name("ReplicationSubnetGroupId")))
        .set_vpc_security_group_ids(texts(values, &name("VpcSecurityGroupIds")))
        .build()
}

async fn create_config(session: &Session, resource: &Resource, around: &Around) -> Result<Option<String>, Error> {
    let values = &resource.values;
    let ask = session.dms().create_replication_config().replication_config_identifier(&resource.name);
    let ask = ask.set_source_endpoint_arn(around.arn(Kind::Endpoint, values, "SourceEndpoint"));
    let ask = ask.set_target_endpoint_arn(around.arn(Kind::Endpoint, values, "TargetEndpoint"));
    let ask = ask.set_replication_type(mode(values, "ReplicationType")).set_table_mappings(mappings(values));
    let ask = ask.replication_settings(settings::document(values).to_string()).compute_config(compute(values));
    let made = session.call("dms:CreateReplicationConfig", ask.set_tags(around.tags(resource.shared)).send()).await?;
    Ok(made.replication_config().and_then(|c| c.replication_config_arn()).map(str::to_owned))
}

async fn modify_config(session: &Session, resource: &Resource, arn: &str, around: &Around) -> Result<(), Error> {
    let values = &resource.values;
    let ask = session.dms().modify_replication_config().replication_config_arn(arn);
    let ask = ask.set_source_endpoint_arn(around.arn(Kind::Endpoint, values, "SourceEndpoint"));
    let ask = ask.set_target_endpoint_arn(around.arn(Kind::Endpoint, values, "TargetEndpoint"));
    let ask = ask.set_replication_type(mode(values, "ReplicationType")).set_table_mappings(mappings(values));
    let ask = ask.replication_settings(settings::document(values).to_string()).compute_config(compute(values));
    session.call("dms:ModifyReplicationConfig", ask.send()).await.map(drop)
}
