//! A simulated AWS account with a pipeline in it.

use std::sync::Arc;

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::{Delays, Simulator, Stage};
use cdc_doctor::lab::servers::{Home, MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use mysql_async::prelude::Queryable;
use secrecy::SecretString;

use crate::support::{Project, Ran, block_on};

/// Servers, a simulation on them, and a pipeline file that names both.
pub struct Account {
    pub simulator: Simulator,
    pub source: Arc<Postgres>,
    pub target: Arc<MySqlServer>,
    pub project: Project,
}

impl Account {
    /// A sound pipeline of the superusers; its source follows changes already.
    pub fn new(flavor: MyFlavor) -> Self {
        let home = Arc::new(Home::new().unwrap());
        let source = Arc::new(Postgres::start_in(&home, &PostgresOptions::default()).unwrap());
        let target = Arc::new(MySqlServer::start_in(&home, &MySqlOptions::new(flavor)).unwrap());
        target.run(None, "CREATE DATABASE charts CHARACTER SET utf8mb4").unwrap();
        source
            .run(
                "postgres",
                "CREATE TABLE chart (id int PRIMARY KEY, song text, is_new boolean);
                 INSERT INTO chart SELECT n, 'song ' || n, n % 2 = 0 FROM generate_series(1, 1000) n;
                 CREATE TABLE artist (id int PRIMARY KEY, name varchar(40));
                 INSERT INTO artist VALUES (1, 'ABBA'), (2, 'Björk'), (3, NULL)",
            )
            .unwrap();
        let mut stage = Stage::new(Arc::clone(&source), Arc::clone(&target));
        (stage.delays, stage.logical_replication) = (Delays::none(), true);
        let simulator = Simulator::start(stage).unwrap();
        let project = project(&simulator.url(), &source, &target);
        Self { simulator, source, target, project }
    }

    /// Runs the program, which must end with this status.
    #[track_caller]
    pub fn run(&self, args: &[&str], status: i32) -> Ran {
        let ran = self.project.run(args);
        assert_eq!(ran.status, status, "{args:?}: {ran}");
        ran
    }

    /// Counts on the target.
    pub fn count(&self, table: &str) -> u64 {
        block_on(async {
            let mut conn = self.target.conn(Some("charts")).await.unwrap();
            let count: Option<u64> = conn.query_first(format!("SELECT count(*) FROM {table}")).await.unwrap_or(None);
            conn.disconnect().await.unwrap();
            count.unwrap_or(0)
        })
    }

    /// The actions that were called since there were `before` calls, each once.
    pub fn actions(&self, before: usize) -> std::collections::BTreeSet<String> {
        self.simulator.calls().split_off(before).into_iter().collect()
    }
}

/// A pipeline file for that AWS.
pub fn project(url: &str, source: &Postgres, target: &MySqlServer) -> Project {
    let (s, t) = (source.endpoint("postgres"), target.endpoint("charts"));
    let ca = source.ca_file().display().to_string();
    let text = format!(
        "name = \"charts\"\n\n\
         [source]\nhost = \"localhost\"\nport = {}\ndatabase = \"postgres\"\nuser = {:?}\n\
         password = {{ env = \"SOURCE_PASSWORD\" }}\ntls = \"require\"\nrds_instance = \"charts-source\"\n\n\
         [target]\nhost = \"localhost\"\nport = {}\ndatabase = \"charts\"\nuser = {:?}\n\
         password = {{ env = \"TARGET_PASSWORD\" }}\ntls = \"verify-full\"\nca_file = {ca:?}\n\
         rds_instance = \"charts-target\"\n\n\
         [tables]\ninclude = [\"public.*\"]\nexclude = [\"public.awsdms_*\"]\n\n\
         [sync]\nengine = \"dms\"\n\n\
         [aws]\nregion = \"eu-west-2\"\nendpoint_url = {url:?}\n\n\
         [dms]\n",
        s.port, s.user, t.port, t.user,
    );
    let mut project = Project::with_text(&text);
    project.set("SOURCE_PASSWORD", source.password());
    project.set("TARGET_PASSWORD", target.password());
    project.set("AWS_ACCESS_KEY_ID", &SecretString::from("simulation"));
    project.set("AWS_SECRET_ACCESS_KEY", &SecretString::from("simulation"));
    project
}
