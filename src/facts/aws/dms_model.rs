//! Facts about AWS DMS.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Fact, UnknownKind};
use super::dms_records::{
    AssessmentRun, DmsCertificate, DmsConnection, DmsEvent, LogGroup, Maintenance, Quota, SchemaRefresh,
    TableStatistics,
};
use super::rds_model::Readings;
use crate::pipeline::Dms;

/// DMS in this account and region. The lists hold all there is, so that what shares an instance, an endpoint or a slot
/// with the pipeline is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DmsFacts {
    /// Replication instances.
    pub instances: Fact<Vec<ReplicationInstance>>,
    /// Endpoints.
    pub endpoints: Fact<Vec<DmsEndpoint>>,
    /// The last test of each pair of instance and endpoint.
    pub connections: Fact<Vec<DmsConnection>>,
    /// Tasks.
    pub tasks: Fact<Vec<DmsTask>>,
    /// Certificates that were imported.
    pub certificates: Fact<Vec<DmsCertificate>>,
    /// The tables of the pipeline's task.
    pub tables: Fact<Vec<TableStatistics>>,
    /// Assessment runs of the pipeline's task, the latest first.
    pub assessments: Fact<Vec<AssessmentRun>>,
    /// Events of the last day about the pipeline's instance and task.
    pub events: Fact<Vec<DmsEvent>>,
    /// Errors and warnings among the latest lines of the task's log; `None` when there is no log.
    pub log: Fact<Option<Vec<String>>>,
    /// Maintenance that waits, for each instance.
    pub maintenance: Fact<Vec<Maintenance>>,
    /// The account's quotas.
    pub quotas: Fact<Vec<Quota>>,
    /// Instance classes that can be had here.
    pub classes: Fact<Vec<String>>,
    /// The last refresh of the source endpoint's schemas; `None` when there was none.
    pub refresh: Fact<Option<SchemaRefresh>>,
    /// CloudWatch's readings of the pipeline's instance.
    pub instance_metrics: Fact<Readings>,
    /// CloudWatch's readings of the pipeline's task.
    pub task_metrics: Fact<Readings>,
    /// How many CloudWatch alarms watch the pipeline's task, by metric.
    pub alarms: Fact<BTreeMap<String, usize>>,
    /// Where the logs of the instance's tasks are; `None` where there is no such log group.
    pub log_group: Fact<Option<LogGroup>>,
}

impl DmsFacts {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            instances: Fact::pending(),
            endpoints: Fact::pending(),
            connections: Fact::pending(),
            tasks: Fact::pending(),
            certificates: Fact::pending(),
            tables: Fact::pending(),
            assessments: Fact::pending(),
            events: Fact::pending(),
            log: Fact::pending(),
            maintenance: Fact::pending(),
            quotas: Fact::pending(),
            classes: Fact::pending(),
            refresh: Fact::pending(),
            instance_metrics: Fact::pending(),
            task_metrics: Fact::pending(),
            alarms: Fact::pending(),
            log_group: Fact::pending(),
        }
    }

    /// The replication instance that the pipeline names; `None` where it does not exist.
    ///
    /// # Errors
    /// The instances are not known.
    pub fn instance(&self, dms: &Dms) -> Result<Option<&ReplicationInstance>, super::super::Unknown> {
        Ok(self.instances.known()?.iter().find(|i| same(&i.identifier, &dms.instance)))
    }

    /// The endpoint of this identifier; `None` where it does not exist.
    ///
    /// # Errors
    /// The endpoints are not known.
    pub fn endpoint(&self, identifier: &str) -> Result<Option<&DmsEndpoint>, super::super::Unknown> {
        Ok(self.endpoints.known()?.iter().find(|e| same(&e.identifier, identifier)))
    }

    /// The task that the pipeline names; `None` where it does not exist.
    ///
    /// # Errors
    /// The tasks are not known.
    pub fn task(&self, dms: &Dms) -> Result<Option<&DmsTask>, super::super::Unknown> {
        Ok(self.tasks.known()?.iter().find(|t| same(&t.identifier, &dms.task)))
    }

    /// True when nothing of DMS was asked for.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(&self.tasks, Fact::Unknown(why) if why.kind == UnknownKind::NotConfigured)
    }
}

/// DMS stores identifiers in lower case.
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// A replication instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicationInstance {
    /// Its name.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// Such as `available`.
    pub status: String,
    /// Such as `dms.t3.medium`.
    pub class: String,
    /// Such as `3.5.4`.
    pub engine_version: String,
    /// Gigabytes.
    pub storage_gb: i32,
    /// A standby in another zone.
    pub multi_az: bool,
    /// Has a public address.
    pub public: bool,
    /// Its addresses inside the VPC.
    pub private_addresses: Vec<String>,
    /// Its addresses for the world.
    #[serde(default)]
    pub public_addresses: Vec<String>,
    /// Minor versions are installed in the maintenance window without asking.
    pub auto_minor_upgrade: bool,
    /// Such as `sun:10:30-sun:14:30`, UTC.
    pub maintenance_window: Option<String>,
    /// The VPC of its subnet group.
    pub vpc: Option<String>,
    /// Its subnet group's subnets.
    pub subnets: Vec<String>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// The key of its storage.
    pub kms_key: Option<String>,
    /// When it was made.
    pub created: Option<jiff::Timestamp>,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DmsEndpoint {
    /// Its name.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// `source` or `target`.
    pub side: String,
    /// Such as `postgres`, `aurora-postgresql`, `mysql`, `s3`.
    pub engine: String,
    /// Such as `active`.
    pub status: String,
    /// Host name.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Database name, where one is set.
    pub database: Option<String>,
    /// User.
    pub user: Option<String>,
    /// `none`, `require`, `verify-ca` or `verify-full`.
    pub ssl_mode: String,
    /// The imported certificate that the server's is verified by.
    pub certificate: Option<String>,
    /// The secret that it logs in with.
    pub secret: Option<String>,
    /// The role that reads the secret.
    pub secret_role: Option<String>,
    /// Extra connection attributes, `name=value;…`; what looks like a secret is taken out.
    pub attributes: String,
    /// Settings for a PostgreSQL source.
    pub postgres: Option<PostgresSettings>,
    /// Settings for a MySQL target.
    pub mysql: Option<MySqlSettings>,
    /// Settings for an S3 target.
    pub s3: Option<S3Settings>,
}

impl DmsEndpoint {
    /// Extra connection attributes in their order.
    pub fn attribute_list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.split(';').filter(|a| !a.trim().is_empty()).map(|a| a.split_once('=').unwrap_or((a, "")))
    }

    /// An extra connection attribute, whatever its case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attribute_list().find(|(n, _)| n.trim().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }
}

/// `PostgreSQLSettings`: what is set, or DMS's default where it reports one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PostgresSettings {
    /// The slot to read from, where one is named.
    pub slot_name: Option<String>,
    /// `no-preference`, `test-decoding` or `pglogical`.
    pub plugin: Option<String>,
    /// Writes now and then, so that the slot of a quiet database moves.
    pub heartbeat: Option<bool>,
    /// Minutes between heartbeats.
    pub heartbeat_minutes: Option<i32>,
    /// Where the heartbeat's table is.
    pub heartbeat_schema: Option<String>,
    /// Makes a table and an event trigger on the source to see DDL.
    pub capture_ddls: Option<bool>,
    /// Where those are made.
    pub ddl_schema: Option<String>,
    /// Seconds that a statement may take.
    pub execute_timeout: Option<i32>,
    /// Fails rather than cuts a LOB that is longer than the limit.
    pub fail_on_lob_truncation: Option<bool>,
    /// Booleans are sent as booleans.
    pub map_boolean: Option<bool>,
    /// SQL to run after connecting; only whether there is any.
    pub after_connect_script: bool,
}

/// `MySQLSettings`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MySqlSettings {
    /// A database that all tables go to.
    pub database: Option<String>,
    /// Threads that load one table.
    pub parallel_load_threads: Option<i32>,
    /// `specific-database` or `multiple-databases`.
    pub target_db_type: Option<String>,
    /// Seconds that a statement may take.
    pub execute_timeout: Option<i32>,
    /// SQL to run after connecting; only whether there is any.
    pub after_connect_script: bool,
    /// What that SQL sets in the session: variables in lower case, with their values; see [`super::assignments`].
    #[serde(default)]
    pub script_sets: Vec<(String, String)>,
}

/// `S3Settings`, as far as anything asks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: Option<String>,
    /// The folder in it.
    pub folder: Option<String>,
    /// The role that writes there.
    pub role: Option<String>,
    /// `csv` or `parquet`.
    pub format: Option<String>,
    /// The operation is written into each row of a full load too.
    pub include_op_for_full_load: Option<bool>,
    /// The column with the time of the commit.
    pub timestamp_column: Option<String>,
    /// `sse-s3` or `sse-kms`.
    pub encryption: Option<String>,
    /// DMS keeps a catalogue of the files in Glue.
    #[serde(default)]
    pub glue_catalog: bool,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DmsTask {
    /// Its name.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// `full-load`, `cdc` or `full-load-and-cdc`.
    pub migration_type: String,
    /// Such as `running`.
    pub status: String,
    /// Such as `Stop Reason FULL_LOAD_ONLY_FINISHED`.
    pub stop_reason: Option<String>,
    /// What failed last, in DMS's words.
    pub failure: Option<String>,
    /// Endpoint.
    pub source_arn: String,
    /// Endpoint.
    pub target_arn: String,
    /// Replication instance.
    pub instance_arn: String,
    /// Task settings; `Null` where they cannot be read.
    pub settings: Value,
    /// Table mappings as text, since they may not be JSON.
    pub mappings: String,
    /// Where following changes begins, where that was said.
    pub cdc_start_position: Option<String>,
    /// Whether it was ever started.
    pub started: Option<jiff::Timestamp>,
    /// Percent of the full load.
    pub percent: i32,
    /// Tables that are loaded, are being loaded, wait, and failed.
    pub tables: (i32, i32, i32, i32),
}

impl DmsTask {
    /// A task setting such as `/TargetMetadata/SupportLobs`.
    #[must_use]
    pub fn setting(&self, pointer: &str) -> Option<&Value> {
        self.settings.pointer(pointer).filter(|v| !v.is_null())
    }
}
