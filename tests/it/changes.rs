//! Following changes on real servers: each kind of change, each awkward case, on both targets. What arrived is
//! compared by queries of this file, never by the program's own `verify`.

use cdc_doctor::connect;
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::quote::pg_literal;
use mysql_async::prelude::Queryable;

use crate::slots;
use crate::support::{self, Project, Source, Target};
use crate::sync::AWKWARD;

/// A pipeline with a slot of its own, which is dropped at the end.
struct Pipe<'a> {
    source: &'a Source,
    target: &'a Target,
    project: Project,
    slot: String,
}

impl<'a> Pipe<'a> {
    fn new(source: &'a Source, target: &'a Target) -> Self {
        let slot = support::unique("slot");
        let project = Project::new(source, target);
        project.edit("[tables]", &format!("[sync]\nslot = {slot:?}\npublication = {slot:?}\n\n[tables]"));
        Self { source, target, project, slot }
    }

    /// Brings the target to where the source is.
    fn catch_up(&self) -> support::Ran {
        let ran = self.project.run(&["sync", "--until-caught-up"]);
        assert_eq!(ran.status, 0, "{ran}");
        ran
    }

    fn fails(&self, args: &[&str]) -> String {
        let ran = self.project.run(args);
        assert_eq!(ran.status, 3, "{ran}");
        ran.err
    }

    /// The source is of this major version or a later one.
    fn at_least(&self, major: u32) -> bool {
        let ask = format!("SELECT (current_setting('server_version_num')::int >= {major} * 10000)::text");
        self.source_rows(&ask) == [[Some("true".to_owned())]]
    }

    /// Both sides hold the same rows, every column as text.
    fn same(&self, on_source: &str, on_target: &str) {
        let (mut from, mut to) = (self.source_rows(on_source), self.target_rows(on_target));
        from.sort();
        to.sort();
        for (from, to) in from.iter().zip(&to) {
            assert_eq!(from, to, "on {}", self.target);
        }
        assert_eq!(from.len(), to.len(), "rows on {}", self.target);
    }

    fn source_rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        support::block_on(async {
            let client = self.source.client().await;
            let rows = client.query(sql, &[]).await.unwrap();
            rows.iter().map(|r| (0..r.len()).map(|i| r.get(i)).collect()).collect()
        })
    }

    fn target_rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        support::block_on(async {
            let mut conn = self.target.conn().await;
            conn.query_drop("SET NAMES utf8mb4").await.unwrap();
            let rows: Vec<mysql_async::Row> = conn.query(sql).await.unwrap();
            rows.into_iter().map(|r| r.unwrap().into_iter().map(mysql_async::from_value).collect()).collect()
        })
    }
}

impl Drop for Pipe<'_> {
    fn drop(&mut self) {
        let drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ";
        let _ = self.source.server.run(&self.source.endpoint.database, &format!("{drop}{}", pg_literal(&self.slot)));
    }
}

/// Runs the test with a fresh source and target for each flavour.
fn on_both(test: impl Fn(&Pipe<'_>)) {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let (source, target) = (support::source(), support::target(flavor));
        eprintln!("on {target}");
        test(&Pipe::new(&source, &target));
    }
}

/// `sync` runs until it is told to stop; what it says is in a file.
struct Running {
    child: std::process::Child,
}

impl Running {
    fn start(pipe: &Pipe<'_>, args: &[&str]) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cdc-doctor"));
        command.current_dir(pipe.project.folder()).args(["sync", "--progress", "plain"]).args(args);
        command.envs(pipe.project.variables().iter().map(|(name, value)| (*name, value.as_str())));
        let said = std::fs::File::create(pipe.project.folder().join("said")).unwrap();
        Self { child: command.stdout(std::process::Stdio::null()).stderr(said).spawn().unwrap() }
    }

    fn said(pipe: &Pipe<'_>) -> String {
        std::fs::read_to_string(pipe.project.folder().join("said")).unwrap()
    }

    /// Waits until it has said so.
    fn until(&mut self, pipe: &Pipe<'_>, text: &str) {
        for _ in 0..600 {
            if Self::said(pipe).contains(text) {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "ended without {text:?}:\n{}", Self::said(pipe));
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("no {text:?} within a minute:\n{}", Self::said(pipe));
    }

    /// Its exit status, after a SIGTERM where that is asked for.
    fn ends(&mut self, terminate: bool) -> i32 {
        if terminate {
            let pid = self.child.id().to_string();
            assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        }
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("it does not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a query on the target gives this; the limit is for the largest transaction on a busy machine.
fn until_target(pipe: &Pipe<'_>, sql: &str, expected: &str) {
    for _ in 0..6000 {
        if pipe.target_rows(sql)[0][0].as_deref() == Some(expected) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{sql} gives {:?} and not {expected:?}", pipe.target_rows(sql));
}

#[test]
fn inserts_updates_and_deletes_arrive() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) i");
        pipe.catch_up();
        pipe.source.run("INSERT INTO t VALUES (2000, 'new'); UPDATE t SET v = 'changed' WHERE id % 3 = 0; DELETE FROM t WHERE id % 5 = 0; UPDATE t SET id = -id WHERE id % 7 = 0");
        pipe.source.run("INSERT INTO t SELECT i, 'more' FROM generate_series(10000, 12000) i");
        pipe.catch_up();
        pipe.same("SELECT id::text, v FROM t", "SELECT CAST(id AS CHAR), v FROM t");
    });
}

#[test]
fn awkward_values_arrive_as_changes_and_are_found_again_to_the_byte() {
    on_both(|pipe| {
        let text = AWKWARD.replace(", g int GENERATED ALWAYS AS (1 + 1) STORED", ", g int");
        let (tables, rows) = text.split_at(text.find("INSERT INTO").unwrap());
        pipe.source.run(tables);
        // The same values without a key: every type is compared on the target.
        pipe.source.run(
            "CREATE TABLE heap (LIKE \"we\"\"ird `t.able\"); ALTER TABLE heap ALTER id DROP NOT NULL;
             ALTER TABLE heap REPLICA IDENTITY FULL; ALTER TABLE \"we\"\"ird `t.able\" REPLICA IDENTITY FULL",
        );
        pipe.catch_up();
        pipe.source.run(rows);
        pipe.source.run("UPDATE \"we\"\"ird `t.able\" SET g = 2");
        let twice = "INSERT INTO heap SELECT * FROM \"we\"\"ird `t.able\"";
        pipe.source.run(&format!("{twice}; {twice}"));
        pipe.source.run(
            "DELETE FROM heap WHERE ctid IN (SELECT min(ctid) FROM heap GROUP BY id);
             UPDATE heap SET g = id, \"Mixed Case\" = NULL WHERE id <> 4",
        );
        pipe.catch_up();
        crate::sync::compare_awkward(pipe.source, pipe.target);
        pipe.same(
            "SELECT id::text, g::text, \"Mixed Case\" FROM heap",
            "SELECT CAST(id AS CHAR), CAST(g AS CHAR), `Mixed Case` FROM heap",
        );
        pipe.source.run("DELETE FROM heap");
        pipe.catch_up();
        assert!(pipe.target_rows("SELECT 'x' FROM heap").is_empty());
    });
}

#[test]
fn untouched_long_values_stay() {
    on_both(|pipe| {
        let long = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i)";
        for (name, with) in [("plain", ""), ("uniq", "UNIQUE"), ("whole", "")] {
            pipe.source.run(&format!(
                "CREATE TABLE {name} (id int PRIMARY KEY, n int {with}, t text, b bytea);
                 INSERT INTO {name} SELECT i, i, {long} || i, convert_to({long} || i, 'UTF8') FROM generate_series(1, 9) i"
            ));
        }
        pipe.source.run("ALTER TABLE whole REPLICA IDENTITY FULL");
        pipe.catch_up();
        for name in ["plain", "uniq", "whole"] {
            pipe.source.run(&format!(
                "UPDATE {name} SET n = n + 100; UPDATE {name} SET t = 'short' WHERE id = 2; UPDATE {name} SET id = 30 WHERE id = 3;
                 UPDATE {name} SET id = 40, n = 1000 WHERE id = 4; UPDATE {name} SET n = 1001 WHERE id = 40;
                 INSERT INTO {name} SELECT 50, 50, t, b FROM {name} WHERE id = 5; UPDATE {name} SET id = 51 WHERE id = 50;
                 DELETE FROM {name} WHERE id = 6"
            ));
        }
        pipe.catch_up();
        for name in ["plain", "uniq", "whole"] {
            pipe.same(
                &format!("SELECT id::text, n::text, t, encode(b, 'hex') FROM {name}"),
                &format!("SELECT CAST(id AS CHAR), CAST(n AS CHAR), t, LOWER(HEX(b)) FROM {name}"),
            );
        }
    });
}

#[test]
fn values_of_unique_keys_are_swapped_and_handed_on() {
    on_both(|pipe| {
        pipe.source.run(
            "CREATE TABLE s (id int PRIMARY KEY, u int NOT NULL UNIQUE, t text);
             CREATE UNIQUE INDEX ON s (u, id);
             INSERT INTO s SELECT i, i, (SELECT string_agg(md5(j::text), '') FROM generate_series(1, 300) j) FROM generate_series(1, 20) i;
             CREATE TABLE h (id int PRIMARY KEY, u text UNIQUE);
             INSERT INTO h SELECT i, 'u' || i FROM generate_series(1, 20) i",
        );
        pipe.catch_up();
        pipe.source.run("BEGIN; UPDATE s SET u = -1 WHERE id = 1; UPDATE s SET u = 1 WHERE id = 2; UPDATE s SET u = 2 WHERE id = 1; COMMIT");
        pipe.source.run("BEGIN; UPDATE s SET u = -u; UPDATE s SET u = 1 - u; UPDATE s SET u = 1 WHERE id = 20; COMMIT");
        pipe.source.run("DELETE FROM h WHERE id = 1; INSERT INTO h VALUES (100, 'u1'); UPDATE h SET u = 'x' WHERE id = 2; UPDATE h SET u = 'u2' WHERE id = 3; UPDATE h SET u = 'u3' WHERE id = 2");
        pipe.catch_up();
        pipe.same("SELECT id::text, u::text, t FROM s", "SELECT CAST(id AS CHAR), CAST(u AS CHAR), t FROM s");
        pipe.same("SELECT id::text, u FROM h", "SELECT CAST(id AS CHAR), u FROM h");
        // A row that only the target has is never changed in the place of the one that is meant.
        pipe.target.run("INSERT INTO h VALUES (999, 'taken')");
        pipe.source.run("INSERT INTO h VALUES (200, 'taken')");
        let said = pipe.fails(&["sync", "--until-caught-up"]);
        assert!(said.contains("public.h: target 1062") && said.contains("cdc-doctor sync"), "{said}");
        assert_eq!(pipe.target_rows("SELECT CAST(id AS CHAR) FROM h WHERE u = 'taken'"), [[Some("999".to_owned())]]);
        pipe.target.run("DELETE FROM h WHERE id = 999");
        pipe.catch_up();
        pipe.same("SELECT id::text, u FROM h", "SELECT CAST(id AS CHAR), u FROM h");
    });
}

#[test]
fn foreign_keys_of_the_target_neither_refuse_nor_cascade() {
    on_both(|pipe| {
        pipe.source.run(
            "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
             INSERT INTO parent SELECT i, 'p' FROM generate_series(1, 100) i; INSERT INTO child SELECT i, i % 100 + 1 FROM generate_series(1, 500) i",
        );
        pipe.catch_up();
        pipe.target
            .run("ALTER TABLE child ADD FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE");
        pipe.source.run("DELETE FROM parent WHERE id <= 10; UPDATE parent SET id = id + 1000 WHERE id <= 20; INSERT INTO parent VALUES (1, 'again'); INSERT INTO child VALUES (9999, 1); UPDATE parent SET v = 'changed'");
        pipe.catch_up();
        pipe.same("SELECT id::text, v FROM parent", "SELECT CAST(id AS CHAR), v FROM parent");
        pipe.same("SELECT id::text, p::text FROM child", "SELECT CAST(id AS CHAR), CAST(p AS CHAR) FROM child");
    });
}

#[test]
fn truncate_reaches_every_table_that_it_emptied() {
    on_both(|pipe| {
        pipe.source.run(
            "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); CREATE TABLE c (id int PRIMARY KEY);
             INSERT INTO a SELECT generate_series(1, 50); INSERT INTO b SELECT i, i FROM generate_series(1, 50) i; INSERT INTO c SELECT generate_series(1, 50)",
        );
        pipe.catch_up();
        pipe.source.run("INSERT INTO a VALUES (100); TRUNCATE a CASCADE; INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (7, 1)");
        pipe.source
            .run("DO $$ BEGIN BEGIN TRUNCATE c; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END; END $$");
        pipe.catch_up();
        for table in ["a", "b", "c"] {
            pipe.same(&format!("SELECT id::text FROM {table}"), &format!("SELECT CAST(id AS CHAR) FROM {table}"));
        }
        assert_eq!(pipe.target_rows("SELECT CAST(count(*) AS CHAR) FROM c")[0][0].as_deref(), Some("50"));
        pipe.source.run("TRUNCATE a, b, c");
        pipe.catch_up();
        for table in ["a", "b", "c"] {
            assert!(pipe.target_rows(&format!("SELECT 'x' FROM {table}")).is_empty(), "{table}");
        }
    });
}

#[test]
fn rows_of_partitions_arrive_in_the_root() {
    on_both(|pipe| {
        pipe.source.run(
            "CREATE TABLE p (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 (v text, k int NOT NULL, id int NOT NULL); ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10) TO (20);
             INSERT INTO p SELECT i, i % 20, 'v' FROM generate_series(1, 200) i",
        );
        pipe.catch_up();
        pipe.source.run("UPDATE p SET k = 15 WHERE k = 5; UPDATE p SET v = 'w' WHERE k = 12; DELETE FROM p WHERE k = 3; INSERT INTO p VALUES (1000, 19, 'new')");
        pipe.source.run(
            "CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (20) TO (30); INSERT INTO p VALUES (2000, 25, 'newer')",
        );
        pipe.catch_up();
        pipe.same("SELECT id::text, k::text, v FROM p", "SELECT CAST(id AS CHAR), CAST(k AS CHAR), v FROM p");
    });
}

#[test]
fn large_transactions_savepoints_rollbacks_and_messages() {
    on_both(|pipe| {
        pipe.source
            .run(&format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", pipe.source.endpoint.database));
        pipe.source.run("ALTER ROLE postgres SET logical_decoding_work_mem = '64kB'");
        pipe.source.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
        pipe.catch_up();
        pipe.source.run(
            "BEGIN; INSERT INTO t SELECT i, 'a' || i FROM generate_series(1, 60000) i; SAVEPOINT s;
             INSERT INTO t SELECT i, 'gone' FROM generate_series(100001, 140000) i; UPDATE t SET v = 'gone' WHERE id <= 20000; ROLLBACK TO s;
             SAVEPOINT s2; UPDATE t SET v = 'kept' WHERE id % 2 = 0; SAVEPOINT s3; DELETE FROM t WHERE id % 3 = 0; RELEASE s3;
             SELECT pg_logical_emit_message(true, 'p', repeat('x', 100000)); SELECT pg_logical_emit_message(false, 'p', 'x'); COMMIT",
        );
        pipe.source.run("BEGIN; INSERT INTO t SELECT i, 'never' FROM generate_series(200001, 260000) i; ROLLBACK");
        pipe.source.run("INSERT INTO t VALUES (300000, 'last')");
        pipe.catch_up();
        pipe.same("SELECT id::text, v FROM t", "SELECT CAST(id AS CHAR), v FROM t");
    });
}

#[test]
fn changes_of_another_origin_are_followed_or_not_as_is_said() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id int PRIMARY KEY)");
        let origin = support::unique("origin");
        pipe.source.run(&format!("SELECT pg_replication_origin_create('{origin}')"));
        let foreign = |id: u32| {
            pipe.source.run(&format!(
                "SELECT pg_replication_origin_session_setup('{origin}'); BEGIN; INSERT INTO t VALUES ({id}); COMMIT; SELECT pg_replication_origin_session_reset()"
            ));
        };
        pipe.catch_up();
        foreign(1);
        pipe.source.run("INSERT INTO t VALUES (2)");
        pipe.catch_up();
        pipe.project.edit("[sync]", "[sync]\norigin = \"none\"");
        foreign(3);
        pipe.source.run("INSERT INTO t VALUES (4)");
        pipe.catch_up();
        pipe.source.run(&format!("SELECT pg_replication_origin_drop('{origin}')"));
        let ids = pipe.target_rows("SELECT CAST(id AS CHAR) FROM t ORDER BY id");
        assert_eq!(ids, ["1", "2", "4"].map(|id| vec![Some(id.to_owned())]));
    });
}

#[test]
fn new_columns_stop_or_are_added_as_is_said() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')");
        pipe.catch_up();
        pipe.source.run("INSERT INTO t VALUES (2, 'before'); ALTER TABLE t ADD COLUMN w numeric(9,2); INSERT INTO t VALUES (3, 'c', 1.5)");
        let said = pipe.fails(&["sync", "--until-caught-up"]);
        assert!(said.contains("the target table") && said.contains("w"), "{said}");
        pipe.project.edit("[sync]", "[sync]\non_schema_change = \"add-columns\"");
        let mut running = Running::start_after_column(pipe);
        running.until(pipe, "phase: streaming");
        pipe.source.run("ALTER TABLE t ADD COLUMN x timestamptz; INSERT INTO t VALUES (4, 'd', 2.5, '2024-02-29 12:00:00+00'); UPDATE t SET x = '2020-01-01 00:00:00+00' WHERE id = 1");
        running.until(pipe, "a new column x, which was added");
        until_target(pipe, "SELECT CAST(count(*) AS CHAR) FROM t", "4");
        pipe.source
            .run("ALTER TABLE t ADD COLUMN y int NOT NULL DEFAULT 7; INSERT INTO t VALUES (5, 'e', 3.5, NULL, 8)");
        assert_eq!(running.ends(false), 3);
        let said = Running::said(pipe);
        assert!(said.contains("the column y") && said.contains("sync --reload public.t"), "{said}");
        pipe.target.run("ALTER TABLE t ADD COLUMN y INT");
        let ran = pipe.project.run(&["sync", "--until-caught-up", "--reload", "public.t"]);
        assert_eq!(ran.status, 0, "{ran}");
        pipe.same(
            "SELECT id::text, v, w::text, to_char(x, 'YYYY-MM-DD HH24:MI:SS.US'), y::text FROM t",
            "SELECT CAST(id AS CHAR), v, CAST(w AS CHAR), CAST(x AS CHAR), CAST(y AS CHAR) FROM t",
        );
    });
}

impl Running {
    /// The target table has the column that the last run missed.
    fn start_after_column(pipe: &Pipe<'_>) -> Self {
        pipe.target.run("ALTER TABLE t ADD COLUMN w DECIMAL(9,2)");
        Self::start(pipe, &[])
    }
}

#[test]
fn a_column_is_not_missed_when_its_commit_is_sent_before_it_can_be_seen() {
    // The source waits for no standby as a rule; the transaction of this test does.
    let source = slots::own_server(&[("synchronous_commit", "local")]);
    let target = support::target(MyFlavor::MariaDb);
    let pipe = Pipe::new(&source, &target);
    pipe.project.edit("[sync]", "[sync]\non_schema_change = \"add-columns\"");
    source.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let mut running = Running::start(&pipe, &[]);
    running.until(&pipe, "phase: streaming");
    slots::alter_system(&source, "synchronous_standby_names", "nobody");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            source.run("SET synchronous_commit = on; ALTER TABLE t ADD COLUMN x int; INSERT INTO t VALUES (2, 5)");
        });
        // It is in the WAL, and is sent.
        std::thread::sleep(std::time::Duration::from_secs(2));
        assert_eq!(pipe.target_rows("SELECT CAST(COUNT(*) AS CHAR) FROM t")[0][0].as_deref(), Some("1"));
        slots::alter_system(&source, "synchronous_standby_names", "");
    });
    until_target(&pipe, "SELECT CAST(COUNT(*) AS CHAR) FROM t", "2");
    assert_eq!(pipe.target_rows("SELECT CAST(x AS CHAR) FROM t WHERE id = 2")[0][0].as_deref(), Some("5"));
    assert_eq!(running.ends(true), 0, "{}", Running::said(&pipe));
}

#[test]
fn other_changes_of_the_schema_stop_with_the_difference() {
    on_both(|pipe| {
        for (name, alter, change, says) in [
            ("dropped", "DROP COLUMN v", "INSERT INTO dropped VALUES (9)", "the column v is gone"),
            ("retyped", "ALTER COLUMN v TYPE int USING 1", "INSERT INTO retyped VALUES (9, 2)", "another type"),
            (
                "renamed",
                "RENAME TO renamed_too",
                "INSERT INTO renamed_too VALUES (9, 'x')",
                "now called public.renamed_too",
            ),
        ] {
            let pipe = Pipe::new(pipe.source, pipe.target);
            pipe.project.edit("name = \"test\"", &format!("name = \"{name}\""));
            pipe.project
                .edit("include = [\"public.*\"]", &format!("include = [\"public.{name}\", \"public.{name}_wide\"]"));
            pipe.source.run(&format!("CREATE TABLE {name} (id int PRIMARY KEY, v text); CREATE TABLE {name}_wide (id int PRIMARY KEY, v varchar(10))"));
            let mut running = Running::start(&pipe, &[]);
            running.until(&pipe, "phase: streaming");
            // Wider is no matter as long as the target holds the values.
            pipe.source.run(&format!("INSERT INTO {name} VALUES (1, 'x'); ALTER TABLE {name}_wide ALTER v TYPE varchar(20); INSERT INTO {name}_wide VALUES (1, 'y')"));
            until_target(&pipe, &format!("SELECT CAST(count(*) AS CHAR) FROM {name}_wide"), "1");
            pipe.source.run(&format!("ALTER TABLE {name} {alter}; {change}"));
            assert_eq!(running.ends(false), 3, "{}", Running::said(&pipe));
            let said = Running::said(&pipe);
            assert!(said.contains(&format!("public.{name}: the schema has changed")) && said.contains(says), "{said}");
            assert!(said.contains("the replication slot") && said.contains("stays on the source"), "{said}");
        }
    });
}

#[test]
fn a_value_that_mysql_cannot_hold_stops_with_its_key_or_becomes_null() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id int PRIMARY KEY, d double precision, at timestamptz)");
        pipe.catch_up();
        pipe.source.run("INSERT INTO t VALUES (1, 1.5, 'infinity'); UPDATE t SET d = 'NaN'");
        let said = pipe.fails(&["sync", "--until-caught-up"]);
        assert!(said.contains("public.t: column d of the row with id = 1 holds NaN"), "{said}");
        assert!(pipe.target_rows("SELECT 'x' FROM t").is_empty());
        pipe.project.edit("[sync]", "[sync]\non_unrepresentable = \"null\"");
        let ran = pipe.catch_up();
        assert!(ran.err.contains("2 changed values that MySQL cannot hold were written as NULL"), "{ran}");
        assert_eq!(
            pipe.target_rows("SELECT CAST(id AS CHAR), CAST(d AS CHAR), CAST(at AS CHAR) FROM t"),
            [[Some("1".into()), None, None]]
        );
    });
}

#[test]
fn tables_whose_changes_cannot_be_followed_are_refused_before_anything_is_made() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    let pipe = Pipe::new(&source, &target);
    source.run(
        "CREATE TABLE keyless (v text); CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
         CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY); CREATE TABLE generated (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED);
         CREATE TABLE otherwise (id int PRIMARY KEY, code int NOT NULL UNIQUE);
         ALTER TABLE otherwise REPLICA IDENTITY USING INDEX otherwise_code_key",
    );
    let said = pipe.fails(&["sync", "--until-caught-up"]);
    let mut all = vec![
        "no primary key",
        "cdc-doctor fix TBL-001",
        "REPLICA IDENTITY NOTHING",
        "unlogged",
        "the key on the target (id)",
        "REPLICA IDENTITY DEFAULT",
    ];
    if !pipe.at_least(18) {
        // From there on changes carry it.
        all.push("generated column g");
    }
    for words in all {
        assert!(said.contains(words), "{words} in\n{said}");
    }
    let made = "SELECT count(*)::text FROM pg_replication_slots s, pg_publication p WHERE slot_name = pubname AND database = current_database()";
    assert_eq!(pipe.source_rows(made), [[Some("0".to_owned())]]);
}

#[test]
fn a_generated_column_that_the_target_computes_too_is_left_to_it() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 2) STORED); INSERT INTO t VALUES (1, 10)");
        pipe.target.run("CREATE TABLE t (id INT PRIMARY KEY, v INT, g INT GENERATED ALWAYS AS (v * 2) STORED)");
        pipe.catch_up();
        pipe.source.run("INSERT INTO t VALUES (2, 20); UPDATE t SET v = 11 WHERE id = 1");
        pipe.catch_up();
        pipe.same(
            "SELECT id::text, v::text, g::text FROM t",
            "SELECT CAST(id AS CHAR), CAST(v AS CHAR), CAST(g AS CHAR) FROM t",
        );
    });
}

#[test]
fn columns_that_only_the_target_has_keep_their_values() {
    on_both(|pipe| {
        pipe.source.run(
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'a' FROM generate_series(1, 200) i",
        );
        pipe.catch_up();
        pipe.target.run("ALTER TABLE t ADD COLUMN mine INT; UPDATE t SET mine = id");
        pipe.source.run("UPDATE t SET v = 'b'");
        pipe.catch_up();
        assert_eq!(
            pipe.target_rows("SELECT CAST(count(*) AS CHAR) FROM t WHERE mine = id AND v = 'b'")[0][0].as_deref(),
            Some("200")
        );
    });
}

#[test]
fn a_second_run_is_refused_and_a_stale_one_fenced_off() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id int PRIMARY KEY)");
        let mut running = Running::start(pipe, &[]);
        running.until(pipe, "phase: streaming");
        let said = pipe.fails(&["sync"]);
        assert!(said.contains("another run of this pipeline writes to"), "{said}");
        // A later run has taken over without this one noticing.
        pipe.target.run("UPDATE cdc_doctor_checkpoint SET epoch = epoch + 1");
        pipe.source.run("INSERT INTO t VALUES (1)");
        assert_eq!(running.ends(false), 3);
        assert!(Running::said(pipe).contains("has taken over"), "{}", Running::said(pipe));
        assert!(pipe.target_rows("SELECT 'x' FROM t").is_empty());
        pipe.catch_up();
        assert_eq!(pipe.target_rows("SELECT CAST(id AS CHAR) FROM t").len(), 1);
    });
}

/// Waits until a query gives this on the target, where it sees what is not committed yet.
async fn until_executed(pipe: &Pipe<'_>, sql: &str, expected: i64) {
    let mut conn = pipe.target.conn().await;
    conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED").await.unwrap();
    for _ in 0..600 {
        if conn.query_first(sql).await.unwrap() == Some(expected) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{sql} does not give {expected} on {}:\n{}", pipe.target, Running::said(pipe));
}

/// Locks a row of the target until the session commits.
async fn hold(pipe: &Pipe<'_>, row: &str) -> mysql_async::Conn {
    let mut conn = pipe.target.conn().await;
    conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await.unwrap();
    conn.query_drop("BEGIN").await.unwrap();
    conn.query_drop(format!("SELECT * FROM {row} FOR UPDATE")).await.unwrap();
    conn
}

#[test]
fn batches_execute_side_by_side_and_commit_in_their_order() {
    on_both(|pipe| {
        pipe.source
            .run("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 9) i");
        let mut running = Running::start(pipe, &[]);
        running.until(pipe, "phase: streaming");
        support::block_on(async {
            let mut other = hold(pipe, "t WHERE id = 1").await;
            pipe.source.run("UPDATE t SET v = 1 WHERE id = 1");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            pipe.source.run("UPDATE t SET v = 2 WHERE id = 2");
            until_executed(pipe, "SELECT v FROM t WHERE id = 2", 2).await;
            assert_eq!(other.query_first("SELECT CAST(SUM(v) AS SIGNED) FROM t").await.unwrap(), Some(0));
            // The first is not so patient with others beside it, and is taken up again on its own.
            tokio::time::sleep(std::time::Duration::from_secs(4)).await;
            assert_eq!(other.query_first("SELECT CAST(SUM(v) AS SIGNED) FROM t").await.unwrap(), Some(0));
            other.query_drop("COMMIT").await.unwrap();
        });
        until_target(pipe, "SELECT CAST(SUM(v) AS CHAR) FROM t", "3");
        assert_eq!(running.ends(true), 0, "{}", Running::said(pipe));
        assert!(!Running::said(pipe).contains("Trying again"), "{}", Running::said(pipe));
    });
}

#[test]
fn a_batch_that_stands_in_the_way_of_an_earlier_one_is_called_back() {
    on_both(|pipe| {
        let tables = "CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int)";
        pipe.source.run(&format!("{tables}; INSERT INTO a VALUES (1, 0); INSERT INTO b VALUES (1, 0), (2, 0)"));
        let mut running = Running::start(pipe, &[]);
        running.until(pipe, "phase: streaming");
        std::thread::scope(|scope| {
            support::block_on(async {
                let mut other = hold(pipe, "a WHERE id = 1").await;
                pipe.source.run("BEGIN; UPDATE a SET v = 1 WHERE id = 1; UPDATE b SET v = 1 WHERE id = 1; COMMIT");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                pipe.source.run("UPDATE b SET v = 2 WHERE id = 2");
                until_executed(pipe, "SELECT v FROM b WHERE id = 2", 2).await;
                // It waits for the second batch, the first for it, the second for the first, and no server sees that.
                let altering = scope.spawn(|| pipe.target.run("ALTER TABLE b ADD COLUMN more int"));
                until_executed(
                    pipe,
                    &format!(
                        "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE '%metadata lock%' AND db = '{}'",
                        pipe.target.endpoint.database
                    ),
                    1,
                )
                .await;
                other.query_drop("COMMIT").await.unwrap();
                altering.join().unwrap();
            });
        });
        until_target(pipe, "SELECT CAST(SUM(v) AS CHAR) FROM b", "3");
        assert_eq!(running.ends(true), 0, "{}", Running::said(pipe));
        assert!(!Running::said(pipe).contains("Trying again"), "{}", Running::said(pipe));
    });
}

#[test]
fn stopping_ends_well_and_says_what_stays() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
        let mut running = Running::start(pipe, &[]);
        running.until(pipe, "phase: streaming");
        pipe.source.run("INSERT INTO t SELECT generate_series(1001, 1100)");
        until_target(pipe, "SELECT CAST(count(*) AS CHAR) FROM t", "200");
        assert_eq!(running.ends(true), 0, "{}", Running::said(pipe));
        let said = Running::said(pipe);
        assert!(said.contains("stopped: on request; the target holds every change before"), "{said}");
        assert!(said.contains("stays on the source, which keeps all WAL for it"), "{said}");
        let ran = pipe.project.run(&["sync", "--until-caught-up", "--drop-slot"]);
        assert_eq!(ran.status, 0, "{ran}");
        assert!(!ran.err.contains("stays on the source"), "{ran}");
        let left = "SELECT 'slot' FROM pg_replication_slots WHERE database = current_database() UNION ALL SELECT 'publication' FROM pg_publication";
        assert!(pipe.source_rows(left).is_empty());
        assert!(
            pipe.target_rows("SELECT 'x' FROM cdc_doctor_checkpoint UNION ALL SELECT 'y' FROM cdc_doctor_tables")
                .is_empty()
        );
    });
}

#[test]
fn a_slot_that_is_not_ours_or_cannot_go_on_is_refused() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    let pipe = Pipe::new(&source, &target);
    source.run("CREATE TABLE t (id int PRIMARY KEY)");
    let slot = &pipe.slot;
    source.run(&format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"));
    let said = pipe.fails(&["sync", "--until-caught-up"]);
    assert!(
        said.contains("this target has no checkpoint for it") && said.contains("pg_drop_replication_slot"),
        "{said}"
    );
    source.run(&format!("SELECT pg_drop_replication_slot('{slot}')"));
    pipe.catch_up();
    source.run("INSERT INTO t VALUES (1)");
    source.run(&format!("SELECT pg_replication_slot_advance('{slot}', pg_current_wal_lsn())"));
    let said = pipe.fails(&["sync", "--until-caught-up"]);
    assert!(said.contains("the changes between are lost") && said.contains("sync --truncate-target"), "{said}");
    source.run(&format!("SELECT pg_drop_replication_slot('{slot}')"));
    let said = pipe.fails(&["sync", "--until-caught-up"]);
    assert!(said.contains("is gone from the source"), "{said}");
    let ran = pipe.project.run(&["sync", "--until-caught-up", "--truncate-target"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(pipe.target_rows("SELECT CAST(id AS CHAR) FROM t").len(), 1);
}

#[test]
fn a_reader_that_the_source_believes_to_be_alive_is_ended_and_one_of_somebody_else_is_not() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    let pipe = Pipe::new(&source, &target);
    source.run("CREATE TABLE t (id int PRIMARY KEY)");
    pipe.catch_up();
    let slot = &pipe.slot;
    support::block_on(async {
        // As a run leaves it whose network went away: nobody reads on the other end.
        let read = async |name: &str| {
            let mut session =
                connect::postgres::open_replication(&source.endpoint, Some(&source.password.clone().into()))
                    .await
                    .unwrap();
            session.query(&format!("SET application_name = '{name}'")).await.unwrap();
            let options = format!("proto_version '1', publication_names '\"{slot}\"'");
            session.start(&format!("START_REPLICATION SLOT {slot} LOGICAL 0/0 ({options})")).await.unwrap()
        };
        let stale = read("cdc-doctor").await;
        tokio::task::block_in_place(|| pipe.catch_up());
        drop(stale);
        let other = read("somebody").await;
        let said = tokio::task::block_in_place(|| pipe.fails(&["sync", "--until-caught-up"]));
        assert!(said.contains("is read by another session of the source"), "{said}");
        drop(other);
    });
}

#[test]
fn the_slot_of_a_load_that_was_killed_is_waited_for_and_ended() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    let pipe = Pipe::new(&source, &target);
    source.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    pipe.catch_up();
    support::block_on(async {
        // As a run leaves it that was killed in its load, before the source has noticed.
        let password = source.password.clone().into();
        let mut session = connect::postgres::open_replication(&source.endpoint, Some(&password)).await.unwrap();
        session.query("SET application_name = 'cdc-doctor'").await.unwrap();
        let create = format!("CREATE_REPLICATION_SLOT {}_load TEMPORARY LOGICAL pgoutput", pipe.slot);
        session.query(&create).await.unwrap();
        let said =
            tokio::task::block_in_place(|| pipe.project.run(&["sync", "--until-caught-up", "--reload", "public.t"]));
        assert_eq!(said.status, 0, "{said}");
        drop(session);
    });
}

#[test]
fn a_publication_that_leaves_something_out_is_refused_and_a_missing_table_added() {
    let (source, target) = (support::source(), support::target(MyFlavor::MySql));
    let pipe = Pipe::new(&source, &target);
    let publication = &pipe.slot;
    source.run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)");
    let mut faults = vec![("FOR TABLE t WITH (publish = 'insert')", "does not send every kind of change")];
    if pipe.at_least(15) {
        // Older servers know no such publication.
        faults.push(("FOR TABLE t WHERE (id > 5)", "leaves out rows or columns of public.t"));
    }
    for (with, says) in faults {
        source.run(&format!("CREATE PUBLICATION {publication} {with}"));
        let said = pipe.fails(&["sync", "--until-caught-up"]);
        assert!(said.contains(says), "{said}");
        source.run(&format!("DROP PUBLICATION {publication}"));
    }
    source.run(&format!("CREATE PUBLICATION {publication} FOR TABLE t"));
    pipe.catch_up();
    source.run("INSERT INTO other VALUES (1); CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1)");
    pipe.catch_up();
    source.run("INSERT INTO later VALUES (2)");
    pipe.catch_up();
    pipe.same("SELECT id::text FROM other", "SELECT CAST(id AS CHAR) FROM other");
    pipe.same("SELECT id::text FROM later", "SELECT CAST(id AS CHAR) FROM later");
}

#[test]
fn a_load_that_was_interrupted_is_made_again_for_its_tables_only() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE done (id int PRIMARY KEY); CREATE TABLE half (id int PRIMARY KEY, v text); INSERT INTO done SELECT generate_series(1, 10); INSERT INTO half SELECT i, 'a' FROM generate_series(1, 1000) i");
        pipe.catch_up();
        // As a run leaves it that was killed while it loaded one of two tables, with changes of both since.
        pipe.target.run("UPDATE cdc_doctor_tables SET state = 'loading' WHERE source_table = 'half'; DELETE FROM half WHERE id > 300");
        pipe.source.run("UPDATE half SET v = 'b' WHERE id % 2 = 0; INSERT INTO done VALUES (11); DELETE FROM half WHERE id = 1; UPDATE half SET id = -id WHERE id = 500");
        let ran = pipe.catch_up();
        assert!(ran.err.contains("public.half: loaded") && !ran.err.contains("public.done: loading"), "{ran}");
        pipe.same("SELECT id::text FROM done", "SELECT CAST(id AS CHAR) FROM done");
        pipe.same("SELECT id::text, v FROM half", "SELECT CAST(id AS CHAR), v FROM half");
    });
}

#[test]
fn a_quiet_pipeline_does_not_hold_wal_back() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    let pipe = Pipe::new(&source, &target);
    source.run("CREATE TABLE t (id int PRIMARY KEY)");
    pipe.catch_up();
    source.run("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.e AS SELECT generate_series(1, 10000)");
    let before = pipe.source_rows("SELECT pg_current_wal_lsn()::text")[0][0].clone().unwrap();
    pipe.catch_up();
    let moved = format!(
        "SELECT (confirmed_flush_lsn >= '{before}')::text FROM pg_replication_slots WHERE slot_name = '{}'",
        pipe.slot
    );
    assert_eq!(pipe.source_rows(&moved), [[Some("true".to_owned())]]);
}

#[test]
fn changes_alone_leave_the_rows_that_are_there() {
    let (source, target) = (support::source(), support::target(MyFlavor::MySql));
    let pipe = Pipe::new(&source, &target);
    source.run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')");
    target.run("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin); INSERT INTO t VALUES (1, 'by hand'), (7, 'mine')");
    let run = || {
        let ran = pipe.project.run(&["sync", "--mode", "cdc", "--until-caught-up"]);
        assert_eq!(ran.status, 0, "{ran}");
    };
    run();
    source.run("INSERT INTO t VALUES (2, 'b')");
    run();
    let rows = pipe.target_rows("SELECT v FROM t ORDER BY id");
    assert_eq!(rows, ["by hand", "b", "mine"].map(|v| vec![Some(v.to_owned())]));
}

#[test]
fn a_publication_that_was_lost_or_cut_down_is_told_and_what_to_load_again() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    let pipe = Pipe::new(&source, &target);
    let publication = &pipe.slot;
    source.run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)");
    let mut running = Running::start(&pipe, &[]);
    running.until(&pipe, "phase: streaming");
    source.run(&format!("ALTER PUBLICATION {publication} DROP TABLE b; INSERT INTO b VALUES (1)"));
    assert_eq!(running.ends(false), 3);
    let said = Running::said(&pipe);
    assert!(
        said.contains("public.b was taken out of the publication") && said.contains("sync --reload public.b"),
        "{said}"
    );
    let said = pipe.fails(&["sync", "--until-caught-up"]);
    assert!(said.contains("public.b was taken out of the publication"), "{said}");
    let ran = pipe.project.run(&["sync", "--until-caught-up", "--reload", "public.b"]);
    assert_eq!(ran.status, 0, "{ran}");
    pipe.same("SELECT id::text FROM b", "SELECT CAST(id AS CHAR) FROM b");
    source.run(&format!("DROP PUBLICATION {publication}; INSERT INTO a VALUES (1)"));
    let said = pipe.fails(&["sync", "--until-caught-up"]);
    assert!(said.contains("is gone from the source") && said.contains("sync --truncate-target"), "{said}");
}

#[test]
fn a_canary_comes_through_the_running_sync_unharmed() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id int PRIMARY KEY)");
        // The first call makes the canary's table, which sync takes in as it starts.
        pipe.project.run(&["check", "--canary", "--canary-timeout", "1", "--only", "RUN-018"]);
        let mut running = Running::start(pipe, &[]);
        running.until(pipe, "phase: streaming");
        let ran = pipe.project.run(&["check", "--canary", "--only", "RUN-018"]);
        assert_eq!(ran.status, 0, "{ran}");
        assert!(ran.out.contains("ms"), "{ran}");
        assert!(pipe.target_rows("SELECT 'left' FROM cdc_doctor_canary").is_empty());
        assert_eq!(running.ends(true), 0);
    });
}

/// The most memory that a process has had, in MiB.
fn peak(running: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn five_million(flavor: MyFlavor) {
    let (source, target) = (support::source(), support::target(flavor));
    let pipe = Pipe::new(&source, &target);
    source.run("CREATE TABLE big (id int PRIMARY KEY, v int NOT NULL)");
    let mut running = Running::start(&pipe, &[]);
    running.until(&pipe, "phase: streaming");
    source.run("INSERT INTO big SELECT i, i % 1000 FROM generate_series(1, 5000000) i");
    let position = pipe.source_rows("SELECT (pg_current_wal_lsn() - '0/0')::text")[0][0].clone().unwrap();
    let reached = format!("SELECT CAST(lsn >= {position} AS CHAR) FROM cdc_doctor_checkpoint");
    for _ in 0..5 {
        // Nothing of it can be seen before all of it.
        let counted = pipe.target_rows("SELECT CAST(count(*) AS CHAR) FROM big")[0][0].clone().unwrap();
        assert!(["0", "5000000"].contains(&counted.as_str()), "half a transaction is on the target: {counted}");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    until_target(&pipe, &reached, "1");
    let peak = peak(&running);
    assert!(peak < 128, "{peak} MiB");
    eprintln!("peak {peak} MiB on {target}");
    assert_eq!(running.ends(true), 0, "{}", Running::said(&pipe));
    pipe.same(
        "SELECT count(*)::text, sum(id::bigint)::text, sum(v)::text FROM big",
        "SELECT CAST(COUNT(*) AS CHAR), CAST(SUM(id) AS CHAR), CAST(SUM(v) AS CHAR) FROM big",
    );
    source.run("DROP TABLE big");
    target.run("DROP TABLE big");
}

#[test]
fn a_transaction_of_five_million_rows_stays_whole_and_small_in_memory_on_mariadb() {
    five_million(MyFlavor::MariaDb);
}

#[test]
fn a_transaction_of_five_million_rows_stays_whole_and_small_in_memory_on_mysql() {
    five_million(MyFlavor::MySql);
}
