//! What is there: the resources that the pipeline file names, and all that carry the pipeline's tag.

use std::collections::BTreeMap;

use aws_sdk_databasemigration::types as dms;
use serde_json::{Value, json};

use super::model::{Item, Kind, TAG, Values, same_name};
use super::read::Surroundings;
use super::{ProvisionError, settings};
use crate::aws::{Error, ErrorKind, Session, pages};
use crate::pipeline::{Dms, Pipeline};

/// DMS hands out at most so many of a list.
const PAGE: i32 = 100;
/// Resources whose tags are asked for by one call.
const TAGGED: usize = 40;

/// Everything that matters, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Actual {
    /// In no order.
    pub items: Vec<Item>,
}

impl Actual {
    /// The resource of this kind and name.
    #[must_use]
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Item> {
        self.items.iter().find(|i| i.kind == kind && same_name(&i.name, name))
    }
}

/// Reads it all. Certificates and serverless replications are looked at where anything points at them; elsewhere not
/// every service that speaks this API has them.
pub(super) async fn read(
    session: &Session,
    pipeline: &Pipeline,
    dms: &Dms,
    around: &Surroundings,
) -> Result<Actual, ProvisionError> {
    let (groups, instances, endpoints, tasks) = tokio::join!(
        Box::pin(subnet_groups(session, around)),
        Box::pin(instances(session)),
        Box::pin(endpoints(session)),
        Box::pin(tasks(session)),
    );
    let (groups, instances, endpoints, tasks) = (groups?, instances?, endpoints?, tasks?);
    let configs = optional(configs(session).await, dms.serverless)?;
    let has_certificate = |i: &Item| i.values.contains_key(CERTIFICATE);
    let needed = endpoints.iter().any(has_certificate) || super::desired::wants_certificate(pipeline);
    let certificates = if needed { certificates(session).await? } else { Vec::new() };
    let mut items: Vec<Item> =
        [groups, instances, endpoints, tasks, configs, certificates].into_iter().flatten().collect();
    names_for_arns(&mut items);
    tags(session, &mut items, &pipeline.name).await?;
    let named = super::desired::names(pipeline, dms);
    items.retain(|i| i.ours || named.iter().any(|(kind, name)| *kind == i.kind && same_name(name, &i.name)));
    for name in super::desired::role_names(pipeline) {
        items.extend(role(session, &name, &pipeline.name).await?);
    }
    Ok(Actual { items })
}

/// A list that is not needed may be missing; a refusal still counts.
fn optional(list: Result<Vec<Item>, Error>, needed: bool) -> Result<Vec<Item>, Error> {
    match list {
        Err(error) if !needed && error.kind == ErrorKind::Other => Ok(Vec::new()),
        other => other,
    }
}

/// The certificate's ARN, and then its name.
const CERTIFICATE: &str = "CertificateIdentifier";
/// Values that name another resource.
const REFERENCES: [&str; 4] = [CERTIFICATE, "SourceEndpoint", "TargetEndpoint", "ReplicationInstance"];

/// Puts the names of resources where the service has their ARNs.
fn names_for_arns(items: &mut [Item]) {
    let names: BTreeMap<String, String> = items.iter().map(|i| (i.arn.clone(), i.name.clone())).collect();
    for item in items {
        for reference in REFERENCES {
            let Some(Value::String(arn)) = item.values.get_mut(reference) else { continue };
            if let Some(name) = names.get(arn.as_str()) {
                arn.clone_from(name);
            }
        }
    }
}

/// Marks what carries the pipeline's tag.
async fn tags(session: &Session, items: &mut [Item], pipeline: &str) -> Result<(), Error> {
    for some in items.chunks_mut(TAGGED) {
        let arns: Vec<String> = some.iter().map(|i| i.arn.clone()).collect();
        let ask = session.dms().list_tags_for_resource().set_resource_arn_list(Some(arns));
        let answer = session.call("dms:ListTagsForResource", ask.send()).await?;
        let alone = some.len() == 1;
        for item in some {
            let of_it = |t: &&dms::Tag| t.resource_arn().map_or(alone, |arn| arn == item.arn);
            let ours = |t: &dms::Tag| t.key() == Some(TAG) && t.value() == Some(pipeline);
            item.ours = answer.tag_list().iter().filter(of_it).any(ours);
        }
    }
    Ok(())
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// Collects values that are there.
#[derive(Default)]
struct Seen(Values);

impl Seen {
    fn put(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    fn item(self, kind: Kind, name: Option<&str>, arn: Option<&str>, status: Option<&str>) -> Item {
        Item { kind, name: text(name), arn: text(arn), status: text(status), ours: false, values: self.0 }
    }
}

fn list<'a>(all: impl Iterator<Item = &'a str>) -> Value {
    let mut all: Vec<&str> = all.collect();
    all.sort_unstable();
    json!(all)
}

async fn subnet_groups(session: &Session, around: &Surroundings) -> Result<Vec<Item>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_replication_subnet_groups().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplicationSubnetGroups", ask.send()).await?;
        let group = |g: &dms::ReplicationSubnetGroup| {
            let name = g.replication_subnet_group_identifier().unwrap_or_default();
            // The answer has none.
            let Surroundings { partition, region, account, .. } = around;
            let arn = format!("arn:{partition}:dms:{region}:{account}:subgrp:{name}");
            let subnets = list(g.subnets().iter().filter_map(|s| s.subnet_identifier()));
            Seen::default().put("SubnetIds", Some(subnets)).item(
                Kind::SubnetGroup,
                Some(name),
                Some(&arn),
                g.subnet_group_status(),
            )
        };
        Ok((page.replication_subnet_groups().iter().map(group).collect(), page.marker))
    })
    .await
}

async fn instances(session: &Session) -> Result<Vec<Item>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_replication_instances().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplicationInstances", ask.send()).await?;
        Ok((page.replication_instances().iter().map(instance).collect(), page.marker))
    })
    .await
}

fn instance(i: &dms::ReplicationInstance) -> Item {
    let groups = list(i.vpc_security_groups().iter().filter_map(|g| g.vpc_security_group_id()));
    let subnets = i.replication_subnet_group().and_then(|g| g.replication_subnet_group_identifier());
    Seen::default()
        .put("ReplicationInstanceClass", i.replication_instance_class())
        .put("AllocatedStorage", Some(i.allocated_storage()))
        .put("MultiAZ", Some(i.multi_az()))
        .put("PubliclyAccessible", Some(i.publicly_accessible()))
        .put("VpcSecurityGroupIds", Some(groups))
        .put("ReplicationSubnetGroupIdentifier", subnets)
        .item(
            Kind::Instance,
            i.replication_instance_identifier(),
            i.replication_instance_arn(),
            i.replication_instance_status(),
        )
}

async fn endpoints(session: &Session) -> Result<Vec<Item>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_endpoints().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeEndpoints", ask.send()).await?;
        Ok((page.endpoints().iter().map(endpoint).collect(), page.marker))
    })
    .await
}

fn endpoint(e: &dms::Endpoint) -> Item {
    let mut seen = Seen::default()
        .put("EndpointType", e.endpoint_type().map(|t| t.as_str().to_lowercase()))
        .put("EngineName", e.engine_name())
        .put("ServerName", e.server_name())
        .put("Port", e.port())
        .put("DatabaseName", e.database_name().filter(|n| !n.is_empty()))
        .put("Username", e.username())
        .put("SslMode", e.ssl_mode().map(dms::DmsSslModeValue::as_str))
        .put("ExtraConnectionAttributes", e.extra_connection_attributes().filter(|a| !a.is_empty()))
        .put(CERTIFICATE, e.certificate_arn().filter(|a| !a.is_empty()));
    if let Some(s) = e.postgre_sql_settings() {
        seen = seen
            .put("PostgreSQLSettings.HeartbeatEnable", s.heartbeat_enable())
            .put("PostgreSQLSettings.HeartbeatFrequency", s.heartbeat_frequency())
            .put("PostgreSQLSettings.CaptureDdls", s.capture_ddls())
            .put("PostgreSQLSettings.ExecuteTimeout", s.execute_timeout())
            .put("PostgreSQLSettings.FailTasksOnLobTruncation", s.fail_tasks_on_lob_truncation());
    }
    if let Some(s) = e.my_sql_settings() {
        seen = seen.put("MySQLSettings.TargetDbType", s.target_db_type().map(dms::TargetDbType::as_str));
    }
    if let Some(s) = e.s3_settings() {
        seen = seen
            .put("S3Settings.BucketName", s.bucket_name())
            .put("S3Settings.BucketFolder", s.bucket_folder())
            .put("S3Settings.ServiceAccessRoleArn", s.service_access_role_arn())
            .put("S3Settings.DataFormat", s.data_format().map(dms::DataFormatValue::as_str))
            .put("S3Settings.EncryptionMode", s.encryption_mode().map(dms::EncryptionModeValue::as_str))
            .put("S3Settings.IncludeOpForFullLoad", s.include_op_for_full_load())
            .put("S3Settings.TimestampColumnName", s.timestamp_column_name());
    }
    seen.item(Kind::Endpoint, e.endpoint_identifier(), e.endpoint_arn(), e.status())
}

async fn tasks(session: &Session) -> Result<Vec<Item>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_replication_tasks().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplicationTasks", ask.send()).await?;
        Ok((page.replication_tasks().iter().map(task).collect(), page.marker))
    })
    .await
}

fn task(t: &dms::ReplicationTask) -> Item {
    let mut seen = Seen::default()
        .put("MigrationType", t.migration_type().map(dms::MigrationTypeValue::as_str))
        .put("TableMappings", t.table_mappings().map(mappings))
        .put("SourceEndpoint", t.source_endpoint_arn())
        .put("TargetEndpoint", t.target_endpoint_arn())
        .put("ReplicationInstance", t.replication_instance_arn());
    seen.0.extend(settings::read(t.replication_task_settings().unwrap_or_default()));
    seen.item(Kind::Task, t.replication_task_identifier(), t.replication_task_arn(), t.status())
}

async fn configs(session: &Session) -> Result<Vec<Item>, Error> {
    let statuses: Vec<(String, String)> = pages(async |marker| {
        let ask = session.dms().describe_replications().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplications", ask.send()).await?;
        let status = |r: &dms::Replication| (text(r.replication_config_arn()), text(r.status()));
        Ok((page.replications().iter().map(status).collect(), page.marker))
    })
    .await?;
    pages(async |marker| {
        let ask = session.dms().describe_replication_configs().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeReplicationConfigs", ask.send()).await?;
        Ok((page.replication_configs().iter().map(|c| config(c, &statuses)).collect(), page.marker))
    })
    .await
}

fn config(c: &dms::ReplicationConfig, statuses: &[(String, String)]) -> Item {
    let compute = c.compute_config();
    let groups = compute.map(|k| list(k.vpc_security_group_ids().iter().map(String::as_str)));
    let mut seen = Seen::default()
        .put("ReplicationType", c.replication_type().map(dms::MigrationTypeValue::as_str))
        .put("TableMappings", c.table_mappings().map(mappings))
        .put("SourceEndpoint", c.source_endpoint_arn())
        .put("TargetEndpoint", c.target_endpoint_arn())
        .put("ComputeConfig.MinCapacityUnits", compute.and_then(dms::ComputeConfig::min_capacity_units))
        .put("ComputeConfig.MaxCapacityUnits", compute.and_then(dms::ComputeConfig::max_capacity_units))
        .put("ComputeConfig.MultiAZ", compute.and_then(dms::ComputeConfig::multi_az))
        .put("ComputeConfig.ReplicationSubnetGroupId", compute.and_then(|k| k.replication_subnet_group_id()))
        .put("ComputeConfig.VpcSecurityGroupIds", groups);
    seen.0.extend(settings::read(c.replication_settings().unwrap_or_default()));
    let status = statuses.iter().find(|(arn, _)| c.replication_config_arn() == Some(arn)).map(|(_, s)| s.as_str());
    seen.item(Kind::Config, c.replication_config_identifier(), c.replication_config_arn(), status)
}

/// Mappings as a value, so that their form does not count.
fn mappings(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

async fn certificates(session: &Session) -> Result<Vec<Item>, Error> {
    pages(async |marker| {
        let ask = session.dms().describe_certificates().max_records(PAGE).set_marker(marker);
        let page = session.call("dms:DescribeCertificates", ask.send()).await?;
        let certificate = |c: &dms::Certificate| {
            Seen::default().item(Kind::Certificate, c.certificate_identifier(), c.certificate_arn(), None)
        };
        Ok((page.certificates().iter().map(certificate).collect(), page.marker))
    })
    .await
}

async fn role(session: &Session, name: &str, pipeline: &str) -> Result<Option<Item>, Error> {
    let role = match session.call("iam:GetRole", session.iam().get_role().role_name(name).send()).await {
        Err(error) if error.is_not_found() => return Ok(None),
        answer => answer?.role,
    };
    let Some(role) = role else { return Ok(None) };
    let attached = pages(async |marker| {
        let ask = session.iam().list_attached_role_policies().role_name(name).set_marker(marker);
        let page = session.call("iam:ListAttachedRolePolicies", ask.send()).await?;
        Ok((page.attached_policies().iter().map(|p| text(p.policy_arn())).collect(), page.marker))
    });
    let attached = attached.await?;
    let trust = role.assume_role_policy_document().unwrap_or_default();
    let trust = percent_encoding::percent_decode_str(trust).decode_utf8_lossy().into_owned();
    let trusts = serde_json::from_str::<Value>(&trust).unwrap_or_default();
    let service = trusts.pointer("/Statement/0/Principal/Service").cloned().unwrap_or_default();
    let mut seen = Seen::default().put("Service", Some(service));
    seen = seen.put("AttachedPolicies", Some(list(attached.iter().map(String::as_str))));
    if super::desired::has_inline_policy(name) {
        seen = seen.put("Policy", inline(session, name).await?);
    }
    let ours = role.tags().iter().any(|t| t.key() == TAG && t.value() == pipeline);
    let item = seen.item(Kind::Role, Some(role.role_name()), Some(role.arn()), None);
    Ok(Some(Item { ours, ..item }))
}

/// The policy that was written into a role of ours.
async fn inline(session: &Session, role: &str) -> Result<Option<Value>, Error> {
    let ask = session.iam().get_role_policy().role_name(role).policy_name(super::desired::INLINE);
    match session.call("iam:GetRolePolicy", ask.send()).await {
        Err(error) if error.is_not_found() => Ok(None),
        answer => {
            let document =
                percent_encoding::percent_decode_str(answer?.policy_document()).decode_utf8_lossy().into_owned();
            Ok(serde_json::from_str(&document).ok())
        }
    }
}
