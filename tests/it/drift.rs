//! Faults in source tables, target tables and the target's settings, seeded on real servers: each is found by its
//! code, its fix makes the check pass, and the undo brings the fault back.

use std::collections::BTreeSet;

use cdc_doctor::checks::{Finding, registry};
use cdc_doctor::diagnose::{Outcome, judge};
use cdc_doctor::facts::{Facts, MyFlavor, collect};
use cdc_doctor::fixes::{Fix, Permits, Plan, apply};
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer};
use cdc_doctor::pipeline::Pipeline;
use cdc_doctor::pipeline::secrets::Passwords;
use cdc_doctor::schema::{self, Dialect};

use crate::support::{Project, Source, Target, block_on, both_targets, source, target};

/// A pipeline between two of the test servers.
struct Walk {
    project: Project,
    passwords: Passwords,
}

impl Walk {
    fn new(source: &Source, target: &Target) -> Self {
        let passwords =
            Passwords { source: Some(source.password.clone().into()), target: Some(target.password.clone().into()) };
        Self { project: Project::new(source, target), passwords }
    }

    fn pipeline(&self) -> Pipeline {
        Pipeline::load(&self.project.path()).unwrap()
    }

    fn facts(&self) -> Facts {
        block_on(collect(&self.pipeline(), &self.passwords, &|_| {}))
    }

    /// What is found by the checks with these codes' beginnings, as (code, finding).
    fn findings(&self, areas: &[&str]) -> Vec<(String, Finding)> {
        let facts = self.facts();
        let mut out = Vec::new();
        for judged in judge(registry::ALL, &facts) {
            let code = judged.check.code;
            if !areas.iter().any(|area| code.starts_with(area)) {
                continue;
            }
            match judged.outcome {
                Outcome::Fail(findings) => out.extend(findings.into_iter().map(|f| (code.to_owned(), f))),
                Outcome::Pass | Outcome::NotApplicable(_) => {}
                other => panic!("{code}: {other:?}"),
            }
        }
        out
    }

    /// `CODE subject` of each finding.
    fn found(&self, areas: &[&str]) -> BTreeSet<String> {
        self.findings(areas).iter().map(|(code, f)| format!("{code} {}", f.subject)).collect()
    }

    /// Creates what is missing on the target, as a sync would.
    fn create_targets(&self, target: &Target) {
        let facts = self.facts();
        let dialect = Dialect::from(facts.target.session.known().unwrap());
        let there = facts.target.tables.known().unwrap();
        for table in facts.source.tables.known().unwrap() {
            let want = schema::target_table(table, &facts.pipeline, dialect);
            if !there.iter().any(|t| t.name == want.name) {
                target.run(&want.create_sql());
            }
        }
    }

    fn apply(&self, findings: Vec<(String, Finding)>) {
        let fixes = findings.into_iter().map(|(code, f)| (code, f.fix.unwrap()));
        let plan = Plan::new(fixes.collect::<Vec<(String, Fix)>>());
        let permits = Permits { reboot: false, data_loss: true };
        let done = block_on(apply::run(&plan, &self.pipeline(), &self.passwords, permits, &mut |_| {}));
        let done = done.unwrap_or_else(|why| panic!("{why}\n{plan:#?}"));
        assert_eq!(done.done.len(), plan.steps.len());
    }

    fn undo(&self) {
        let undone = block_on(apply::undo(&self.pipeline(), &self.passwords, &mut |_| {}));
        let undone = undone.unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(undone.kept, Vec::<String>::new());
    }
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|s| (*s).to_owned()).collect()
}

const TABLES: &[&str] = &["TBL-", "TSC-"];

#[test]
fn a_pipeline_without_faults_has_no_findings() {
    let source = source();
    source.run(
        "CREATE TABLE chart (week date, place int, title varchar(200) NOT NULL, price numeric(10,2), seen timestamptz,
                             note text, flag boolean, PRIMARY KEY (week, place));
         CREATE TABLE artist (name text PRIMARY KEY, tags text[], about jsonb);
         CREATE TABLE plays (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamp, code varchar(10) UNIQUE)",
    );
    both_targets(|target| {
        let walk = Walk::new(&source, target);
        let expected = ["TSC-021 public.artist", "TSC-021 public.chart", "TSC-021 public.plays"];
        assert_eq!(walk.found(TABLES), set(&expected), "before the first run the tables are missing, and that is all");
        walk.create_targets(target);
        assert_eq!(walk.found(TABLES), set(&[]));
        assert_eq!(walk.found(&["TCF-001", "TCF-006", "TCF-008"]), set(&[]));
    });
}

#[test]
fn faults_of_source_tables_are_found_mended_and_brought_back() {
    let source = source();
    source.run(
        r#"CREATE TABLE by_index (a int NOT NULL, b text);
           CREATE UNIQUE INDEX by_index_a ON by_index (a);
           CREATE TABLE by_constraint (a int NOT NULL UNIQUE, b text);
           CREATE TABLE by_statistics ("Week Ending" date NOT NULL, b text);
           INSERT INTO by_statistics SELECT date '2000-01-01' + n, 'same' FROM generate_series(1, 2000) n;
           ANALYZE by_statistics;
           CREATE TABLE parts (a int NOT NULL, b text) PARTITION BY RANGE (a);
           CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
           CREATE UNIQUE INDEX parts_a ON parts (a);
           CREATE TABLE null_index (a int, b text);
           CREATE UNIQUE INDEX null_index_a ON null_index (a);
           CREATE TABLE null_constraint (a int, b int NOT NULL, UNIQUE (a, b));
           CREATE TABLE silent (a int PRIMARY KEY);
           ALTER TABLE silent REPLICA IDENTITY NOTHING;
           CREATE UNLOGGED TABLE scratch (a int PRIMARY KEY);
           CREATE TABLE identity_index (a int NOT NULL, b text);
           CREATE UNIQUE INDEX identity_index_a ON identity_index (a);
           ALTER TABLE identity_index REPLICA IDENTITY USING INDEX identity_index_a"#,
    );
    let target = target(MyFlavor::MariaDb);
    let walk = Walk::new(&source, &target);
    let expected = set(&[
        "TBL-001 public.by_constraint",
        "TBL-001 public.by_index",
        "TBL-001 public.by_statistics",
        "TBL-001 public.parts",
        "TBL-002 public.null_constraint",
        "TBL-002 public.null_index",
        "TBL-003 public.silent",
        "TBL-009 public.scratch",
    ]);
    let found = walk.findings(&["TBL-"]);
    assert_eq!(walk.found(&["TBL-"]), expected);
    walk.apply(found);
    assert_eq!(walk.found(&["TBL-"]), set(&[]));
    walk.undo();
    assert_eq!(walk.found(&["TBL-"]), expected);
}

#[test]
fn faults_of_source_tables_that_a_person_must_mend_are_found() {
    let source = source();
    source.run(
        "CREATE TABLE keyless (a int, b text);
         CREATE TABLE computed (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2) STORED);
         CREATE TABLE long_key (k text PRIMARY KEY);
         INSERT INTO long_key SELECT string_agg(md5(n::text), '') FROM generate_series(1, 60) n;
         CREATE VIEW only_view AS SELECT 1 AS a",
    );
    let target = target(MyFlavor::MySql);
    let walk = Walk::new(&source, &target);
    let expected = ["TBL-001 public.keyless", "TBL-006 public.long_key", "TBL-014 public.computed"];
    assert_eq!(walk.found(&["TBL-"]), set(&expected));

    walk.project
        .edit(r#"["public.*"]"#, r#"["public.keyles", "Public.long_key", "public.only_view", "public.computed"]"#);
    let missed: Vec<(String, Finding)> = walk.findings(&["TBL-019"]);
    let said: Vec<String> = missed.iter().map(|(_, f)| format!("{} {:?}", f.subject, f.evidence)).collect();
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[0].contains("public.keyless"), "{said:#?}");
    assert!(said[1].contains("in another case"), "{said:#?}");
    assert!(said[2].contains("public.only_view"), "{said:#?}");
}

#[test]
fn faults_of_target_tables_are_found_mended_and_brought_back() {
    let source = source();
    let names = ["fine", "lost_key", "other_key", "no_column", "narrow", "engine", "extra", "not_null", "merging"];
    let tables = names.map(|name| {
        format!(
            "CREATE TABLE {name} (id int, sku varchar(20), amount numeric(10,2), at timestamp, PRIMARY KEY (id, sku));"
        )
    });
    source.run(&tables.concat());
    both_targets(|target| {
        let walk = Walk::new(&source, target);
        walk.create_targets(target);
        target.run(
            "ALTER TABLE lost_key DROP PRIMARY KEY, MODIFY id int NULL;
             INSERT INTO lost_key VALUES (1, 'a', 1.50, '2026-01-01 00:00:00.123456');
             ALTER TABLE other_key DROP PRIMARY KEY, ADD PRIMARY KEY (sku);
             ALTER TABLE no_column DROP COLUMN at;
             ALTER TABLE narrow MODIFY id smallint NOT NULL, MODIFY sku varchar(5) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL,
                                MODIFY at datetime NULL;
             INSERT INTO narrow VALUES (1, 'abcde', 1.50, NULL);
             ALTER TABLE engine ENGINE=MyISAM;
             ALTER TABLE extra ADD COLUMN region int NOT NULL;
             ALTER TABLE not_null MODIFY amount decimal(10,2) NOT NULL;
             ALTER TABLE merging MODIFY sku varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL",
        );
        let here = |names: &[&str]| -> BTreeSet<String> {
            names.iter().map(|n| n.replace(' ', &format!(" {}.", target.endpoint.database))).collect()
        };
        let expected = here(&[
            "TSC-001 lost_key",
            "TSC-004 other_key",
            "TSC-005 no_column",
            "TSC-006 narrow",
            "TSC-012 engine",
            "TSC-022 extra",
            "TSC-023 not_null",
            "TSC-025 merging",
            "TSC-025 narrow",
        ]);
        let found = walk.findings(TABLES);
        assert_eq!(walk.found(TABLES), expected);
        walk.apply(found);
        assert_eq!(walk.found(TABLES), set(&[]));
        walk.undo();
        assert_eq!(walk.found(TABLES), expected);
    });
}

#[test]
fn faults_whose_old_form_is_not_known_are_found_and_mended() {
    let source = source();
    source.run(
        "CREATE TABLE computed (id int PRIMARY KEY, twice int);
         CREATE TABLE more_unique (id int PRIMARY KEY, code varchar(10))",
    );
    both_targets(|target| {
        let walk = Walk::new(&source, target);
        walk.create_targets(target);
        target.run(
            "ALTER TABLE computed DROP COLUMN twice;
             ALTER TABLE computed ADD COLUMN twice int AS (id * 2) STORED;
             INSERT INTO computed (id) VALUES (21);
             ALTER TABLE more_unique ADD UNIQUE KEY by_code (code)",
        );
        let found = walk.findings(TABLES);
        let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!(codes, ["TSC-013", "TSC-024"]);
        walk.apply(found);
        assert_eq!(walk.found(TABLES), set(&[]));
    });
}

/// As Spark 3.5 leaves a table behind after `mode("overwrite")` without `truncate`: seen with PySpark on MariaDB.
#[test]
fn a_table_that_spark_re_created_is_told_with_its_lost_key_and_mended() {
    let source = source();
    source.run(
        "CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku varchar(20) NOT NULL UNIQUE,
                              amt numeric(10,2) DEFAULT 0, ts timestamp)",
    );
    both_targets(|target| {
        let walk = Walk::new(&source, target);
        target.run(
            "CREATE TABLE orders (id int NULL, sku longtext NULL, amt double NULL) CHARACTER SET latin1;
             INSERT INTO orders VALUES (1, 'a', 0.1), (2, 'b', 12345678.9)",
        );
        let orders = format!("{}.orders", target.endpoint.database);
        let found = walk.findings(TABLES);
        let told: Vec<(&str, &str)> = found.iter().map(|(code, f)| (code.as_str(), f.subject.as_str())).collect();
        assert_eq!(told, [("TSC-001", orders.as_str()), ("TSC-002", orders.as_str())]);
        walk.apply(found);
        assert_eq!(walk.found(TABLES), set(&[]));
        target.run("INSERT INTO orders VALUES (3, 'ä 🎵', 0.01, NULL)");
        target.run("DELETE FROM orders WHERE sku = 'ä 🎵'");
        walk.undo();
        assert_eq!(walk.found(TABLES), set(&[&format!("TSC-001 {orders}"), &format!("TSC-002 {orders}")]));
    });
}

/// These switches are the whole server's, so that the test has a server of its own.
#[test]
fn switches_of_the_target_are_found_and_set() {
    let source = source();
    source.run("CREATE TABLE fine (id int PRIMARY KEY)");
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let options = MySqlOptions { local_infile: false, ..MySqlOptions::new(flavor) };
        // Like the shared servers it lives as long as the process.
        let server: &'static MySqlServer = Box::leak(Box::new(MySqlServer::start(&options).unwrap()));
        server.run(None, "CREATE DATABASE charts CHARACTER SET latin1").unwrap();
        let target = Target { server, endpoint: server.endpoint("charts"), password: server.password().clone() };
        let walk = Walk::new(&source, &target);
        let guard = match flavor {
            MyFlavor::MariaDb => "TCF-012 innodb_force_primary_key",
            MyFlavor::MySql => "TCF-012 sql_require_primary_key",
        };
        let expected = set(&["TCF-001 local_infile", "TCF-006 charts", guard]);
        let found = walk.findings(&["TCF-"]);
        assert_eq!(walk.found(&["TCF-"]), expected);
        walk.apply(found);
        assert_eq!(walk.found(&["TCF-"]), set(&[]));
        assert!(server.run(Some("charts"), "CREATE TABLE keyless (a int)").is_err(), "the guard is on");
        walk.undo();
        assert_eq!(walk.found(&["TCF-"]), expected);
    }
}
