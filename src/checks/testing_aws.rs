//! AWS facts for tests of checks: a healthy RDS and DMS side, which a test then breaks in one place.

use std::collections::BTreeMap;

use serde_json::json;

use super::Check;
use super::reach::healthy_network;
use super::testing::{assert_not_applicable, assert_pass, assert_unknown, healthy, healthy_rds, unseen};
use crate::facts::aws::{
    AppliedGroup, AwsFacts, Caller, ClusterMember, DmsCertificate, DmsConnection, DmsEndpoint, DmsFacts, DmsTask,
    GlueConnection, GlueFacts, GlueJob, GlueRun, JdbcUrl, LogGroup, MySqlSettings, Network, PostgresSettings, Quota,
    RdsCluster, RdsFacts, RdsInstance, RdsParameter, Reading, ReplicationInstance, Role, TableStatistics, VpcEndpoint,
};
use crate::facts::{Fact, Facts};
use crate::pipeline::{Aws, Dms, EngineKind, Glue};

/// [`healthy_rds`] moved by AWS DMS: every check passes or does not apply.
pub(crate) fn healthy_dms() -> Facts {
    let mut facts = healthy_rds();
    facts.pipeline.sync.engine = EngineKind::Dms;
    facts.pipeline.target.host = "charts-mysql.abc.eu-west-2.rds.amazonaws.com".into();
    facts.pipeline.target.rds_instance = Some("charts-target".into());
    facts.target.apply_exceptions = Fact::Known(Some(Vec::new()));
    if let Fact::Known(grants) = &mut facts.target.grants {
        grants.push("GRANT ALL PRIVILEGES ON `awsdms\\_control`.* TO `cdc`@`%`".into());
    }
    facts.pipeline.aws = Some(Aws { region: "eu-west-2".into(), profile: None, endpoint_url: None });
    facts.pipeline.dms = Some(Dms {
        serverless: false,
        instance: "charts-ri".into(),
        instance_class: "dms.r6i.large".into(),
        allocated_storage: 50,
        source_endpoint: "charts-src".into(),
        target_endpoint: "charts-tgt".into(),
        task: "charts-task".into(),
        assessment_bucket: None,
    });
    facts.pipeline.glue = Some(Glue { job: Some("charts-apply".into()), script: None });
    facts.aws = Some(AwsFacts {
        caller: Fact::Known(Caller {
            account: "123456789012".into(),
            arn: "arn:aws:iam::123456789012:user/me".into(),
            region: "eu-west-2".into(),
            until: None,
        }),
        instances: Fact::Known(vec![rds_instance(), rds_target()]),
        clusters: Fact::Known(Vec::new()),
        proxies: Fact::Known(Vec::new()),
        source: rds(rds_instance(), &[("rds.force_ssl", "1", "dynamic"), ("rds.logical_replication", "1", "static")]),
        target: rds(rds_target(), &[("require_secure_transport", "1", "dynamic"), ("local_infile", "1", "dynamic")]),
        dms: dms(),
        roles: Fact::Known(roles()),
        denied: Fact::Known(Vec::new()),
        not_passable: Fact::Known(Vec::new()),
        unreadable_secrets: Fact::Known(Vec::new()),
        s3_role_lacks: Fact::Known(Vec::new()),
        glue: healthy_glue(),
        buckets: Fact::Known(BTreeMap::new()),
        network: Some(healthy_network()),
    });
    facts
}

/// [`healthy_dms`] before any connection test, so that only the network tells whether there is a way; with passwords in
/// the endpoints.
pub(crate) fn untested() -> Facts {
    let mut facts = healthy_dms();
    known(&mut aws(&mut facts).dms.connections).clear();
    for endpoint in known(&mut aws(&mut facts).dms.endpoints) {
        (endpoint.secret, endpoint.secret_role) = (None, None);
    }
    facts
}

/// The network, to break.
pub(crate) fn network(facts: &mut Facts) -> &mut Network {
    aws(facts).network.as_mut().unwrap()
}

/// An interface endpoint for a service, which nobody may enter yet: its security group is the databases'.
pub(crate) fn interface_endpoint(service: &str) -> VpcEndpoint {
    VpcEndpoint {
        id: "vpce-1".into(),
        vpc: "vpc-1".into(),
        service: format!("com.amazonaws.eu-west-2.{service}"),
        kind: "Interface".into(),
        state: "available".into(),
        route_tables: Vec::new(),
        security_groups: vec!["sg-1".into()],
        private_dns: true,
    }
}

/// As [`assert_around`], for what looks at the network: it does not apply to builds that do not.
#[track_caller]
pub(crate) fn assert_around_network(check: &Check, hide: impl Fn(&mut Network)) {
    assert_around_network_with(check, |_| {}, hide);
}

/// As [`assert_around_network`], for a check that has something to look at only after a change.
#[track_caller]
pub(crate) fn assert_around_network_with(check: &Check, change: impl Fn(&mut Facts), hide: impl Fn(&mut Network)) {
    let mut facts = untested();
    change(&mut facts);
    assert_pass(check, &facts);
    hide(network(&mut facts));
    assert_unknown(check, &facts);
    aws(&mut facts).network = None;
    assert_not_applicable(check, &facts);
    assert_not_applicable(check, &healthy_rds());
}

/// As [`assert_around`], for what looks at the Glue job: it does not apply where the pipeline file names none.
#[track_caller]
pub(crate) fn assert_around_glue(check: &Check, hide: impl Fn(&mut GlueFacts)) {
    assert_pass(check, &not_yet_run());
    assert_around(check, |aws| {
        // A run that succeeded would say enough.
        known(&mut aws.glue.runs).clear();
        hide(&mut aws.glue);
    });
    let mut facts = healthy_dms();
    facts.pipeline.glue = None;
    assert_not_applicable(check, &facts);
}

/// The same for what looks at the network around the job.
#[track_caller]
pub(crate) fn assert_around_glue_network(check: &Check, hide: impl Fn(&mut Network)) {
    assert_around_glue(check, |glue| glue.connections = unseen());
    let mut facts = not_yet_run();
    assert_pass(check, &facts);
    hide(network(&mut facts));
    assert_unknown(check, &facts);
    aws(&mut facts).network = None;
    assert_not_applicable(check, &facts);
}

/// [`healthy_dms`] before the Glue job ran for the first time, so that only the network tells whether it can.
pub(crate) fn not_yet_run() -> Facts {
    let mut facts = healthy_dms();
    known(&mut glue(&mut facts).runs).clear();
    facts
}

/// The Glue job, to break.
pub(crate) fn glue(facts: &mut Facts) -> &mut GlueFacts {
    &mut aws(facts).glue
}

/// The AWS facts, to break.
pub(crate) fn aws(facts: &mut Facts) -> &mut AwsFacts {
    facts.aws.as_mut().unwrap()
}

/// The source endpoint, to break.
pub(crate) fn source_endpoint(facts: &mut Facts) -> &mut DmsEndpoint {
    &mut known(&mut aws(facts).dms.endpoints)[0]
}

/// The target endpoint, to break.
pub(crate) fn target_endpoint(facts: &mut Facts) -> &mut DmsEndpoint {
    &mut known(&mut aws(facts).dms.endpoints)[1]
}

/// The source's connection test, to break.
pub(crate) fn source_connection(facts: &mut Facts) -> &mut DmsConnection {
    &mut known(&mut aws(facts).dms.connections)[0]
}

/// The replication instance, to break.
pub(crate) fn replication_instance(facts: &mut Facts) -> &mut ReplicationInstance {
    &mut known(&mut aws(facts).dms.instances)[0]
}

/// The task, to break.
pub(crate) fn task(facts: &mut Facts) -> &mut DmsTask {
    &mut known(&mut aws(facts).dms.tasks)[0]
}

/// Gives the task a setting, such as `/Logging/EnableLogging`.
pub(crate) fn set_task(facts: &mut Facts, pointer: &str, value: serde_json::Value) {
    *task(facts).settings.pointer_mut(pointer).unwrap_or_else(|| panic!("no task setting {pointer}")) = value;
}

/// The source's instance, to break.
pub(crate) fn source_rds(facts: &mut Facts) -> &mut RdsInstance {
    known(&mut aws(facts).source.instance).as_mut().unwrap()
}

/// The target's instance, to break.
pub(crate) fn target_rds(facts: &mut Facts) -> &mut RdsInstance {
    known(&mut aws(facts).target.instance).as_mut().unwrap()
}

/// A parameter of the source's group, to break.
pub(crate) fn source_parameter<'a>(facts: &'a mut Facts, name: &str) -> &'a mut RdsParameter {
    known(&mut aws(facts).source.parameters).get_mut(name).unwrap()
}

/// Passes on a healthy pipeline, has nothing to say to one without AWS, and cannot tell where `hide` hides what it
/// looks at.
#[track_caller]
pub(crate) fn assert_around(check: &Check, hide: impl Fn(&mut AwsFacts)) {
    let mut facts = healthy_dms();
    assert_pass(check, &facts);
    hide(aws(&mut facts));
    assert_unknown(check, &facts);
    assert_not_applicable(check, &healthy_rds());
}

/// Cannot tell without the target's variables, and has nothing to say to other engines than DMS.
#[track_caller]
pub(crate) fn assert_around_variables(check: &Check) {
    let mut facts = healthy_dms();
    facts.target.variables = unseen();
    assert_unknown(check, &facts);
    assert_not_applicable(check, &healthy());
}

/// The value of a fact that is known.
pub(crate) fn known<T>(fact: &mut Fact<T>) -> &mut T {
    match fact {
        Fact::Known(value) => value,
        Fact::Unknown(why) => panic!("unknown: {why:?}"),
    }
}

/// A job that writes from S3 into the target, by a connection in the databases' network; it ran well.
fn healthy_glue() -> GlueFacts {
    GlueFacts {
        job: Fact::Known(Some(glue_job())),
        others: Fact::Known(Vec::new()),
        runs: Fact::Known(vec![glue_run()]),
        connections: Fact::Known(vec![glue_connection()]),
        role: Fact::Known(Some(role("charts-glue", "glue.amazonaws.com", Some("AWSGlueServiceRole")))),
        role_lacks: Fact::Known(Vec::new()),
        unreadable_secrets: Fact::Known(Vec::new()),
    }
}

/// A job.
pub(crate) fn glue_job() -> GlueJob {
    GlueJob {
        name: "charts-apply".into(),
        role: "charts-glue".into(),
        version: Some("5.0".into()),
        kind: "glueetl".into(),
        script: Some("s3://charts-scripts/apply.py".into()),
        connections: vec!["charts-mysql".into()],
        extra_jars: None,
    }
}

/// A run of an hour that ended well.
pub(crate) fn glue_run() -> GlueRun {
    GlueRun {
        id: "jr_1".into(),
        state: "SUCCEEDED".into(),
        started: Some(jiff::Timestamp::UNIX_EPOCH),
        ended: Some(jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(1)),
        error: None,
    }
}

/// A connection to the target that asks for TLS.
pub(crate) fn glue_connection() -> GlueConnection {
    let url = "jdbc:mysql://charts-mysql.abc.eu-west-2.rds.amazonaws.com:3306/charts?sslMode=REQUIRED";
    GlueConnection {
        name: "charts-mysql".into(),
        kind: "JDBC".into(),
        url: JdbcUrl::read(url),
        enforce_ssl: false,
        user: Some("cdc".into()),
        secret: None,
        driver_jar: None,
        subnet: Some("subnet-1".into()),
        security_groups: vec!["sg-3".into()],
    }
}

/// A metric that stood still.
pub(crate) fn steady(value: f64) -> Reading {
    Reading { last: value, least: value, most: value }
}

/// A PostgreSQL instance.
pub(crate) fn rds_instance() -> RdsInstance {
    RdsInstance {
        identifier: "charts-source".into(),
        engine: "postgres".into(),
        engine_version: "15.18".into(),
        status: "available".into(),
        class: "db.m6i.large".into(),
        host: Some("charts.abc.eu-west-2.rds.amazonaws.com".into()),
        port: Some(5432),
        database: Some("music".into()),
        master_user: Some("postgres".into()),
        master_secret: None,
        parameter_groups: vec![AppliedGroup { name: "charts-pg15".into(), status: "in-sync".into() }],
        pending: BTreeMap::new(),
        cluster: None,
        ca: Some("rds-ca-rsa2048-g1".into()),
        certificate_until: Some(jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 1000)),
        public: false,
        multi_az: true,
        deletion_protection: true,
        backup_days: 7,
        storage_gb: 100,
        storage_limit_gb: Some(500),
        iam_auth: false,
        auto_minor_upgrade: false,
        maintenance_window: Some("sun:03:00-sun:03:30".into()),
        vpc: Some("vpc-1".into()),
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        security_groups: vec!["sg-1".into()],
    }
}

fn rds_target() -> RdsInstance {
    RdsInstance {
        identifier: "charts-target".into(),
        engine: "mysql".into(),
        engine_version: "8.4.3".into(),
        host: Some("charts-mysql.abc.eu-west-2.rds.amazonaws.com".into()),
        port: Some(3306),
        database: Some("charts".into()),
        master_user: Some("admin".into()),
        parameter_groups: vec![AppliedGroup { name: "charts-mysql84".into(), status: "in-sync".into() }],
        ..rds_instance()
    }
}

/// A cluster with one writer.
pub(crate) fn rds_cluster(identifier: &str, writer: &str) -> RdsCluster {
    RdsCluster {
        identifier: identifier.into(),
        engine: "aurora-postgresql".into(),
        engine_mode: Some("provisioned".into()),
        engine_version: "15.7".into(),
        status: "available".into(),
        host: Some(format!("{identifier}.cluster-abc.eu-west-2.rds.amazonaws.com")),
        reader_host: Some(format!("{identifier}.cluster-ro-abc.eu-west-2.rds.amazonaws.com")),
        port: Some(5432),
        database: None,
        parameter_group: Some("charts-aurora15".into()),
        members: vec![ClusterMember { identifier: writer.into(), writer: true, group_status: Some("in-sync".into()) }],
        deletion_protection: true,
        backup_days: 7,
    }
}

fn rds(instance: RdsInstance, parameters: &[(&str, &str, &str)]) -> RdsFacts {
    let group = instance.parameter_groups[0].name.clone();
    let parameter = |&(name, value, apply_type): &(&str, &str, &str)| {
        let parameter = RdsParameter {
            value: Some(value.to_owned()),
            apply_type: Some(apply_type.to_owned()),
            source: Some("user".into()),
            modifiable: true,
            allowed: Some("0,1".into()),
            group: group.clone(),
            of_cluster: false,
        };
        (name.to_owned(), parameter)
    };
    RdsFacts {
        instance: Fact::Known(Some(instance)),
        cluster: Fact::Known(None),
        parameters: Fact::Known(parameters.iter().map(parameter).collect()),
        metrics: Fact::Known(BTreeMap::from([
            ("FreeStorageSpace".to_owned(), steady(80e9)),
            ("CPUUtilization".to_owned(), steady(12.0)),
        ])),
        alarms: Fact::Known(alarms(&["FreeStorageSpace", "OldestReplicationSlotLag"])),
    }
}

fn dms() -> DmsFacts {
    let arn = |kind: &str, name: &str| format!("arn:aws:dms:eu-west-2:123456789012:{kind}:{name}");
    let (instance_arn, source_arn, target_arn) = (arn("rep", "RI"), arn("endpoint", "SRC"), arn("endpoint", "TGT"));
    let connection = |endpoint: &str| DmsConnection {
        instance_arn: instance_arn.clone(),
        endpoint_arn: endpoint.to_owned(),
        status: "successful".into(),
        failure: None,
    };
    DmsFacts {
        instances: Fact::Known(vec![ReplicationInstance {
            identifier: "charts-ri".into(),
            arn: instance_arn.clone(),
            status: "available".into(),
            class: "dms.r6i.large".into(),
            engine_version: "3.6.1".into(),
            storage_gb: 100,
            multi_az: true,
            public: false,
            private_addresses: vec!["10.0.0.7".into()],
            public_addresses: Vec::new(),
            auto_minor_upgrade: false,
            maintenance_window: Some("sun:10:30-sun:14:30".into()),
            vpc: Some("vpc-1".into()),
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            security_groups: vec!["sg-2".into()],
            kms_key: None,
            created: Some(jiff::Timestamp::UNIX_EPOCH),
        }]),
        endpoints: Fact::Known(vec![source(&source_arn), target(&target_arn)]),
        connections: Fact::Known(vec![connection(&source_arn), connection(&target_arn)]),
        tasks: Fact::Known(vec![DmsTask {
            identifier: "charts-task".into(),
            arn: arn("task", "TASK"),
            migration_type: "full-load-and-cdc".into(),
            status: "running".into(),
            stop_reason: None,
            failure: None,
            source_arn,
            target_arn,
            instance_arn,
            settings: task_settings(),
            mappings: MAPPINGS.to_owned(),
            cdc_start_position: None,
            started: Some(jiff::Timestamp::UNIX_EPOCH),
            percent: 100,
            tables: (1, 0, 0, 0),
        }]),
        certificates: Fact::Known(vec![DmsCertificate {
            identifier: "rds-global".into(),
            arn: arn("cert", "CERT"),
            pem: Some("-----BEGIN CERTIFICATE-----\n".into()),
            until: Some(jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 1000)),
        }]),
        tables: Fact::Known(vec![TableStatistics {
            schema: "public".into(),
            table: "weekly_chart".into(),
            state: "Table completed".into(),
            full_load_rows: 52_000,
            full_load_errors: 0,
            seen: (5, 4, 3),
            applied: (5, 4, 3),
            ddls: 0,
            validation: Some("Validated".into()),
            validation_failed: 0,
            validation_details: None,
        }]),
        assessments: Fact::Known(vec![crate::facts::aws::AssessmentRun {
            name: "before".into(),
            status: "passed".into(),
            created: Some(jiff::Timestamp::UNIX_EPOCH),
            failure: None,
            results: vec![("postgres-check-wallevel".into(), "passed".into())],
        }]),
        events: Fact::Known(Vec::new()),
        log: Fact::Known(Some(Vec::new())),
        maintenance: Fact::Known(Vec::new()),
        quotas: Fact::Known(vec![Quota { name: "ReplicationTasks".into(), used: 1, max: 600 }]),
        classes: Fact::Known(vec!["dms.r6i.large".into(), "dms.t3.medium".into()]),
        refresh: Fact::Known(None),
        instance_metrics: Fact::Known(BTreeMap::from([
            ("FreeStorageSpace".to_owned(), steady(80e9)),
            ("FreeableMemory".to_owned(), steady(8e9)),
            ("SwapUsage".to_owned(), steady(0.0)),
            ("CPUUtilization".to_owned(), steady(20.0)),
        ])),
        task_metrics: Fact::Known(BTreeMap::from([
            ("CDCLatencySource".to_owned(), steady(2.0)),
            ("CDCLatencyTarget".to_owned(), steady(3.0)),
        ])),
        alarms: Fact::Known(alarms(&["CDCLatencySource", "CDCLatencyTarget"])),
        log_group: Fact::Known(Some(LogGroup {
            name: "dms-tasks-charts-ri".into(),
            retention_days: Some(30),
            bytes: 5_000_000,
        })),
    }
}

/// One alarm on each of these metrics.
fn alarms(names: &[&str]) -> BTreeMap<String, usize> {
    names.iter().map(|name| ((*name).to_owned(), 1)).collect()
}

fn source(arn: &str) -> DmsEndpoint {
    DmsEndpoint {
        identifier: "charts-src".into(),
        arn: arn.into(),
        side: "source".into(),
        engine: "postgres".into(),
        status: "active".into(),
        host: Some("charts.abc.eu-west-2.rds.amazonaws.com".into()),
        port: Some(5432),
        database: Some("music".into()),
        user: Some("cdc".into()),
        ssl_mode: "require".into(),
        certificate: None,
        secret: Some("prod/pg".into()),
        secret_role: Some("arn:aws:iam::123456789012:role/charts-secrets".into()),
        attributes: String::new(),
        postgres: Some(PostgresSettings {
            heartbeat: Some(true),
            heartbeat_minutes: Some(5),
            capture_ddls: Some(false),
            execute_timeout: Some(600),
            fail_on_lob_truncation: Some(true),
            ..PostgresSettings::default()
        }),
        mysql: None,
        s3: None,
    }
}

fn target(arn: &str) -> DmsEndpoint {
    DmsEndpoint {
        identifier: "charts-tgt".into(),
        arn: arn.into(),
        side: "target".into(),
        engine: "mysql".into(),
        host: Some("charts-mysql.abc.eu-west-2.rds.amazonaws.com".into()),
        port: Some(3306),
        database: None,
        ssl_mode: "verify-ca".into(),
        certificate: Some("arn:aws:dms:eu-west-2:123456789012:cert:CERT".into()),
        attributes: "Initstmt=SET FOREIGN_KEY_CHECKS=0".into(),
        postgres: None,
        mysql: Some(MySqlSettings { parallel_load_threads: Some(1), ..MySqlSettings::default() }),
        ..source(arn)
    }
}

/// Selection of `public.weekly_chart`, and the schema renamed to the target's database.
const MAPPINGS: &str = r#"{"rules": [
    {"rule-type": "selection", "rule-id": "1", "rule-name": "1", "rule-action": "include",
     "object-locator": {"schema-name": "public", "table-name": "%"}},
    {"rule-type": "transformation", "rule-id": "2", "rule-name": "2", "rule-action": "rename", "rule-target": "schema",
     "object-locator": {"schema-name": "public"}, "value": "charts"}]}"#;

fn task_settings() -> serde_json::Value {
    json!({
        "TargetMetadata": {
            "TargetSchema": "", "SupportLobs": true, "FullLobMode": false, "LimitedSizeLobMode": true,
            "LobMaxSize": 64, "LobChunkSize": 0, "BatchApplyEnabled": false, "ParallelLoadThreads": 0
        },
        "FullLoadSettings": {
            "TargetTablePrepMode": "DO_NOTHING", "MaxFullLoadSubTasks": 8, "CommitRate": 10000,
            "StopTaskCachedChangesApplied": true, "StopTaskCachedChangesNotApplied": false,
            "TransactionConsistencyTimeout": 600
        },
        "Logging": {"EnableLogging": true, "LogComponents": [{"Id": "TARGET_APPLY", "Severity": "LOGGER_SEVERITY_DEFAULT"}]},
        "ControlTablesSettings": {
            "ControlSchema": "awsdms_control", "StatusTableEnabled": true, "SuspendedTablesTableEnabled": true,
            "HistoryTableEnabled": true
        },
        "ChangeProcessingDdlHandlingPolicy": {
            "HandleSourceTableDropped": false, "HandleSourceTableTruncated": false, "HandleSourceTableAltered": false
        },
        "ValidationSettings": {"EnableValidation": true, "ValidationPartialLobSize": 64},
        "ErrorBehavior": {
            "DataErrorPolicy": "SUSPEND_TABLE", "DataTruncationErrorPolicy": "SUSPEND_TABLE",
            "ApplyErrorDeletePolicy": "SUSPEND_TABLE", "ApplyErrorInsertPolicy": "SUSPEND_TABLE",
            "ApplyErrorUpdatePolicy": "SUSPEND_TABLE", "FailOnNoTablesCaptured": true, "RecoverableErrorCount": 5
        }
    })
}

fn roles() -> BTreeMap<String, Option<Role>> {
    let named = |name: &str, service, policy| (name.to_owned(), Some(role(name, service, policy)));
    BTreeMap::from([
        named("dms-vpc-role", "dms.amazonaws.com", Some("AmazonDMSVPCManagementRole")),
        named("dms-cloudwatch-logs-role", "dms.amazonaws.com", Some("AmazonDMSCloudWatchLogsRole")),
        named("charts-secrets", "dms.eu-west-2.amazonaws.com", None),
        ("dms-access-for-endpoint".to_owned(), None),
    ])
}

/// A role that a service may take, with one of AWS's policies.
fn role(name: &str, service: &str, policy: Option<&str>) -> Role {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
    let attached = policy.map(|p| format!("arn:aws:iam::aws:policy/service-role/{p}")).into_iter().collect();
    let arn = format!("arn:aws:iam::123456789012:role/{name}");
    Role { arn, trust, attached, inline: vec!["inline".into()] }
}
