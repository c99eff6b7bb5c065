//! The collectors against answers as the API reference gives them.

mod glue;

use super::super::super::{Facts, UnknownKind};
use super::*;
use crate::aws::testing::{Answer, Stub};
use crate::checks::testing::healthy;

const CALLER: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn>\
    <UserId>x</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

const INSTANCES: &str = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>\
    <DBInstanceIdentifier>charts-source</DBInstanceIdentifier><Engine>postgres</Engine>\
    <EngineVersion>15.7</EngineVersion><DBInstanceStatus>available</DBInstanceStatus>\
    <Endpoint><Address>pg.example.com</Address><Port>5432</Port></Endpoint>\
    <PendingModifiedValues><MasterUserPassword>****</MasterUserPassword><EngineVersion>16.3</EngineVersion>\
    </PendingModifiedValues>\
    <DBParameterGroups><DBParameterGroup><DBParameterGroupName>charts-pg15</DBParameterGroupName>\
    <ParameterApplyStatus>pending-reboot</ParameterApplyStatus></DBParameterGroup></DBParameterGroups>\
    <CACertificateIdentifier>rds-ca-rsa2048-g1</CACertificateIdentifier>\
    <CertificateDetails><CAIdentifier>rds-ca-rsa2048-g1</CAIdentifier><ValidTill>2027-01-01T00:00:00Z</ValidTill>\
    </CertificateDetails></DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>";

/// A page of two parameters of which one is asked for, and a marker while `more`.
fn parameters(name: &str, value: &str, more: &str) -> String {
    format!(
        "<DescribeDBParametersResponse><DescribeDBParametersResult><Parameters>\
         <Parameter><ParameterName>{name}</ParameterName><ParameterValue>{value}</ParameterValue><Source>user</Source>\
         <ApplyType>static</ApplyType><IsModifiable>true</IsModifiable><AllowedValues>0,1</AllowedValues></Parameter>\
         <Parameter><ParameterName>autovacuum</ParameterName></Parameter></Parameters>{more}\
         </DescribeDBParametersResult></DescribeDBParametersResponse>"
    )
}

fn dms(operation: &str, body: &str) -> Answer {
    Answer::new(&format!("AmazonDMSv20160101.{operation}\r\n"), 200, body)
}

fn pipeline(stub: &Stub) -> Pipeline {
    let mut pipeline = healthy().pipeline;
    pipeline.aws = Some(stub.aws());
    pipeline.dms = Some(Dms {
        serverless: false,
        instance: "charts-ri".into(),
        instance_class: "dms.t3.medium".into(),
        allocated_storage: 50,
        source_endpoint: "charts-src".into(),
        target_endpoint: "charts-tgt".into(),
        task: "charts-task".into(),
        assessment_bucket: None,
    });
    pipeline
}

async fn collected(pipeline: Pipeline) -> AwsFacts {
    let board = Board::new(Facts::pending(pipeline.clone()), &|_| {});
    collect(&board, &pipeline).await;
    board.into_facts().aws.unwrap()
}

/// Nothing is left that a screen would show as running.
fn nothing_pends(facts: &AwsFacts) {
    let json = serde_json::to_string(facts).unwrap();
    assert!(!json.contains("\"pending\",\"reason\""), "{json}");
    let back: AwsFacts = serde_json::from_str(&json).unwrap();
    assert_eq!(&back, facts);
}

#[tokio::test]
async fn what_the_services_say_becomes_facts() {
    let settings = r#"{\"TargetMetadata\": {\"SupportLobs\": true}}"#;
    let task = format!(
        r#"{{"ReplicationTasks": [{{"ReplicationTaskIdentifier": "charts-task", "Status": "failed",
        "ReplicationTaskArn": "arn:aws:dms:eu-west-2:1:task:ABC", "LastFailureMessage": "Last Error",
        "ReplicationTaskSettings": "{settings}", "TableMappings": "{{}}", "StopReason": "Stop Reason FATAL_ERROR",
        "ReplicationTaskStats": {{"FullLoadProgressPercent": 40, "TablesLoaded": 1, "TablesErrored": 2}}}}]}}"#
    );
    let log = r#"{"events": [{"message": "2026-01-01T00:00:00 [TASK_MANAGER ]I: fine"},
        {"message": "2026-01-01T00:00:01 [TARGET_APPLY ]E: broken"}]}"#;
    let stub = Stub::start(vec![
        Answer::new("Action=GetCallerIdentity", 200, CALLER),
        Answer::new("Action=DescribeDBInstances", 200, INSTANCES),
        Answer::new(
            "Action=DescribeDBClusters",
            200,
            "<DescribeDBClustersResponse><DescribeDBClustersResult/></DescribeDBClustersResponse>",
        ),
        Answer::new(
            "Action=DescribeDBParameters",
            200,
            &parameters("rds.logical_replication", "1", "<Marker>2</Marker>"),
        ),
        Answer::new("Action=DescribeDBParameters", 200, &parameters("rds.force_ssl", "0", "")),
        dms(
            "DescribeReplicationInstances",
            r#"{"ReplicationInstances": [{"ReplicationInstanceIdentifier": "charts-ri",
            "ReplicationInstanceStatus": "available", "ReplicationInstancePrivateIpAddresses": ["10.0.0.7"]}]}"#,
        ),
        dms(
            "DescribeEndpoints",
            r#"{"Endpoints": [{"EndpointIdentifier": "charts-src", "SslMode": "none",
            "EngineName": "postgres", "EndpointType": "SOURCE", "EndpointArn": "arn:src",
            "PostgreSQLSettings": {"HeartbeatEnable": false, "DatabaseName": "charts-source"}}], "Marker": "2"}"#,
        ),
        dms("DescribeEndpoints", r#"{"Endpoints": [{"EndpointIdentifier": "other"}]}"#),
        dms(
            "DescribeConnections",
            r#"{"Connections": [{"Status": "failed", "EndpointArn": "arn:src",
            "LastFailureMessage": "no encryption"}]}"#,
        ),
        dms("DescribeReplicationTasks", &task),
        dms(
            "DescribeTableStatistics",
            r#"{"TableStatistics": [{"SchemaName": "public", "TableName": "weekly_chart",
            "TableState": "Table error", "Inserts": 5, "AppliedInserts": 4}], "Marker": "x"}"#,
        ),
        dms("DescribeTableStatistics", r#"{"TableStatistics": [{"SchemaName": "public", "TableName": "b"}]}"#),
        Answer::new("Logs_20140328.GetLogEvents\r\n", 200, log),
    ])
    .await;
    let facts = collected(pipeline(&stub)).await;
    nothing_pends(&facts);
    assert_eq!(facts.caller.known().unwrap().account, "123456789012");
    let source = facts.source.instance.known().unwrap().as_ref().unwrap();
    assert_eq!(
        (source.identifier.as_str(), source.parameter_groups[0].status.as_str()),
        ("charts-source", "pending-reboot")
    );
    assert_eq!(source.pending.get("master password").map(String::as_str), Some("changed"));
    assert_eq!(source.pending.get("engine version").map(String::as_str), Some("16.3"));
    assert_eq!(source.certificate_until.map(|t| t.to_string()).as_deref(), Some("2027-01-01T00:00:00Z"));
    let parameters = facts.source.parameters.known().unwrap();
    assert_eq!(parameters.keys().collect::<Vec<_>>(), ["rds.force_ssl", "rds.logical_replication"]);
    assert_eq!(parameters["rds.logical_replication"].apply_type.as_deref(), Some("static"));
    assert_eq!(facts.target.instance, Fact::Known(None), "the target is not on RDS");
    let dms = pipeline(&stub).dms.unwrap();
    let endpoint = facts.dms.endpoint(&dms.source_endpoint).unwrap().unwrap();
    assert_eq!((endpoint.database.as_deref(), endpoint.ssl_mode.as_str()), (Some("charts-source"), "none"));
    assert_eq!(endpoint.postgres.as_ref().unwrap().heartbeat, Some(false));
    assert_eq!(facts.dms.endpoints.known().unwrap().len(), 2, "both pages");
    assert_eq!(facts.dms.connections.known().unwrap()[0].failure.as_deref(), Some("no encryption"));
    let task = facts.dms.task(&dms).unwrap().unwrap();
    assert_eq!(task.setting("/TargetMetadata/SupportLobs"), Some(&serde_json::json!(true)));
    assert_eq!((task.percent, task.tables), (40, (1, 0, 0, 2)));
    assert_eq!(facts.dms.tables.known().unwrap().len(), 2, "both pages");
    let complaints = facts.dms.log.known().unwrap().as_ref().unwrap();
    assert!(complaints.len() == 1 && complaints[0].ends_with("broken"));
    assert!(stub.asked().iter().any(|r| r.contains("dms-tasks-charts-ri") && r.contains("dms-task-ABC")));
}

#[tokio::test]
async fn each_refusal_is_an_unknown_that_names_the_permission() {
    let refusal = r#"{"__type": "AccessDeniedException", "Message": "no"}"#;
    let stub = Stub::start(vec![
        Answer::new("Action=GetCallerIdentity", 200, CALLER),
        Answer::new("AmazonDMSv20160101", 400, refusal),
        Answer::new(
            "Version=",
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
        ),
    ])
    .await;
    let facts = collected(pipeline(&stub)).await;
    nothing_pends(&facts);
    let named = |why: Unknown, permission: &str| {
        assert_eq!(why.kind, UnknownKind::NoPermission, "{why:?}");
        assert!(why.reason.contains(&format!("the action {permission} in IAM")), "{}", why.reason);
    };
    named(facts.instances.known().unwrap_err(), "rds:DescribeDBInstances");
    named(facts.clusters.known().unwrap_err(), "rds:DescribeDBClusters");
    named(facts.proxies.known().unwrap_err(), "rds:DescribeDBProxies");
    named(facts.source.instance.known().unwrap_err(), "rds:DescribeDBInstances");
    named(facts.dms.instances.known().unwrap_err(), "dms:DescribeReplicationInstances");
    named(facts.dms.endpoints.known().unwrap_err(), "dms:DescribeEndpoints");
    named(facts.dms.connections.known().unwrap_err(), "dms:DescribeConnections");
    named(facts.dms.tasks.known().unwrap_err(), "dms:DescribeReplicationTasks");
    named(facts.dms.tables.known().unwrap_err(), "dms:DescribeReplicationTasks");
    named(facts.dms.certificates.known().unwrap_err(), "dms:DescribeCertificates");
    named(facts.dms.maintenance.known().unwrap_err(), "dms:DescribePendingMaintenanceActions");
    named(facts.dms.quotas.known().unwrap_err(), "dms:DescribeAccountAttributes");
    named(facts.dms.classes.known().unwrap_err(), "dms:DescribeOrderableReplicationInstances");
    named(facts.roles.known().unwrap_err(), "iam:GetRole");
    named(facts.denied.known().unwrap_err(), "iam:SimulatePrincipalPolicy");
}

#[tokio::test]
async fn expired_credentials_are_told_once_and_no_other_call_is_made() {
    let expired = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token is expired</Message></Error></ErrorResponse>";
    let stub = Stub::start(vec![Answer::new("Action=GetCallerIdentity", 403, expired)]).await;
    let facts = collected(pipeline(&stub)).await;
    nothing_pends(&facts);
    assert_eq!(stub.asked().len(), 1);
    let why = facts.dms.endpoints.known().unwrap_err();
    assert_eq!(why.kind, UnknownKind::NotReachable);
    assert!(why.reason.contains("The security token is expired"), "{}", why.reason);
}

#[tokio::test]
async fn a_serverless_replication_is_seen_as_a_task() {
    let stub = Stub::start(vec![
        Answer::new("Action=GetCallerIdentity", 200, CALLER),
        dms(
            "DescribeReplicationConfigs",
            r#"{"ReplicationConfigs": [{"ReplicationConfigIdentifier": "charts-task",
            "ReplicationConfigArn": "arn:c", "ReplicationType": "full-load-and-cdc", "TableMappings": "{}"}]}"#,
        ),
        dms(
            "DescribeReplications",
            r#"{"Replications": [{"ReplicationConfigArn": "arn:c", "Status": "failed",
            "FailureMessages": ["one", "two"], "ReplicationStats": {"FullLoadProgressPercent": 7}}]}"#,
        ),
        dms("DescribeReplicationTableStatistics", r#"{"ReplicationTableStatistics": [{"TableName": "t"}]}"#),
    ])
    .await;
    let mut pipeline = pipeline(&stub);
    pipeline.dms.as_mut().unwrap().serverless = true;
    let facts = collected(pipeline.clone()).await;
    nothing_pends(&facts);
    let task = facts.dms.task(&pipeline.dms.unwrap()).unwrap().unwrap();
    assert_eq!((task.status.as_str(), task.failure.as_deref(), task.percent), ("failed", Some("one; two"), 7));
    assert_eq!(facts.dms.tables.known().unwrap().len(), 1);
}

#[tokio::test]
async fn without_dms_in_the_file_dms_is_not_asked() {
    let stub = Stub::start(vec![Answer::new("Action=GetCallerIdentity", 200, CALLER)]).await;
    let mut pipeline = pipeline(&stub);
    pipeline.dms = None;
    let facts = collected(pipeline).await;
    nothing_pends(&facts);
    assert!(facts.dms.is_absent());
    assert!(!stub.asked().iter().any(|r| r.contains("AmazonDMSv20160101")));
}

#[test]
fn a_side_is_found_by_its_name_or_else_by_its_address() {
    let mut source = healthy().pipeline.source;
    let instance = |identifier: &str, host: &str, cluster: Option<&str>| RdsInstance {
        identifier: identifier.into(),
        host: Some(host.into()),
        cluster: cluster.map(str::to_owned),
        ..crate::checks::testing_aws::rds_instance()
    };
    let all = [instance("one", "ONE.example.com", None), instance("w", "w.example.com", Some("c"))];
    let clusters = [crate::checks::testing_aws::rds_cluster("c", "w")];
    let found = |endpoint: &crate::pipeline::Endpoint| {
        let (instance, cluster) = rds::find(endpoint, &all, &clusters);
        (instance.map(|i| i.identifier), cluster.map(|c| c.identifier))
    };
    let beside = RdsInstance { port: Some(source.port), ..instance("beside", "one.example.com", None) };
    let shared = [RdsInstance { port: Some(3306), ..all[0].clone() }, beside];
    source.host = "one.example.com.".into();
    let (found_there, _) = rds::find(&source, &shared, &[]);
    assert_eq!(
        found_there.map(|i| i.identifier).as_deref(),
        Some("beside"),
        "of several at an address the port decides"
    );
    assert_eq!(found(&source), (Some("one".into()), None));
    source.host = "c.cluster-abc.eu-west-2.rds.amazonaws.com".into();
    assert_eq!(found(&source), (Some("w".into()), Some("c".into())), "a cluster's address leads to its writer");
    source.rds_instance = Some("ONE".into());
    assert_eq!(found(&source), (Some("one".into()), None), "the name wins");
    source.rds_instance = Some("elsewhere".into());
    assert_eq!(found(&source), (None, None));
}
