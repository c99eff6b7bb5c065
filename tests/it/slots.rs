//! What continuous sync stands on, on real servers: slots, the publication, the engine's own tables on the target. Each
//! fault is seeded, told by the check that knows it, and gone once it is mended.

use std::time::Duration;

use cdc_doctor::connect;
use cdc_doctor::connect::replication::Stream;
use cdc_doctor::diagnose::Outcome;
use cdc_doctor::facts::{Fact, Facts, MyFlavor, PgSetting, Slot, Span};
use cdc_doctor::lab::servers::{Postgres, PostgresOptions};
use cdc_doctor::quote::{my_literal, pg_ident, pg_literal};
use cdc_doctor::schema::{self, Dialect};
use serde_json::Value;

use crate::checks::{Case, Seen, notes};
use crate::support::{self, Source, Target, unique};

/// Reads from a slot as sync does, for as long as it lives; it confirms nothing.
pub async fn reader(source: &Source, slot: &str, publication: &str) -> Stream {
    free(&source.client().await, slot).await;
    let session =
        connect::postgres::open_replication(&source.endpoint, Some(&source.password.clone().into())).await.unwrap();
    let publication = pg_literal(&pg_ident(publication));
    let options = format!("proto_version '1', publication_names {publication}");
    let start = format!("START_REPLICATION SLOT {} LOGICAL 0/0 ({options})", pg_ident(slot));
    session.start(&start).await.unwrap()
}

/// Waits until the reader before has let go of the slot.
async fn free(client: &tokio_postgres::Client, slot: &str) {
    let busy = "SELECT active FROM pg_replication_slots WHERE slot_name = $1";
    while client.query_one(busy, &[&slot]).await.unwrap().get(0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The tables that the engine `direct` keeps on the target.
pub const BOOKS: &str = "
    CREATE TABLE cdc_doctor_checkpoint (
      pipeline VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, slot VARCHAR(63) NOT NULL,
      source VARCHAR(255) NOT NULL, lsn BIGINT UNSIGNED NULL, epoch BIGINT UNSIGNED NOT NULL,
      batch BIGINT UNSIGNED NOT NULL, committed_at DATETIME(6) NULL, updated_at DATETIME(6) NOT NULL);
    CREATE TABLE cdc_doctor_tables (
      pipeline VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, source_schema VARCHAR(63), source_table VARCHAR(63),
      state VARCHAR(16) NOT NULL, lsn BIGINT UNSIGNED NULL, PRIMARY KEY (pipeline, source_schema, source_table))";

/// Notes a table as loaded. The pipeline of every test is called `test`.
pub fn note_as_loaded(target: &Target, table: &str) {
    target.run(&format!("INSERT INTO cdc_doctor_tables VALUES ('test', 'public', {}, 'loaded', 1)", my_literal(table)));
}

/// A PostgreSQL of the test's own.
pub fn own_server(settings: &[(&str, &str)]) -> Source {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let server = Postgres::start(&PostgresOptions { settings, ..PostgresOptions::default() }).unwrap();
    // A `Source` borrows its server for ever; the end of the process ends it all the same.
    let server: &'static Postgres = Box::leak(Box::new(server));
    Source { server, endpoint: server.endpoint("postgres"), password: server.password().clone() }
}

/// Moves the WAL on by so many segments of 16 MB.
fn write_segments(source: &Source, count: usize) {
    support::block_on(async {
        let client = source.client().await;
        for _ in 0..count {
            client.batch_execute("SELECT pg_logical_emit_message(false, 'test', 'x')").await.unwrap();
            client.batch_execute("SELECT pg_switch_wal()").await.unwrap();
        }
    });
}

/// Changes a setting for good and waits until new sessions have it.
pub fn alter_system(source: &Source, name: &str, value: &str) {
    support::block_on(async {
        let client = source.client().await;
        client.batch_execute(&format!("ALTER SYSTEM SET {name} = {}", pg_literal(value))).await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let show = format!("SHOW {name}");
        while client.query_one(&show, &[]).await.unwrap().get::<_, String>(0) != value {
            tokio::task::yield_now().await;
        }
    });
}

fn make_slot(source: &Source, name: &str, plugin: &str) {
    source.run(&format!("SELECT pg_create_logical_replication_slot({}, '{plugin}')", pg_literal(name)));
}

fn drop_slot(source: &Source, name: &str) {
    source.run(&format!("SELECT pg_drop_replication_slot({})", pg_literal(name)));
}

#[track_caller]
fn unknown(seen: &Seen, code: &str) -> String {
    match seen.outcome(code) {
        Outcome::Unknown(why) => why.clone(),
        other => panic!("{code} should be unknown: {other:?}"),
    }
}

/// The same facts, of a server whose WAL grows so fast.
fn growing(mut facts: Facts, per_hour: u64) -> Seen {
    if let Fact::Known(wal) = &mut facts.source.wal {
        wal.look = Span { bytes: 0, seconds: 0.1 };
        wal.total = Some(Span { bytes: per_hour, seconds: 3600.0 });
    }
    Seen::of(facts)
}

/// The same facts, had the source not been on RDS, as which the test servers pass themselves off.
fn not_on_rds(mut facts: Facts) -> Seen {
    if let Fact::Known(session) = &mut facts.source.session {
        session.is_rds = false;
    }
    Seen::of(facts)
}

#[test]
fn slots_without_a_reader_are_told_until_they_are_read_dropped_or_lost() {
    let source = own_server(&[]);
    source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY); CREATE PUBLICATION cdc_doctor_test FOR ALL TABLES");
    let case = Case::new(&source, &support::target(MyFlavor::MariaDb));
    case.look().assert_causes(&[], &[]);

    make_slot(&source, "orphan", "pgoutput");
    write_segments(&source, 5);
    let seen = case.look();
    seen.assert_causes(&["SRC-015", "SRC-022"], &[]);
    let why = unknown(&seen, "SRC-024");
    assert!(why.contains("\"orphan\" holds back ") && why.contains("how much disk is free"), "{why}");
    source.run(&notes(&seen.finding("SRC-022"))[1]);
    case.look().assert_causes(&[], &[]);

    make_slot(&source, "cdc_doctor_test", "pgoutput");
    let seen = case.look();
    seen.assert_causes(&["SRC-023"], &[]);
    not_on_rds(seen.facts).assert_causes(&["SRC-022"], &[]);
    support::block_on(async {
        let _reader = reader(&source, "cdc_doctor_test", "cdc_doctor_test").await;
        let facts = cdc_doctor::facts::collect(&case.pipeline(), &case.passwords, &|_| {}).await;
        assert!(facts.source.slots.known().unwrap()[0].active_pid.is_some());
        Seen::of(facts).assert_causes(&[], &[]);
    });

    a_bounded_slot_is_followed_to_its_end(&case, &source);
}

/// The pipeline's own slot, from a bound that is enough to the loss of its WAL.
fn a_bounded_slot_is_followed_to_its_end(case: &Case, source: &Source) {
    alter_system(source, "max_slot_wal_keep_size", "256MB");
    write_segments(source, 5);
    let facts = case.look().facts;
    let wal = facts.source.wal.known().unwrap();
    assert!(wal.look.seconds > 0.0 && wal.total.is_some_and(|t| t.bytes > 0), "{wal:?}");
    growing(facts.clone(), 1_000_000).assert_causes(&["SRC-023"], &[]);
    let seen = growing(facts, 80_000_000);
    seen.assert_causes(&["SRC-014", "SRC-023", "SRC-024"], &[]);
    assert!(seen.finding("SRC-014").message.starts_with("A stop of 3 h "), "{}", seen.finding("SRC-014").message);
    let found = seen.finding("SRC-024");
    assert!(found.message.contains("\"cdc_doctor_test\" has 2 h "), "{}", found.message);

    alter_system(source, "max_slot_wal_keep_size", "96MB");
    write_segments(source, 1);
    let found = case.look().finding("RUN-009");
    assert!(found.message.contains("the source gives it up"), "{}", found.message);

    write_segments(source, 8);
    let found = case.look().finding("RUN-009");
    assert!(found.message.contains("it goes with the next checkpoint"), "{}", found.message);

    source.run("CHECKPOINT");
    let seen = case.look();
    let found = seen.finding("RUN-009");
    assert!(found.message.contains("by more than max_slot_wal_keep_size"), "{}", found.message);
    assert_eq!(seen.finding("SRC-014").evidence.last().unwrap().1, "lost");
    assert_eq!(seen.outcome("SRC-023"), &Outcome::Pass, "a lost slot holds nothing back");
    source.run(notes(&found)[0].split_once(" (it is").unwrap().0);
    assert!(matches!(case.look().outcome("RUN-009"), Outcome::NotApplicable(_)));
}

/// PostgreSQL has this setting since version 18: its row is put among the facts of the server at hand.
#[test]
fn a_source_that_gives_up_idle_slots_is_told() {
    let case = Case::new(&support::source(), &support::target(MyFlavor::MariaDb));
    let mut facts = case.look().facts;
    let version = facts.source.session.known().unwrap().version_num;
    if let Fact::Known(settings) = &mut facts.source.settings {
        assert_eq!(settings.contains_key("idle_replication_slot_timeout"), version >= 180_000);
        let setting = PgSetting {
            value: "3600".into(),
            unit: Some("s".into()),
            context: "sighup".into(),
            pending_restart: false,
            source: "configuration file".into(),
        };
        settings.insert("idle_replication_slot_timeout".into(), setting);
    }
    let seen = Seen::of(facts);
    seen.assert_causes(&["SRC-016"], &[]);
    assert!(seen.finding("SRC-016").message.contains("stopped for 1 h 0 min"));
}

/// A pipeline with a slot of its own on the shared server, and a sync that was stopped an hour ago in good order.
struct Stopped {
    case: Case,
    source: Source,
    slot: String,
}

impl Stopped {
    fn new(target: &Target) -> Self {
        let source = support::source();
        let slot = unique("slot");
        source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE weekly_chart");
        make_slot(&source, &slot, "pgoutput");
        let case = Case::new(&source, target);
        case.set("sync.slot", &slot).set("sync.publication", "p");
        target.run(BOOKS);
        note_as_loaded(target, "weekly_chart");
        let stopped = Self { case, source, slot };
        stopped.checkpoint(target);
        stopped
    }

    fn slot(&self) -> Slot {
        let facts = self.case.look().facts;
        facts.source.slots.known().unwrap().iter().find(|s| s.name == self.slot).unwrap().clone()
    }

    /// Writes a checkpoint that goes with the slot as it is.
    fn checkpoint(&self, target: &Target) {
        let facts = self.case.look().facts;
        let server = facts.source.system_identifier.known().unwrap();
        target.run(&format!(
            "REPLACE INTO cdc_doctor_checkpoint VALUES ('test', {}, {}, {}, 1, 1, UTC_TIMESTAMP(6) - INTERVAL 2 HOUR,
                                                        UTC_TIMESTAMP(6) - INTERVAL 1 HOUR)",
            my_literal(&self.slot),
            my_literal(&format!("{server}/{}", self.source.endpoint.database)),
            self.slot().confirmed_lsn.unwrap()
        ));
    }

    #[track_caller]
    fn finding(&self) -> String {
        self.case.look().finding("RUN-009").message
    }
}

#[test]
fn a_sync_that_cannot_go_on_from_its_slot_is_told_why() {
    support::both_targets(|target| {
        let stopped = Stopped::new(target);
        let (case, source, slot) = (&stopped.case, &stopped.source, pg_literal(&stopped.slot));
        assert_eq!(case.look().outcome("RUN-009"), &Outcome::Pass);
        let checkpoint = case.look().facts.target.checkpoint.known().unwrap().clone().unwrap();
        assert_eq!(checkpoint.lsn, stopped.slot().confirmed_lsn);
        assert!((3600.0..3700.0).contains(&checkpoint.age_seconds), "{checkpoint:?}");
        assert!(checkpoint.commit_age_seconds.is_some_and(|s| s >= 7200.0), "{checkpoint:?}");

        source.run("INSERT INTO weekly_chart VALUES (1)");
        source.run(&format!("SELECT pg_replication_slot_advance({slot}, pg_current_wal_lsn())"));
        let found = case.look().finding("RUN-009");
        assert!(found.silent_loss && found.message.contains("ahead of what the target has"), "{}", found.message);
        stopped.checkpoint(target);
        assert_eq!(case.look().outcome("RUN-009"), &Outcome::Pass);

        source.run("ALTER PUBLICATION p SET (publish = 'insert')");
        let found = case.look().finding("RUN-009");
        assert!(found.message.contains("leaves out every update and delete"), "{}", found.message);
        case.apply("RUN-009", &found);
        source.run("CREATE TABLE other (id int PRIMARY KEY); ALTER PUBLICATION p SET TABLE other");
        let found = case.look().finding("RUN-009");
        assert!(found.silent_loss && found.subject == "public.weekly_chart", "{found:?}");
        source.run(notes(&found)[0].split_once(": ").unwrap().1);
        assert_eq!(case.look().outcome("RUN-009"), &Outcome::Pass);
        source.run("DROP PUBLICATION p");
        assert!(stopped.finding().contains("\"p\" is not there"));
        source.run("CREATE PUBLICATION p FOR ALL TABLES");

        target.run("UPDATE cdc_doctor_checkpoint SET source = '1/elsewhere'");
        assert!(stopped.finding().contains("from another server"));
        stopped.checkpoint(target);

        case.set("sync.slot", "renamed");
        case.apply("RUN-009", &case.look().finding("RUN-009"));
        assert_eq!(case.pipeline().sync.slot, stopped.slot);

        drop_slot(source, &stopped.slot);
        assert!(stopped.finding().contains("in the last 2 h 0 min cannot be read any more"));
    });
}

#[test]
fn a_slot_of_another_kind_is_told() {
    let target = support::target(MyFlavor::MariaDb);
    let stopped = Stopped::new(&target);
    let (source, slot) = (&stopped.source, pg_literal(&stopped.slot));
    for (make, words) in [
        (format!("SELECT pg_create_logical_replication_slot({slot}, 'test_decoding')"), "the engine reads pgoutput"),
        (format!("SELECT pg_create_physical_replication_slot({slot})"), "physical"),
        (format!("SELECT pg_create_logical_replication_slot({slot}, 'pgoutput', false, true)"), "two_phase"),
    ] {
        drop_slot(source, &stopped.slot);
        source.run(&make);
        let message = stopped.finding();
        assert!(message.contains(words), "{message}");
    }
    drop_slot(source, &stopped.slot);

    // In another database of the server; the harness leaves such slots out of what it judges.
    let other = support::source();
    make_slot(&other, &stopped.slot, "pgoutput");
    let facts =
        support::block_on(cdc_doctor::facts::collect(&stopped.case.pipeline(), &stopped.case.passwords, &|_| {}));
    let message = Seen::of(facts).finding("RUN-009").message;
    assert!(message.contains(&format!("belongs to the database \"{}\"", other.endpoint.database)), "{message}");
    drop_slot(&other, &stopped.slot);
}

/// Makes the target's tables as the first start of sync does.
pub fn create_targets(facts: &Facts, target: &Target) {
    let dialect = Dialect::from(facts.target.session.known().unwrap());
    for table in facts.source.tables.known().unwrap() {
        target.run(&schema::target_table(table, &facts.pipeline, dialect).create_sql());
    }
}

#[test]
fn tables_that_change_their_form_under_sync_are_told_once_with_what_sync_makes_of_it() {
    support::both_targets(|target| {
        let stopped = Stopped::new(target);
        let (case, source) = (&stopped.case, &stopped.source);
        create_targets(&case.look().facts, target);
        assert_eq!(case.look().outcome("RUN-017"), &Outcome::Pass);

        source.run("ALTER TABLE weekly_chart ADD COLUMN label varchar(20)");
        let seen = case.look();
        assert_eq!(seen.outcome("TSC-005"), &Outcome::Pass, "RUN-017 tells it");
        let found = seen.finding("RUN-017");
        assert!(found.message.contains("with on_schema_change = \"stop\" sync ends"), "{}", found.message);
        case.set("sync.on_schema_change", "add-columns");
        assert_eq!(case.look().outcome("RUN-017"), &Outcome::Pass, "sync adds it by itself");
        case.apply("RUN-017", &found);

        source.run("ALTER TABLE weekly_chart ADD COLUMN plays int DEFAULT 7, ALTER id TYPE bigint");
        let found = case.look().finding("RUN-017");
        let columns: Vec<&str> = found.evidence.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(columns, ["id", "plays"]);
        assert!(found.silent_loss && found.message.contains("\"add-columns\" sync ends"), "{found:?}");
        case.apply("RUN-017", &found);
        assert_eq!(case.look().outcome("RUN-017"), &Outcome::Pass);

        source.run("CREATE TABLE made_later (id int PRIMARY KEY)");
        assert_eq!(case.look().outcome("RUN-017"), &Outcome::Pass, "the next start takes it in");
        let running = support::block_on(async {
            let _reader = reader(source, &stopped.slot, "p").await;
            cdc_doctor::facts::collect(&case.pipeline(), &case.passwords, &|_| {}).await
        });
        let found = Seen::of(running).finding("RUN-017");
        assert!(found.silent_loss && found.subject == "public.made_later", "{found:?}");
        support::block_on(async { free(&source.client().await, &stopped.slot).await });
        drop_slot(source, &stopped.slot);
    });
}

#[test]
fn rows_are_compared_when_it_is_asked_for_by_name() {
    support::both_targets(|target| {
        let source = support::source();
        source.run(
            "CREATE TABLE one (id int PRIMARY KEY, t text); CREATE TABLE two (id int PRIMARY KEY);
             INSERT INTO one VALUES (1, 'ä'), (2, 'b'); INSERT INTO two VALUES (1)",
        );
        let case = Case::new(&source, target);
        create_targets(&case.look().facts, target);
        target.run("INSERT INTO one VALUES (1, 'ä'), (2, 'b'); INSERT INTO two VALUES (1)");
        let check = |args: &[&str]| {
            let ran = case.project.run(&[&["check", "--format", "json"], args].concat());
            let report: Value = serde_json::from_str(&ran.out).unwrap();
            let checks = report["checks"].as_array().unwrap();
            (ran.status, checks.iter().find(|c| c["code"] == "RUN-019").unwrap().clone())
        };
        assert_eq!(check(&[]).1["outcome"], "not-applicable");
        assert_eq!(check(&["--only", "run"]).1["outcome"], "not-applicable");
        let (status, equal) = check(&["--only", "RUN-019"]);
        assert_eq!((status, equal["outcome"].as_str()), (0, Some("pass")), "{equal}");

        target.run("UPDATE one SET t = 'a' WHERE id = 1; INSERT INTO two VALUES (2)");
        let (status, differ) = check(&["--only", "rows-differ"]);
        assert_eq!((status, differ["outcome"].as_str()), (1, Some("fail")), "{differ}");
        let findings = differ["findings"].as_array().unwrap();
        let messages: Vec<&str> = findings.iter().map(|f| f["message"].as_str().unwrap()).collect();
        assert_eq!(
            messages,
            [
                "public.one has as many rows on both sides, and not the same",
                "public.two has 1 rows on the source and 2 on the target"
            ]
        );
        target.run("DROP TABLE one");
        assert_eq!(check(&["--only", "RUN-019"]).1["findings"].as_array().unwrap().len(), 1);
    });
}

/// What each version of PostgreSQL tells of a slot, and what it does not.
#[test]
fn slots_are_read_as_far_as_the_version_tells() {
    let source = support::source();
    let slot = unique("slot");
    make_slot(&source, &slot, "pgoutput");
    source.run(&format!("CREATE PUBLICATION {} FOR ALL TABLES WITH (publish = 'insert, delete')", pg_ident("it's")));
    let case = Case::new(&source, &support::target(MyFlavor::MariaDb));
    case.set("sync.publication", "it's");
    let facts = case.look().facts;
    let seen = facts.source.slots.known().unwrap().iter().find(|s| s.name == slot).unwrap();
    assert!(!seen.active && !seen.temporary && seen.safe_bytes.is_none() && !seen.invalidated(), "{seen:?}");
    assert!(
        seen.restart_lsn <= seen.confirmed_lsn && seen.confirmed_lsn <= Some(facts.source.wal.known().unwrap().lsn)
    );
    let major = facts.source.session.known().unwrap().version_num / 10_000;
    assert_eq!(seen.two_phase.is_some(), major >= 14);
    assert_eq!(seen.conflicting.is_some(), major >= 16);
    assert_eq!(seen.inactive_seconds.is_some(), major >= 17);
    let publication = facts.source.publication.known().unwrap().clone().unwrap();
    assert_eq!(publication.publishes, ["insert", "delete"]);
    assert!(publication.all_tables && publication.tables.is_empty() && !publication.via_root);
    assert_eq!(facts.target.checkpoint, Fact::Known(None));
    assert_eq!(facts.target.synced, Fact::Known(Vec::new()));
    drop_slot(&source, &slot);
}
