//! `verify` on real servers: equal data of every kind is equal, any change of a value is found with its row and column,
//! and a sync that is on its way is no difference.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::pipeline::Pipeline;
use cdc_doctor::pipeline::secrets::Passwords;
use cdc_doctor::sync::Stop;
use cdc_doctor::verify::{self, Comparison, Outcome, Progress, SyncState, VerifyOptions};
use mysql_async::prelude::Queryable;
use serde_json::Value;
use tokio::sync::watch;

use super::sync::AWKWARD;
use crate::support::{self, Project, Source, Target};

/// Loads all tables and gives the project in which that was done.
fn loaded(source: &Source, target: &Target) -> Project {
    let project = Project::new(source, target);
    load(&project);
    project
}

fn load(project: &Project) {
    let ran = project.run(&["sync", "--mode", "full-load", "--truncate-target"]);
    assert_eq!(ran.status, 0, "{ran}");
}

/// The comparison as a program reads it, and the exit status.
fn compare(project: &Project, args: &[&str]) -> (Value, i32) {
    let ran = project.run(&[&["verify", "--format", "json", "--rows", "1000"], args].concat());
    let report = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
    (report, ran.status)
}

fn table<'a>(report: &'a Value, name: &str) -> &'a Value {
    let tables = report["tables"].as_array().unwrap();
    tables.iter().find(|t| t["table"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

/// `kind key column,column` of each row that differs.
fn differences(report: &Value, name: &str) -> BTreeSet<String> {
    let words = |d: &Value| {
        let key: Vec<String> = d["key"].as_object().unwrap().values().map(ToString::to_string).collect();
        let columns: Vec<&str> =
            d["columns"].as_array().unwrap().iter().map(|c| c["column"].as_str().unwrap()).collect();
        format!("{} {} {}", d["kind"].as_str().unwrap(), key.join("/"), columns.join(",")).trim_end().to_owned()
    };
    table(report, name)["differences"].as_array().unwrap().iter().map(words).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

#[test]
fn equal_data_of_every_type_is_equal() {
    let source = support::source();
    source.run(AWKWARD);
    source.run(
        "CREATE TABLE parted (id int, part int, v text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
         CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
         CREATE TABLE parted_other PARTITION OF parted DEFAULT;
         INSERT INTO parted SELECT i, i % 4, 'v' || i FROM generate_series(1, 999) i;
         CREATE TABLE parent (id int PRIMARY KEY, v text);
         CREATE TABLE child (extra int) INHERITS (parent);
         ALTER TABLE child ADD PRIMARY KEY (id);
         INSERT INTO parent VALUES (1, 'p');
         INSERT INTO child VALUES (1, 'c', 2);
         CREATE TABLE empty_table (id int PRIMARY KEY);
         CREATE TABLE \"Odd, Name\" (\"a,b\" int PRIMARY KEY, \"c'd`e\" text);
         INSERT INTO \"Odd, Name\" VALUES (1, 'x')",
    );
    let wide: Vec<String> = (0..150).map(|n| format!("c{n} int DEFAULT {n}")).collect();
    source.run(&format!("CREATE TABLE wide (id int PRIMARY KEY, {}); INSERT INTO wide VALUES (1)", wide.join(", ")));
    support::both_targets(|target| {
        let project = loaded(&source, target);
        let (report, status) = compare(&project, &[]);
        assert_eq!((status, &report["equal"]), (0, &Value::Bool(true)), "{report:#}");
        for (name, rows) in
            [("public.we\"ird `t.able", 5), ("public.parted", 999), ("public.parent", 1), ("public.child", 1)]
        {
            let table = table(&report, name);
            assert_eq!((&table["source_rows"], &table["target_rows"]), (&rows.into(), &rows.into()), "{name}");
        }
        let ran = project.run(&["verify"]);
        assert!(ran.out.contains("all 7 tables are equal"), "{ran}");
    });
}

const NEEDLES: &str = r#"
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE haystack (
  id bigint PRIMARY KEY, i int, n numeric(20,6), un numeric, r real, d double precision, t text, u text, vc varchar(40),
  c char(6), b bytea, flag boolean, day date, tm time, ts timestamp, tz timestamptz, iv interval, uid uuid, j json,
  jb jsonb, arr text[], m mood, cash money, net inet, "comma, quote'" text
);
INSERT INTO haystack
SELECT i, i, i / 7.0, i / 3.0, i / 7.0, sqrt(i), 'text ' || i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'n' END,
  CASE i % 3 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE '\N' END, 'c' || i % 100, decode(md5(i::text), 'hex'), i % 2 = 0,
  date '2000-01-01' + i % 9999, time '00:00' + i * interval '1.000001 s', timestamp '2000-01-01' + i * interval '1.000001 s',
  timestamptz '2000-01-01 00:00:00+02' + i * interval '1.000001 s', i * interval '1 minute', md5(i::text)::uuid,
  ('{"a":  ' || i || '}')::json, jsonb_build_object('n', i, 'f', i / 8.0, 's', 'x'), ARRAY['a', i::text], 'good', i / 100.0, '10.0.0.1',
  'a,b'
FROM generate_series(1, {rows}) i;
UPDATE haystack SET t = repeat('long ', 1000) || id, b = decode(repeat('00ff', 4000), 'hex'), jb = jsonb_build_object('long', repeat('x', 3000), 'n', id)
 WHERE id IN (101, 102, 103);
UPDATE haystack SET jb = '{"long": 1e25, "small": 1e-30, "zeros": [1.500, 2.00, 30], "text": "\" 1.50]"}' WHERE id IN (104, 105);
CREATE TABLE words (word text PRIMARY KEY, v int NOT NULL);
INSERT INTO words SELECT md5(i::text), i FROM generate_series(1, {words}) i;
VACUUM ANALYZE haystack; VACUUM ANALYZE words;
"#;

/// What is changed on the target: row, column, new value in SQL.
const CHANGES: &[(u64, &str, &str)] = &[
    (1, "i", "i + 1"),
    (2, "n", "n + 0.000001"),
    (3, "un", "un + 0.000000000000000000000000000001"),
    (4, "r", "r + 1e-6"),
    // One unit in the last place.
    (50_000, "d", "223.60679774997900"),
    (5, "t", "CONCAT(t, ' ')"),
    (6, "t", "UPPER(t)"),
    (7, "u", "NULL"),
    (9, "u", "''"),
    (12, "u", "'n'"),
    (15, "u", "'NULL'"),
    (10, "vc", "''"),
    (13, "vc", "'\\\\N'"),
    (18, "vc", "NULL"),
    (11, "vc", "''"),
    (20, "c", "'C20'"),
    (21, "b", "CONCAT(b, X'00')"),
    (22, "b", "INSERT(b, 3, 1, X'01')"),
    (23, "flag", "NULL"),
    (24, "flag", "0"),
    (25, "day", "day + INTERVAL 1 DAY"),
    (26, "tm", "tm + INTERVAL 1 MICROSECOND"),
    (27, "ts", "ts + INTERVAL 1 MICROSECOND"),
    (28, "tz", "tz - INTERVAL 1 MICROSECOND"),
    (29, "iv", "CONCAT(iv, '1')"),
    (30, "uid", "REPLACE(uid, '-', '_')"),
    (31, "j", "REPLACE(j, '  ', ' ')"),
    (32, "jb", "'{\"n\": 32, \"f\": 4.0000001, \"s\": \"x\"}'"),
    (33, "jb", "'{\"n\": \"33\", \"f\": 4.125, \"s\": \"x\"}'"),
    (34, "jb", "'{\"N\": 34, \"f\": 4.25, \"s\": \"x\"}'"),
    (35, "jb", "'null'"),
    (36, "jb", "NULL"),
    (37, "arr", "REPLACE(arr, 'a', 'b')"),
    (38, "m", "'bad'"),
    (39, "cash", "cash + 0.01"),
    (40, "net", "'10.0.0.2'"),
    (101, "t", "INSERT(t, 4000, 1, 'X')"),
    (102, "b", "INSERT(b, 4000, 1, X'55')"),
    (103, "jb", "REPLACE(jb, '103', '104')"),
    (105, "jb", "REPLACE(jb, '1.50]', '1.5]')"),
    (150_000, "comma, quote'", "'a,c'"),
];

/// What is only written in another way.
const SAME: &[(u64, &str, &str)] = &[
    (60, "jb", "'{ \"s\" : \"\\\\u0078\", \"f\": 75e-1, \"n\": 60.0 }'"),
    (61, "jb", "'{\"f\":7.6250000,\"n\":6.1e1,\"s\":\"x\"}'"),
];

#[test]
fn one_change_among_many_rows_is_found_with_key_and_column() {
    let source = support::source();
    let create = NEEDLES.replace("{rows}", "200000").replace("{words}", "210000");
    let (tables, vacuum) = create.split_once("VACUUM").unwrap();
    source.run(tables);
    for statement in format!("VACUUM{vacuum}").split(';').filter(|s| !s.trim().is_empty()) {
        source.run(statement);
    }
    support::both_targets(|target| {
        let project = loaded(&source, target);
        let (report, status) = compare(&project, &[]);
        assert_eq!(status, 0, "{report:#}");
        assert_eq!(table(&report, "public.haystack")["target_rows"], 200_000);
        assert_eq!(table(&report, "public.words")["target_rows"], 210_000);

        let update = |(id, column, value): &(u64, &str, &str)| {
            format!("UPDATE haystack SET `{column}` = {value} WHERE id = {id}")
        };
        let all: Vec<String> = CHANGES.iter().chain(SAME).map(update).collect();
        target.run(&all.join("; "));
        // Two columns whose texts, one after the other, stay the same.
        target.run(
            "UPDATE haystack SET t = 'text 41a', u = NULL WHERE id = 42; DELETE FROM haystack WHERE id IN (77, 199999)",
        );
        target.run("INSERT INTO haystack (id, t) VALUES (-7, 'x'), (9000000000, 'y')");
        let (changed, gone) = (md5(&source, "4711"), md5(&source, "5"));
        target.run(&format!(
            "UPDATE words SET v = v + 1 WHERE word = '{changed}'; DELETE FROM words WHERE word = '{gone}'; \
             INSERT INTO words VALUES ('zzz', 1)"
        ));

        let mut expected: BTreeSet<String> =
            CHANGES.iter().map(|(id, column, _)| format!("changed {id} {column}")).collect();
        expected.extend(set(&["changed 42 t", "missing 77", "missing 199999", "extra -7", "extra 9000000000"]));
        let (report, status) = compare(&project, &[]);
        assert_eq!(status, 1);
        assert_eq!(differences(&report, "public.haystack"), expected);
        assert_eq!(table(&report, "public.haystack")["complete"], true);
        let words = [format!("changed \"{changed}\" v"), format!("missing \"{gone}\""), "extra \"zzz\"".to_owned()];
        assert_eq!(differences(&report, "public.words"), words.into_iter().collect());
        let text = project.run(&["verify", "--tables", "public.haystack", "--rows", "3"]).out;
        assert!(
            text.contains("at least 3 rows differ")
                && text.contains("cdc-doctor verify --tables public.haystack --rows 30\n"),
            "{text}"
        );
    });
}

#[test]
fn large_tables_are_cut_by_keys_of_every_kind_that_both_servers_order_alike() {
    let source = support::source();
    let tables = [
        ("uuids", "(k uuid PRIMARY KEY, v text)", "md5(i::text)::uuid"),
        (
            "moments",
            "(k timestamptz PRIMARY KEY, v text)",
            "timestamptz '2000-01-01 00:00:00.5+02' + i * interval '1.3 s'",
        ),
        ("decimals", "(k numeric(20,4) PRIMARY KEY, v text)", "i / 16.0 - 3000"),
        ("parted", "(k int PRIMARY KEY, v text) PARTITION BY HASH (k)", "i - 55000"),
    ];
    for (name, definition, values) in tables {
        source.run(&format!("CREATE TABLE {name} {definition}"));
        if name == "parted" {
            source.run(
                "CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
                 CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
            );
        }
        source.run(&format!("INSERT INTO {name} SELECT {values}, 'v' || i FROM generate_series(1, 110000) i"));
        source.run(&format!("ANALYZE {name}"));
    }
    support::both_targets(|target| {
        let project = loaded(&source, target);
        let (progress, seen) = watch::channel(Progress::default());
        let found = run_seen(&source, target, "test", PATIENCE, progress);
        assert_eq!((found.outcome(), seen.borrow().parts), (Outcome::Equal, 2 * tables.len()));
        for table in &found.tables {
            assert_eq!((table.source_rows, table.target_rows), (110_000, 110_000), "parts must cover {}", table.table);
        }
        for (name, ..) in tables {
            target.run(&format!(
                "UPDATE {name} SET v = 'V109999' WHERE v = 'v109999'; DELETE FROM {name} WHERE v = 'v1'"
            ));
        }
        let (report, _) = compare(&project, &[]);
        let first =
            ["\"c4ca4238-a0b9-2382-0dcc-509a6f75849b\"", "\"1999-12-31 22:00:01.8\"", "\"-2999.9375\"", "-54999"];
        for ((name, ..), key) in tables.iter().zip(first) {
            let found = differences(&report, &format!("public.{name}"));
            assert_eq!(found.len(), 2, "{name}: {found:?}");
            assert!(found.contains(&format!("missing {key}")), "{name}: {found:?}");
        }
    });
}

fn md5(source: &Source, text: &str) -> String {
    support::block_on(async { source.client().await.query_one("SELECT md5($1)", &[&text]).await.unwrap().get(0) })
}

#[test]
fn keys_of_every_kind_name_their_rows() {
    let source = support::source();
    source.run(
        r#"CREATE TYPE mood AS ENUM ('good', 'so-so', 'bad');
        CREATE TABLE texts (k text PRIMARY KEY, v int);
        INSERT INTO texts SELECT k, 1 FROM unnest(ARRAY['a', 'A', 'a ', ' a', 'ä', E'a\u0308', '\N', '''', '"', '\', '😀', E'x\ny', '%', '', 'NULL', E'a\tb', 'a,b', '1:a']) k;
        CREATE TABLE pairs ("first, one" text, second int, v text, PRIMARY KEY ("first, one", second));
        INSERT INTO pairs VALUES ('a', 1, 'x'), ('A', 1, 'x'), ('a', 2, 'x'), ('it''s', 3, 'x'), ('1', 23, 'x'), ('12', 3, 'x');
        CREATE TABLE uuids (k uuid PRIMARY KEY, v int); INSERT INTO uuids SELECT md5(i::text)::uuid, i FROM generate_series(1, 5) i;
        CREATE TABLE days (k date PRIMARY KEY, v int); INSERT INTO days SELECT date '2000-01-01' + i, i FROM generate_series(1, 5) i;
        CREATE TABLE moments (k timestamptz PRIMARY KEY, v int);
        INSERT INTO moments SELECT timestamptz '2000-01-01 00:00:00.000001+02' + i * interval '0.1 s', i FROM generate_series(1, 5) i;
        CREATE TABLE decimals (k numeric PRIMARY KEY, v int); INSERT INTO decimals SELECT i / 8.0, i FROM generate_series(1, 5) i;
        CREATE TABLE floats (k float8 PRIMARY KEY, v int); INSERT INTO floats SELECT i / 10.0::float8, i FROM generate_series(1, 5) i;
        CREATE TABLE bytes (k bytea PRIMARY KEY, v int); INSERT INTO bytes SELECT decode(lpad(to_hex(i), 4, '0'), 'hex'), i FROM generate_series(1, 5) i;
        CREATE TABLE moods (k mood PRIMARY KEY, v int); INSERT INTO moods VALUES ('good', 1), ('so-so', 2), ('bad', 3);
        CREATE TABLE flags (k boolean PRIMARY KEY, v int); INSERT INTO flags VALUES (true, 1), (false, 0);
        CREATE TABLE small (k int PRIMARY KEY, v int); INSERT INTO small VALUES (1, 1);
        CREATE TABLE only_key (a int, b text, PRIMARY KEY (a, b)); INSERT INTO only_key VALUES (1, 'x'), (2, 'y');
        "#,
    );
    support::both_targets(|target| {
        target.run("CREATE TABLE small (k bigint PRIMARY KEY, v int)");
        let project = loaded(&source, target);
        let (report, status) = compare(&project, &[]);
        assert_eq!(status, 0, "{report:#}");
        for k in ["A", "a ", "ä", "\\\\N", "\\'", "😀", "x\\ny", ""] {
            target.run(&format!("UPDATE texts SET v = 2 WHERE k = BINARY '{k}' AND HEX(k) = HEX('{k}')"));
        }
        target.run(
            "INSERT INTO texts VALUES ('Ä', 1); UPDATE pairs SET v = 'y' WHERE second = 23; DELETE FROM pairs WHERE second = 2; \
             UPDATE uuids SET v = 9 WHERE v = 2; UPDATE days SET v = 9 WHERE v = 2; UPDATE moments SET v = 9 WHERE v = 2; \
             UPDATE decimals SET v = 9 WHERE v = 2; UPDATE floats SET v = 9 WHERE v = 3; UPDATE bytes SET v = 9 WHERE v = 2; \
             UPDATE moods SET v = 9 WHERE v = 2; INSERT INTO moods VALUES ('furious', 1); UPDATE flags SET v = 9 WHERE k = 1; \
             INSERT INTO small VALUES (9000000000, 1); INSERT INTO days VALUES ('0001-01-01', 1); \
             UPDATE only_key SET b = 'Y' WHERE a = 2",
        );
        let (report, status) = compare(&project, &[]);
        assert_eq!(status, 1);
        let of = |name: &str| differences(&report, &format!("public.{name}"));
        assert_eq!(
            of("texts"),
            set(&[
                r#"changed "A" v"#,
                r#"changed "a " v"#,
                r#"changed "ä" v"#,
                r#"changed "\\N" v"#,
                r#"changed "'" v"#,
                r#"changed "😀" v"#,
                r#"changed "x\ny" v"#,
                r#"changed "" v"#,
                r#"extra "Ä""#
            ])
        );
        assert_eq!(of("pairs"), set(&[r#"changed "1"/23 v"#, r#"missing "a"/2"#]));
        assert_eq!(of("uuids"), set(&[r#"changed "c81e728d-9d4c-2f63-6f06-7f89cc14862c" v"#]));
        assert_eq!(of("days"), set(&[r#"changed "2000-01-03" v"#, r#"extra "0001-01-01""#]));
        assert_eq!(of("moments"), set(&[r#"changed "1999-12-31 22:00:00.200001" v"#]));
        assert_eq!(of("decimals"), set(&[r#"changed "0.25" v"#]));
        assert_eq!(of("floats"), set(&["changed 0.3 v"]));
        assert_eq!(of("bytes"), set(&[r#"changed "\\x0002" v"#]));
        assert_eq!(of("moods"), set(&[r#"changed "so-so" v"#, r#"extra "furious""#]));
        assert_eq!(of("flags"), set(&["changed 1 v"]));
        assert_eq!(of("small"), set(&["extra 9000000000"]));
        assert_eq!(of("only_key"), set(&[r#"missing 2/"y""#, r#"extra 2/"Y""#]));
        assert_eq!(
            table(&report, "public.pairs")["differences"][0]["key"].as_object().unwrap().keys().next().unwrap(),
            "first, one"
        );
    });
}

#[test]
fn a_collation_that_takes_keys_for_one_another_hides_nothing() {
    let source = support::source();
    source.run("CREATE TABLE t (k text PRIMARY KEY, v int); INSERT INTO t VALUES ('a', 1), ('b', 2), ('c ', 3)");
    support::both_targets(|target| {
        target.run(
            "CREATE TABLE t (k varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v int); \
             INSERT INTO t VALUES ('A', 1), ('b', 2), ('c', 3)",
        );
        let (report, status) = compare(&Project::new(&source, target), &[]);
        assert_eq!(status, 1);
        let expected = [r#"missing "a""#, r#"extra "A""#, r#"missing "c ""#, r#"extra "c""#];
        assert_eq!(differences(&report, "public.t"), set(&expected));
    });
}

#[test]
fn existing_tables_of_wider_types_are_compared_by_value() {
    let source = support::source();
    source.run(
        "CREATE TABLE t (id int PRIMARY KEY, i int, n numeric(9,2), f real, flag boolean, day date, ts timestamp, tz timestamptz, s text, jb jsonb, u uuid);
         INSERT INTO t VALUES (1, 1000000, 1.50, 1.1, true, '2024-02-29', '2024-02-29 12:00:00.5', '2024-02-29 12:00:00.25+02', 'ä', '{\"b\": 1.50, \"a\": 1}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
                              (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
    );
    support::both_targets(|target| {
        target.run(
            "CREATE TABLE t (id decimal(20,5) PRIMARY KEY, i double, n decimal(30,10), f float, flag bit(1), day datetime, \
             ts datetime(6), tz timestamp(6) NULL, s varchar(9) CHARACTER SET latin1, jb longtext, u varchar(99), loaded_at timestamp NULL); \
             INSERT INTO t VALUES (1, 1e6, 1.5, 1.1, 1, '2024-02-29', '2024-02-29 12:00:00.5', '2024-02-29 12:00:00.25', 'x', \
             '{\"a\":1,\"b\":1.5}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL), \
             (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL); UPDATE t SET s = CONVERT(X'C3A4' USING utf8mb4) WHERE id = 1; \
             UPDATE t SET tz = tz - INTERVAL 2 HOUR",
        );
        let (report, status) = compare(&Project::new(&source, target), &[]);
        assert_eq!(status, 0, "{report:#}");
        let notes = table(&report, "public.t")["notes"].to_string();
        assert!(notes.contains("only the target has it: loaded_at"), "{notes}");
        target.run("UPDATE t SET i = 1000001, flag = 0, f = 1.2, jb = '{\"a\":1,\"b\":1.51}', s = 'a' WHERE id = 1");
        let (report, _) = compare(&Project::new(&source, target), &[]);
        assert_eq!(differences(&report, "public.t"), set(&["changed 1 i,f,flag,s,jb"]));
    });
}

#[test]
fn tables_without_a_key_are_compared_as_multisets() {
    let source = support::source();
    source.run(
        "CREATE TABLE log (at text, v int); INSERT INTO log VALUES ('a', 1), ('a', 1), ('b', 2), (NULL, NULL);
         CREATE TABLE docs (doc jsonb); INSERT INTO docs VALUES ('{\"b\": 1.50, \"a\": 1}'), (NULL), ('[1]');",
    );
    support::both_targets(|target| {
        let project = loaded(&source, target);
        target.run("UPDATE docs SET doc = '{\"a\":1,\"b\":1.5}' WHERE doc LIKE '%b%'");
        let (report, status) = compare(&project, &[]);
        assert_eq!(status, 0, "{report:#}");
        assert_eq!(table(&report, "public.log")["compared_by"], "multiset");
        let ran = project.run(&["verify"]);
        assert!(ran.out.contains("no key tells its rows apart"), "{ran}");
        // As many rows, and the same ones, only not as often each.
        target.run(
            "UPDATE log SET at = 'b', v = 2 WHERE at = 'a' LIMIT 1; UPDATE docs SET doc = '[2]' WHERE doc LIKE '%[%'",
        );
        let (report, status) = compare(&project, &[]);
        assert_eq!(status, 1);
        for name in ["public.log", "public.docs"] {
            assert_eq!(table(&report, name)["equal"], false, "{name} on {target}");
            assert_eq!(table(&report, name)["differences"], Value::Array(vec![]));
        }
    });
}

#[test]
fn values_that_became_null_as_the_pipeline_says_are_no_difference() {
    let source = support::source();
    source.run(
        "CREATE TABLE t (id int PRIMARY KEY, d float8, n numeric, day date, ts timestamp, tz timestamptz, s varchar(99), jb jsonb);
         INSERT INTO t VALUES (1, 'NaN', 'NaN', 'infinity', '-infinity', 'infinity', 'fits', '1'),
           (2, '-Infinity', 1e40, '0044-03-15 BC', '10000-01-01', '0044-03-15 00:00:00+00 BC', 'fits', NULL),
           (3, 1, 1e-31, '2024-01-01', '2024-01-01', '2024-01-01', 'does not fit', '2'),
           (4, NULL, NULL, NULL, NULL, NULL, NULL, '123456789012345678901234567890'),
           (5, 1, 1, '9999-12-31', '9999-12-31 23:59:59.999999', '0001-01-01 00:00:00+00', '', '{\"a\": 0.1234567890123456789012345}');",
    );
    support::both_targets(|target| {
        target.run(&format!(
            "CREATE TABLE t (id int PRIMARY KEY, d double, n decimal(65,30), day date, ts datetime(6), tz datetime(6), \
             s varchar(9) CHARACTER SET utf8mb4 COLLATE {}, jb json)",
            if target.server.flavor() == MyFlavor::MySql { "utf8mb4_0900_bin" } else { "utf8mb4_nopad_bin" }
        ));
        let project = Project::new(&source, target);
        // What the load does with the policy, by hand: the column is too short for it to begin.
        let json = if target.server.flavor() == MyFlavor::MySql {
            ("NULL", "NULL")
        } else {
            ("'123456789012345678901234567890'", "'{\"a\": 0.1234567890123456789012345}'")
        };
        target.run(&format!(
            "INSERT INTO t VALUES (1, NULL, NULL, NULL, NULL, NULL, 'fits', '1'), (2, NULL, NULL, NULL, NULL, NULL, 'fits', NULL), \
             (3, 1, NULL, '2024-01-01', '2024-01-01', '2024-01-01', NULL, '2'), (4, NULL, NULL, NULL, NULL, NULL, NULL, {}), \
             (5, 1, 1, '9999-12-31', '9999-12-31 23:59:59.999999', '0001-01-01', '', {})",
            json.0, json.1
        ));
        let (report, status) = compare(&project, &[]);
        assert_eq!(status, 1, "without the policy each is a difference");
        assert!(differences(&report, "public.t").contains("changed 1 d,n,day,ts,tz"), "{report:#}");

        project.edit("[tables]", "[sync]\non_unrepresentable = \"null\"\n\n[tables]");
        let (report, status) = compare(&project, &[]);
        assert_eq!(status, 0, "{report:#}");
        let nulled = if target.server.flavor() == MyFlavor::MySql { 14 } else { 12 };
        assert_eq!(table(&report, "public.t")["nulled"], nulled);
        let ran = project.run(&["verify"]);
        assert!(ran.out.contains(&format!("{nulled} values that the target cannot hold are NULL there")), "{ran}");

        target.run("UPDATE t SET d = 0 WHERE id = 1; UPDATE t SET d = NULL WHERE id = 3");
        let (report, _) = compare(&project, &[]);
        assert_eq!(differences(&report, "public.t"), set(&["changed 1 d", "changed 3 d"]));
    });
}

#[test]
fn what_cannot_be_compared_is_said_and_the_rest_is_compared() {
    let source = support::source();
    source.run(
        "CREATE TABLE fine (id int PRIMARY KEY); CREATE TABLE gone (id int PRIMARY KEY);
         CREATE TABLE narrow (id int PRIMARY KEY, one text, two text, twice int GENERATED ALWAYS AS (id * 2) STORED);
         CREATE TABLE computed (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);
         INSERT INTO fine VALUES (1); INSERT INTO computed VALUES (1);",
    );
    support::both_targets(|target| {
        let project = loaded(&source, target);
        target.run("DROP TABLE gone; ALTER TABLE narrow DROP COLUMN one, DROP COLUMN two; ALTER TABLE computed DROP COLUMN twice");
        let ran = project.run(&["verify"]);
        assert_eq!(ran.status, 3, "{ran}");
        for words in ["no columns one, two", "no such table", "✓ public.fine", "2 not compared", "no column twice"] {
            assert!(ran.out.contains(words), "{words}: {ran}");
        }
        assert!(ran.err.contains("2 of 4 tables could not be compared"), "{ran}");
        let (report, _) = compare(&project, &[]);
        assert_eq!((&report["equal"], &table(&report, "public.gone")["equal"]), (&false.into(), &false.into()));
        assert!(table(&report, "public.narrow")["error"].as_str().unwrap().contains("one, two"));

        target.run("DELETE FROM fine");
        assert_eq!(project.run(&["verify"]).status, 1, "a difference says more than a table that was not compared");
        let ran = project.run(&["verify", "--tables", "*.computed"]);
        assert_eq!(ran.status, 0, "{ran}");
        for (pattern, near) in [("public.fin", "public.fine"), ("computd", "public.computed")] {
            let ran = project.run(&["verify", "--tables", pattern]);
            assert_eq!(ran.status, 2, "{ran}");
            assert!(ran.err.contains(pattern) && ran.err.contains(&format!("--tables {near}")), "{ran}");
        }
        // A server that cannot be reached.
        project.edit(&format!("port = {}", target.endpoint.port), "port = 1");
        assert_eq!(project.run(&["verify"]).status, 3);
    });
}

#[test]
fn the_json_has_the_fields_of_the_contract() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    source
        .run("CREATE TABLE t (id int PRIMARY KEY, v text, f float8); INSERT INTO t VALUES (1, 'a', 1.5), (2, 'b', 2)");
    let project = loaded(&source, &target);
    target.run("UPDATE t SET v = NULL, f = 2.5 WHERE id = 1; DELETE FROM t WHERE id = 2");
    let (mut report, _) = compare(&project, &[]);
    report["elapsed_ms"] = 1.into();
    report["tables"][0]["elapsed_ms"] = 1.into();
    report["tables"][0]["target"] = "target.t".into();
    insta::assert_json_snapshot!(report);
}

/// What the direct engine keeps on the target.
const STATE: &str = "
CREATE TABLE cdc_doctor_checkpoint (pipeline VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY,
  slot VARCHAR(63) NOT NULL, source VARCHAR(255) NOT NULL, lsn BIGINT UNSIGNED NULL, epoch BIGINT UNSIGNED NOT NULL,
  batch BIGINT UNSIGNED NOT NULL, committed_at DATETIME(6) NULL, updated_at DATETIME(6) NOT NULL);
CREATE TABLE cdc_doctor_tables (pipeline VARCHAR(255), source_schema VARCHAR(63), source_table VARCHAR(63),
  state VARCHAR(16) NOT NULL, lsn BIGINT UNSIGNED NULL, PRIMARY KEY (pipeline, source_schema, source_table));
INSERT INTO cdc_doctor_checkpoint VALUES ('test', 's', '1/d', 0, 1, 0, NULL, UTC_TIMESTAMP(6))";

fn position(source: &Source) -> u64 {
    let ask = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text";
    let lsn: String = support::block_on(async { source.client().await.query_one(ask, &[]).await.unwrap().get(0) });
    lsn.parse().unwrap()
}

/// Applies statements to the target as the engine does: with the position, in one transaction.
fn apply(target: &Target, statements: &str, position: u64) {
    target.run(&format!(
        "START TRANSACTION; {statements}; UPDATE cdc_doctor_checkpoint SET lsn = {position}, batch = batch + 1, \
         updated_at = UTC_TIMESTAMP(6); COMMIT"
    ));
}

fn run(source: &Source, target: &Target, name: &str, patience: Duration) -> Comparison {
    run_seen(source, target, name, patience, watch::channel(Progress::default()).0)
}

fn run_seen(
    source: &Source,
    target: &Target,
    name: &str,
    patience: Duration,
    progress: watch::Sender<Progress>,
) -> Comparison {
    let mut pipeline = Pipeline::load(&Project::new(source, target).path()).unwrap();
    pipeline.name = name.to_owned();
    let passwords =
        Passwords { source: Some(source.password.clone().into()), target: Some(target.password.clone().into()) };
    let options = VerifyOptions { patience, ..VerifyOptions::default() };
    let stop = Stop::default();
    let run = verify::run(&pipeline, &passwords, &options, progress, &stop);
    support::block_on(run).unwrap_or_else(|e| panic!("{e}"))
}

/// Ends what runs beside a test, also when the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Longer than any pause of a sync in these tests.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_sync_that_is_on_its_way_is_no_difference_and_a_real_one_is_found() {
    let source = support::source();
    source.run(
        "CREATE TABLE busy (id int PRIMARY KEY, v int); INSERT INTO busy SELECT i, 0 FROM generate_series(1, 3000) i;
         CREATE TABLE heap (v int); INSERT INTO heap SELECT generate_series(1, 10);",
    );
    support::both_targets(|target| {
        source.run("DELETE FROM busy; INSERT INTO busy SELECT i, 0 FROM generate_series(1, 3000) i");
        loaded(&source, target);
        target.run(STATE);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Every statement reaches the target a while after it committed on the source.
            scope.spawn(|| {
                let mut step = 0;
                while !done.load(Ordering::Relaxed) {
                    step += 1;
                    let (old, new, row) = (step, 3000 + step, step % 50 + 100);
                    let statements = format!(
                        "UPDATE busy SET v = {step} WHERE id = {row} OR id > 2900; INSERT INTO busy VALUES ({new}, {step}); \
                         DELETE FROM busy WHERE id = {old}; INSERT INTO heap VALUES ({step})"
                    );
                    source.run(&statements);
                    let position = position(&source);
                    std::thread::sleep(Duration::from_millis(150));
                    apply(target, &statements, position);
                }
            });
            let ends = Ends(&done);
            let mut cried = 0;
            for _ in 0..6 {
                let found = run(&source, target, "test", PATIENCE);
                let busy = found.tables.iter().find(|t| t.table == "public.busy").unwrap();
                assert!(busy.equal, "{busy:#?}");
                assert!(!found.tables.iter().any(verify::TableResult::differs), "{found:#?}");
                cried +=
                    usize::from(run(&source, target, "without a checkpoint", PATIENCE).outcome() == Outcome::Different);
            }
            assert!(cried > 0, "nothing was on its way, so this shows nothing");

            target.run("UPDATE busy SET v = -1 WHERE id = 1000; DELETE FROM busy WHERE id = 1001; INSERT INTO busy VALUES (-1, 0)");
            let found = run(&source, target, "test", PATIENCE);
            let busy = found.tables.iter().find(|t| t.table == "public.busy").unwrap();
            let kinds: Vec<_> = busy.differences.iter().map(|d| (d.key["id"].to_string(), d.kind.as_str())).collect();
            let expected = [("-1", "extra"), ("1000", "changed"), ("1001", "missing")];
            assert_eq!(kinds, expected.map(|(key, kind)| (key.to_owned(), kind)), "{busy:#?}");
            assert_eq!(found.sync, SyncState::Following);
            drop(ends);
        });
        // All is applied by now, and the table without a key can be decided.
        target.run("INSERT INTO busy SELECT 1001, v FROM busy WHERE id = 1002; UPDATE busy SET v = 0 WHERE id = 1000; DELETE FROM busy WHERE id = -1");
        assert_eq!(run(&source, target, "test", PATIENCE).outcome(), Outcome::Equal);
        target.run("INSERT INTO heap VALUES (0)");
        apply(target, "DO 0", position(&source));
        let found = run(&source, target, "test", PATIENCE);
        assert_eq!(found.outcome(), Outcome::Different, "{found:#?}");
    });
}

#[test]
fn one_late_transaction_is_waited_for() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    source.run("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
    loaded(&source, &target);
    target.run(STATE);
    apply(&target, "DO 0", position(&source));
    let change = "UPDATE t SET v = 9 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (4, 4)";
    source.run(change);
    let (progress, mut seen) = watch::channel(Progress::default());
    std::thread::scope(|scope| {
        let applying = scope.spawn(|| {
            support::block_on(async { seen.wait_for(|p| p.looking).await.map(drop).unwrap() });
            std::thread::sleep(Duration::from_millis(500));
            // Other databases of the server write to the same log.
            apply(&target, change, position(&source));
            Instant::now()
        });
        let found = run_seen(&source, &target, "test", PATIENCE, progress);
        let ended = Instant::now();
        assert_eq!(found.outcome(), Outcome::Equal, "{found:#?}");
        assert_eq!((found.sync, found.tables[0].undecided), (SyncState::Following, 0));
        assert!(ended > applying.join().unwrap(), "it was decided before the change had arrived");
    });
}

#[test]
fn a_row_that_never_rests_is_not_decided() {
    let (source, target) = (support::source(), support::target(MyFlavor::MySql));
    source.run("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 0), (2, 0)");
    loaded(&source, &target);
    target.run(STATE);
    source.run("UPDATE t SET v = v + 1 WHERE id = 1");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The target never gets the row. When it reaches a position, the row has changed once more since.
            while !done.load(Ordering::Relaxed) {
                let position = position(&source);
                source.run("UPDATE t SET v = v + 1 WHERE id = 1");
                apply(&target, "DO 0", position);
            }
        });
        let ends = Ends(&done);
        let found = run(&source, &target, "test", PATIENCE);
        drop(ends);
        assert_eq!((found.outcome(), found.tables[0].undecided), (Outcome::Equal, 1), "{found:#?}");
    });
}

#[test]
fn a_checkpoint_that_stands_still_is_not_waited_for() {
    let source = support::source();
    source.run(
        "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1); CREATE TABLE u (id int PRIMARY KEY)",
    );
    support::both_targets(|target| {
        loaded(&source, target);
        target.run(STATE);
        apply(target, "DO 0", position(&source));
        source.run("UPDATE t SET v = v + 1");
        let found = run(&source, target, "test", Duration::from_secs(1));
        assert_eq!(found.outcome(), Outcome::Different);
        assert!(matches!(found.sync, SyncState::Standing { behind_bytes: Some(1..=10_000_000) }), "{:?}", found.sync);
        assert_eq!(found.tables[0].differences.len(), 1);

        target.run("UPDATE cdc_doctor_checkpoint SET lsn = NULL");
        let found = run(&source, target, "test", Duration::from_secs(1));
        assert_eq!(found.sync, SyncState::Standing { behind_bytes: None });

        target.run("INSERT INTO cdc_doctor_tables VALUES ('test', 'public', 't', 'loading', NULL), ('test', 'public', 'u', 'loaded', 1)");
        let found = run(&source, target, "test", Duration::from_secs(1));
        assert_eq!(found.outcome(), Outcome::Incomplete);
        assert!(found.tables[0].error.as_deref().unwrap().contains("load is not complete"), "{found:#?}");
        assert!(found.tables[1].equal);
    });
}

#[test]
fn an_interrupt_ends_it_and_what_the_servers_were_at() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    source.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let project = loaded(&source, &target);
    let waiting = "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND \
                   application_name = 'cdc-doctor' AND state = 'active' AND wait_event_type = 'Lock'";
    support::block_on(async {
        let client = source.client().await;
        client.batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let watcher = source.client().await;
        let until = async |count: i32| {
            for _ in 0..600 {
                if watcher.query_one(waiting, &[]).await.unwrap().get::<_, i32>(0) == count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!("never {count} statements that wait");
        };
        let run = || {
            let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cdc-doctor"));
            command.arg("verify").current_dir(project.folder()).kill_on_drop(true);
            command.envs(project.variables().iter().map(|(name, value)| (*name, value.as_str())));
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        };
        let interrupt = async |child: tokio::process::Child| {
            let pid = child.id().unwrap().to_string();
            tokio::process::Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
            let ended = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output()).await;
            let ended = ended.expect("it goes on").unwrap();
            let said = String::from_utf8(ended.stderr).unwrap();
            assert_eq!(ended.status.code(), Some(3), "{said}");
            assert!(said.contains("stopped on request"), "{said}");
        };
        let child = run();
        until(1).await;
        interrupt(child).await;
        until(0).await;
        client.batch_execute("ROLLBACK").await.unwrap();

        let (mut locker, mut watcher) = (target.conn().await, target.conn().await);
        locker.query_drop("LOCK TABLES t WRITE").await.unwrap();
        let waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE '%lock%' AND info LIKE '%SHA2%' \
                       AND info NOT LIKE '%processlist%'";
        let mut until = async |count: u64| {
            for _ in 0..600 {
                if watcher.query_first::<u64, _>(waiting).await.unwrap() == Some(count) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!("never {count} statements that wait");
        };
        let child = run();
        until(1).await;
        interrupt(child).await;
        until(0).await;
    });
}

#[test]
fn a_table_that_differs_everywhere_is_told_in_few_words() {
    let (source, target) = (support::source(), support::target(MyFlavor::MySql));
    source
        .run("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 120000) i");
    source.run("ANALYZE t");
    let project = loaded(&source, &target);
    target.run("UPDATE t SET v = v + 1");
    let ran = project.run(&["verify"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert_eq!(ran.out.matches("changed  id = ").count(), 20, "{ran}");
    assert!(ran.out.contains("at least 20 rows differ"), "{ran}");
    target.run("DELETE FROM t");
    let (report, _) = compare(&project, &[]);
    let t = table(&report, "public.t");
    assert_eq!((&t["source_rows"], &t["target_rows"], &t["complete"]), (&120_000.into(), &0.into(), &false.into()));
}
