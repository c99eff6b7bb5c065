//! RDS: instances, clusters, and what their parameter groups say.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{DbCluster, DbInstance, Parameter, PendingModifiedValues};

use super::convert::{moment, port, some, text};
use super::rds_model::{AppliedGroup, ClusterMember, RdsCluster, RdsInstance, RdsParameter};
use crate::aws::{Error, Session, pages};
use crate::pipeline::Endpoint;

/// The parameters that checks ask for; a group has hundreds.
const PARAMETERS: &[&str] = &[
    "rds.force_ssl",
    "rds.logical_replication",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
    "max_logical_replication_workers",
    "max_slot_wal_keep_size",
    "wal_sender_timeout",
    "logical_decoding_work_mem",
    "shared_preload_libraries",
    "ssl_min_protocol_version",
    "synchronous_commit",
    "require_secure_transport",
    "local_infile",
    "max_allowed_packet",
    "net_read_timeout",
    "net_write_timeout",
    "wait_timeout",
    "max_connections",
    "explicit_defaults_for_timestamp",
    "sql_mode",
    "sql_require_primary_key",
    "character_set_server",
    "tls_version",
    "binlog_format",
    "read_only",
];

/// All instances of the region.
pub(super) async fn instances(session: &Session) -> Result<Vec<RdsInstance>, Error> {
    pages(async |marker| {
        let send = session.rds().describe_db_instances().set_marker(marker).send();
        let page = session.call("rds:DescribeDBInstances", send).await?;
        Ok((page.db_instances().iter().map(instance).collect(), page.marker))
    })
    .await
}

/// All clusters of the region, Aurora's and RDS's own.
pub(super) async fn clusters(session: &Session) -> Result<Vec<RdsCluster>, Error> {
    pages(async |marker| {
        let send = session.rds().describe_db_clusters().set_marker(marker).send();
        let page = session.call("rds:DescribeDBClusters", send).await?;
        Ok((page.db_clusters().iter().map(cluster).collect(), page.marker))
    })
    .await
}

/// The addresses of all proxies of the region.
pub(super) async fn proxies(session: &Session) -> Result<Vec<String>, Error> {
    pages(async |marker| {
        let send = session.rds().describe_db_proxies().set_marker(marker).send();
        let page = session.call("rds:DescribeDBProxies", send).await?;
        Ok((page.db_proxies().iter().filter_map(|p| some(p.endpoint())).collect(), page.marker))
    })
    .await
}

/// The instance and the cluster of one side: those that `rds_instance` names, or else those at the host's address.
pub(super) fn find(
    endpoint: &Endpoint,
    instances: &[RdsInstance],
    clusters: &[RdsCluster],
) -> (Option<RdsInstance>, Option<RdsCluster>) {
    let host = endpoint.host.trim_end_matches('.');
    let named = |identifier: &str| match &endpoint.rds_instance {
        Some(name) => identifier.eq_ignore_ascii_case(name),
        None => false,
    };
    let at = |address: Option<&String>| {
        endpoint.rds_instance.is_none() && address.is_some_and(|a| a.eq_ignore_ascii_case(host))
    };
    // Behind a proxy or a forwarded port several servers share an address; a wrong port alone is NET-002's to tell.
    let fits = |i: &&RdsInstance| named(&i.identifier) || at(i.host.as_ref());
    let instance =
        instances.iter().filter(fits).find(|i| i.port == Some(endpoint.port)).or_else(|| instances.iter().find(fits));
    let cluster = clusters.iter().find(|c| match instance {
        Some(instance) => instance.cluster.as_deref() == Some(c.identifier.as_str()),
        None => named(&c.identifier) || at(c.host.as_ref()) || at(c.reader_host.as_ref()),
    });
    let writer = || {
        let writer = cluster?.members.iter().find(|m| m.writer)?;
        instances.iter().find(|i| i.identifier == writer.identifier)
    };
    (instance.or_else(writer).cloned(), cluster.cloned())
}

/// Source with its cluster, and target, as RDS knows them.
///
/// # Errors
/// The instances cannot be listed.
pub(crate) async fn sides(
    session: &Session,
    pipeline: &crate::pipeline::Pipeline,
) -> Result<(Option<RdsInstance>, Option<RdsCluster>, Option<RdsInstance>), Error> {
    let (instances, clusters) = tokio::join!(instances(session), clusters(session));
    // Clusters alone may be forbidden, or unknown to whoever answers; most databases are in none.
    let (instances, clusters) = (instances?, clusters.unwrap_or_default());
    let (source, cluster) = find(&pipeline.source, &instances, &clusters);
    let (target, _) = find(&pipeline.target, &instances, &clusters);
    Ok((source, cluster, target))
}

/// The parameters of an instance: those of its groups, and over them those of its cluster's group, which wins where
/// both have one.
pub(super) async fn parameters(
    session: &Session,
    instance: &RdsInstance,
    cluster: Option<&RdsCluster>,
) -> Result<BTreeMap<String, RdsParameter>, Error> {
    let mut all = BTreeMap::new();
    for group in &instance.parameter_groups {
        let found = pages(async |marker| {
            let ask = session.rds().describe_db_parameters().db_parameter_group_name(&group.name);
            let page = session.call("rds:DescribeDBParameters", ask.set_marker(marker).send()).await?;
            Ok((wanted(page.parameters(), &group.name, false), page.marker))
        });
        all.extend(found.await?);
    }
    if let Some(group) = cluster.and_then(|c| c.parameter_group.as_ref()) {
        let found = pages(async |marker| {
            let ask = session.rds().describe_db_cluster_parameters().db_cluster_parameter_group_name(group);
            let page = session.call("rds:DescribeDBClusterParameters", ask.set_marker(marker).send()).await?;
            Ok((wanted(page.parameters(), group, true), page.marker))
        });
        all.extend(found.await?);
    }
    Ok(all)
}

fn wanted(parameters: &[Parameter], group: &str, of_cluster: bool) -> Vec<(String, RdsParameter)> {
    let known = |p: &&Parameter| p.parameter_name().is_some_and(|name| PARAMETERS.contains(&name));
    let parameter = |p: &Parameter| RdsParameter {
        value: p.parameter_value().map(str::to_owned),
        apply_type: some(p.apply_type()),
        source: some(p.source()),
        modifiable: p.is_modifiable().unwrap_or(true),
        allowed: some(p.allowed_values()),
        group: group.to_owned(),
        of_cluster,
    };
    parameters.iter().filter(known).map(|p| (text(p.parameter_name()), parameter(p))).collect()
}

fn instance(from: &DbInstance) -> RdsInstance {
    let subnets = from.db_subnet_group();
    let group = |g: &aws_sdk_rds::types::DbParameterGroupStatus| AppliedGroup {
        name: text(g.db_parameter_group_name()),
        status: text(g.parameter_apply_status()),
    };
    RdsInstance {
        identifier: text(from.db_instance_identifier()),
        engine: text(from.engine()),
        engine_version: text(from.engine_version()),
        status: text(from.db_instance_status()),
        class: text(from.db_instance_class()),
        host: from.endpoint().and_then(|e| some(e.address())),
        port: from.endpoint().and_then(|e| port(e.port())),
        database: some(from.db_name()),
        master_user: some(from.master_username()),
        master_secret: from.master_user_secret().and_then(|s| some(s.secret_arn())),
        parameter_groups: from.db_parameter_groups().iter().map(group).collect(),
        pending: from.pending_modified_values().map(pending).unwrap_or_default(),
        cluster: some(from.db_cluster_identifier()),
        ca: some(from.ca_certificate_identifier()),
        certificate_until: from.certificate_details().and_then(|c| moment(c.valid_till())),
        public: from.publicly_accessible().unwrap_or(false),
        multi_az: from.multi_az().unwrap_or(false),
        deletion_protection: from.deletion_protection().unwrap_or(false),
        backup_days: from.backup_retention_period().unwrap_or(0),
        storage_gb: from.allocated_storage().unwrap_or(0),
        storage_limit_gb: from.max_allocated_storage(),
        iam_auth: from.iam_database_authentication_enabled().unwrap_or(false),
        auto_minor_upgrade: from.auto_minor_version_upgrade().unwrap_or(false),
        maintenance_window: some(from.preferred_maintenance_window()),
        vpc: subnets.and_then(|s| some(s.vpc_id())),
        subnets: subnets.iter().flat_map(|s| s.subnets()).filter_map(|s| some(s.subnet_identifier())).collect(),
        security_groups: from.vpc_security_groups().iter().filter_map(|g| some(g.vpc_security_group_id())).collect(),
    }
}

/// Whether a new password waits is a fact; which one is none.
fn pending(from: &PendingModifiedValues) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    put("class", some(from.db_instance_class()));
    put("storage", from.allocated_storage().map(|gb| format!("{gb} GB")));
    put("master password", from.master_user_password().map(|_| "changed".to_owned()));
    put("port", from.port().map(|p| p.to_string()));
    put("engine version", some(from.engine_version()));
    put("multi-AZ", from.multi_az().map(|on| on.to_string()));
    put("identifier", some(from.db_instance_identifier()));
    put("certificate authority", some(from.ca_certificate_identifier()));
    put("IAM authentication", from.iam_database_authentication_enabled().map(|on| on.to_string()));
    all
}

fn cluster(from: &DbCluster) -> RdsCluster {
    let member = |m: &aws_sdk_rds::types::DbClusterMember| ClusterMember {
        identifier: text(m.db_instance_identifier()),
        writer: m.is_cluster_writer().unwrap_or(false),
        group_status: some(m.db_cluster_parameter_group_status()),
    };
    RdsCluster {
        identifier: text(from.db_cluster_identifier()),
        engine: text(from.engine()),
        engine_mode: some(from.engine_mode()),
        engine_version: text(from.engine_version()),
        status: text(from.status()),
        host: some(from.endpoint()),
        reader_host: some(from.reader_endpoint()),
        port: port(from.port()),
        database: some(from.database_name()),
        parameter_group: some(from.db_cluster_parameter_group()),
        members: from.db_cluster_members().iter().map(member).collect(),
        deletion_protection: from.deletion_protection().unwrap_or(false),
        backup_days: from.backup_retention_period().unwrap_or(0),
    }
}
