//! Accounts to seed faults in, and what the checks say of them.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_databasemigration::config::{Credentials, Region};
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Pretended;
use serde_json::{Value, json};

use crate::account::Account;
use crate::support::block_on;

pub(crate) type Dms = aws_sdk_databasemigration::Client;
pub(super) type Rds = aws_sdk_rds::Client;

/// A client of an account, or of whatever else has a `simulator`: `client!(aws_sdk_iam, account)`.
macro_rules! client {
    ($sdk:ident, $account:expr) => {{
        let (credentials, region) = $crate::aws_faults::seeded::login();
        let config = $sdk::Config::builder().behavior_version_latest().region(region);
        $sdk::Client::from_conf(config.endpoint_url($account.simulator.url()).credentials_provider(credentials).build())
    }};
}

pub(crate) fn login() -> (Credentials, Region) {
    (Credentials::new("simulation", "simulation", None, None, "test"), Region::new("eu-west-2"))
}

pub(crate) fn dms(account: &Account) -> Dms {
    client!(aws_sdk_databasemigration, account)
}

pub(super) fn rds(account: &Account) -> Rds {
    client!(aws_sdk_rds, account)
}

/// An account with its DMS side in place and nothing started.
pub(super) fn provisioned() -> Account {
    provisioned_on(MyFlavor::MariaDb)
}

/// The same with this kind of target.
pub(crate) fn provisioned_on(flavor: MyFlavor) -> Account {
    let account = Account::new(flavor);
    account.run(&["provision", "apply", "--yes"], 0);
    account
}

/// An account whose task has moved the rows and is stopped.
pub(super) fn synced() -> Account {
    let account = provisioned();
    account.run(&["sync", "--until-caught-up"], 0);
    account
}

/// What a check says: its outcome, and the messages of its findings or else why it is unknown.
pub(crate) type Told = (String, String);

pub(crate) fn report(account: &Account, args: &[&str]) -> BTreeMap<String, Told> {
    let ran = account.project.run(&[&["check", "--format", "json"], args].concat());
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = |check: &Value| {
        let findings = check["findings"].as_array().into_iter().flatten().map(|f| text(&f["message"]));
        let said = findings.chain([text(&check["reason"])]).filter(|t| !t.is_empty()).collect::<Vec<_>>().join("; ");
        (text(&check["code"]), (text(&check["outcome"]), said))
    };
    report["checks"].as_array().unwrap().iter().map(told).collect()
}

#[track_caller]
pub(crate) fn fails(account: &Account, code: &str, part: &str) {
    let told = &report(account, &["--only", code])[code];
    assert!(told.0 == "fail" && told.1.contains(part), "{code}: {told:?}, not {part:?}");
}

#[track_caller]
pub(crate) fn passes(account: &Account, code: &str) {
    let told = &report(account, &["--only", code])[code];
    assert_eq!(told.0, "pass", "{code}: {told:?}");
}

#[track_caller]
pub(super) fn all_are(account: &Account, codes: &[&str], outcome: &str) {
    let have = report(account, &[]);
    let others: Vec<_> = codes.iter().map(|c| (*c, &have[*c])).filter(|(_, told)| told.0 != outcome).collect();
    assert!(others.is_empty(), "not {outcome}: {others:?}");
}

/// All of these checks fail in one run, each with this part in what it says.
#[track_caller]
pub(super) fn all_fail(account: &Account, wanted: &[(&str, &str)]) {
    let have = report(account, &[]);
    let fails = |code: &str, part: &str| have[code].0 == "fail" && have[code].1.contains(part);
    let others: Vec<_> = wanted.iter().filter(|(c, part)| !fails(c, part)).map(|(c, _)| (*c, &have[*c])).collect();
    assert!(others.is_empty(), "not as they should fail: {others:#?}");
}

/// These fail so; the change is made, and they pass.
#[track_caller]
pub(super) fn mended(account: &Account, wanted: &[(&str, &str)], mend: impl FnOnce()) {
    all_fail(account, wanted);
    mend();
    all_are(account, &codes(wanted), "pass");
}

/// These fail so; their fixes are applied, and they pass.
#[track_caller]
pub(super) fn fixed(account: &Account, wanted: &[(&str, &str)]) {
    let fix = ["fix", "--yes", "--allow-reboot"];
    mended(account, wanted, || drop(account.run(&[&fix, &codes(wanted)[..]].concat(), 0)));
}

fn codes<'a>(wanted: &[(&'a str, &str)]) -> Vec<&'a str> {
    wanted.iter().map(|(code, _)| *code).collect()
}

/// The check fails so before long.
#[track_caller]
pub(super) fn becomes(account: &Account, code: &str, part: &str) {
    let mut last = Told::default();
    for _ in 0..20 {
        last.clone_from(&report(account, &["--only", code])[code]);
        if last.0 == "fail" && last.1.contains(part) {
            return;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    panic!("{code}: {last:?}, not {part:?}");
}

/// Pretends these things for as long as the checks take to fail so; without the pretence they pass.
#[track_caller]
pub(super) fn pretended(account: &Account, things: &[(Pretended, &str, Value)], wanted: &[(&str, &str)]) {
    for (kind, name, members) in things {
        account.simulator.pretend(*kind, name, members.clone());
    }
    mended(account, wanted, || {
        for (kind, name, _) in things {
            account.simulator.pretend(*kind, name, Value::Null);
        }
    });
}

/// The ARN of the account's one task.
pub(super) async fn task_arn(account: &Account) -> String {
    let tasks = dms(account).describe_replication_tasks().send().await.unwrap();
    tasks.replication_tasks()[0].replication_task_arn().unwrap().to_owned()
}

/// The ARN of the account's one replication instance.
pub(super) async fn instance_arn(account: &Account) -> String {
    let all = dms(account).describe_replication_instances().send().await.unwrap();
    all.replication_instances()[0].replication_instance_arn().unwrap().to_owned()
}

/// The ARN of an endpoint.
pub(super) async fn endpoint_arn(account: &Account, name: &str) -> String {
    let all = dms(account).describe_endpoints().send().await.unwrap();
    let found = all.endpoints().iter().find(|e| e.endpoint_identifier() == Some(name));
    found.unwrap().endpoint_arn().unwrap().to_owned()
}

/// Changes settings of the task.
pub(crate) fn set(account: &Account, settings: &Value) {
    block_on(async {
        let ask = dms(account).modify_replication_task().replication_task_arn(task_arn(account).await);
        ask.replication_task_settings(settings.to_string()).send().await.unwrap();
    });
}

/// Tries the login of an endpoint, until it has failed or not.
pub(super) async fn test(account: &Account, endpoint: &str) {
    let (dms, arn) = (dms(account), endpoint_arn(account, endpoint).await);
    let ask = dms.test_connection().replication_instance_arn(instance_arn(account).await).endpoint_arn(&arn);
    ask.send().await.unwrap();
    for _ in 0..100 {
        let all = dms.describe_connections().send().await.unwrap();
        let found = all.connections().iter().find(|c| c.endpoint_arn() == Some(&arn)).unwrap();
        if found.status() != Some("testing") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the test of {endpoint} does not end");
}

/// Starts the task (`reload-target`, `resume-processing`), and waits until it runs.
pub(super) async fn start(account: &Account, how: &str) {
    let (dms, arn) = (dms(account), task_arn(account).await);
    let ask = dms.start_replication_task().replication_task_arn(&arn).start_replication_task_type(how.into());
    ask.send().await.unwrap();
    for _ in 0..100 {
        let all = dms.describe_replication_tasks().send().await.unwrap();
        if all.replication_tasks()[0].status() == Some("running") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{arn} does not run");
}

/// A role that DMS may take.
pub(super) fn trust(service: &str) -> String {
    let allowed = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}});
    json!({"Version": "2012-10-17", "Statement": [allowed]}).to_string()
}

/// Waits until the replication instance is available.
pub(super) fn block_until_available(account: &Account) {
    block_on(async {
        for _ in 0..100 {
            let all = dms(account).describe_replication_instances().send().await.unwrap();
            if all.replication_instances()[0].replication_instance_status() == Some("available") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the replication instance does not become available");
    });
}
