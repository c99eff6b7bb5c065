//! Facts about RDS and Aurora.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::Fact;

/// One side of the pipeline as RDS knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RdsFacts {
    /// The instance; of a cluster its writer. `None`: this side is not on RDS in this account and region.
    pub instance: Fact<Option<RdsInstance>>,
    /// The Aurora (or Multi-AZ) cluster that the instance belongs to.
    pub cluster: Fact<Option<RdsCluster>>,
    /// The parameters that the checks ask for, as the groups have them: those of the cluster's group where it has one,
    /// else of the instance's group.
    pub parameters: Fact<BTreeMap<String, RdsParameter>>,
    /// CloudWatch's readings of the instance.
    pub metrics: Fact<Readings>,
    /// How many CloudWatch alarms watch the instance, by metric.
    pub alarms: Fact<BTreeMap<String, usize>>,
}

impl RdsFacts {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            instance: Fact::pending(),
            cluster: Fact::pending(),
            parameters: Fact::pending(),
            metrics: Fact::pending(),
            alarms: Fact::pending(),
        }
    }
}

/// An RDS instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RdsInstance {
    /// `DBInstanceIdentifier`: names the instance, not a database in it.
    pub identifier: String,
    /// Such as `postgres`, `aurora-postgresql`, `mysql`.
    pub engine: String,
    /// Such as `15.7`.
    pub engine_version: String,
    /// Such as `available`.
    pub status: String,
    /// Such as `db.t3.medium`.
    pub class: String,
    /// The address that RDS publishes; `None` while it is being created.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The database made at creation; `None` when none was asked for.
    pub database: Option<String>,
    /// The master user.
    pub master_user: Option<String>,
    /// The secret in which RDS itself keeps the master user's password, and changes it.
    pub master_secret: Option<String>,
    /// The parameter groups, with the state in which their values are.
    pub parameter_groups: Vec<AppliedGroup>,
    /// What will change at the next window or reboot: `PendingModifiedValues`, by field.
    pub pending: BTreeMap<String, String>,
    /// The cluster that it belongs to.
    pub cluster: Option<String>,
    /// The certificate authority, such as `rds-ca-rsa2048-g1`.
    pub ca: Option<String>,
    /// When the server's certificate ends.
    pub certificate_until: Option<jiff::Timestamp>,
    /// Reachable by a public address.
    pub public: bool,
    /// A standby in another zone.
    pub multi_az: bool,
    /// Cannot be deleted by mistake.
    pub deletion_protection: bool,
    /// Days that automatic backups are kept; 0 is off.
    pub backup_days: i32,
    /// Gigabytes.
    pub storage_gb: i32,
    /// Where storage may grow to by itself, gigabytes.
    pub storage_limit_gb: Option<i32>,
    /// IAM database authentication is on.
    pub iam_auth: bool,
    /// Minor versions are installed in the maintenance window without asking.
    pub auto_minor_upgrade: bool,
    /// Such as `sun:03:00-sun:03:30`, UTC.
    pub maintenance_window: Option<String>,
    /// The VPC.
    pub vpc: Option<String>,
    /// The subnet group's subnets.
    pub subnets: Vec<String>,
    /// The security groups.
    pub security_groups: Vec<String>,
}

/// A parameter group on an instance or cluster member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedGroup {
    /// Its name; a `default.` group cannot be changed.
    pub name: String,
    /// `in-sync`, `applying`, `pending-reboot`, …
    pub status: String,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RdsCluster {
    /// `DBClusterIdentifier`.
    pub identifier: String,
    /// Such as `aurora-postgresql`.
    pub engine: String,
    /// `provisioned`, `serverless`, …
    pub engine_mode: Option<String>,
    /// Such as `15.7`.
    pub engine_version: String,
    /// Such as `available`.
    pub status: String,
    /// The writer's address.
    pub host: Option<String>,
    /// The readers' address.
    pub reader_host: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// The database made at creation.
    pub database: Option<String>,
    /// The cluster's parameter group.
    pub parameter_group: Option<String>,
    /// Its instances.
    pub members: Vec<ClusterMember>,
    /// Cannot be deleted by mistake.
    pub deletion_protection: bool,
    /// Days that automatic backups are kept.
    pub backup_days: i32,
}

/// An instance of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterMember {
    /// `DBInstanceIdentifier`.
    pub identifier: String,
    /// It takes writes.
    pub writer: bool,
    /// The state of the cluster's parameter group on it.
    pub group_status: Option<String>,
}

/// A parameter as its group has it; what is in force is what the database says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RdsParameter {
    /// The group's value; `None` is the engine's default.
    pub value: Option<String>,
    /// `static` needs a reboot, `dynamic` does not.
    pub apply_type: Option<String>,
    /// `user`, `system` or `engine-default`.
    pub source: Option<String>,
    /// Whether a group may set it at all.
    pub modifiable: bool,
    /// Such as `0,1`.
    pub allowed: Option<String>,
    /// The group that it was read from.
    pub group: String,
    /// The group is a cluster's.
    pub of_cluster: bool,
}

/// CloudWatch readings by the metric's name.
pub type Readings = BTreeMap<String, Reading>;

/// A metric over the last hour, in steps of five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The latest step.
    pub last: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}
