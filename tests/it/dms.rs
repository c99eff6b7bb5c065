//! The engine `dms` against the simulated AWS: its tasks really move rows.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use cdc_doctor::aws::policy;
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Fault;

use crate::account::Account;

/// An account with its DMS side in place.
fn provisioned(flavor: MyFlavor) -> Account {
    let account = Account::new(flavor);
    account.run(&["provision", "apply", "--yes"], 0);
    account
}

#[track_caller]
fn until(what: &str, mut there: impl FnMut() -> bool) {
    for _ in 0..600 {
        if there() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("waited a minute in vain until {what}");
}

/// A sync that runs until it is told to leave; what it says is read as it comes.
struct Watched(Child, JoinHandle<Vec<serde_json::Value>>);

impl Watched {
    fn start(account: &Account, args: &[&str]) -> Self {
        let mut program = account.project.program();
        let mut child =
            program.arg("sync").args(args).args(["--progress", "json"]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let reading =
            std::thread::spawn(move || lines.map(|line| serde_json::from_str(&line).unwrap()).collect::<Vec<_>>());
        Self(child, reading)
    }

    /// Ctrl-C, and what it had said.
    fn leave(mut self) -> Vec<serde_json::Value> {
        let pid = self.0.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let said = self.1.join().unwrap();
        assert!(self.0.wait().unwrap().success());
        said
    }
}

fn names(said: &[serde_json::Value]) -> Vec<&str> {
    said.iter().filter_map(|v| v["event"].as_str()).collect()
}

#[test]
fn rows_and_changes_arrive_and_the_task_goes_on_alone() {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let account = provisioned(flavor);
        let sync = Watched::start(&account, &[]);
        until("the rows are there", || account.count("chart") == 1000);
        account
            .source
            .run("postgres", "INSERT INTO chart VALUES (2001, 'new', true); DELETE FROM chart WHERE id = 1")
            .unwrap();
        account.source.run("postgres", "UPDATE artist SET name = 'Bjork' WHERE id = 2").unwrap();
        until("the changes are there", || account.count("chart WHERE id IN (1, 2001)") == 1);
        // Throttling and a broken connection are waited out.
        account.simulator.fault("dms:DescribeTableStatistics", Fault::Throttling, 2);
        account.simulator.fault("dms:DescribeReplicationTasks", Fault::Close, 1);
        std::thread::sleep(std::time::Duration::from_secs(3));
        let said = sync.leave();
        let all = names(&said);
        assert_eq!(&all[..3], ["version", "phase", "started"], "{all:?}");
        let stopped = said.last().unwrap();
        assert!(stopped["reason"].as_str().unwrap().contains("goes on in AWS"), "{stopped}");
        let streaming = said.iter().any(|v| v["event"] == "phase" && v["phase"] == "streaming");
        assert!(streaming, "{said:?}");

        account.source.run("postgres", "INSERT INTO chart VALUES (2002, 'meanwhile', false)").unwrap();
        until("the task goes on alone", || account.count("chart WHERE id = 2002") == 1);
        account.source.run("postgres", "INSERT INTO chart VALUES (2003, 'last', NULL)").unwrap();
        let caught_up = account.run(&["sync", "--until-caught-up"], 0);
        assert!(caught_up.err.contains("runs already"), "{caught_up}");
        assert_eq!(account.count("chart WHERE id = 2003"), 1);
        account.run(&["verify"], 0);
        assert!(account.run(&["sync", "--stop"], 0).err.contains("does not run"));
        // It goes on where it was.
        account.source.run("postgres", "INSERT INTO chart VALUES (2004, 'later', NULL)").unwrap();
        account.run(&["sync", "--until-caught-up"], 0);
        assert_eq!(account.count("chart WHERE id = 2004"), 1);
    }
}

#[test]
fn rows_on_the_target_go_only_when_that_is_asked_for() {
    let account = provisioned(MyFlavor::MariaDb);
    account
        .target
        .run(Some("charts"), "CREATE TABLE artist (id int PRIMARY KEY, name varchar(40) COLLATE utf8mb4_nopad_bin)")
        .unwrap();
    account.target.run(Some("charts"), "INSERT INTO artist VALUES (7, 'kept')").unwrap();
    let refused = account.run(&["sync", "--until-caught-up"], 3);
    assert!(refused.err.contains("charts.artist holds rows"), "{refused}");
    assert_eq!(account.count("artist WHERE name = 'kept'"), 1);
    account.run(&["sync", "--until-caught-up", "--truncate-target"], 0);
    assert_eq!((account.count("artist"), account.count("chart")), (3, 1000));
}

#[test]
fn a_full_load_ends_by_itself_and_tells_of_what_failed() {
    let account = Account::new(MyFlavor::MariaDb);
    account.project.edit("engine = \"dms\"", "engine = \"dms\"\nmode = \"full-load\"");
    account
        .source
        .run(
            "postgres",
            "CREATE TABLE wrong (id int PRIMARY KEY, v double precision); INSERT INTO wrong VALUES (1, 'NaN')",
        )
        .unwrap();
    account.run(&["provision", "apply", "--yes"], 0);
    let ran = account.run(&["sync"], 3);
    assert!(ran.err.contains("public.wrong"), "{ran}");
    assert!(ran.err.contains("gave up one table"), "{ran}");
    assert_eq!(account.count("chart"), 1000, "the others are there");
}

/// Its only table cannot be loaded.
#[test]
fn a_task_that_fails_says_why() {
    let account = Account::new(MyFlavor::MariaDb);
    account
        .source
        .run(
            "postgres",
            "CREATE TABLE wrong (id int PRIMARY KEY, v double precision); INSERT INTO wrong VALUES (1, 'NaN')",
        )
        .unwrap();
    account.project.edit("include = [\"public.*\"]", "include = [\"public.wrong\"]");
    account.run(&["provision", "apply", "--yes"], 0);
    let ran = account.run(&["sync"], 3);
    assert!(ran.err.contains("DMS task charts-task is failed"), "{ran}");
    assert!(ran.err.contains("NaN"), "the log's error is told: {ran}");
}

/// The rows are there, changes arrive, and then it fails.
#[test]
fn a_task_that_fails_half_way_is_told_and_goes_on_later() {
    let account = provisioned(MyFlavor::MariaDb);
    let mut program = account.project.program();
    let child = program.arg("sync").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("the rows are there", || account.count("chart") == 1000);
    let why = "FATAL: replication slot \"dms_slot\" does not exist";
    assert!(account.simulator.fail(&task_arn(&account), why));
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(3), "{said}");
    for part in ["DMS task charts-task is failed", "cannot go on from", "does not exist", "cdc-doctor explain"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    account.source.run("postgres", "INSERT INTO chart VALUES (3001, 'later', NULL)").unwrap();
    account.run(&["sync", "--until-caught-up"], 0);
    assert_eq!(account.count("chart WHERE id = 3001"), 1);
}

/// Each call that is made while it is watched may be refused: what is only shown is missed, the rest is an error that
/// names the permission. The task goes on.
#[test]
fn each_refusal_of_a_sync_names_its_permission() {
    let account = provisioned(MyFlavor::MariaDb);
    let before = account.simulator.calls().len();
    account.run(&["sync", "--until-caught-up"], 0);
    for call in account.actions(before) {
        // A task that was left running would not be started.
        account.run(&["sync", "--stop"], 0);
        account.simulator.fault(&call, Fault::AccessDenied, 1);
        let ran = account.project.run(&["sync", "--until-caught-up"]);
        let told = ran.err.contains(&format!("Allow it the action {call} in IAM"));
        let shown_only = ["cloudwatch:GetMetricData", "dms:DescribeEndpoints"].contains(&call.as_str());
        assert!(told || shown_only && ran.status == 0, "{call}: {ran}");
    }
}

#[test]
fn an_assessment_that_fails_is_before_the_start() {
    let account = Account::new(MyFlavor::MariaDb);
    account.project.edit("[dms]\n", "[dms]\nassessment_bucket = \"charts-assessments\"\n");
    account.source.run("postgres", "CREATE TABLE keyless (v int)").unwrap();
    account.run(&["provision", "apply", "--yes"], 0);
    assert!(account.run(&["provision", "plan"], 0).out.contains("Nothing to do"));
    let refused = account.run(&["sync", "--until-caught-up"], 3);
    assert!(refused.err.contains("table-with-no-primary-key"), "{refused}");
    assert!(!account.simulator.calls().iter().any(|c| c == "dms:StartReplicationTask"));
    account.source.run("postgres", "DROP TABLE keyless").unwrap();
    let before = account.simulator.calls().len();
    account.run(&["sync", "--until-caught-up"], 0);
    assert_eq!(account.count("chart"), 1000);
    let allowed = policy::actions(policy::SYNC);
    let beyond: Vec<String> = account.actions(before).into_iter().filter(|a| !allowed.contains(a)).collect();
    assert!(beyond.is_empty(), "assets/iam/sync.json does not allow {beyond:?}");
}

#[test]
fn more_than_a_thousand_tables_are_watched() {
    let account = provisioned(MyFlavor::MariaDb);
    let sync = Watched::start(&account, &[]);
    until("the rows are there", || account.count("chart") == 1000);
    let listed = account.simulator.calls().iter().filter(|c| *c == "dms:DescribeTableStatistics").count();
    account.simulator.pretend_tables(&task_arn(&account), 1200);
    until("all pages were read", || {
        account.simulator.calls().iter().filter(|c| *c == "dms:DescribeTableStatistics").count() > listed + 8
    });
    let said = sync.leave();
    let tables =
        said.iter().filter(|v| v["event"] == "table" && v["table"].as_str().unwrap().starts_with("table_")).count();
    assert_eq!(tables, 1200);
}

fn task_arn(account: &Account) -> String {
    let status = account.run(&["provision", "status", "--format", "json"], 0).out;
    let all: serde_json::Value = serde_json::from_str(&status).unwrap();
    let task = all.as_array().unwrap().iter().find(|i| i["kind"] == "task").unwrap();
    task["arn"].as_str().unwrap().to_owned()
}

#[test]
fn a_table_is_loaded_again() {
    let account = provisioned(MyFlavor::MariaDb);
    account.run(&["sync", "--until-caught-up"], 0);
    account.target.run(Some("charts"), "UPDATE artist SET name = 'spoilt'").unwrap();
    let sync = Watched::start(&account, &["--reload", "public.artist"]);
    until("the table is mended", || account.count("artist WHERE name = 'spoilt'") == 0 && account.count("artist") == 3);
    sync.leave();
}

#[test]
fn what_is_missing_is_said() {
    let account = Account::new(MyFlavor::MariaDb);
    let ran = account.run(&["sync"], 3);
    assert!(ran.err.contains("cdc-doctor provision apply"), "{ran}");
    assert!(account.run(&["sync", "--drop-slot"], 2).err.contains("provision destroy"));
    assert!(account.run(&["sync", "--engine", "direct", "--stop"], 2).err.contains("engine `dms`"));
}

/// The same story without an instance: assessed, loaded, followed, a table loaded again, stopped, and resumed.
#[test]
fn a_serverless_replication_is_run_like_a_task() {
    let account = Account::new(MyFlavor::MariaDb);
    account.project.edit("[dms]\n", "[dms]\nserverless = true\n");
    assert!(account.run(&["sync"], 3).err.contains("cdc-doctor provision apply"));
    account.source.run("postgres", "CREATE TABLE keyless (v int)").unwrap();
    account.run(&["provision", "apply", "--yes"], 0);
    let before = account.simulator.calls().len();
    let refused = account.run(&["sync", "--until-caught-up"], 3);
    for part in ["serverless replication charts-task is failed", "assessment failed", "public.keyless"] {
        assert!(refused.err.contains(part), "no {part:?} in {refused}");
    }
    account.source.run("postgres", "DROP TABLE keyless").unwrap();
    let sync = Watched::start(&account, &[]);
    until("the rows are there", || account.count("chart") == 1000);
    account.source.run("postgres", "INSERT INTO chart VALUES (2001, 'new', true)").unwrap();
    until("the change is there", || account.count("chart WHERE id = 2001") == 1);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let said = sync.leave();
    assert!(said.iter().any(|v| v["event"] == "phase" && v["phase"] == "streaming"), "{said:?}");
    assert!(said.last().unwrap()["reason"].as_str().unwrap().contains("goes on in AWS"), "{said:?}");

    account.target.run(Some("charts"), "UPDATE artist SET name = 'spoilt'").unwrap();
    let sync = Watched::start(&account, &["--reload", "public.artist"]);
    until("the table is mended", || account.count("artist WHERE name = 'spoilt'") == 0 && account.count("artist") == 3);
    sync.leave();
    assert!(account.run(&["sync", "--stop"], 0).err.contains("stopped"));
    account.source.run("postgres", "INSERT INTO chart VALUES (2002, 'later', NULL)").unwrap();
    account.run(&["sync", "--until-caught-up"], 0);
    assert_eq!(account.count("chart WHERE id = 2002"), 1);
    let allowed = policy::actions(policy::SYNC);
    let beyond: Vec<String> = account.actions(before).into_iter().filter(|a| !allowed.contains(a)).collect();
    assert!(beyond.is_empty(), "assets/iam/sync.json does not allow {beyond:?}");
    // Its latency is found without an instance.
    assert!(account.actions(before).contains("cloudwatch:GetMetricData"), "{:?}", account.actions(before));
}

/// A full load that broke off cannot be resumed without an instance, and deletes rows only when that is asked for.
#[test]
fn a_serverless_load_that_broke_off_begins_again_only_when_asked() {
    let account = Account::new(MyFlavor::MariaDb);
    account.project.edit("engine = \"dms\"", "engine = \"dms\"\nmode = \"full-load\"");
    account.project.edit("[dms]\n", "[dms]\nserverless = true\n");
    account.source.run("postgres", "CREATE TABLE wrong (id int PRIMARY KEY, v double precision)").unwrap();
    account.source.run("postgres", "INSERT INTO wrong VALUES (1, 'NaN')").unwrap();
    account.project.edit("include = [\"public.*\"]", "include = [\"public.wrong\"]");
    account.run(&["provision", "apply", "--yes"], 0);
    let ran = account.run(&["sync"], 3);
    assert!(ran.err.contains("NaN"), "the log's error is told: {ran}");
    let again = account.run(&["sync"], 3);
    assert!(again.err.contains("does not go on with") && again.err.contains("--truncate-target"), "{again}");
    account.source.run("postgres", "UPDATE wrong SET v = 1.5").unwrap();
    account.run(&["sync", "--truncate-target"], 0);
    assert_eq!(account.count("wrong"), 1);
}
