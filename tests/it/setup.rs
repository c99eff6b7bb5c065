//! The guided setup at its prompts, in a pseudo-terminal, on real servers.

use cdc_doctor::facts::MyFlavor;

use crate::account::Account;
use crate::support::{self, Project, Source, Target};
use crate::tui::terminal::Session;

/// A folder without a pipeline file; the passwords are in the variables that setup proposes.
fn empty(source: &Source, target: &Target) -> Project {
    let project = Project::new(source, target);
    std::fs::remove_file(project.path()).unwrap();
    project
}

/// Answers all questions about the source but its database, from the name on.
fn as_far_as_the_database(session: &mut Session, source: &Source) {
    let endpoint = &source.endpoint;
    session.wait("A short name").keys("charts\r");
    session.wait("Look into an AWS account").keys("n\r");
    session.wait("Host of the source").keys(&format!("{}\r", endpoint.host));
    session.wait("Port:").keys(&format!("{}\r", endpoint.port));
    session.wait("User on the source").keys(&format!("{}\r", endpoint.user));
    session.wait("Where does the password of the source").keys("\r").wait("Name of the variable").keys("\r");
    session.wait("How is the connection protected?");
}

/// Points at the certificate authority, and takes the safest way, which then works.
fn trust(session: &mut Session, ca: &std::path::Path) {
    session.wait("with TLS, not verified  works");
    session
        .keys("name a file")
        .wait("name a file")
        .keys("\r")
        .wait("Path of the file")
        .keys(&format!("{}\r", ca.display()));
    session.wait("with TLS, verified      works").wait("How is the connection protected?").keys("\r");
}

#[test]
fn from_nothing_to_a_file_whose_checks_run() {
    support::both_targets(|target| {
        let source = support::source();
        source.run("CREATE TABLE chart (id int PRIMARY KEY, title text); CREATE TABLE log (line text)");
        let project = empty(&source, target);
        let mut session = Session::start(&project, 120, 40);
        session.wait("There is no pipeline file").keys("\r").wait("Nothing is written before you have seen it");
        as_far_as_the_database(&mut session, &source);
        trust(&mut session, source.endpoint.ca_file.as_ref().unwrap());

        // The list holds what is there; the name is picked by typing a part of it.
        session.wait("Which database of the source?").keys(&source.endpoint.database).wait(&source.endpoint.database);
        session.keys("\r").wait("Tables:").keys("\r").wait("Without:").keys("\r");
        session.wait("2 of 2 tables").wait("1 without a primary key").wait("Are these the tables?").keys("n\r");
        session.wait("Tables:").keys("\r").wait("Without:").keys("public.log\r").wait("1 of 2 tables").keys("\r");

        session.wait("Host of the target").keys(&format!("{}:{}\r", target.endpoint.host, target.endpoint.port));
        session.wait("Port:").keys("\r").wait("User on the target").keys(&format!("{}\r", target.endpoint.user));
        session.wait("Where does the password of the target").keys("\r").wait("TARGET_PASSWORD").keys("\r");
        session.wait("How is the connection protected?");
        trust(&mut session, target.endpoint.ca_file.as_ref().unwrap());
        let made = support::unique("made");
        session.wait("Which database of the target?").keys("a new one").wait("created now").keys("\r");
        session.wait("Its name:").keys(&format!("{made}\r"));
        session.wait("CREATE DATABASE").wait("Run this statement").keys("\r").wait("Done.");
        session.wait("What moves the rows?").keys("\r").wait("What is moved?").keys("\r");
        session.wait("This is the file.").wait("[tables]").wait("[sync]").keys("\r");

        session.wait("written: cdc-doctor.toml").wait(" passed");
        session.wait("Show the plan that ends these findings?").keys("n\r");
        session.wait("Open the interactive session on it?").keys("\r").wait("1 Overview").wait("last run").keys("q");
        assert_eq!(session.end(), 0);
        let text = project.text();
        assert!(text.contains(&format!("database = \"{made}\"")) && text.contains("tls = \"verify-full\""), "{text}");
        assert!(
            text.contains("exclude = [\"public.log\"]") && text.contains("{ env = \"SOURCE_PASSWORD\" }"),
            "{text}"
        );
        let ran = project.run(&["check"]);
        assert!(ran.status <= 1, "{ran}");
    });
}

#[test]
fn back_ctrl_c_and_on_from_the_draft() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let project = empty(&source, &target);
    let mut session = Session::start_with(&project, &["setup"], 110, 36);
    session.wait("A short name").keys("first\r").wait("Look into an AWS account").keys("\x1b");
    session.wait("(first)").keys("second\r").wait("Look into an AWS account").keys("n\r");
    session.wait("Host of the source").keys("pg.example\r").wait("Port:").keys("99999\r").wait("from 1 to 65535");
    session.keys("\x7f\x7f\x7f\x7f\x7f5433\r").wait("User on the source").keys("\x03");
    session.wait("cdc-doctor.toml.draft");
    assert_eq!(session.end(), 0);
    assert!(!project.path().exists());

    let mut session = Session::start_with(&project, &["setup"], 110, 36);
    session.wait("Go on with them?").keys("\r").wait("User on the source").keys("\x03");
    session.wait("cdc-doctor.toml.draft");
    assert_eq!(session.end(), 0);
    let kept = std::fs::read_to_string(project.folder().join("cdc-doctor.toml.draft")).unwrap();
    assert!(kept.contains("name = \"second\"") && kept.contains("port = 5433"), "{kept}");
}

#[test]
fn a_file_that_is_there_is_not_overwritten_unasked() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let project = Project::new(&source, &target);
    let before = project.text();
    let mut session = Session::start_with(&project, &["setup"], 110, 36);
    session.wait("This file is there already").keys("\x1b[B").wait("> leave it as it is").keys("\r");
    session.wait("nothing was written");
    assert_eq!(session.end(), 0);
    assert_eq!(project.text(), before);

    let refused = project.run(&["setup", "--set", "name=other"]);
    assert_eq!(refused.status, 2, "{refused}");
    let ran = project.run(&["setup", "-o", "other.toml", "--set", "name=other"]);
    assert!(ran.status == 2 && ran.err.contains("[source]") && ran.err.contains("[target]"), "{ran}");
    assert!(!project.folder().join("other.toml").exists());
}

#[test]
fn without_a_terminal_flags_do_it() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let project = empty(&source, &target);
    let refused = project.run(&["setup"]);
    assert!(refused.status == 2 && refused.err.contains("--from-env") && refused.err.contains("--set"), "{refused}");
    let nothing = project.run(&[]);
    assert!(nothing.status == 2 && nothing.err.contains("cdc-doctor setup"), "{nothing}");

    let (s, t) = (&source.endpoint, &target.endpoint);
    let ca = s.ca_file.as_ref().unwrap().display().to_string();
    let written = project
        .command()
        .args(["setup", "--from-env", "--set", "source.password=env:SOURCE_PASSWORD"])
        .args([
            "--set",
            "target.password=env:TARGET_PASSWORD",
            "--set",
            &format!("target.ca_file={}", t.ca_file.as_ref().unwrap().display()),
        ])
        .envs([("PGHOST", &s.host), ("PGUSER", &s.user), ("PGDATABASE", &s.database), ("PGSSLROOTCERT", &ca)])
        .envs([("MYSQL_HOST", &t.host), ("MYSQL_USER", &t.user), ("MYSQL_DATABASE", &t.database)])
        .env("PGPORT", s.port.to_string())
        .env("MYSQL_TCP_PORT", t.port.to_string())
        .output()
        .unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let ran = project.run(&["check", "--only", "NET,TLS-001,AUT"]);
    assert_eq!(ran.status, 0, "{ran}");
}

#[test]
fn the_identifier_of_an_instance_is_told_from_its_databases() {
    let mut account = Account::new(MyFlavor::MariaDb);
    std::fs::remove_file(account.project.path()).unwrap();
    account.project.set("AWS_ENDPOINT_URL", &account.simulator.url().into());
    let user = account.source.endpoint("postgres").user;
    let mut session = Session::start_with(&account.project, &["setup"], 120, 40);
    session.wait("A short name").keys("\r").wait("Look into an AWS account").keys("y\r");
    session.wait("AWS region:").keys("\r").wait("2 RDS instances");
    session.wait("Which PostgreSQL server is the source?").wait("charts-source").keys("\r");
    session.wait("User on the source").keys(&format!("{user}\r"));
    session.wait("Where does the password of the source").keys("\r").wait("SOURCE_PASSWORD").keys("\r");
    session.wait("How is the connection protected?").keys("\r");
    // The mistake that cost days: the identifier stands where the database's name belongs.
    session.wait("is the identifier of the RDS instance").wait("Which database of the source?").keys("postgres\r");
    session.wait("Tables:").keys("\x03").wait("cdc-doctor.toml.draft");
    assert_eq!(session.end(), 0);
    let kept = std::fs::read_to_string(account.project.folder().join("cdc-doctor.toml.draft")).unwrap();
    assert!(kept.contains("rds_instance = \"charts-source\"") && kept.contains("database = \"postgres\""), "{kept}");
}
