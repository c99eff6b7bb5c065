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

use crate::support::block_on;

/// Servers and a simulation of their own: its parameters are theirs.
struct Scene {
    simulator: Simulator,
    source: Arc<Postgres>,
    target: Arc<MySqlServer>,
}

impl Scene {
    fn new(flavor: MyFlavor, change: impl FnOnce(&mut Stage)) -> Self {
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
    fn play(&self, script: &str, mut answer: impl FnMut(&[&str]) -> String) {
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
            "ca": std::fs::read_to_string(self.source.ca_file()).unwrap(),
        })
    }

    fn pg(&self, sql: &str) -> String {
        block_on(async { self.source.client("postgres").await.unwrap().query_one(sql, &[]).await.unwrap().get(0) })
    }

    fn my(&self, sql: &str) -> String {
        block_on(async {
            let mut conn = self.target.conn(Some("charts")).await.unwrap();
            let value: Option<String> = conn.query_first(format!("SELECT CAST(({sql}) AS CHAR)")).await.unwrap();
            conn.disconnect().await.unwrap();
            value.unwrap_or_default()
        })
    }
}

/// The Python that `tests/run` has set up, and nothing of this process's own AWS set-up.
fn python() -> Command {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/python/bin/python");
    assert!(program.exists(), "this test needs boto3 in {}: tests/run --set-up-only", program.display());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    let nowhere = "/dev/null";
    command.env("AWS_CONFIG_FILE", nowhere).env("AWS_SHARED_CREDENTIALS_FILE", nowhere);
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "*");
    command
}

#[test]
fn boto3_understands_the_whole_account() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    scene.play("account.py", |asked| {
        match asked {
            ["tables", arn, count] => scene.simulator.pretend_tables(arn, count.parse().unwrap()),
            ["metric"] => scene.simulator.metric("AWS/RDS", "FreeStorageSpace", "charts-source", 12345.5),
            ["fault", which] => {
                let fault = match *which {
                    "Throttling" => Fault::Throttling,
                    "ExpiredToken" => Fault::ExpiredToken,
                    "AccessDenied" => Fault::AccessDenied,
                    _ => Fault::Close,
                };
                scene.simulator.fault("*", fault, 1);
            }
            other => panic!("{other:?}"),
        }
        String::new()
    });
    let calls = scene.simulator.calls();
    assert_eq!(calls[0], "rds:DescribeDBInstances");
    assert!(calls.iter().any(|call| call == "cloudwatch:GetMetricData"), "{calls:?}");
}

#[test]
fn endpoints_fail_as_the_story_tells_and_are_mended() {
    let scene = Scene::new(MyFlavor::MySql, |_| {});
    scene.simulator.create_dms_role();
    scene.play("tls.py", |asked| panic!("{asked:?}"));
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
            let password = scene.source.password().clone();
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
        scene.simulator.create_dms_role();
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
             CREATE TABLE wrong (id int PRIMARY KEY, v double precision);
             INSERT INTO wrong VALUES (1, 1.5), (2, 'NaN');
             CREATE TABLE keyless (v int)",
        );
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
            ["insert", ..] => source("INSERT INTO chart VALUES (2003, 'meanwhile')"),
            ["spoil", ..] => target("UPDATE artist SET name = 'spoiled'"),
            ["empty", ..] => target("DELETE FROM chart"),
            other => panic!("{other:?}"),
        });
    }
}
