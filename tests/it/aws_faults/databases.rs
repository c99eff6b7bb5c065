//! The databases as RDS knows them.

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Pretended;
use serde_json::{Value, json};

use super::seeded::{all_are, fixed, mended, pretended, rds};
use crate::account::Account;
use crate::support::block_on;

#[test]
fn parameters_that_do_not_hold_are_told_and_set_right() {
    let account = Account::new(MyFlavor::MariaDb);
    all_are(&account, &["SRC-002", "SRC-004", "SRC-007"], "pass");
    account.source.set("wal_sender_timeout", Some("5s")).unwrap();
    account.source.restart().unwrap();
    fixed(&account, &[("SRC-007", "wal_sender_timeout is 5000 ms: DMS refuses")]);
    mended(&account, &[("SRC-008", "max_worker_processes is 8, and the settings that draw on it come to")], || {
        account.source.set("max_worker_processes", Some("32")).unwrap();
        account.source.restart().unwrap();
    });
    account.source.set("max_wal_senders", Some("0")).unwrap();
    account.source.restart().unwrap();
    mended(&account, &[("SRC-006", "The source has no WAL senders, and this pipeline needs one")], || {
        account.source.set("max_wal_senders", Some("10")).unwrap();
        account.source.restart().unwrap();
    });
    block_on(async {
        let all = rds(&account).describe_db_parameter_groups().send().await.unwrap();
        let names = all.db_parameter_groups().iter().filter_map(|g| g.db_parameter_group_name());
        let default = names.into_iter().find(|name| name.starts_with("default.postgres")).unwrap();
        let ask = rds(&account).modify_db_instance().db_instance_identifier("charts-source");
        ask.db_parameter_group_name(default).apply_immediately(true).send().await.unwrap();
    });
    let waits = [
        ("SRC-002", "charts-source has the group default.postgres"),
        ("SRC-004", "Parameters of charts-source wait for a reboot"),
    ];
    mended(&account, &waits, || drop(account.run(&["fix", "--yes", "--allow-reboot", "SRC-002"], 0)));
}

#[test]
fn databases_without_a_guard_are_told() {
    let account = Account::new(MyFlavor::MariaDb);
    let modify = |public: bool, protected: bool, days: i32| {
        block_on(async {
            let ask = rds(&account).modify_db_instance().db_instance_identifier("charts-target");
            let ask = ask.publicly_accessible(public).deletion_protection(protected).backup_retention_period(days);
            ask.apply_immediately(true).send().await.unwrap();
        });
    };
    modify(true, false, 0);
    let bare = [
        ("RSK-007", "The target (charts-target) has a public address"),
        ("RSK-008", "The target (charts-target) has no deletion protection and no automatic backups"),
    ];
    mended(&account, &bare, || modify(false, true, 7));
}

#[test]
fn sources_that_rds_or_aurora_keep_otherwise_are_told() {
    let account = Account::new(MyFlavor::MariaDb);
    let told = ["SRC-018", "SRC-020", "SRC-030", "SRC-031", "SRC-032"];
    all_are(&account, &told[1..4], "pass");
    account.source.set("synchronous_commit", Some("off")).unwrap();
    let aurora = json!({"Engine": "aurora-postgresql", "DBClusterIdentifier": "charts-cluster",
                        "PendingModifiedValues": {"EngineVersion": "17.2"}});
    let members = json!({"DBClusterMember": [{"DBInstanceIdentifier": "charts-source", "IsClusterWriter": true}]});
    pretended(
        &account,
        &[
            (Pretended::DbInstance, "charts-source", aurora),
            (
                Pretended::DbCluster,
                "charts-cluster",
                json!({"EngineMode": "serverless", "DBClusterMembers": members.clone()}),
            ),
            (Pretended::DbProxy, "charts-proxy", json!({"Endpoint": "localhost"})),
        ],
        &[
            ("SRC-018", "synchronous_commit is off, and Aurora must have it on"),
            ("SRC-020", "localhost is an RDS proxy"),
            ("SRC-030", "charts-source is to become 17.2 in its next window"),
            ("SRC-031", "charts-cluster is Aurora Serverless v1"),
        ],
    );
    let aurora = json!({"Engine": "aurora-postgresql"});
    account.simulator.pretend(Pretended::DbInstance, "charts-source", aurora);
    fixed(&account, &[("SRC-018", "synchronous_commit is off")]);
    account.simulator.pretend(Pretended::DbInstance, "charts-source", Value::Null);
    account.source.set("wal_level", Some("replica")).unwrap();
    account.source.restart().unwrap();
    let cluster = json!({"EngineMode": "provisioned", "DBClusterParameterGroup": "charts-aurora",
                         "DBClusterMembers": members});
    let off = json!({"ParameterValue": "0", "ApplyType": "static", "Source": "user", "IsModifiable": true});
    pretended(
        &account,
        &[
            (Pretended::DbInstance, "charts-source", json!({"DBClusterIdentifier": "charts-cluster"})),
            (Pretended::DbCluster, "charts-cluster", cluster),
            (Pretended::ClusterParameter, "rds.logical_replication", off),
        ],
        &[("SRC-003", "rds.logical_replication is 0 in charts-aurora; on Aurora the cluster's group decides")],
    );
    account.run(&["provision", "apply", "--yes"], 0);
    let old: Value = json!({"EngineVersion": "10.4"});
    pretended(
        &account,
        &[(Pretended::DbInstance, "charts-source", old)],
        &[("SRC-032", "charts-source is PostgreSQL 10.4")],
    );
}
