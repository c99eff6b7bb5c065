//! The throw-away servers themselves, and the harness around them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{self, MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use mysql_async::prelude::Queryable;
use secrecy::ExposeSecret;

use crate::support;

#[test]
fn postgres_refuses_plaintext_as_rds_does() {
    let source = support::source();
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(source.server.port()).user("dms").dbname("postgres").password("x");
    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
    let refusal = support::block_on(config.connect(tokio_postgres::NoTls)).err().unwrap();
    let refusal = refusal.as_db_error().unwrap();
    assert_eq!(refusal.code().code(), "28000");
    let no_tls = if source.server.major() >= 15 { "no encryption" } else { "SSL off" };
    let wanted = format!(r#"no pg_hba.conf entry for host "127.0.0.1", user "dms", database "postgres", {no_tls}"#);
    assert_eq!(refusal.message(), wanted);
}

#[test]
fn postgres_is_ready_for_logical_replication() {
    let source = support::source();
    support::block_on(async {
        let client = source.client().await;
        for (setting, wanted) in [("wal_level", "logical"), ("rds.force_ssl", "1"), ("server_encoding", "UTF8")] {
            let row = client.query_one("SELECT current_setting($1)", &[&setting]).await.unwrap();
            assert_eq!(row.get::<_, String>(0), wanted, "{setting}");
        }
        let row = client.query_one("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
        assert!(row.get::<_, String>(0).starts_with("TLSv1"));
    });
}

#[test]
fn both_targets_speak_tls_and_are_what_they_say() {
    support::both_targets(|target| {
        let (version, plugin, tls, infile, anonymous) = support::block_on(async {
            let mut conn = target.conn().await;
            let version: String = conn.query_first("SELECT version()").await.unwrap().unwrap();
            let plugin = "SELECT plugin FROM mysql.user WHERE user = 'root' AND host = '%'";
            let plugin: String = conn.query_first(plugin).await.unwrap().unwrap();
            let tls: (String, String) = conn.query_first("SHOW STATUS LIKE 'Ssl_version'").await.unwrap().unwrap();
            let infile: bool = conn.query_first("SELECT @@local_infile").await.unwrap().unwrap();
            let anonymous = "SELECT count(*) FROM mysql.user WHERE user = ''";
            let anonymous: u32 = conn.query_first(anonymous).await.unwrap().unwrap();
            conn.disconnect().await.unwrap();
            (version, plugin, tls.1, infile, anonymous)
        });
        let is_mysql = target.server.flavor() == MyFlavor::MySql;
        assert_eq!(version.contains("MariaDB"), !is_mysql, "{version}");
        assert_eq!(plugin == "caching_sha2_password", is_mysql, "{plugin}");
        assert!(tls.starts_with("TLSv1"), "{tls}");
        assert!(infile);
        assert_eq!(anonymous, 0);
    });
}

#[test]
fn a_killed_server_comes_back_with_what_was_committed() {
    let pg = Postgres::start(&PostgresOptions::default()).unwrap();
    pg.run("postgres", "CREATE TABLE a (b int)").unwrap();
    pg.kill();
    pg.run("postgres", "SELECT 1").expect_err("a killed server answers nothing");
    pg.restart().unwrap();
    pg.run("postgres", "INSERT INTO a VALUES (1)").unwrap();

    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let my = MySqlServer::start(&MySqlOptions::new(flavor)).unwrap();
        my.run(None, "CREATE DATABASE d; CREATE TABLE d.a (b int); INSERT INTO d.a VALUES (1)").unwrap();
        my.kill();
        my.run(None, "SELECT 1").expect_err("a killed server answers nothing");
        my.restart().unwrap();
        my.run(Some("d"), "INSERT INTO a SELECT b FROM a").unwrap();
    }
}

#[test]
fn options_reach_the_server() {
    let settings = vec![("work_mem".to_owned(), "5MB".to_owned())];
    let pg = Postgres::start(&PostgresOptions { plaintext: true, settings, ..Default::default() }).unwrap();
    let url = format!("host=127.0.0.1 port={} user=postgres sslmode=disable dbname=postgres", pg.port());
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    config.password(pg.password().expose_secret());
    let work_mem = support::block_on(async {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one("SELECT current_setting('work_mem')", &[]).await.unwrap().get::<_, String>(0)
    });
    assert_eq!(work_mem, "5MB");

    let options = MySqlOptions { plaintext: false, local_infile: false, ..MySqlOptions::new(MyFlavor::MariaDb) };
    let my = MySqlServer::start(&options).unwrap();
    let sound = "SELECT IF(@@require_secure_transport AND NOT @@local_infile, 1, (SELECT 1 UNION SELECT 2))";
    my.run(None, sound).unwrap();
}

#[test]
fn an_unknown_setting_fails_with_the_server_s_own_words() {
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let error = Postgres::start(&PostgresOptions { settings, ..Default::default() }).unwrap_err().to_string();
    assert!(error.contains("PostgreSQL did not come up") && error.contains("no_such_setting"), "{error}");
}

/// Started again by the tests below in a process of its own; does nothing otherwise.
#[test]
fn child_that_starts_servers() {
    let Some(what) = std::env::var_os(CHILD) else { return };
    let pg = Postgres::start(&PostgresOptions::default()).unwrap();
    let my = MySqlServer::start_in(pg.home(), &MySqlOptions::new(MyFlavor::MariaDb)).unwrap();
    if what == "keep" {
        pg.home().keep().unwrap();
    }
    println!("\nhome {}\nport {}\nport {}", pg.home().path().display(), pg.port(), my.port());
    if what == "wait" {
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
}

const CHILD: &str = "CDC_DOCTOR_TEST_CHILD";

/// Runs [`child_that_starts_servers`] until it has told its folder and ports.
fn child(what: &str) -> (std::process::Child, PathBuf, Vec<u16>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "servers::child_that_starts_servers"])
        .env(CHILD, what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let (mut home, mut ports) = (PathBuf::new(), Vec::new());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for line in &mut lines {
        match line.split_once(' ') {
            Some(("home", path)) => home = path.into(),
            Some(("port", port)) => ports.push(port.parse().unwrap()),
            _ => {}
        }
        if ports.len() == 2 {
            break;
        }
    }
    // Its further words are nobody's, but it must be able to say them.
    std::thread::spawn(move || lines.for_each(drop));
    assert!(home.is_dir(), "the child did not start its servers");
    (child, home, ports)
}

#[test]
fn nothing_is_left_after_a_kill_that_cannot_be_caught() {
    let (mut child, home, ports) = child("wait");
    assert!(servers::is_running(&home));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_gone(&home, &ports);
}

#[test]
fn kept_servers_outlive_their_program_until_cleaned_up() {
    let (mut child, home, ports) = child("keep");
    child.wait().unwrap();
    assert!(servers::is_running(&home));
    assert!(ports.iter().all(|port| listens(*port)));
    servers::clean_up(&home).unwrap();
    assert_gone(&home, &ports);
}

#[test]
fn clean_up_leaves_a_stranger_s_folder_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("precious"), "").unwrap();
    servers::clean_up(folder.path()).unwrap();
    assert!(folder.path().join("precious").exists());
}

fn assert_gone(home: &Path, ports: &[u16]) {
    let renamed = home.with_extension("gone");
    let begun = Instant::now();
    while home.exists() || renamed.exists() || ports.iter().any(|port| listens(*port)) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} or its servers are still there", home.display());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!servers::is_running(home));
}

fn listens(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn a_project_runs_the_program_with_its_pipeline_file() {
    let source = support::source();
    source.run("CREATE TABLE t (id int PRIMARY KEY)");
    let target = support::target(MyFlavor::MariaDb);
    target.run("CREATE TABLE t (id int PRIMARY KEY)");
    let project = support::Project::new(&source, &target);
    project.edit("name = \"test\"", "name = \"renamed\"");
    assert!(project.text().contains("renamed") && project.folder().is_dir());
    let ran = project.run(&["--version"]);
    assert_eq!(ran.status, 0, "{ran}");
}
