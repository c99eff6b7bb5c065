//! The simulated AWS, as an independent client sees it: each scenario is a Python script with boto3 (`tests/it/aws/`),
//! which asks this side for what only the servers can do or tell.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::{Delays, Fault, Simulator, Stage};
use cdc_doctor::lab::servers::{Home, MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use mysql_async::prelude::Queryable;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{Project, block_on};

/// Servers and a simulation of their own: its parameters are theirs.
pub struct Scene {
    pub simulator: Simulator,
    source: Arc<Postgres>,
    target: Arc<MySqlServer>,
}

impl Scene {
    pub fn new(flavor: MyFlavor, change: impl FnOnce(&mut Stage)) -> Self {
        let home = Arc::new(Home::new().unwrap());
        let source = Arc::new(Postgres::start_in(&home, &PostgresOptions::default()).unwrap());
        let target = Arc::new(MySqlServer::start_in(&home, &MySqlOptions::new(flavor)).unwrap());
        target.run(None, "CREATE DATABASE charts CHARACTER SET utf8mb4").unwrap();
        let mut stage = Stage::new(Arc::clone(&source), Arc::clone(&target));
        stage.delays = Delays::none();
        change(&mut stage);
        Self { simulator: Simulator::start(stage).unwrap(), source, target }
    }

    /// Runs a script to its end; `answer` does what it asks for.
    pub fn play(&self, script: &str, mut answer: impl FnMut(&[&str]) -> String) {
        let mut child = python()
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/aws").join(script))
            .env("SIMULATOR", self.simulator.url())
            .env("GIVEN", self.given().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let Some(asked) = line.strip_prefix("ask ") else {
                eprintln!("{script}: {line}");
                continue;
            };
            let answer = answer(&asked.split(' ').collect::<Vec<_>>());
            writeln!(stdin, "{answer}").unwrap();
        }
        let status = child.wait().unwrap();
        assert!(status.success(), "{script} failed; its words are above");
    }

    fn given(&self) -> serde_json::Value {
        let engine = if self.target.flavor() == MyFlavor::MariaDb { "mariadb" } else { "mysql" };
        json!({
            "source": {"engine": "postgres", "port": self.source.port(), "user": self.source.superuser(),
                       "password": self.source.password().expose_secret(), "database": "postgres"},
            "target": {"engine": engine, "port": self.target.port(), "user": self.target.superuser(),
                       "password": self.target.password().expose_secret(), "database": "charts"},
            "rds": Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/rds-ca/global-bundle.pem"),
            "ca": std::fs::read_to_string(self.source.ca_file()).unwrap(),
        })
    }

    fn pg(&self, sql: &str) -> String {
        block_on(async { self.source.client("postgres").await.unwrap().query_one(sql, &[]).await.unwrap().get(0) })
    }

    fn my(&self, sql: &str) -> String {
        block_on(async {
            let mut conn = self.target.conn(Some("charts")).await.unwrap();
            let value: Option<Option<String>> = match conn.query_first(format!("SELECT CAST(({sql}) AS CHAR)")).await {
                // DMS has dropped the table and not made it again yet.
                Err(mysql_async::Error::Server(error)) if error.code == 1146 => None,
                value => value.unwrap(),
            };
            conn.disconnect().await.unwrap();
            value.flatten().unwrap_or_default()
        })
    }
}

/// The Python that `tests/run` has set up, and nothing of this process's own AWS set-up.
fn python() -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/python");
    assert!(folder.join("bin/python").exists(), "no boto3 in {}: run tests/run --set-up-only", folder.display());
    let program = folder.join("bin/python");
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    let nowhere = "/dev/null";
    command.env("AWS_CONFIG_FILE", nowhere).env("AWS_SHARED_CREDENTIALS_FILE", nowhere);
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "*");
    command
}

/// The fault that a script asks for by its name.
pub fn fault(which: &str) -> Fault {
    match which {
        "Throttling" => Fault::Throttling,
        "ExpiredToken" => Fault::ExpiredToken,
        "AccessDenied" => Fault::AccessDenied,
        "Close" => Fault::Close,
        other => panic!("{other}"),
    }
}

#[test]
fn boto3_understands_the_whole_account() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    scene.play("account.py", |asked| {
        match asked {
            ["tables", arn, count] => scene.simulator.pretend_tables(arn, count.parse().unwrap()),
            ["metric"] => scene.simulator.metric("AWS/RDS", "FreeStorageSpace", "charts-source", 12345.5),
            ["fault", which] => scene.simulator.fault("*", fault(which), 1),
            other => panic!("{other:?}"),
        }
        String::new()
    });
    let calls = scene.simulator.calls();
    assert_eq!(calls[0], "rds:DescribeDBInstances");
    assert!(calls.iter().any(|call| call == "cloudwatch:GetMetricData"), "{calls:?}");
}

#[test]
fn the_network_is_described_closed_and_opened() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    scene.play("network.py", |asked| panic!("{asked:?}"));
}

#[test]
fn endpoints_fail_as_the_story_tells_and_are_mended() {
    let scene = Scene::new(MyFlavor::MySql, |_| {});
    scene.simulator.create_dms_roles();
    scene.play("tls.py", |asked| {
        match asked {
            ["refuse", name] => scene.simulator.refuse_connections(name, Some("timeout expired, on purpose")),
            ["accept", name] => scene.simulator.refuse_connections(name, None),
            other => panic!("{other:?}"),
        }
        String::new()
    });
}

#[test]
fn parameters_hold_on_the_server_when_rds_says_so() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    scene.play("parameters.py", |asked| match asked {
        ["show", name] => scene.pg(&format!("SHOW {name}")),
        ["variable", name] => scene.my(&format!("SELECT IF(@@GLOBAL.{name}, 1, 0)")),
        ["plaintext"] => {
            let mut endpoint = scene.source.endpoint("postgres");
            endpoint.tls = cdc_doctor::pipeline::TlsMode::Disable;
            let password = scene.source.password().clone().into();
            let opened = block_on(cdc_doctor::connect::postgres::open(&endpoint, Some(&password)));
            if opened.is_ok() { "accepted" } else { "refused" }.to_owned()
        }
        other => panic!("{other:?}"),
    });
}

#[test]
fn a_task_moves_rows_and_their_changes_on_both_targets() {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        eprintln!("on {flavor:?}");
        let scene = Scene::new(flavor, |stage| stage.logical_replication = true);
        scene.simulator.create_dms_roles();
        let source = |sql: &str| {
            scene.source.run("postgres", sql).unwrap();
            String::new()
        };
        let target = |sql: &str| {
            scene.target.run(Some("charts"), sql).unwrap();
            String::new()
        };
        source(
            "CREATE TABLE chart (id int PRIMARY KEY, song text);
             INSERT INTO chart SELECT n, 'song ' || n FROM generate_series(1, 1000) n;
             CREATE TABLE artist (id int PRIMARY KEY, name varchar(40));
             INSERT INTO artist VALUES (1, 'ABBA'), (2, 'Björk'), (3, NULL);
             CREATE TABLE \"wrong\tone\" (id int PRIMARY KEY, v double precision);
             INSERT INTO \"wrong\tone\" VALUES (1, 1.5), (2, 'NaN');
             CREATE TABLE late (id int PRIMARY KEY, v double precision);
             CREATE TABLE keyless (v int)",
        );
        // DMS drops what is there, unless told otherwise.
        target("CREATE TABLE artist (id int, other blob); INSERT INTO artist VALUES (1, 'x')");
        scene.play("moves.py", |asked| match asked {
            ["count", table] => scene.my(&format!("SELECT count(*) FROM {table}")),
            ["song", id] => scene.my(&format!("SELECT song FROM chart WHERE id = {id}")),
            ["artist"] => scene.my("SELECT name FROM artist WHERE id = 1"),
            ["slots"] => scene.pg("SELECT count(*)::text FROM pg_replication_slots"),
            ["change"] => source(
                "INSERT INTO chart VALUES (2001, 'new'), (2002, 'newer');
                 UPDATE chart SET song = 'changed' WHERE id IN (5, 6, 7);
                 DELETE FROM chart WHERE id = 9",
            ),
            ["new", ..] => source("INSERT INTO artist VALUES (4, 'new')"),
            ["newer", ..] => source("INSERT INTO artist VALUES (5, 'newer')"),
            ["spoil", "the", "source"] => source("INSERT INTO late VALUES (1, 'NaN')"),
            ["insert", ..] => source("INSERT INTO chart VALUES (2003, 'meanwhile')"),
            ["spoil", ..] => target("UPDATE artist SET name = 'spoiled'"),
            ["fail", arn] => scene.simulator.fail(arn, "the replication slot is gone").to_string(),
            ["empty", ..] => target("DELETE FROM chart"),
            other => panic!("{other:?}"),
        });
    }
}

/// The SDK of this program reads the same answers.
#[test]
fn the_rust_sdk_understands_it_too() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    let (url, simulator) = (scene.simulator.url(), &scene.simulator);
    block_on(async {
        let credentials = aws_sdk_rds::config::Credentials::new("simulation", "simulation", None, None, "test");
        let region = aws_sdk_rds::config::Region::new(simulator.region().to_owned());
        let rds = aws_sdk_rds::Client::from_conf(
            aws_sdk_rds::Config::builder()
                .behavior_version_latest()
                .endpoint_url(&url)
                .region(region.clone())
                .credentials_provider(credentials.clone())
                .build(),
        );
        let dms = aws_sdk_databasemigration::Client::from_conf(
            aws_sdk_databasemigration::Config::builder()
                .behavior_version_latest()
                .endpoint_url(&url)
                .region(region)
                .credentials_provider(credentials)
                .build(),
        );
        let instances = rds.describe_db_instances().send().await.unwrap();
        let source = &instances.db_instances()[0];
        assert_eq!(source.endpoint().unwrap().port(), Some(i32::from(scene.source.port())));
        assert!(source.instance_create_time().is_some());
        let group = source.db_parameter_groups()[0].db_parameter_group_name().unwrap();
        let pages = rds.describe_db_parameters().db_parameter_group_name(group).into_paginator().items().send();
        let parameters: Vec<_> = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
        let force_ssl = parameters.iter().find(|p| p.parameter_name() == Some("rds.force_ssl")).unwrap();
        assert_eq!((force_ssl.parameter_value(), force_ssl.is_modifiable()), (Some("1"), Some(true)));
        let missing = rds.describe_db_instances().db_instance_identifier("nobody").send().await.unwrap_err();
        assert!(missing.into_service_error().is_db_instance_not_found_fault());

        let refused = dms.describe_table_statistics().replication_task_arn("arn").send().await.unwrap_err();
        assert!(refused.into_service_error().is_resource_not_found_fault());
        let subnets = ["a", "b"].map(|zone| format!("subnet-0000000051300000{zone}"));
        let made = dms
            .create_replication_subnet_group()
            .replication_subnet_group_identifier("g")
            .replication_subnet_group_description("d")
            .set_subnet_ids(Some(subnets.into()));
        assert!(made.clone().send().await.unwrap_err().into_service_error().is_access_denied_fault());
        simulator.create_dms_roles();
        made.send().await.unwrap();
        // The SDK tries again by itself when it is throttled, or when the connection breaks.
        for fault in [Fault::Throttling, Fault::Close] {
            simulator.fault("dms:DescribeReplicationSubnetGroups", fault, 1);
            let groups = dms.describe_replication_subnet_groups().send().await.unwrap();
            assert_eq!(groups.replication_subnet_groups()[0].subnets().len(), 2);
        }
        let tries = simulator.calls().iter().filter(|c| *c == "dms:DescribeReplicationSubnetGroups").count();
        assert_eq!(tries, 4);
    });
}

#[test]
fn a_lab_with_aws_runs_until_it_is_told_to_end() {
    let project = Project::with_text("");
    let mut program = project.program();
    program.env("XDG_STATE_HOME", project.folder()).args(["lab", "up", "--aws"]);
    let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains("task = ")).collect();
    let said = said.join("\n");
    let url = said.split("AWS_ENDPOINT_URL=").nth(1).unwrap().split(' ').next().unwrap();
    let list = "import boto3\n\
                instances = boto3.client('rds').describe_db_instances()['DBInstances']\n\
                print([i['DBInstanceIdentifier'] for i in instances])";
    let keys = [("AWS_ENDPOINT_URL", url), ("AWS_REGION", "eu-west-2"), ("AWS_DEFAULT_REGION", "eu-west-2")];
    let secrets = [("AWS_ACCESS_KEY_ID", "simulation"), ("AWS_SECRET_ACCESS_KEY", "simulation")];
    let listed = python().args(["-c", list]).envs(keys).envs(secrets).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), "['charts-source', 'charts-target']", "{listed:?}");
    let run = |args: &[&str]| {
        let output = project.command().env("XDG_STATE_HOME", project.folder()).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["lab", "status"]).contains(url));
    assert!(run(&["lab", "down"]).contains("stopped"));
    assert!(child.wait().unwrap().success());
    assert!(run(&["lab", "status"]).contains("no practice pipeline is running"));
}
