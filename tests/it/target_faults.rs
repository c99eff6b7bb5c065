//! Faults of the target and of what writes to it, seeded on real servers and in the simulated account: the check that
//! knows each tells it, and passes when it is mended.

use cdc_doctor::diagnose::Outcome;
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::quote::my_ident;
use mysql_async::prelude::Queryable;
use secrecy::SecretString;
use serde_json::json;

use crate::account::Account;
use crate::aws_faults::seeded::{dms, fails, passes, provisioned_on as provisioned, report, set};
use crate::checks::{Case, notes};
use crate::support::{self, block_on};

/// Gives the target endpoint other extra connection attributes.
fn set_attributes(account: &Account, attributes: &str) {
    let dms = dms(account);
    block_on(async {
        let all = dms.describe_endpoints().send().await.unwrap();
        let target = all.endpoints().iter().find(|e| e.endpoint_identifier() == Some("charts-tgt")).unwrap();
        let ask = dms.modify_endpoint().endpoint_arn(target.endpoint_arn().unwrap());
        ask.extra_connection_attributes(attributes).send().await.unwrap();
    });
}

#[test]
fn what_dms_sets_in_its_sessions_is_told_and_set_right() {
    let account = provisioned(MyFlavor::MySql);
    let target = |sql: &str| account.target.run(Some("charts"), sql).unwrap();
    target("CREATE TABLE artist (id int PRIMARY KEY, name varchar(40), seen_at timestamp NULL)");
    target(
        "CREATE TABLE chart (id int PRIMARY KEY, song longtext, is_new boolean, FOREIGN KEY (id) REFERENCES artist (id))",
    );
    passes(&account, "TCF-004");
    set_attributes(&account, "targetDbType=MULTIPLE_DATABASES");
    fails(&account, "TCF-004", "loads tables with foreign keys");
    account.run(&["fix", "--yes", "TCF-004"], 0);
    passes(&account, "TCF-004");
    account.run(&["fix", "--undo", "--yes"], 0);
    fails(&account, "TCF-004", "loads tables with foreign keys");

    passes(&account, "TCF-011");
    set_attributes(&account, "Initstmt=SET time_zone=US/Pacific");
    fails(&account, "TCF-011", "writes in the time zone US/Pacific");
    account.run(&["fix", "--yes", "TCF-011"], 0);
    passes(&account, "TCF-011");
}

#[test]
fn rights_that_the_engine_lacks_are_granted_as_told() {
    support::both_targets(|target| {
        let source = support::source();
        source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
        let mut case = Case::new(&source, target);
        let account = case.target_account(target, "");
        let database = my_ident(&target.endpoint.database.replace('_', "\\_"));
        target.run(&format!("GRANT SELECT, INSERT ON {database}.* TO '{account}'@'%'"));
        // Of two patterns that fit, the wider one is not heeded.
        let pattern = my_ident(&format!("{}%", target.endpoint.database.split('_').next().unwrap()));
        target.run(&format!("GRANT ALL ON {pattern}.* TO '{account}'@'%'"));
        let seen = case.look();
        assert_eq!(seen.causes(), ["AUT-018"]);
        let finding = seen.finding("AUT-018");
        assert_eq!(finding.evidence[0].1, "UPDATE, DELETE, CREATE");
        let grant = notes(&finding)[0].split_once(": ").unwrap().1.to_owned();
        target.run(&grant);
        assert_eq!(case.look().causes(), [""; 0]);
    });
}

#[test]
fn a_role_counts_when_it_is_active() {
    support::both_targets(|target| {
        let mut case = Case::new(&support::source(), target);
        let account = case.target_account(target, "");
        let (role, database) = (support::unique("role"), my_ident(&target.endpoint.database));
        target.run(&format!("CREATE ROLE {role}"));
        target.run(&format!("GRANT ALL ON {database}.* TO {role}"));
        target.run(&format!("GRANT SELECT ON {database}.* TO '{account}'@'%'"));
        target.run(&format!("GRANT {role} TO '{account}'@'%'"));
        assert_eq!(case.look().causes(), ["AUT-018"]);
        let to = if target.server.flavor() == MyFlavor::MySql { "TO" } else { "FOR" };
        target.run(&format!("SET DEFAULT ROLE {role} {to} '{account}'@'%'"));
        let seen = case.look();
        assert!(matches!(seen.outcome("AUT-018"), Outcome::Pass), "{:?}", seen.outcome("AUT-018"));
    });
}

#[test]
fn assessments_are_told_what_they_cannot_read() {
    let mut account = provisioned(MyFlavor::MySql);
    let root = |sql: &str| account.target.run(None, sql).unwrap();
    root("CREATE USER 'mover'@'%' IDENTIFIED BY 's3cret'");
    root("GRANT ALL ON charts.* TO 'mover'@'%'");
    root("GRANT ALL ON awsdms_control.* TO 'mover'@'%'");
    let name = account.target.endpoint("charts").user;
    let text = account.project.text();
    let (before, target) = text.split_once("[target]").unwrap();
    let target = target.replacen(&format!("user = {name:?}"), "user = \"mover\"", 1);
    let text = format!("{before}[target]{target}").replace("[dms]\n", "[dms]\nassessment_bucket = \"charts\"\n");
    std::fs::write(account.project.path(), text).unwrap();
    account.project.set("TARGET_PASSWORD", &SecretString::from("s3cret"));
    // The endpoint still logs in as another.
    assert_eq!(report(&account, &["--only", "AUT-019"])["AUT-019"].0, "unknown");
    account.run(&["provision", "apply", "--yes"], 0);
    fails(&account, "AUT-019", "may not read the target's accounts");
    passes(&account, "AUT-018");
    for table in ["user", "db", "tables_priv", "role_edges"] {
        account.target.run(None, &format!("GRANT SELECT ON mysql.{table} TO 'mover'@'%'")).unwrap();
    }
    passes(&account, "AUT-019");
    account.target.run(None, "REVOKE DROP ON charts.* FROM 'mover'@'%'").unwrap();
    fails(&account, "AUT-018", "that the engine dms does");
}

/// Sets global variables of the target.
fn settings_of_the_target(account: &Account, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        account.target.run(None, &format!("SET GLOBAL {name} = {value}")).unwrap();
    }
}

#[test]
fn settings_of_the_target_that_dms_cannot_work_with_are_told_and_set() {
    for flavor in [MyFlavor::MySql, MyFlavor::MariaDb] {
        let account = provisioned(flavor);
        settings_of_the_target(
            &account,
            &[
                ("net_read_timeout", "30"),
                ("sql_mode", "'ANSI,STRICT_TRANS_TABLES'"),
                ("explicit_defaults_for_timestamp", "OFF"),
                ("max_connections", "10"),
                ("max_allowed_packet", "1048576"),
            ],
        );
        let mut codes = vec!["TCF-002", "TCF-003", "TCF-010", "TCF-013"];
        if flavor == MyFlavor::MySql {
            // The simulated groups of MariaDB take no list of modes.
            codes.push("TCF-005");
        }
        set(&account, &json!({"TargetMetadata": {"LimitedSizeLobMode": true, "LobMaxSize": 2048}}));
        fails(&account, "TCF-002", "lets LOBs of 2048 KB through, the target takes 1024 KB");
        fails(&account, "TCF-003", "waits 30 seconds (net_read_timeout)");
        fails(&account, "TCF-005", "ANSI_QUOTES");
        fails(&account, "TCF-010", "set to the present");
        passes(&account, "TCF-013");
        set(&account, &json!({"FullLoadSettings": {"MaxFullLoadSubTasks": 20}}));
        fails(&account, "TCF-013", "opens 21 sessions, the target takes 10");
        account.run(&[&["fix", "--yes", "--allow-reboot"], &codes[..]].concat(), 0);
        codes.iter().for_each(|code| passes(&account, code));
    }
}

#[test]
fn triggers_and_long_transactions_are_told() {
    support::both_targets(|target| {
        let source = support::source();
        source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
        let case = Case::new(&source, target);
        let run = |sql: &str| {
            let database = &target.endpoint.database;
            target.server.run(Some(database), sql).unwrap();
        };
        run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
        assert!(matches!(case.look().outcome("TCF-009"), Outcome::Pass));
        run("CREATE TRIGGER stamp BEFORE INSERT ON weekly_chart FOR EACH ROW SET NEW.id = NEW.id + 1");
        let finding = case.look().finding("TCF-009");
        run(notes(&finding)[1].as_str());
        assert!(matches!(case.look().outcome("TCF-009"), Outcome::Pass));

        let own = target.endpoint.user.as_str();
        let held = block_on(async {
            let mut conn = target.server.conn(Some(&target.endpoint.database)).await.unwrap();
            conn.query_drop("SET SESSION time_zone = '+09:00'").await.unwrap();
            conn.query_drop("BEGIN").await.unwrap();
            conn.query_drop("INSERT INTO weekly_chart VALUES (1)").await.unwrap();
            // The server takes a new look at its transactions only when nobody has asked for a tenth of a second, and
            // other tests ask too.
            for _ in 0..50 {
                let facts = cdc_doctor::facts::collect(&case.pipeline(), &case.passwords, &|_| {}).await;
                let mut held = facts.target.transactions.value().unwrap().clone();
                held.retain(|t| t.user.as_deref() == Some(own) && t.changed == 1);
                if !held.is_empty() {
                    return held;
                }
                tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            }
            Vec::new()
        });
        assert!(!held.is_empty() && held.iter().all(|t| t.age_seconds < 120), "{held:?}");
    });
}

#[test]
fn text_keys_are_told_to_validation() {
    let account = provisioned(MyFlavor::MariaDb);
    account.source.run("postgres", "CREATE TABLE label (name text PRIMARY KEY)").unwrap();
    let create = |collation: &str| {
        let sql = format!("CREATE OR REPLACE TABLE label (name varchar(40) COLLATE {collation} PRIMARY KEY)");
        account.target.run(Some("charts"), &sql).unwrap();
    };
    // The source orders by bytes.
    create("utf8mb4_nopad_bin");
    passes(&account, "TCF-019");
    create("utf8mb4_general_ci");
    // As provisioned, validation allows for it.
    passes(&account, "TCF-019");
    set(&account, &json!({"ValidationSettings": {"EnableValidation": true, "HandleCollationDiff": false}}));
    fails(&account, "TCF-019", "the two servers order differently");
    account.run(&["fix", "--yes", "TCF-019"], 0);
    passes(&account, "TCF-019");
}
