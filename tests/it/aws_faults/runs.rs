//! What runs, or ran.

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Pretended;
use serde_json::json;

use super::seeded::{
    all_are, all_fail, becomes, dms, fails, mended, passes, pretended, report, start, synced, task_arn,
};
use crate::account::Account;
use crate::support::block_on;

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
        let dms = dms(&account);
        let arn = task_arn(&account).await;
        let start = dms.start_replication_task().replication_task_arn(&arn);
        start.start_replication_task_type("resume-processing".into()).send().await.unwrap();
        arn
    });
    becomes(&account, "RUN-013", "errors among its latest lines");
    assert!(account.simulator.fail(&arn, "FATAL: password authentication failed for user \"postgres\""));
    becomes(&account, "RUN-001", "has failed");
}

/// DMS keeps identifiers in small letters, whatever the pipeline file has.
#[test]
fn names_in_capitals_lead_to_the_same_logs_and_events() {
    let account = Account::new(MyFlavor::MariaDb);
    account.project.edit("[dms]\n", "[dms]\ninstance = \"Charts-RI\"\ntask = \"Charts-Task\"\n");
    account.run(&["provision", "apply", "--yes"], 0);
    all_are(&account, &["DEP-019", "RUN-012"], "pass");
    let id = block_on(task_arn(&account)).rsplit(':').next().unwrap().to_owned();
    let line = "2026-11-27T03:00:49 [TARGET_APPLY    ]E:  Connection timed out [1022502]";
    account.simulator.log("dms-tasks-charts-ri", &format!("dms-task-{id}"), line);
    account.simulator.event("replication-task", "charts-task", "Replication task has failed");
    all_fail(
        &account,
        &[("DEP-019", "Connections of charts-tgt time out"), ("RUN-012", "Replication task has failed")],
    );
}

/// It has no instance; its log is its own.
#[test]
fn the_log_and_the_readings_of_a_serverless_replication_are_seen() {
    let account = Account::new(MyFlavor::MariaDb);
    account.project.edit("[dms]\n", "[dms]\nserverless = true\n");
    account.run(&["provision", "apply", "--yes"], 0);
    account.run(&["sync", "--until-caught-up"], 0);
    all_are(&account, &["DEP-019", "RUN-013", "RUN-015"], "pass");
    let id = block_on(async {
        let all = dms(&account).describe_replication_configs().send().await.unwrap();
        all.replication_configs()[0].replication_config_arn().unwrap().rsplit(':').next().unwrap().to_owned()
    });
    let group = format!("dms-serverless-replication-{id}");
    mended(&account, &[("RSK-012", &format!("{group} keeps every line for ever"))], || {
        let logs = client!(aws_sdk_cloudwatchlogs, account);
        block_on(logs.put_retention_policy().log_group_name(&group).retention_in_days(30).send()).unwrap();
    });
    let log = |line: &str| account.simulator.log(&group, &format!("dms-serverless-serv-res-id-{id}"), line);
    log("2026-11-27T03:00:49 [TARGET_APPLY    ]E:  Connection timed out [1022502]");
    log("2026-11-27T03:00:49 [SOURCE_CAPTURE  ]E:  ERROR: replication slot \"s\" does not exist [1022506]");
    all_fail(
        &account,
        &[("DEP-019", "Connections of charts-tgt time out"), ("RUN-015", "slot of charts-task is gone")],
    );
    // What its readings are kept under is looked for.
    let readings = |value: f64| {
        account.simulator.forget_metrics();
        account.simulator.metric("AWS/DMS", "CDCLatencyTarget", &id, value);
    };
    readings(4_000.0);
    fails(&account, "RUN-022", "No alarm watches CDCLatencySource of charts-task, CDCLatencyTarget of charts-task");
    mended(&account, &[("RUN-006", "The task charts-task is 4000 s behind with applying")], || readings(1.0));
    block_on(async {
        for metric in ["CDCLatencySource", "CDCLatencyTarget"] {
            alarm(&account, "AWS/DMS", metric, &[("ReplicationConfigResourceId", &id)]).await;
        }
    });
    let told = &report(&account, &["--only", "RUN-022"])["RUN-022"];
    assert!(told.0 == "fail" && !told.1.contains("charts-task"), "the source's alone are left: {told:?}");
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

#[test]
fn a_task_that_stands_without_its_slot_is_told_until_it_is_loaded_again() {
    let account = synced();
    all_are(&account, &["DTK-015", "RUN-015"], "pass");
    account.source.run("postgres", "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots").unwrap();
    let stands = [
        ("DTK-015", "charts-task is stopped, and postgres has no slot: it can only be started by loading again"),
        ("RSK-005", "runs, and no task on it does"),
    ];
    mended(&account, &stands, || block_on(start(&account, "reload-target")));
    let gone = "ERROR: replication slot \"charts\" does not exist";
    account.simulator.event("replication-instance", "charts-ri", "Multi-AZ failover has been completed");
    assert!(account.simulator.fail(&block_on(task_arn(&account)), gone));
    becomes(&account, "RUN-015", "The replication slot of charts-task is gone");
    block_on(start(&account, "reload-target"));
    assert!(account.simulator.calls().contains(&"dms:StartReplicationTask".to_owned()));
}

#[test]
fn a_task_that_does_not_get_on_is_told() {
    let account = synced();
    let quiet = ["RSK-010", "RUN-003", "RUN-004", "RUN-005", "RUN-006", "RUN-007", "RUN-011", "RUN-012", "RUN-014"];
    all_are(&account, &quiet, "pass");
    let arn = block_on(task_arn(&account));
    let id = arn.rsplit(':').next().unwrap();
    // A task that runs brings samples of its own.
    account.simulator.forget_metrics();
    for (metric, value) in [
        ("CDCLatencySource", 400.0),
        ("CDCLatencyTarget", 4_000.0),
        ("CDCChangesDiskSource", 9_000.0),
        ("CDCChangesDiskTarget", 2_000.0),
    ] {
        account.simulator.metric("AWS/DMS", metric, id, value);
    }
    let slow = [
        ("RUN-005", "The task charts-task is 400 s behind with reading"),
        ("RUN-006", "The task charts-task is 4000 s behind with applying"),
        ("RUN-007", "11000 changes of the task charts-task wait on disk"),
    ];
    mended(&account, &slow, || account.simulator.forget_metrics());
    block_on(start(&account, "resume-processing"));
    account.simulator.metric("AWS/DMS", "FullLoadThroughputRowsTarget", id, 0.0);
    account.simulator.metric("AWS/RDS", "CPUUtilization", "charts-source", 97.0);
    load_fewer(&account);
    let behind = json!({"Inserts": 5000, "AppliedInserts": 10, "ValidationState": "Mismatched records",
                        "ValidationFailedRecords": 3});
    pretended(
        &account,
        &[
            (
                Pretended::Task,
                "charts-task",
                json!({"LastFailureMessage": "FATAL: the database system is shutting down"}),
            ),
            (Pretended::Table, "artist", json!({"TableState": "Full load"})),
            (Pretended::Table, "chart", behind),
        ],
        &[
            ("RUN-003", "charts-task loads public.artist, and no row arrives"),
            ("RUN-004", "public.chart: inserts 10 of 5000"),
            ("RUN-011", "public.chart: Mismatched records, 3 rows failed"),
            ("RUN-014", "The task charts-task runs, and its last failure was"),
        ],
    );
    account.simulator.event("replication-instance", "charts-ri", "The replication instance is low on storage");
    fails(&account, "RUN-012", "charts-ri: The replication instance is low on storage");
}

/// A load that presses the source is told, and goes on with fewer tables at a time.
fn load_fewer(account: &Account) {
    let loading = |members| account.simulator.pretend(Pretended::Table, "artist", members);
    loading(json!({"TableState": "Full load"}));
    fails(account, "RSK-010", "charts-source is at 97 % CPU while charts-task loads");
    account.run(&["fix", "--yes", "RSK-010"], 0);
    loading(serde_json::Value::Null);
    passes(account, "RSK-010");
    let all = block_on(dms(account).describe_replication_tasks().send()).unwrap();
    let task = &all.replication_tasks()[0];
    let settings = task.replication_task_settings().unwrap();
    // What the fix does not change is as it was made.
    for kept in ["\"MaxFullLoadSubTasks\":2", "\"TargetTablePrepMode\":\"TRUNCATE_BEFORE_LOAD\""] {
        assert!(settings.contains(kept), "no {kept} in {settings}");
    }
    assert_eq!(task.status(), Some("running"));
}
