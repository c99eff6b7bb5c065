//! Faults on the AWS side, seeded in the simulated account: the check that knows each tells it, and passes when it is
//! mended.

use std::collections::BTreeMap;

use aws_sdk_databasemigration::Client;
use aws_sdk_databasemigration::config::{Credentials, Region};
use aws_sdk_databasemigration::types::PostgreSqlSettings;
use cdc_doctor::facts::MyFlavor;
use serde_json::{Value, json};

use crate::account::Account;
use crate::support::block_on;

/// An account whose task has moved the rows and is stopped.
fn synced() -> Account {
    let account = Account::new(MyFlavor::MariaDb);
    account.run(&["provision", "apply", "--yes"], 0);
    account.run(&["sync", "--until-caught-up"], 0);
    account
}

/// What a check says: its outcome, and the messages of its findings.
fn told(account: &Account, code: &str) -> (String, String) {
    let ran = account.project.run(&["check", "--only", code, "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
    let check = &report["checks"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = check["findings"].as_array().into_iter().flatten().map(|f| text(&f["message"]));
    (text(&check["outcome"]), findings.collect::<Vec<_>>().join("; "))
}

#[track_caller]
fn fails(account: &Account, code: &str, part: &str) {
    let (outcome, message) = told(account, code);
    assert!(outcome == "fail" && message.contains(part), "{code}: {outcome}, {message:?}, not {part:?}");
}

#[track_caller]
fn passes(account: &Account, code: &str) {
    let (outcome, message) = told(account, code);
    assert_eq!(outcome, "pass", "{code}: {message}");
}

macro_rules! client {
    ($sdk:ident, $account:expr) => {{
        let credentials = Credentials::new("simulation", "simulation", None, None, "test");
        let config = $sdk::Config::builder().behavior_version_latest().region(Region::new("eu-west-2"));
        $sdk::Client::from_conf(config.endpoint_url($account.simulator.url()).credentials_provider(credentials).build())
    }};
}

/// The outcomes of all checks, by code.
fn outcomes(account: &Account) -> BTreeMap<String, String> {
    let ran = account.project.run(&["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report["checks"].as_array().unwrap().iter().map(|c| (text(&c["code"]), text(&c["outcome"]))).collect()
}

#[track_caller]
fn all_are(account: &Account, codes: &[&str], outcome: &str) {
    let have = outcomes(account);
    let others: Vec<_> = codes.iter().map(|c| (*c, have[*c].as_str())).filter(|(_, o)| *o != outcome).collect();
    assert!(others.is_empty(), "not {outcome}: {others:?}");
}

/// An account with its DMS side in place and nothing started.
fn provisioned() -> Account {
    let account = Account::new(MyFlavor::MariaDb);
    account.run(&["provision", "apply", "--yes"], 0);
    account
}

#[test]
fn task_settings_that_lose_data_are_told_and_set_right() {
    let account = provisioned();
    let codes = ["DTK-002", "DTK-003", "DTK-008", "DTK-010", "DTK-012", "DTK-013", "DTK-014", "DTK-017", "DTK-020"];
    all_are(&account, &codes, "pass");
    let wrong = json!({
        "FullLoadSettings": {"TargetTablePrepMode": "DROP_AND_CREATE"}, "Logging": {"EnableLogging": false},
        "TargetMetadata": {"FullLobMode": true, "LimitedSizeLobMode": true},
        "ValidationSettings": {"EnableValidation": false},
        "ErrorBehavior": {"DataErrorPolicy": "IGNORE_RECORD", "FailOnNoTablesCaptured": false,
                          "RecoverableErrorCount": -1},
        "ChangeProcessingDdlHandlingPolicy": {"HandleSourceTableDropped": true},
        "ControlTablesSettings": {"StatusTableEnabled": false},
    });
    block_on(async {
        let dms = client!(aws_sdk_databasemigration, account);
        let tasks = dms.describe_replication_tasks().send().await.unwrap();
        let arn = tasks.replication_tasks()[0].replication_task_arn().unwrap();
        let ask = dms.modify_replication_task().replication_task_arn(arn);
        ask.replication_task_settings(wrong.to_string()).send().await.unwrap();
    });
    all_are(&account, &codes, "fail");
    account.run(&[&["fix", "--yes"], &codes[..]].concat(), 0);
    all_are(&account, &codes, "pass");
}

#[test]
fn endpoint_settings_that_mislead_are_told_and_set_right() {
    let account = provisioned();
    let codes = ["DEP-004", "DEP-007", "DEP-012", "DEP-013", "DEP-014", "NET-002"];
    all_are(&account, &codes, "pass");
    block_on(async {
        let dms = client!(aws_sdk_databasemigration, account);
        let all = dms.describe_endpoints().send().await.unwrap();
        let arn = |name| {
            let found = all.endpoints().iter().find(|e| e.endpoint_identifier() == Some(name));
            found.unwrap().endpoint_arn().unwrap()
        };
        let postgres =
            PostgreSqlSettings::builder().fail_tasks_on_lob_truncation(false).after_connect_script("SELECT 1");
        let source =
            dms.modify_endpoint().endpoint_arn(arn("charts-src")).port(1).postgre_sql_settings(postgres.build());
        source.extra_connection_attributes("MapUnboundedNumericAsString=true; a=1").send().await.unwrap();
        let target = dms.modify_endpoint().endpoint_arn(arn("charts-tgt")).database_name("elsewhere");
        target.send().await.unwrap();
    });
    all_are(&account, &codes, "fail");
    account.run(&["fix", "--yes", "DEP-012", "NET-002"], 0);
    all_are(&account, &["DEP-012", "NET-002"], "pass");
}

#[test]
fn an_instance_that_is_weak_alone_or_public_is_told() {
    let account = provisioned();
    all_are(&account, &["DRI-003", "DRI-006"], "fail");
    account.run(&["fix", "--yes", "DRI-003", "DRI-006"], 0);
    all_are(&account, &["DRI-003", "DRI-006", "DRI-008"], "pass");
}

/// A table that cannot be loaded, then a task that runs in spite of it, then one that fails.
#[test]
fn tables_and_tasks_that_failed_are_told() {
    let account = Account::new(MyFlavor::MariaDb);
    account.source.run("postgres", "CREATE TABLE wrong (id int PRIMARY KEY, v double precision)").unwrap();
    account.source.run("postgres", "INSERT INTO wrong VALUES (1, 'NaN')").unwrap();
    account.run(&["provision", "apply", "--yes"], 0);
    account.run(&["sync", "--until-caught-up"], 3);
    fails(&account, "RUN-002", "public.wrong");
    let arn = block_on(async {
        let dms = client!(aws_sdk_databasemigration, account);
        let tasks = dms.describe_replication_tasks().send().await.unwrap();
        let arn = tasks.replication_tasks()[0].replication_task_arn().unwrap().to_owned();
        let start = dms.start_replication_task().replication_task_arn(&arn);
        start.start_replication_task_type("resume-processing".into()).send().await.unwrap();
        arn
    });
    becomes(&account, "RUN-013", "errors among its latest lines");
    assert!(account.simulator.fail(&arn, "FATAL: password authentication failed for user \"postgres\""));
    becomes(&account, "RUN-001", "has failed");
}

/// The check fails so before long.
#[track_caller]
fn becomes(account: &Account, code: &str, part: &str) {
    let mut last = (String::new(), String::new());
    for _ in 0..20 {
        last = told(account, code);
        if last.0 == "fail" && last.1.contains(part) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    panic!("{code}: {last:?}, not {part:?}");
}

#[test]
fn roles_that_dms_cannot_take_or_does_not_need_are_told() {
    let account = provisioned();
    let codes = ["IAM-004", "IAM-010", "IAM-011"];
    all_are(&account, &codes, "pass");
    block_on(async {
        let iam = client!(aws_sdk_iam, account);
        let policy = "arn:aws:iam::aws:policy/service-role/AmazonDMSCloudWatchLogsRole";
        iam.detach_role_policy().role_name("dms-cloudwatch-logs-role").policy_arn(policy).send().await.unwrap();
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                           "Principal": {"Service": "dms.amazonaws.com"},
                           "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}]});
        let made = iam.create_role().role_name("dms-access-for-endpoint");
        made.assume_role_policy_document(trust.to_string()).send().await.unwrap();
    });
    all_are(&account, &codes, "fail");
}

#[test]
fn what_the_target_refused_is_told_until_the_table_is_emptied() {
    let account = synced();
    let target = |sql: &str| account.target.run(None, sql).unwrap();
    target("CREATE DATABASE IF NOT EXISTS awsdms_control");
    target(
        "CREATE TABLE IF NOT EXISTS awsdms_control.awsdms_apply_exceptions (TASK_NAME varchar(128), TABLE_OWNER varchar(128),
         TABLE_NAME varchar(128), ERROR_TIME timestamp, STATEMENT longtext, ERROR longtext)",
    );
    passes(&account, "RUN-010");
    target(
        "INSERT INTO awsdms_control.awsdms_apply_exceptions VALUES
         ('T', 'charts', 'chart', NOW(), 'INSERT … secret value', 'Data too long for column ''song'' at row 1')",
    );
    fails(&account, "RUN-010", "refused one change of charts.chart");
    let shown = account.project.run(&["check", "--only", "RUN-010"]).out;
    assert!(shown.contains("Data too long") && !shown.contains("secret value"), "{shown}");
    target("DELETE FROM awsdms_control.awsdms_apply_exceptions");
    passes(&account, "RUN-010");
}

#[test]
fn logs_without_end_and_metrics_without_alarm_are_told() {
    let account = synced();
    fails(&account, "RSK-012", "dms-tasks-charts-ri keeps every line for ever");
    fails(&account, "RUN-022", "CDCLatencyTarget of charts-task, FreeStorageSpace of charts-source");
    block_on(async {
        let logs = client!(aws_sdk_cloudwatchlogs, account);
        let keep = logs.put_retention_policy().log_group_name("dms-tasks-charts-ri").retention_in_days(30);
        keep.send().await.unwrap();
        let id = task_arn(&account).await.rsplit(':').next().unwrap().to_owned();
        let task = [("ReplicationInstanceIdentifier", "charts-ri"), ("ReplicationTaskIdentifier", id.as_str())];
        for metric in ["CDCLatencySource", "CDCLatencyTarget"] {
            alarm(&account, "AWS/DMS", metric, &task).await;
        }
        alarm(&account, "AWS/RDS", "FreeStorageSpace", &[("DBInstanceIdentifier", "charts-source")]).await;
    });
    passes(&account, "RSK-012");
    fails(&account, "RUN-022", "No alarm watches OldestReplicationSlotLag of charts-source");
    let source = [("DBInstanceIdentifier", "charts-source")];
    block_on(alarm(&account, "AWS/RDS", "OldestReplicationSlotLag", &source));
    passes(&account, "RUN-022");
}

/// An alarm on a metric of the thing with these dimensions.
async fn alarm(account: &Account, namespace: &str, metric: &str, of: &[(&str, &str)]) {
    use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, Statistic};
    let dimensions = of.iter().map(|(name, value)| Dimension::builder().name(*name).value(*value).build());
    let ask = client!(aws_sdk_cloudwatch, account).put_metric_alarm().alarm_name(metric).namespace(namespace);
    let ask = ask.metric_name(metric).set_dimensions(Some(dimensions.collect())).statistic(Statistic::Maximum);
    let ask = ask.period(300).evaluation_periods(3).threshold(600.0);
    ask.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.unwrap();
}

/// The ARN of the account's one task.
async fn task_arn(account: &Account) -> String {
    let tasks = client!(aws_sdk_databasemigration, account).describe_replication_tasks().send().await.unwrap();
    tasks.replication_tasks()[0].replication_task_arn().unwrap().to_owned()
}

#[test]
fn a_secret_counts_as_readable_when_the_endpoints_role_may_read_it() {
    let account = synced();
    let dms = client!(aws_sdk_databasemigration, account);
    let role = block_on(async {
        let iam = client!(aws_sdk_iam, account);
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                           "Principal": {"Service": "dms.eu-west-2.amazonaws.com"}}]});
        let made = iam.create_role().role_name("charts-secrets").assume_role_policy_document(trust.to_string());
        let role = made.send().await.unwrap().role().unwrap().arn().to_owned();
        name_secret(&dms, &role).await;
        role
    });
    fails(&account, "IAM-007", "There is no secret prod/pg");
    block_on(async {
        let secrets = client!(aws_sdk_secretsmanager, account);
        secrets.create_secret().name("prod/pg").secret_string("{}").send().await.unwrap();
    });
    fails(&account, "IAM-007", &format!("{role} may not do secretsmanager:GetSecretValue"));
    block_on(async {
        let iam = client!(aws_sdk_iam, account);
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                            "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:*:*:secret:prod/*"}]});
        let put = iam.put_role_policy().role_name("charts-secrets").policy_name("read");
        put.policy_document(policy.to_string()).send().await.unwrap();
    });
    passes(&account, "IAM-007");
    passes(&account, "IAM-006");
    passes(&account, "DEP-015");
}

/// The source endpoint logs in with a secret by this role.
async fn name_secret(dms: &Client, role: &str) {
    let all = dms.describe_endpoints().send().await.unwrap();
    let source = all.endpoints().iter().find(|e| e.endpoint_identifier() == Some("charts-src")).unwrap();
    let secret =
        PostgreSqlSettings::builder().secrets_manager_secret_id("prod/pg").secrets_manager_access_role_arn(role);
    let ask = dms.modify_endpoint().endpoint_arn(source.endpoint_arn().unwrap());
    ask.postgre_sql_settings(secret.build()).send().await.unwrap();
}
