//! Faults of the source that cut sessions short, hide rows or slow decoding down: seeded on real servers, told by the
//! check that knows them.

use cdc_doctor::diagnose::Outcome;
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{Postgres, PostgresOptions};
use cdc_doctor::pipeline::EngineKind;

use crate::checks::{Case, Seen};
use crate::support::{self, Source};

/// A pipeline whose source has one table.
fn sound() -> (Case, Source) {
    let source = support::source();
    source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
    (Case::new(&source, &support::target(MyFlavor::MariaDb)), source)
}

/// What is seen, judged for a pipeline that DMS moves.
fn by_dms(case: &Case) -> Seen {
    let mut facts = case.look().facts;
    facts.pipeline.sync.engine = EngineKind::Dms;
    Seen::of(facts)
}

#[test]
fn limits_on_sessions_are_told_and_taken_away() {
    let (mut case, source) = sound();
    case.source_role(
        &source,
        "GRANT SELECT ON weekly_chart TO {role}; ALTER ROLE {role} SET idle_session_timeout = '10min';
         ALTER ROLE {role} SET idle_in_transaction_session_timeout = '1min'; ALTER ROLE {role} SET lock_timeout = '3s'",
    );
    assert_eq!(case.look().causes(), [""; 0], "the engine direct sets them to 0 itself");
    let seen = by_dms(&case);
    case.apply("SRC-009", &seen.finding("SRC-009"));
    let Outcome::Fail(limits) = seen.outcome("SRC-011") else { panic!("{:?}", seen.outcome("SRC-011")) };
    assert_eq!(limits.len(), 2);
    limits.iter().for_each(|limit| case.apply("SRC-011", limit));
    let seen = by_dms(&case);
    for code in ["SRC-009", "SRC-011"] {
        assert!(matches!(seen.outcome(code), Outcome::Pass), "{code}: {:?}", seen.outcome(code));
    }
}

#[test]
fn row_level_security_counts_where_it_holds_for_the_login() {
    let (mut case, source) = sound();
    source.run("ALTER TABLE weekly_chart ENABLE ROW LEVEL SECURITY");
    assert_eq!(case.look().causes(), [""; 0], "it does not hold for a superuser");
    case.source_role(&source, "GRANT SELECT ON weekly_chart TO {role}");
    let seen = case.look();
    assert_eq!(seen.causes(), ["SRC-028"]);
    source.run(&seen.finding("SRC-028").fix.unwrap().summary);
    assert_eq!(case.look().causes(), [""; 0]);
}

#[test]
fn another_encoding_is_told() {
    let (case, source) = sound();
    let database = support::unique("ascii");
    source.run(&format!("CREATE DATABASE {database} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"));
    case.set("source.database", &database);
    let finding = case.look().finding("SRC-029");
    assert!(finding.message.ends_with("holds text in no known encoding (SQL_ASCII)"), "{}", finding.message);
}

/// Extensions, event triggers, subscriptions and what is written to, as the collector sees them.
#[test]
fn what_is_installed_and_written_to_is_seen() {
    let (case, source) = sound();
    source.run(
        "CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE EVENT TRIGGER awsdms_intercept_ddl ON ddl_command_end EXECUTE FUNCTION seen();
         CREATE TABLE parts (id int) PARTITION BY RANGE (id);
         CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
         CREATE SUBSCRIPTION upstream CONNECTION 'host=localhost' PUBLICATION p
             WITH (connect = false, enabled = false, slot_name = NONE)",
    );
    source.run("INSERT INTO parts SELECT generate_series(1, 500)");
    let mut facts = case.look().facts;
    let installed = facts.source.installed.value().unwrap();
    assert_eq!(
        (&installed.extensions[..], &installed.subscriptions[..]),
        (&["plpgsql".into()][..], &["upstream".into()][..])
    );
    assert_eq!(installed.event_triggers.len(), 1);
    assert_eq!(
        (installed.event_triggers[0].name.as_str(), installed.event_triggers[0].enabled.as_str()),
        ("awsdms_intercept_ddl", "O")
    );
    // The server's statistics come a moment later.
    for _ in 0..50 {
        let most = facts.source.written.value().unwrap().first().cloned();
        if most.is_some_and(|w| (w.table.as_str(), w.rows) == ("parts", 500)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        facts = case.look().facts;
    }
    panic!("{:?}", facts.source.written);
}

/// A transaction larger than the memory for decoding.
#[test]
fn what_decoding_writes_to_disk_is_seen() {
    let server = Postgres::start(&PostgresOptions {
        settings: vec![("logical_decoding_work_mem".to_owned(), "64kB".to_owned())],
        ..PostgresOptions::default()
    })
    .unwrap();
    // A `Source` borrows its server for ever; the end of the process ends it all the same.
    let server: &'static Postgres = Box::leak(Box::new(server));
    let run = |sql: &str| server.run("postgres", sql).unwrap();
    run("CREATE TABLE chart (id int PRIMARY KEY)");
    run("SELECT pg_create_logical_replication_slot('spilling', 'test_decoding')");
    run("INSERT INTO chart SELECT generate_series(1, 20000)");
    run("SELECT count(*) FROM pg_logical_slot_get_changes('spilling', NULL, NULL)");
    let source = Source { server, endpoint: server.endpoint("postgres"), password: server.password().clone() };
    let case = Case::new(&source, &support::target(MyFlavor::MariaDb));
    for _ in 0..50 {
        let slots = case.look().facts.source.slots;
        if slots.value().unwrap()[0].spilled_bytes.is_some_and(|bytes| bytes > 100_000) {
            server.stop();
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{:?}", case.look().facts.source.slots);
}
