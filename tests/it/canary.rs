//! The canary on real servers, through pipelines that this file imitates: one that copies the row as it is, and some
//! that lie in the ways in which pipelines do.

use std::time::Duration;

use cdc_doctor::canary;
use cdc_doctor::checks::Finding;
use cdc_doctor::diagnose::Outcome;
use cdc_doctor::facts::{CANARY_TABLE, CanaryChange, CanaryEnd, CanaryLeg, CanaryRun, Facts, MyFlavor, collect};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Value};
use serde_json::Value as Json;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::checks::{Case, Seen, notes};
use crate::slots::{BOOKS, create_targets, note_as_loaded, reader};
use crate::support::{self, Source, Target, unique};

/// For rows that arrive: long enough for a busy machine.
const LONG: Duration = Duration::from_secs(60);
/// For rows that arrive with other values: a sixth of it is waited for the right ones.
const LYING: Duration = Duration::from_secs(15);
/// For rows that never arrive: it is waited for in full.
const SHORT: Duration = Duration::from_secs(1);

/// The source's rows as the target takes them, and the number of an update.
const ROWS: &str = "SELECT id, step, flag::int4, note, amount::text,
                           to_char(seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), payload, doc::text,
                           day::text, ratio, body FROM cdc_doctor_canary";

/// What a pipeline makes of a row: `(values, an update)`.
type Way = fn(&mut [Value], bool);

const ID: usize = 0;
const FLAG: usize = 2;
const SEEN_AT: usize = 5;
const BODY: usize = 10;

fn values(row: &tokio_postgres::Row) -> Vec<Value> {
    let text = |at: usize| Value::from(row.get::<_, Option<String>>(at));
    let int = |at: usize| Value::from(row.get::<_, Option<i32>>(at));
    let payload = Value::from(row.get::<_, Option<Vec<u8>>>(6));
    let ratio = Value::from(row.get::<_, Option<f64>>(9));
    let id = Value::from(row.get::<_, i64>(ID));
    vec![id, int(1), int(FLAG), text(3), text(4), text(SEEN_AT), payload, text(7), text(8), ratio, text(BODY)]
}

/// A pipeline of its own: looks at the source's rows over and over, and makes the target's the same, in its way.
fn pipeline(source: Client, mut target: Conn, way: Way) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut known: Vec<(Value, Value)> = Vec::new();
        loop {
            let rows: Vec<Vec<Value>> = source.query(ROWS, &[]).await.unwrap().iter().map(values).collect();
            for (id, _) in known.extract_if(.., |(id, _)| !rows.iter().any(|row| row[ID] == *id)) {
                target.exec_drop("DELETE FROM cdc_doctor_canary WHERE id = ?", (id,)).await.unwrap();
            }
            for mut row in rows {
                let (id, step) = (row[ID].clone(), row[1].clone());
                let before = known.iter().position(|(known, _)| *known == id);
                if before.is_some_and(|at| known[at].1 == step) {
                    continue;
                }
                way(&mut row, before.is_some());
                let sql = "REPLACE INTO cdc_doctor_canary VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
                target.exec_drop(sql, Params::Positional(row)).await.unwrap();
                known.retain(|(known, _)| *known != id);
                known.push((id, step));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

fn honest(_: &mut [Value], _: bool) {}

/// A pipeline file with slot and publication, and the tables on both sides, as sync leaves them after its first start.
fn ready(target: &Target) -> (Case, Source) {
    let source = support::source();
    let slot = unique("canary");
    source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE weekly_chart");
    source.run(&format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"));
    let case = Case::new(&source, target);
    case.set("sync.slot", &slot).set("sync.publication", "p");
    let run = support::block_on(canary::run(&case.pipeline(), &case.passwords, SHORT));
    assert_eq!(run.end, CanaryEnd::NotRunning(format!("nobody reads from the slot \"{slot}\"")));
    create_targets(&case.look().facts, target);
    (case, source)
}

/// Sends the canary while that pipeline runs.
async fn send(case: &Case, source: &Source, target: &Target, way: Way, limit: Duration) -> Facts {
    let file = case.pipeline();
    let _reader = reader(source, &file.sync.slot, &file.sync.publication).await;
    let copying = pipeline(source.client().await, target.conn().await, way);
    let mut facts = collect(&file, &case.passwords, &|_| {}).await;
    facts.canary = Some(canary::run(&file, &case.passwords, limit).await);
    assert!(!copying.is_finished(), "the pipeline of the test broke");
    copying.abort();
    facts
}

fn legs(run: Option<CanaryRun>) -> Vec<CanaryLeg> {
    match run.unwrap().end {
        CanaryEnd::Followed(legs) => legs,
        other => panic!("the row should have been sent: {other:?}"),
    }
}

#[track_caller]
fn findings(facts: Facts) -> Vec<Finding> {
    match Seen::of(facts).outcome("RUN-018") {
        Outcome::Fail(findings) => findings.clone(),
        other => panic!("RUN-018 should fail: {other:?}"),
    }
}

async fn rows_left(source: &Source) -> i64 {
    let row = source.client().await.query_one("SELECT count(*) FROM cdc_doctor_canary", &[]).await.unwrap();
    row.get(0)
}

#[test]
fn an_honest_pipeline_passes_and_no_row_is_left() {
    support::both_targets(|target| {
        let (case, source) = ready(target);
        // What a run that was broken off left behind.
        source.run("INSERT INTO cdc_doctor_canary (id, step) VALUES (1, 1)");
        let facts = support::block_on(send(&case, &source, target, honest, LONG));
        assert_eq!(facts.canary.as_ref().unwrap().target, format!("{}.{CANARY_TABLE}", target.endpoint.database));
        let legs = legs(facts.canary.clone());
        let changes: Vec<CanaryChange> = legs.iter().map(|leg| leg.change).collect();
        assert_eq!(changes, [CanaryChange::Insert, CanaryChange::Update, CanaryChange::Delete]);
        assert!(legs.iter().all(|leg| leg.delay_ms.is_some() && leg.changed.is_empty()), "{legs:#?}");
        assert_eq!(Seen::of(facts).outcome("RUN-018"), &Outcome::Pass);
        support::block_on(async {
            assert_eq!(rows_left(&source).await, 0);
            let client = source.client().await;
            let published = "SELECT count(*) FROM pg_publication_tables WHERE tablename = 'cdc_doctor_canary'";
            assert_eq!(client.query_one(published, &[]).await.unwrap().get::<_, i64>(0), 1);
            // The large text is one that an update which leaves it alone does not send again.
            let toasted = "SELECT attstorage::text FROM pg_attribute
                            WHERE attrelid = 'cdc_doctor_canary'::regclass AND attname = 'body'";
            assert_eq!(client.query_one(toasted, &[]).await.unwrap().get::<_, &str>(0), "e");
        });
    });
}

#[test]
fn each_lie_is_told_with_the_value_sent_and_the_value_that_arrived() {
    let target = support::target(MyFlavor::MariaDb);
    let (case, source) = ready(&target);
    let lies: [(Way, &str, &str); 4] = [
        // The placeholder of an unchanged large value taken for a value.
        (|row, update| row[BODY] = if update { Value::NULL } else { row[BODY].clone() }, "update body", "arrived NULL"),
        (|row, _| row[FLAG] = Value::from(1), "insert flag", "sent false, arrived \"1\""),
        (|row, _| row[SEEN_AT] = cut(&row[SEEN_AT]), "insert seen_at", "00:30:00.123456, arrived"),
        (|row, _| row[3] = Value::from("na?ve ?"), "insert note", "arrived \"na?ve ?\""),
    ];
    for (way, what, words) in lies {
        let facts = support::block_on(send(&case, &source, &target, way, LYING));
        let found = findings(facts);
        assert!(found.iter().all(|f| f.silent_loss), "{found:#?}");
        let told = found[0].evidence.iter().find(|(key, _)| key == what);
        assert!(told.is_some_and(|(_, value)| value.contains(words)), "{what}: {found:#?}");
    }
    assert_eq!(support::block_on(rows_left(&source)), 0);
}

/// Without its fraction of a second.
fn cut(value: &Value) -> Value {
    let text: String = mysql_async::from_value(value.clone());
    Value::from(text.split('.').next().unwrap_or_default())
}

#[test]
fn a_change_that_does_not_arrive_ends_the_run_and_leaves_no_row() {
    let target = support::target(MyFlavor::MariaDb);
    let (case, source) = ready(&target);
    let keeps_first: Way = |row, update| row[1] = if update { Value::from(1) } else { row[1].clone() };
    let facts = support::block_on(send(&case, &source, &target, keeps_first, LYING));
    let arrived: Vec<bool> = legs(facts.canary.clone()).iter().map(|leg| leg.delay_ms.is_some()).collect();
    assert_eq!(arrived, [true, false], "the deletion is not tried");
    assert!(findings(facts)[0].message.contains("The update did not reach"));
    assert_eq!(support::block_on(rows_left(&source)), 0);
}

#[test]
fn a_target_without_the_table_is_told_in_its_own_words() {
    support::both_targets(|target| {
        let (case, source) = ready(target);
        target.run("DROP TABLE cdc_doctor_canary");
        let facts = support::block_on(async {
            let file = case.pipeline();
            let _reader = reader(&source, &file.sync.slot, "p").await;
            let mut facts = collect(&file, &case.passwords, &|_| {}).await;
            facts.canary = Some(canary::run(&file, &case.passwords, SHORT).await);
            facts
        });
        let found = findings(facts).remove(0);
        assert!(found.message.ends_with("within 1 s"), "{}", found.message);
        assert!(found.evidence[0].1.contains("doesn't exist"), "{:?}", found.evidence);
        assert!(notes(&found)[0].starts_with("Stop sync and start it again"));
    });
}

#[test]
fn what_stands_in_the_way_is_told_before_a_row_is_written() {
    let target = support::target(MyFlavor::MariaDb);
    let source = support::source();
    source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
    let mut case = Case::new(&source, &target);
    let slot = unique("canary");
    case.set("sync.slot", &slot).set("sync.publication", "p");
    let send = |case: &Case| support::block_on(canary::run(&case.pipeline(), &case.passwords, SHORT)).end;

    case.project.edit(r#"["public.*"]"#, r#"["public.weekly_chart"]"#);
    assert_eq!(send(&case), CanaryEnd::NotSelected);
    case.project.edit(r#"["public.weekly_chart"]"#, r#"["public.*"]"#);

    case.source_role(&source, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let CanaryEnd::Refused { doing, why } = send(&case) else { panic!("{:?}", send(&case)) };
    assert_eq!(doing, "creating public.cdc_doctor_canary");
    assert!(why.contains("permission denied for schema public"), "{why}");
    let grant = why.split("; ").find_map(|part| part.strip_suffix(" would let it")).unwrap();
    source.run(grant);

    let CanaryEnd::NotRunning(why) = send(&case) else { panic!("{:?}", send(&case)) };
    assert!(why.contains("\"p\" is not there"), "{why}");
    source.run("CREATE PUBLICATION p FOR TABLE weekly_chart");
    let CanaryEnd::NotPublished { sql, why } = send(&case) else { panic!("{:?}", send(&case)) };
    assert!(why.contains("must be owner of publication p"), "{why}");
    source.run(&sql);
    assert_eq!(send(&case), CanaryEnd::NotRunning(format!("the slot \"{slot}\" is not there")));

    source.run(&format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"));
    target.run(BOOKS);
    note_as_loaded(&target, "weekly_chart");
    support::block_on(async {
        let _reader = reader(&source, &slot, "p").await;
        let pipeline = case.pipeline();
        let ran = canary::run(&pipeline, &case.passwords, SHORT).await;
        assert_eq!(ran.end, CanaryEnd::NotCarried, "it began before the table was there");
        note_as_loaded(&target, CANARY_TABLE);
        let ran = canary::run(&pipeline, &case.passwords, SHORT).await;
        assert_eq!(legs(Some(ran)).len(), 1);

        // Two at once would take each other's rows away.
        let other = source.client().await;
        other.batch_execute("SELECT pg_advisory_lock(109270114857593)").await.unwrap();
        let CanaryEnd::Refused { doing, .. } = canary::run(&pipeline, &case.passwords, SHORT).await.end else {
            panic!("a second run")
        };
        assert_eq!(doing, "sending a second canary");
    });
}

#[test]
fn the_command_reports_the_delays_and_a_plain_check_writes_nothing() {
    let target = support::target(MyFlavor::MySql);
    let source = support::source();
    source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
    let case = Case::new(&source, &target);
    let check = |args: &[&str]| {
        let ran = case.project.run(&[&["check", "--format", "json", "--only", "RUN-018"], args].concat());
        (ran.status, serde_json::from_str::<Json>(&ran.out).unwrap_or_else(|_| panic!("{ran}")))
    };
    let (status, report) = check(&[]);
    assert_eq!((status, report["checks"][0]["outcome"].as_str()), (0, Some("not-applicable")));
    assert!(report.get("canary").is_none());
    assert!(!case.look().facts.source.relations.known().unwrap().iter().any(|r| r.name == CANARY_TABLE));

    let (status, report) = check(&["--canary", "--canary-timeout", "2"]);
    assert_eq!(status, 1, "{report:#}");
    assert!(report["checks"][0]["findings"][0]["message"].as_str().unwrap().starts_with("No sync is running"));

    let (case, source) = ready(&target);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_reader, copying) = runtime.block_on(async {
        let reader = reader(&source, &case.pipeline().sync.slot, "p").await;
        (reader, pipeline(source.client().await, target.conn().await, honest))
    });
    let ran = case.project.run(&["check", "--format", "json", "--only", "RUN-018", "--canary"]);
    let (status, report) = (ran.status, serde_json::from_str::<Json>(&ran.out).unwrap_or_else(|_| panic!("{ran}")));
    copying.abort();
    assert_eq!(status, 0, "{report:#}");
    for change in ["insert_ms", "update_ms", "delete_ms"] {
        assert!(report["canary"][change].is_u64(), "{report:#}");
    }
    let ran = case.project.run(&["check", "--canary", "--facts", "x.json"]);
    assert_eq!(ran.status, 2, "{ran}");
    case.set("sync.mode", "full-load");
    let ran = case.project.run(&["check", "--canary"]);
    assert_eq!((ran.status, ran.err.contains("full-load-and-cdc")), (2, true), "{ran}");
}
