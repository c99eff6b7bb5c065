//! The two instances.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::catalog::{self, Parameter};
use super::groups::Group;
use super::{Side, State, list, surroundings};
use crate::facts::MyFlavor;
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::{SIMULATION, iso};
use crate::lab::aws::simulator::{SimulatorError, Stage};
use crate::lab::servers::{MySqlServer, Postgres, ServerError, blocking};

/// An RDS instance.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) side: Side,
    pub(super) identifier: String,
    pub(super) engine: &'static str,
    pub(super) version: String,
    /// Of parameter groups: `postgres15`.
    pub(super) family: String,
    pub(super) class: String,
    pub(super) status: &'static str,
    /// The name of its parameter group, and where its parameters stand.
    pub(super) group: String,
    pub(super) apply: Apply,
    pub(super) certificate: String,
    pub(super) guard: Guard,
    pub(super) catalog: Vec<Parameter>,
    pub(super) tags: Vec<(String, String)>,
    database: Option<String>,
    user: &'static str,
    port: u16,
    created: Timestamp,
}

/// Where the parameters of an instance's group stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Apply {
    /// Dynamic ones are on their way.
    pub(super) applying: bool,
    /// Static ones, or a whole new group, wait for a reboot.
    pub(super) pending: bool,
}

impl Apply {
    /// As RDS says it.
    fn status(self) -> &'static str {
        match self {
            Self { applying: true, .. } => "applying",
            Self { pending: true, .. } => "pending-reboot",
            _ => "in-sync",
        }
    }
}

/// What guards an instance against loss and strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guard {
    deletion_protection: bool,
    backup_days: i64,
    public: bool,
}

impl Guard {
    /// Takes over what a call says.
    pub(super) fn change(&mut self, input: &Input) -> Result<(), AwsError> {
        let days = input.number("BackupRetentionPeriod").unwrap_or(self.backup_days);
        if !(0..=35).contains(&days) {
            let why = format!("Invalid backup retention period: {days}. Must be between 0 and 35.");
            return Err(AwsError::bad("InvalidParameterValue", why));
        }
        self.backup_days = days;
        let said = |member: &str, otherwise| if input.0.get(member).is_some() { input.flag(member) } else { otherwise };
        self.deletion_protection = said("DeletionProtection", self.deletion_protection);
        self.public = said("PubliclyAccessible", self.public);
        Ok(())
    }
}

/// The RDS side of a new account. The source gets the `wal_level` that its group says.
pub(in crate::lab::aws) fn begin(stage: &Stage) -> Result<State, SimulatorError> {
    let (source, target) = (&stage.source, &stage.target);
    let version = |text: String| text.split([' ', '-']).next().unwrap_or_default().to_owned();
    let pg_version = version(ask_postgres(source, "server_version")?);
    let pg = instance(Side::Source, &stage.source_instance, "postgres", pg_version, catalog::postgres(source)?);
    let my_version = version(ask_mysql(target)?);
    let engine = if target.flavor() == MyFlavor::MariaDb { "mariadb" } else { "mysql" };
    let mut my = instance(Side::Target, &stage.target_instance, engine, my_version, catalog::mysql(target)?);
    my.database.clone_from(&stage.target_database);
    let mut instances = [pg, my];
    (instances[0].port, instances[1].port) = (source.port(), target.port());
    (instances[0].user, instances[1].user) = (source.superuser(), target.superuser());

    let default = |i: &Instance| Group::new(&i.group, &i.family, &format!("Default parameter group for {}", i.family));
    let mut groups: Vec<Group> = instances.iter().map(default).collect();
    if stage.logical_replication {
        let mut group = Group::new(&stage.source_instance, &instances[0].family, SIMULATION);
        group.values.insert("rds.logical_replication".to_owned(), "1".to_owned());
        instances[0].group.clone_from(&group.name);
        groups.push(group);
    }
    let level = if stage.logical_replication { "logical" } else { "replica" };
    if ask_postgres(source, "wal_level")? != level {
        source.set("wal_level", Some(level))?;
        source.restart()?;
    }
    source.demand_tls(source.major() >= 15)?;
    let mut state = State { instances: instances.into(), groups, events: Vec::new() };
    for name in [&stage.source_instance, &stage.target_instance] {
        state.happened(name, "db-instance", format!("DB instance created ({SIMULATION})"));
    }
    Ok(state)
}

fn instance(side: Side, identifier: &str, engine: &'static str, version: String, catalog: Vec<Parameter>) -> Instance {
    // PostgreSQL's families have one number, the others' two.
    let parts = if engine == "postgres" { 1 } else { 2 };
    let family = format!("{engine}{}", version.split('.').take(parts).collect::<Vec<_>>().join("."));
    Instance {
        side,
        identifier: identifier.to_owned(),
        engine,
        version,
        group: format!("default.{family}"),
        family,
        class: "db.t3.medium".to_owned(),
        status: "available",
        apply: Apply::default(),
        certificate: surroundings::AUTHORITY.to_owned(),
        guard: Guard { deletion_protection: false, backup_days: 1, public: false },
        catalog,
        tags: vec![("simulation".to_owned(), SIMULATION.to_owned())],
        database: None,
        user: "",
        port: 0,
        created: Timestamp::now(),
    }
}

fn ask_postgres(server: &Postgres, setting: &str) -> Result<String, ServerError> {
    blocking(async {
        let client = server.client("postgres").await?;
        let refused = |e| ServerError::from(crate::connect::postgres::refused(&server.endpoint("postgres"), &e));
        Ok(client.query_one(&format!("SHOW {setting}"), &[]).await.map_err(refused)?.get(0))
    })
}

fn ask_mysql(server: &MySqlServer) -> Result<String, ServerError> {
    use mysql_async::prelude::Queryable as _;
    blocking(async {
        let mut conn = server.conn(None).await?;
        let version: Result<Option<String>, _> = conn.query_first("SELECT VERSION()").await;
        let _ = conn.disconnect().await;
        let refused = |e| ServerError::from(crate::connect::mysql::refused(&server.endpoint(""), &e));
        Ok(version.map_err(refused)?.unwrap_or_default())
    })
}

impl State {
    pub(super) fn instance_mut(&mut self, identifier: &str) -> Result<&mut Instance, AwsError> {
        self.instances
            .iter_mut()
            .find(|i| i.identifier.eq_ignore_ascii_case(identifier))
            .ok_or_else(|| AwsError::new(404, "DBInstanceNotFound", format!("DBInstance {identifier} not found.")))
    }

    pub(super) fn of_side(&mut self, side: Side) -> Option<&mut Instance> {
        self.instances.iter_mut().find(|i| i.side == side)
    }
}

impl Instance {
    /// As `DescribeDBInstances` tells it.
    pub(super) fn shown(&self, account: &Account) -> Value {
        let tags: Vec<Value> = self.tags.iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect();
        json!({
            "DBInstanceIdentifier": self.identifier,
            "DBInstanceClass": self.class,
            "Engine": self.engine,
            "DBInstanceStatus": self.status,
            "MasterUsername": self.user,
            "DBName": self.database,
            "Endpoint": {"Address": "localhost", "Port": self.port, "HostedZoneId": "Z0000000SIMULATION"},
            "AllocatedStorage": 20,
            "InstanceCreateTime": iso(self.created),
            "PreferredBackupWindow": "03:00-03:30",
            "BackupRetentionPeriod": self.guard.backup_days,
            "DBSecurityGroups": {},
            "VpcSecurityGroups": {"VpcSecurityGroupMembership": [
                {"VpcSecurityGroupId": surroundings::SECURITY_GROUP, "Status": "active"}]},
            "DBParameterGroups": {"DBParameterGroup": [
                {"DBParameterGroupName": self.group, "ParameterApplyStatus": self.apply.status()}]},
            "AvailabilityZone": format!("{}a", account.stage.region),
            "DBSubnetGroup": surroundings::subnet_group(account),
            "PreferredMaintenanceWindow": "sun:04:00-sun:04:30",
            "PendingModifiedValues": {},
            "MultiAZ": false,
            "EngineVersion": self.version,
            "AutoMinorVersionUpgrade": true,
            "ReadReplicaDBInstanceIdentifiers": {},
            "LicenseModel": if self.side == Side::Source { "postgresql-license" } else { "general-public-license" },
            "PubliclyAccessible": self.guard.public,
            "StorageType": "gp3",
            "DbInstancePort": 0,
            "StorageEncrypted": true,
            "DbiResourceId": format!("db-SIMULATION{}", self.port),
            "CACertificateIdentifier": self.certificate,
            "CopyTagsToSnapshot": false,
            "MonitoringInterval": 0,
            "DBInstanceArn": account.arn("rds", "db", &self.identifier),
            "IAMDatabaseAuthenticationEnabled": false,
            "PerformanceInsightsEnabled": false,
            "DeletionProtection": self.guard.deletion_protection,
            "AssociatedRoles": {},
            "CertificateDetails": {"CAIdentifier": self.certificate, "ValidTill": surroundings::VALID_TILL},
            "TagList": {"Tag": tags},
            "NetworkType": "IPV4",
        })
    }
}

/// `DescribeDBInstances`.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let instances: Vec<Value> = match input.text("DBInstanceIdentifier") {
        Some(name) => vec![state.rds.instance_mut(name.rsplit(':').next().unwrap_or(name))?.shown(account)],
        None => state.rds.instances.iter().map(|i| i.shown(account)).collect(),
    };
    list(filtered(instances, input)?, "DBInstances", "DBInstance", input)
}

/// The two filters that discovery has a use for.
fn filtered(instances: Vec<Value>, input: &Input) -> Result<Vec<Value>, AwsError> {
    let known =
        [("db-instance-id", "DBInstanceIdentifier"), ("engine", "Engine"), ("dbi-resource-id", "DbiResourceId")];
    let wrong = |e: AwsError| AwsError::bad("InvalidParameterValue", e.message);
    crate::lab::aws::page::filter(instances, input, &known).map_err(wrong)
}
