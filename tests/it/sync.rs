//! The full load on real servers. What arrived is compared by queries of this file on both servers, never by the
//! program's own `verify`.

use std::time::Duration;

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer};
use cdc_doctor::pipeline::secrets::Passwords;
use cdc_doctor::pipeline::{OnUnrepresentable, Pipeline};
use cdc_doctor::sync::direct::{SyncOptions, full_load};
use cdc_doctor::sync::{self, Cause, Event, Phase, Progress, Side, Stop, SyncError, TableState, Totals};
use mysql_async::prelude::Queryable;
use tokio::sync::watch;

use crate::support::{self, Project, Source, Target};

/// A run that has ended.
struct Ran {
    result: Result<Totals, SyncError>,
    events: Vec<Event>,
    progress: Progress,
}

impl Ran {
    fn totals(&self) -> Totals {
        *self.result.as_ref().unwrap_or_else(|e| panic!("{e}"))
    }

    fn error(&self) -> &SyncError {
        self.result.as_ref().expect_err("the load should have failed")
    }

    fn refusals(&self) -> String {
        assert!(matches!(self.error(), SyncError::Refused(_)), "{}", self.error());
        assert!(!self.events.iter().any(|e| matches!(e, Event::Phase { phase: Phase::FullLoad })));
        self.error().to_string()
    }

    fn cause(&self) -> &Cause {
        match self.error() {
            SyncError::Table { cause, .. } => cause,
            other => panic!("not a table's failure: {other}"),
        }
    }

    fn warnings(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|e| match e {
                Event::Warning { message, .. } => Some(message.as_str()),
                _ => None,
            })
            .collect()
    }
}

fn pipeline(source: &Source, target: &Target) -> Pipeline {
    Pipeline::load(&Project::new(source, target).path()).unwrap()
}

fn passwords(source: &Source, target: &Target) -> Passwords {
    Passwords { source: Some(source.password.clone().into()), target: Some(target.password.clone().into()) }
}

/// Runs a load while `meanwhile` watches its counters.
fn load_while<F>(
    pipeline: &Pipeline,
    passwords: &Passwords,
    truncate_target: bool,
    meanwhile: impl FnOnce(watch::Receiver<Progress>, Stop) -> F,
) -> Ran
where
    F: Future<Output = ()>,
{
    support::block_on(async {
        let (reporter, mut feed) = sync::channel();
        let stop = Stop::default();
        let load = full_load(
            pipeline,
            passwords,
            SyncOptions { truncate_target, ..SyncOptions::default() },
            reporter,
            stop.clone(),
        );
        let events = async {
            let mut events = Vec::new();
            while let Some(event) = feed.events.recv().await {
                events.push(event);
            }
            events
        };
        let watcher = feed.progress.clone();
        let load = async { tokio::time::timeout(Duration::from_secs(150), load).await.expect("the load hangs") };
        let (result, events, ()) = tokio::join!(load, events, meanwhile(watcher, stop));
        let progress = feed.progress.borrow().clone();
        Ran { result, events, progress }
    })
}

fn load_with(pipeline: &Pipeline, passwords: &Passwords, truncate_target: bool) -> Ran {
    load_while(pipeline, passwords, truncate_target, |_, _| async {})
}

fn load(source: &Source, target: &Target) -> Ran {
    load_with(&pipeline(source, target), &passwords(source, target), false)
}

/// Waits until the counters say so.
async fn until(mut progress: watch::Receiver<Progress>, reached: impl FnMut(&Progress) -> bool) {
    progress.wait_for(reached).await.map(drop).expect("the load ended before that");
}

/// All rows of a query on the source, every field as text.
fn source_rows(source: &Source, sql: &str) -> Vec<Vec<Option<String>>> {
    support::block_on(async {
        let client = source.client().await;
        client.batch_execute("SET TimeZone = 'UTC'").await.unwrap();
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|r| (0..r.len()).map(|i| r.get(i)).collect()).collect()
    })
}

/// All rows of a query on the target, every field as text.
fn target_rows(target: &Target, sql: &str) -> Vec<Vec<Option<String>>> {
    support::block_on(async {
        let mut conn = target.conn().await;
        conn.query_drop("SET NAMES utf8mb4").await.unwrap();
        let rows: Vec<mysql_async::Row> = conn.query(sql).await.unwrap();
        rows.into_iter().map(|r| r.unwrap().into_iter().map(mysql_async::from_value).collect()).collect()
    })
}

fn count(target: &Target, table: &str) -> u64 {
    target_rows(target, &format!("SELECT CAST(count(*) AS CHAR) FROM `{table}`"))[0][0]
        .as_ref()
        .unwrap()
        .parse()
        .unwrap()
}

fn same(source: &Source, on_source: &str, target: &Target, on_target: &str) {
    let (from, to) = (source_rows(source, on_source), target_rows(target, on_target));
    assert_eq!(from.len(), to.len(), "rows on {target}");
    for (row, (from, to)) in from.iter().zip(&to).enumerate() {
        for (column, (from, to)) in from.iter().zip(to).enumerate() {
            assert_eq!(from, to, "row {row}, column {column} on {target}");
        }
    }
}

pub(crate) const AWKWARD: &str = r#"
CREATE TYPE mood AS ENUM ('so-so', 'tab	bed');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN short AS varchar(8);
CREATE TABLE "we""ird `t.able" (
  id bigint PRIMARY KEY, "Mixed Case" text, "select" varchar(20), c char(6), b bytea, flag boolean,
  i2 smallint, i4 int, i8 bigint, n numeric(20,6), un numeric, r real, d double precision,
  day date, tm time, ts timestamp, tz timestamptz, iv interval, u uuid, j json, jb jsonb,
  arr text[], m mood, p pair, dm short, cash money, net inet, bits bit varying(9), g int GENERATED ALWAYS AS (1 + 1) STORED
);
INSERT INTO "we""ird `t.able" VALUES
(1, E'tab\tnew\nline\\back\b\f\v\r\x1a end', E'\\N', 'ab', decode('00ff0a090d5c5c6e1a2700', 'hex'), true,
 -32768, -2147483648, -9223372036854775808, -99999999999999.999999, 12345678901234567890123456789012345.123456789012345678901234567890, 1.1, 5e-324,
 '0001-01-01', '00:00:00', '0001-01-01 00:00:00', '0001-01-01 00:00:00+00', '1 year 2 mons 3 days 04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
 E'{"dup": 1, "dup": 2,   "x": "\\u00e9\\n"}', E'{"b": [1, 2.5, -3e2], "a": "q\\"\\\\ \\n \U0001F600"}',
 ARRAY['a,b', E'c\td', NULL, '"'], E'tab\tbed', ROW(1, E'x\ty'), E'\t\n\\', -12.34, '10.0.0.1/8', B'0101'),
(2, '', '', '', '', false, 32767, 2147483647, 9223372036854775807, 0, -0.000000000000000000000000000001, 3.4028235e38, 1.7976931348623157e308,
 '9999-12-31', '24:00:00', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999+00', '-1 day', '00000000-0000-0000-0000-000000000000',
 '[]', '{}', '{}', 'so-so', ROW(NULL, ''), '', 0, '::1', B''),
(3, 'emoji 😀 ünïcödé 日本語', '''; DROP TABLE x; --', 'äöü😀ß ', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, -1e-300,
 NULL, '12:34:56.7', '2024-02-29 12:00:00.1', '2024-03-31 02:30:00.000001+02', NULL, NULL, NULL, 'null', NULL, NULL, NULL, 'käse', NULL, NULL, NULL),
(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(5, '\N', 'NULL', '\\', decode((SELECT string_agg(lpad(to_hex(i), 2, '0'), '') FROM generate_series(0, 255) i), 'hex'), true,
 0, 0, 0, 0.5, 0.50, 0.1, 0.1, '2024-02-29', '23:59:59.999999', '1999-12-31 23:59:59', '1970-01-01 00:00:00+00', '00:00:00',
 'ffffffff-ffff-ffff-ffff-ffffffffffff', '"x"', '18446744073709551615', ARRAY[[ '1','2'],['3','4']], 'so-so', NULL, 'x', 92233720368547758.07, '255.255.255.255', B'1');
"#;

#[test]
fn awkward_values_arrive_equal_to_the_byte() {
    let source = support::source();
    source.run(AWKWARD);
    support::both_targets(|target| {
        let ran = load(&source, target);
        assert_eq!(ran.totals().rows, 5);
        compare_awkward(&source, target);
    });
}

pub(crate) fn compare_awkward(source: &Source, target: &Target) {
    let (from, to) = ("FROM \"we\"\"ird `t.able\" ORDER BY id", "FROM `we\"ird ``t.able` ORDER BY id");
    let hex = |columns: &[&str]| -> (String, String) {
        let pg = columns.iter().map(|c| format!("upper(encode(convert_to({c}::text, 'UTF8'), 'hex'))"));
        let my = columns.iter().map(|c| format!("HEX(`{}`)", c.replace('"', "")));
        (pg.collect::<Vec<_>>().join(", "), my.collect::<Vec<_>>().join(", "))
    };
    let (pg, my) = hex(&["\"Mixed Case\"", "\"select\"", "c", "iv", "u", "j", "arr", "m", "p", "dm", "net", "bits"]);
    // A cast to text adds the mask that the type's own output leaves out.
    let pg = pg.replace("net::text", "CASE WHEN net IS NOT NULL THEN format('%s', net) END");
    let same_text =
        |pg: &str, my: &str| same(source, &format!("SELECT {pg} {from}"), target, &format!("SELECT {my} {to}"));
    support::block_on(async {
        let client = source.client().await;
        client
            .batch_execute(&format!("ALTER DATABASE \"{}\" SET IntervalStyle = 'iso_8601'", source.endpoint.database))
            .await
            .unwrap();
    });
    same_text(&pg, &my);
    same_text("upper(encode(b, 'hex'))", "HEX(b)");
    same_text(
        "flag::int::text, i2::text, i4::text, i8::text, n::text, round(un, 30)::text, round(cash::numeric, 4)::text, g::text",
        "CAST(flag AS CHAR), CAST(i2 AS CHAR), CAST(i4 AS CHAR), CAST(i8 AS CHAR), CAST(n AS CHAR), CAST(un AS CHAR), \
         CAST(cash AS CHAR), CAST(g AS CHAR)",
    );
    same_text(
        "to_char(day, 'YYYY-MM-DD'), CASE WHEN tm = '24:00' THEN '24:00:00.000000' ELSE to_char(tm, 'HH24:MI:SS.US') END, \
         to_char(ts, 'YYYY-MM-DD HH24:MI:SS.US'), to_char(tz, 'YYYY-MM-DD HH24:MI:SS.US')",
        "CAST(day AS CHAR), CAST(tm AS CHAR), CAST(ts AS CHAR), CAST(tz AS CHAR)",
    );
    // Both servers print the shortest text that reads back as the same double, in other forms.
    let doubles = |rows: Vec<Vec<Option<String>>>| -> Vec<Vec<Option<f64>>> {
        rows.iter().map(|r| r.iter().map(|v| v.as_ref().map(|v| v.parse().unwrap())).collect()).collect()
    };
    let pg = doubles(source_rows(source, &format!("SELECT r::text, d::text {from}")));
    assert_eq!(pg, doubles(target_rows(target, &format!("SELECT CAST(r AS CHAR), CAST(d AS CHAR) {to}"))));
    let json = |rows: Vec<Vec<Option<String>>>| -> Vec<Option<serde_json::Value>> {
        rows.iter().map(|r| r[0].as_ref().map(|v| serde_json::from_str(v).unwrap())).collect()
    };
    let pg = json(source_rows(source, &format!("SELECT jb::text {from}")));
    let my = json(target_rows(target, &format!("SELECT CAST(jb AS CHAR) {to}")));
    for (pg, my) in pg.iter().zip(&my) {
        assert!(json_equal(pg.as_ref(), my.as_ref()), "{pg:?} and {my:?} on {target}");
    }
}

/// Numbers by value: MySQL writes -300 as -300.0.
fn json_equal(a: Option<&serde_json::Value>, b: Option<&serde_json::Value>) -> bool {
    use serde_json::Value;
    match (a, b) {
        (None, None) => true,
        (Some(Value::Number(a)), Some(Value::Number(b))) => a == b || a.as_f64() == b.as_f64(),
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| json_equal(Some(a), Some(b)))
        }
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            a.len() == b.len() && a.iter().all(|(k, v)| json_equal(Some(v), b.get(k)))
        }
        (a, b) => a == b,
    }
}

const MIXED: &str = "
CREATE TABLE mixed (
  id bigint PRIMARY KEY, k int NOT NULL, name text NOT NULL, note varchar(200), raw bytea, amount numeric(12,2),
  ratio double precision, at timestamptz NOT NULL, day date, flag boolean, doc jsonb
);
INSERT INTO mixed
SELECT i, i % 1000, 'name ' || i || CASE i % 7 WHEN 0 THEN E'\\t tab' WHEN 1 THEN E'\\n line' WHEN 2 THEN E' back\\\\slash' WHEN 3 THEN ' 😀 ü' ELSE '' END,
  CASE WHEN i % 5 = 0 THEN NULL ELSE md5(i::text) || E'\\f\\v\\b' END,
  CASE WHEN i % 3 = 0 THEN decode('00' || md5(i::text) || '5c0a0900', 'hex') END,
  (i % 1000003) / 100.0, sqrt(i), '2020-01-01 00:00:00+02'::timestamptz + i * interval '1.000001 second', date '1900-01-01' + (i % 50000)::int,
  CASE WHEN i % 11 <> 0 THEN i % 2 = 0 END, CASE WHEN i % 4 = 0 THEN jsonb_build_object('i', i, 't', 'x' || E'\\n\\\\') END
FROM generate_series(1, {rows}) i;
ANALYZE mixed;
";

/// Every row's fields in one normal form on both sides, hashed, the hashes summed.
fn sums(source: &Source, target: &Target, flavor: MyFlavor) -> (Vec<Option<String>>, Vec<Option<String>>) {
    let pg = "SELECT count(*)::text, sum(('x' || substr(encode(sha256(convert_to(concat_ws('|', id, k, ratio, encode(convert_to(name, 'UTF8'), 'hex'), \
        coalesce(encode(convert_to(note, 'UTF8'), 'hex'), '-'), coalesce(encode(raw, 'hex'), '-'), amount, \
        to_char(at, 'YYYY-MM-DD HH24:MI:SS.US'), day, coalesce(flag::int::text, '-'), coalesce(doc->>'i', '-'), \
        coalesce(encode(convert_to(doc->>'t', 'UTF8'), 'hex'), '-')), 'UTF8')), 'hex'), 1, 15))::bit(60)::bigint)::text FROM mixed";
    let number =
        if flavor == MyFlavor::MySql { "JSON_UNQUOTE(JSON_EXTRACT(doc, '$.i'))" } else { "JSON_VALUE(doc, '$.i')" };
    let text =
        if flavor == MyFlavor::MySql { "JSON_UNQUOTE(JSON_EXTRACT(doc, '$.t'))" } else { "JSON_VALUE(doc, '$.t')" };
    let my = format!(
        "SELECT CAST(count(*) AS CHAR), CAST(sum(CAST(CONV(substr(sha2(concat_ws('|', id, k, CAST(ratio AS CHAR), lower(hex(name)), \
         coalesce(lower(hex(note)), '-'), coalesce(lower(hex(raw)), '-'), amount, CAST(at AS CHAR), CAST(day AS CHAR), \
         coalesce(flag, '-'), coalesce({number}, '-'), coalesce(lower(hex({text})), '-')), 256), 1, 15), 16, 10) AS UNSIGNED)) AS CHAR) FROM mixed"
    );
    (source_rows(source, pg).remove(0), target_rows(target, &my).remove(0))
}

fn two_million(flavor: MyFlavor) {
    let (source, target) = (support::source(), support::target(flavor));
    source.run(&MIXED.replace("{rows}", "2000000"));
    let ran = load(&source, &target);
    assert_eq!(ran.totals().rows, 2_000_000);
    let table = &ran.progress.tables[0];
    assert_eq!((table.rows_done, table.rows_total, table.state), (2_000_000, Some(2_000_000), TableState::Loaded));
    let (pg, my) = sums(&source, &target, flavor);
    assert_eq!(pg, my);
    source.run("DROP TABLE mixed");
    target.run("DROP TABLE mixed");
}

#[test]
fn two_million_mixed_rows_arrive_equal_on_mariadb() {
    two_million(MyFlavor::MariaDb);
}

#[test]
fn two_million_mixed_rows_arrive_equal_on_mysql() {
    two_million(MyFlavor::MySql);
}

#[test]
fn many_kinds_of_tables_arrive_whole() {
    let source = support::source();
    source.run(
        "CREATE TABLE empty_table (id int PRIMARY KEY, v text);
         CREATE TABLE keyless (v text);
         INSERT INTO keyless VALUES (''), (NULL), ('x'), ('x');
         CREATE TABLE parted (id int, part int, v text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
         CREATE TABLE parted_1 (v text, part int NOT NULL, id int NOT NULL);
         ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (1);
         CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2) PARTITION BY RANGE (id);
         CREATE TABLE parted_2a PARTITION OF parted_2 FOR VALUES FROM (0) TO (1000);
         CREATE TABLE parted_other PARTITION OF parted DEFAULT;
         INSERT INTO parted SELECT i, i % 4, 'v' || i FROM generate_series(1, 999) i;
         CREATE TABLE parent (id int PRIMARY KEY, v text);
         CREATE TABLE child (extra int) INHERITS (parent);
         ALTER TABLE child ADD PRIMARY KEY (id);
         INSERT INTO parent VALUES (1, 'p');
         INSERT INTO child VALUES (1, 'c', 2);
         CREATE TABLE only_column (v text);
         INSERT INTO only_column VALUES ('\\N'), (''), (NULL);
         CREATE TABLE holder (id int PRIMARY KEY);
         CREATE TABLE refers (id int PRIMARY KEY, holder int REFERENCES holder);
         INSERT INTO holder VALUES (1);
         INSERT INTO refers VALUES (1, 1);",
    );
    support::both_targets(|target| {
        target.run("CREATE TABLE holder (id int PRIMARY KEY); CREATE TABLE refers (id int PRIMARY KEY, holder int, FOREIGN KEY (holder) REFERENCES holder (id))");
        let ran = load(&source, target);
        assert_eq!(ran.totals().tables, 8, "{:?}", ran.progress.tables);
        assert!(ran.progress.tables.iter().all(|t| t.state == TableState::Loaded && t.rows_total == Some(t.rows_done)));
        for (table, rows) in
            [("empty_table", 0), ("keyless", 4), ("parted", 999), ("parent", 1), ("child", 1), ("refers", 1)]
        {
            assert_eq!(count(target, table), rows, "{table} on {target}");
        }
        same(
            &source,
            "SELECT id::text, part::text, v FROM parted ORDER BY parted.id",
            target,
            "SELECT CAST(id AS CHAR), CAST(part AS CHAR), v FROM parted ORDER BY parted.id",
        );
        let lone = |rows: Vec<Vec<Option<String>>>| -> Vec<Option<String>> { rows.concat() };
        assert_eq!(
            lone(target_rows(target, "SELECT hex(v) FROM only_column ORDER BY v")),
            [None, Some(String::new()), Some("5C4E".into())]
        );
        assert!(ran.warnings().iter().any(|w| w.contains("foreign keys")), "{:?}", ran.warnings());
    });
}

#[test]
fn what_cannot_be_loaded_is_refused_at_once_and_changes_nothing() {
    let source = support::source();
    source.run(
        "CREATE TABLE full_table (id int PRIMARY KEY, v text); INSERT INTO full_table VALUES (1, 'x');
         CREATE TABLE drifted (id int PRIMARY KEY, v text NOT NULL, w int); INSERT INTO drifted VALUES (1, 'x', 1);
         CREATE TABLE fine (id int PRIMARY KEY); CREATE TABLE secret (id int PRIMARY KEY);
         CREATE TABLE hidden (id int PRIMARY KEY); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;",
    );
    let reader = support::unique("reader");
    source.run(&format!(
        "CREATE ROLE {reader} LOGIN PASSWORD 'reader'; GRANT SELECT ON full_table, drifted, fine, hidden TO {reader};"
    ));
    support::both_targets(|target| {
        target.run(
            "CREATE TABLE full_table (id int PRIMARY KEY, v longtext); INSERT INTO full_table VALUES (9, 'mine');
             CREATE TABLE drifted (id int PRIMARY KEY, v varchar(3));",
        );
        let mut pipeline = pipeline(&source, target);
        pipeline.source.user.clone_from(&reader);
        let passwords =
            Passwords { source: Some(secrecy::SecretString::from("reader").into()), ..passwords(&source, target) };
        let refusals = load_with(&pipeline, &passwords, false).refusals();
        for words in ["public.secret: the source login", "no SELECT", "public.hidden: row-level security"] {
            assert!(refusals.contains(words), "{words}: {refusals}");
        }
        for words in [
            "public.full_table",
            "has rows",
            "--truncate-target",
            "public.drifted",
            "column w is missing",
            "varchar(3)",
            "cdc-doctor fix TSC-006",
        ] {
            assert!(refusals.contains(words), "{words}: {refusals}");
        }
        assert!(!refusals.contains("public.fine"), "{refusals}");
        assert_eq!(target_rows(target, "SELECT count(*) + 0 FROM information_schema.tables WHERE table_schema = database() AND table_name = 'fine'")[0][0].as_deref(), Some("0"));
        assert_eq!(count(target, "full_table"), 1);
    });
    source.run(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
}

#[test]
fn an_empty_selection_says_what_was_looked_for() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    let ran = load(&source, &target);
    assert!(matches!(ran.error(), SyncError::NothingSelected { .. }));
    assert!(ran.error().to_string().contains("public.*"), "{}", ran.error());
}

#[test]
fn running_again_never_doubles_rows() {
    let source = support::source();
    source.run(
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'x' FROM generate_series(1, 1000) i",
    );
    support::both_targets(|target| {
        let (pipeline, passwords) = (pipeline(&source, target), passwords(&source, target));
        assert_eq!(load_with(&pipeline, &passwords, false).totals().rows, 1000);
        assert!(load_with(&pipeline, &passwords, false).refusals().contains("has rows"));
        assert_eq!(count(target, "t"), 1000);
        assert_eq!(load_with(&pipeline, &passwords, true).totals().rows, 1000);
        assert_eq!(count(target, "t"), 1000);
    });
}

/// Each value alone in a table, and the words that must stand in the error.
const UNREPRESENTABLE: &[(&str, &str, &str)] = &[
    ("double precision", "'NaN'", "no NaN"),
    ("real", "'-Infinity'", "no infinity"),
    ("numeric", "'NaN'", "no NaN"),
    ("numeric", "1e36", "more digits before the point"),
    ("numeric", "1e-31", "more digits after the point"),
    ("date", "'infinity'", "no infinite dates"),
    ("date", "'0044-03-15 BC'", "before the year 1"),
    ("timestamp", "'10000-01-01'", "end with the year 9999"),
    ("timestamptz", "'-infinity'", "no infinite dates"),
];

#[test]
fn values_that_mysql_cannot_hold_stop_the_table_or_become_null() {
    support::both_targets(|target| {
        for (ty, value, words) in UNREPRESENTABLE {
            let source = support::source();
            source.run(&format!(
                "CREATE TABLE t (id int PRIMARY KEY, v {ty}); INSERT INTO t VALUES (1, NULL), (42, {value})"
            ));
            let mut pipeline = pipeline(&source, target);
            let passwords = passwords(&source, target);
            let ran = load_with(&pipeline, &passwords, false);
            let text = ran.error().to_string();
            assert!(
                text.contains(words) && text.contains("column v") && text.contains("id = 42"),
                "{ty} {value}: {text}"
            );
            assert_eq!(count(target, "t"), 0, "{ty} {value}");

            pipeline.sync.on_unrepresentable = OnUnrepresentable::Null;
            let ran = load_with(&pipeline, &passwords, false);
            assert_eq!(ran.totals().rows, 2);
            assert!(ran.warnings().iter().any(|w| w.contains("1 values")), "{:?}", ran.warnings());
            assert_eq!(target_rows(target, "SELECT CAST(count(v) AS CHAR) FROM t")[0][0].as_deref(), Some("0"));
            target.run("DROP TABLE t");
        }
    });
}

#[test]
fn json_numbers_that_mysql_would_round_stop_the_table() {
    let source = support::source();
    source.run(r#"CREATE TABLE t (id int PRIMARY KEY, v jsonb); INSERT INTO t VALUES (7, '{"n": 123456789012345678901234567890}')"#);
    let target = support::target(MyFlavor::MySql);
    let text = load(&source, &target).error().to_string();
    assert!(text.contains("would round") && text.contains("id = 7"), "{text}");
    let target = support::target(MyFlavor::MariaDb);
    assert_eq!(load(&source, &target).totals().rows, 1);
}

#[test]
fn a_text_that_outgrew_its_column_is_named() {
    let source = support::source();
    source.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(10)); INSERT INTO t VALUES (1, 'short')");
    support::both_targets(|target| {
        // The table is as it should be when it is looked at; then the source's column and value grow.
        target.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(10) CHARACTER SET utf8mb4)");
        source.run("ALTER TABLE t ALTER v TYPE text; UPDATE t SET v = 'far too long for it'");
        let refusals = load(&source, target).refusals();
        assert!(refusals.contains("column v is varchar(10)"), "{refusals}");
        source.run("UPDATE t SET v = 'short'; ALTER TABLE t ALTER v TYPE varchar(10)");
    });
}

#[test]
fn a_row_that_the_target_bends_is_rolled_back_and_named() {
    let source = support::source();
    source.run(MANY);
    source.run("INSERT INTO few VALUES (777)");
    support::both_targets(|target| {
        let mut pipeline = pipeline(&source, target);
        pipeline.sync.parallel = 1;
        let ran = load_while(&pipeline, &passwords(&source, target), false, |progress, _| async {
            until(progress, |p| p.totals.rows > 0).await;
            // After the tables were compared, and before the smaller one is loaded.
            target.conn().await.query_drop("ALTER TABLE few MODIFY id TINYINT").await.unwrap();
        });
        let Cause::Altered { sent: 11, warnings: 1, first: Some(first), .. } = ran.cause() else {
            panic!("{}", ran.error())
        };
        assert!(first.contains("1264") && first.contains("id = 777"), "{first}");
        assert_eq!(count(target, "few"), 0);
        assert_eq!(count(target, "many"), 400_000);
        let SyncError::Table { outcome, .. } = ran.error() else { panic!() };
        assert_eq!(outcome.complete, ["public.many"]);
    });
}

#[test]
fn without_local_infile_rows_are_inserted() {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let mut options = MySqlOptions::new(flavor);
        options.local_infile = false;
        let server: &'static MySqlServer = Box::leak(Box::new(MySqlServer::start(&options).unwrap()));
        server.run(None, "CREATE DATABASE d CHARACTER SET utf8mb4").unwrap();
        let target = Target { server, endpoint: server.endpoint("d"), password: server.password().clone() };
        let source = support::source();
        source.run(AWKWARD);
        source.run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, repeat('x', 50) FROM generate_series(1, 30000) i");
        let ran = load(&source, &target);
        assert_eq!(ran.totals().rows, 30_005);
        let announced = ran.warnings().iter().filter(|w| w.contains("TCF-001")).count();
        assert_eq!(announced, 1, "{:?}", ran.warnings());
        compare_awkward(&source, &target);
        assert_eq!(count(&target, "t"), 30_000);
        server.stop();
    }
}

/// Big enough to be caught in the middle.
const MANY: &str = "CREATE TABLE many (id int PRIMARY KEY, v text);
    INSERT INTO many SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 400000) i;
    CREATE TABLE few (id int PRIMARY KEY); INSERT INTO few SELECT i FROM generate_series(1, 10) i";

#[test]
fn a_second_run_is_refused_while_the_first_goes_on() {
    let source = support::source();
    source.run(MANY);
    support::both_targets(|target| {
        let (pipeline, passwords) = (pipeline(&source, target), passwords(&source, target));
        let first = load_while(&pipeline, &passwords, false, |progress, _| async {
            until(progress, |p| p.totals.rows > 0).await;
            let (reporter, feed) = sync::channel();
            drop(feed);
            let options = SyncOptions { truncate_target: true, ..SyncOptions::default() };
            let second = full_load(&pipeline, &passwords, options, reporter, Stop::default()).await;
            assert!(matches!(second, Err(SyncError::Busy { .. })), "{second:?}");
        });
        assert_eq!(first.totals().rows, 400_010);
    });
}

#[test]
fn a_stop_leaves_whole_parts_only_and_says_which() {
    let source = support::source();
    source.run(MANY);
    support::both_targets(|target| {
        let (pipeline, passwords) = (pipeline(&source, target), passwords(&source, target));
        let ran = load_while(&pipeline, &passwords, false, |progress, stop| async move {
            until(progress, |p| p.totals.rows > 10_000).await;
            stop.request();
        });
        let SyncError::Stopped(outcome) = ran.error() else { panic!("{}", ran.error()) };
        let there = count(target, "many");
        assert!(there < 400_000);
        // The small table may have been begun, where the large one is a single part (PostgreSQL 13).
        let (many, others): (Vec<_>, Vec<_>) = outcome.partial.iter().partition(|(table, _)| table == "public.many");
        assert_eq!(many, [&("public.many".to_owned(), there)]);
        assert!(
            others.iter().all(|(table, rows)| table == "public.few" && *rows == count(target, "few")),
            "{others:?}"
        );
        assert!(ran.error().to_string().contains("--truncate-target"));
        assert!(ran.events.iter().any(|e| matches!(e, Event::Stopped { resume: Some(_), .. })));
        assert_eq!(ran.progress.tables.iter().map(|t| t.rows_done).sum::<u64>(), there + count(target, "few"));

        assert_eq!(load_with(&pipeline, &passwords, true).totals().rows, 400_010);
        assert_eq!(count(target, "many"), 400_000);
    });
}

#[test]
fn a_target_that_dies_ends_the_run_with_the_reason() {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let server: &'static MySqlServer = Box::leak(Box::new(MySqlServer::start(&MySqlOptions::new(flavor)).unwrap()));
        server.run(None, "CREATE DATABASE d CHARACTER SET utf8mb4").unwrap();
        let target = Target { server, endpoint: server.endpoint("d"), password: server.password().clone() };
        let source = support::source();
        source.run(MANY);
        let (pipeline, passwords) = (pipeline(&source, &target), passwords(&source, &target));
        let ran = load_while(&pipeline, &passwords, false, |progress, _| async move {
            until(progress, |p| p.totals.rows > 10_000).await;
            server.kill();
        });
        assert!(matches!(ran.cause(), Cause::Lost { side: Side::Target, .. }), "{}", ran.error());
        server.restart().unwrap();
        assert_eq!(load_with(&pipeline, &passwords, true).totals().rows, 400_010);
        assert_eq!(count(&target, "many"), 400_000);
        server.stop();
    }
}

#[test]
fn a_target_that_fills_up_ends_the_run_with_the_reason() {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let mut options = MySqlOptions::new(flavor);
        // All tables in one file that may not grow: full long before the rows are there.
        for (name, value) in
            [("innodb-file-per-table", "OFF"), ("innodb-data-file-path", "ibdata1:12M:autoextend:max:20M")]
        {
            options.settings.push((name.to_owned(), value.to_owned()));
        }
        let server: &'static MySqlServer = Box::leak(Box::new(MySqlServer::start(&options).unwrap()));
        server.run(None, "CREATE DATABASE d CHARACTER SET utf8mb4").unwrap();
        let target = Target { server, endpoint: server.endpoint("d"), password: server.password().clone() };
        let source = support::source();
        source.run(MANY);
        let ran = load(&source, &target);
        let error = ran.error().to_string();
        assert!(error.contains("public.many") && error.contains("is full"), "{flavor:?}: {error}");
        assert_eq!(ran.error().resume().as_deref(), Some("cdc-doctor sync --mode full-load --truncate-target"));
        server.stop();
    }
}

#[test]
fn a_source_session_that_dies_ends_the_run_with_the_reason() {
    let source = support::source();
    source.run(MANY);
    support::both_targets(|target| {
        let ran = load_while(&pipeline(&source, target), &passwords(&source, target), false, |progress, _| async {
            until(progress, |p| p.totals.rows > 10_000).await;
            let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
            source.client().await.execute(kill, &[]).await.unwrap();
        });
        assert!(matches!(ran.cause(), Cause::Lost { side: Side::Source, .. }), "{}", ran.error());
        let SyncError::Table { outcome, .. } = ran.error() else { panic!() };
        let told = outcome.partial.iter().find(|(t, _)| t == "public.many").map_or(0, |(_, n)| *n);
        assert_eq!(count(target, "many"), told);
    });
}

#[test]
fn fewer_sessions_than_asked_for_copy_all_the_same() {
    let source = support::source();
    source.run(MANY);
    let role = support::unique("few");
    source
        .run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 3; GRANT SELECT ON many, few TO {role}"));
    support::both_targets(|target| {
        let (mut pipeline, mut passwords) = (pipeline(&source, target), passwords(&source, target));
        pipeline.source.user.clone_from(&role);
        passwords.source = Some(secrecy::SecretString::from("x").into());
        let ran = load_with(&pipeline, &passwords, false);
        assert_eq!((ran.totals().rows, count(target, "many")), (400_010, 400_000));
        assert!(ran.warnings().iter().any(|w| w.contains("fewer sessions")), "{:?}", ran.warnings());
    });
}

#[test]
fn a_key_that_is_only_likely_is_not_put_on_the_target() {
    let source = support::source();
    source.run("CREATE TABLE t (v int); INSERT INTO t SELECT generate_series(1, 100); ANALYZE t");
    support::both_targets(|target| {
        source.run("DELETE FROM t WHERE v > 100; INSERT INTO t VALUES (101)");
        assert_eq!(load(&source, target).totals().rows, 101);
        source.run("INSERT INTO t VALUES (101)");
        let (pipeline, passwords) = (pipeline(&source, target), passwords(&source, target));
        assert_eq!(load_with(&pipeline, &passwords, true).totals().rows, 102);
        assert_eq!(count(target, "t"), 102);
    });
}

#[test]
fn rows_that_move_while_they_are_copied_are_neither_lost_nor_doubled() {
    let source = support::source();
    source.run(MANY);
    support::both_targets(|target| {
        let before = source_rows(&source, "SELECT count(*)::text, sum(id)::text, min(v) FROM many");
        let ran = load_while(&pipeline(&source, target), &passwords(&source, target), false, |progress, _| async {
            until(progress, |p| p.totals.rows > 0).await;
            let client = source.client().await;
            for step in 0..20 {
                // Each update moves rows to other pages, behind and before the readers.
                let sql =
                    format!("UPDATE many SET v = v || '!' WHERE id % 20 = {step}; DELETE FROM many WHERE id = {step}");
                client.batch_execute(&sql).await.unwrap();
            }
        });
        assert_eq!(ran.totals().rows, before[0][0].as_ref().unwrap().parse::<u64>().unwrap() + 10);
        let after = target_rows(target, "SELECT CAST(count(*) AS CHAR), CAST(sum(id) AS CHAR), min(v) FROM many");
        assert_eq!(before, after);
    });
}

#[test]
fn a_row_longer_than_a_packet_is_named_with_the_variable() {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let (source, target) = (support::source(), support::target(flavor));
        source.run(
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (5, repeat('0123456789', 7000000))",
        );
        let ran = load(&source, &target);
        let text = ran.error().to_string();
        assert!(matches!(ran.cause(), Cause::RowTooLong { .. }), "{text}");
        assert!(text.contains("max_allowed_packet") && text.contains("id = 5"), "{text}");
        source.run("UPDATE t SET v = repeat('0123456789', 1000000)");
        assert_eq!(load(&source, &target).totals().rows, 1);
    }
}
