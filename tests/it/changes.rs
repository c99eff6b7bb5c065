//! Following changes on real servers: each kind of change, each awkward case, on both targets. What arrived is
//! compared by queries of this file, never by the program's own `verify`.

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::quote::pg_literal;
use mysql_async::prelude::Queryable;

use crate::support::{self, Project, Source, Target};

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

    /// Both sides of a table, every column as text, in order.
    fn same(&self, on_source: &str, on_target: &str) {
        let (from, to) = (self.source_rows(on_source), self.target_rows(on_target));
        assert_eq!(from, to, "on {}", self.target);
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

#[test]
fn inserts_updates_and_deletes_arrive() {
    on_both(|pipe| {
        pipe.source.run("CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) i");
        pipe.catch_up();
        pipe.source.run("INSERT INTO t VALUES (2000, 'new'); UPDATE t SET v = 'changed' WHERE id % 3 = 0; DELETE FROM t WHERE id % 5 = 0; UPDATE t SET id = -id WHERE id % 7 = 0");
        pipe.source.run("INSERT INTO t SELECT i, 'more' FROM generate_series(10000, 12000) i");
        pipe.catch_up();
        pipe.same("SELECT id::text, v FROM t ORDER BY id", "SELECT CAST(id AS CHAR), v FROM t ORDER BY id");
    });
}
