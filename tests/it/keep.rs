//! The target's tables kept beside the pipeline file (`schema --keep`), and given back after a job has re-created one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cdc_doctor::facts::MyFlavor;
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::support::{Project, Source, Target, block_on, both_targets, source, target};

/// A table as a person made it for the readers of the target: much of it is not on the source.
const MADE: &str = "CREATE TABLE weekly_chart (
    id int NOT NULL AUTO_INCREMENT COMMENT 'the source''s, with a `quote`',
    title varchar(200) NOT NULL DEFAULT 'it''s \"un\\\\titled\", (1)',
    artist varchar(100) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL,
    price decimal(12,2) DEFAULT 0.00,
    seen timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    label_id int DEFAULT NULL,
    twice int GENERATED ALWAYS AS (label_id * 2) VIRTUAL,
    PRIMARY KEY (id),
    KEY idx_artist (artist(20), price DESC),
    KEY `odd``name` (seen),
    FULLTEXT KEY words (title),
    CONSTRAINT of_label FOREIGN KEY (label_id) REFERENCES label (id) ON DELETE CASCADE
  ) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci COMMENT 'for the readers'";

/// What Spark's `mode(\"overwrite\")` leaves of it.
const RE_CREATED: &str = "DROP TABLE weekly_chart;
    CREATE TABLE weekly_chart (id int NULL, title longtext NULL, artist longtext NULL, price double NULL,
                               seen datetime NULL) CHARACTER SET latin1;
    INSERT INTO weekly_chart VALUES (1, 'One', 'A', 1.5, '2026-11-27 03:00:00'), (2, 'Two', NULL, NULL, '2026-11-27 03:00:00')";

struct Walk<'a> {
    project: Project,
    target: &'a Target,
}

impl<'a> Walk<'a> {
    fn new(source: &Source, target: &'a Target) -> Self {
        target.run(&format!("CREATE TABLE label (id int NOT NULL PRIMARY KEY); {MADE}"));
        Self { project: Project::new(source, target), target }
    }

    /// `SHOW CREATE TABLE` without the counter.
    fn definition(&self) -> String {
        let text: Option<(String, String)> =
            block_on(async { self.target.conn().await.query_first("SHOW CREATE TABLE weekly_chart").await.unwrap() });
        let text = text.unwrap().1;
        match text.split_once(" AUTO_INCREMENT=") {
            Some((head, tail)) => head.to_owned() + tail.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => text,
        }
    }

    /// The whole report.
    fn report(&self) -> Value {
        let ran = self.project.run(&["check", "--format", "json", "--fail-on", "never"]);
        assert_eq!(ran.status, 0, "{ran}");
        serde_json::from_str(&ran.out).unwrap()
    }

    fn check(&self, code: &str) -> Value {
        one(&self.report(), code)
    }

    fn keep(&self) -> String {
        let ran = self.project.run(&["schema", "--keep"]);
        assert_eq!(ran.status, 0, "{ran}");
        ran.err
    }
}

fn one(report: &Value, code: &str) -> Value {
    report["checks"].as_array().unwrap().iter().find(|c| c["code"] == code).unwrap().clone()
}

fn charts() -> Source {
    let source = source();
    source.run(
        "CREATE TABLE weekly_chart (id int PRIMARY KEY, title varchar(200) NOT NULL, artist varchar(100),
                                    price numeric(10,2), seen timestamp NOT NULL)",
    );
    source
}

#[test]
fn what_a_re_created_table_has_lost_is_told_and_given_back_to_the_byte() {
    let source = charts();
    both_targets(|target| {
        let walk = Walk::new(&source, target);
        let as_made = walk.definition();
        assert_eq!(walk.check("RUN-020")["outcome"], "not-applicable");
        let said = walk.keep();
        assert!(said.contains("Kept the definitions of 1 table in cdc-doctor.target.json"), "{said}");
        assert!(
            said.contains("1 table differs from what the source wants") && said.contains("--format diff"),
            "{said}"
        );
        assert_eq!(walk.check("RUN-020")["outcome"], "pass");
        // CREATE_TIME has whole seconds.
        std::thread::sleep(Duration::from_millis(1100));
        target.run(RE_CREATED);

        let report = walk.report();
        assert_eq!([&one(&report, "TSC-001")["outcome"], &one(&report, "TSC-002")["outcome"]], ["fail", "fail"]);
        assert_eq!(one(&report, "RUN-020")["outcome"], "blocked");
        let ran = walk.project.run(&["fix", "TSC-001", "--yes", "--allow-data-loss"]);
        assert_eq!(ran.status, 0, "{ran}");

        let check = walk.check("RUN-020");
        assert_eq!(check["outcome"], "fail", "{check:#}");
        let told = check["findings"][0]["evidence"].to_string();
        for part in ["index idx_artist", "created or altered", "for the readers", "foreign keys", "twice"] {
            assert!(told.contains(part), "{part} is not in {check:#}");
        }
        let before = walk.definition();
        let refused = walk.project.run(&["fix", "RUN-020", "--yes"]);
        assert_eq!(refused.status, 3, "columns are modified: {refused}");
        assert!(refused.err.contains("--allow-data-loss"), "{refused}");
        let ran = walk.project.run(&["fix", "RUN-020", "--yes", "--allow-data-loss"]);
        assert_eq!(ran.status, 0, "{ran}");
        assert_eq!(walk.definition(), as_made);
        assert_eq!(walk.check("RUN-020")["outcome"], "pass");

        let ran = walk.project.run(&["fix", "--undo", "--yes"]);
        assert_eq!(ran.status, 0, "{ran}");
        assert_eq!(walk.definition(), before, "the undo leaves the table as it was before");
        let rows: Vec<(i32, String)> = block_on(async {
            target.conn().await.query("SELECT id, title FROM weekly_chart ORDER BY id").await.unwrap()
        });
        assert_eq!(rows, [(1, "One".to_owned()), (2, "Two".to_owned())]);
    });
}

#[test]
fn rows_emptying_and_additions_are_no_change_and_a_change_that_was_meant_is_kept() {
    let source = charts();
    both_targets(|target| {
        let walk = Walk::new(&source, target);
        walk.keep();
        target.run(
            "INSERT INTO weekly_chart (title) VALUES ('a'); TRUNCATE weekly_chart;
             ALTER TABLE weekly_chart ADD COLUMN more int NULL, ADD KEY more (more), AUTO_INCREMENT = 500",
        );
        assert_eq!(walk.check("RUN-020")["outcome"], "pass");
        target.run("ALTER TABLE weekly_chart DROP KEY idx_artist");
        assert_eq!(walk.check("RUN-020")["outcome"], "fail");
        let said = walk.keep();
        assert!(said.contains("It replaces the definitions of 1 table that were kept 20"), "{said}");
        assert_eq!(walk.check("RUN-020")["outcome"], "pass");
        let text = fs::read_to_string(walk.project.folder().join("cdc-doctor.target.json")).unwrap();
        assert!(!text.contains("AUTO_INCREMENT=500") && !text.contains("\"label\""), "{text}");
    });
}

/// `CREATE_TIME` is told as evidence; this is what its explanation says of it.
#[test]
fn the_servers_time_of_creation_moves_with_every_change_of_form_and_not_with_truncate() {
    both_targets(|target| {
        let moved = |statement: &str| {
            let created = || {
                let tables = block_on(async {
                    let mut conn = target.conn().await;
                    cdc_doctor::facts::mysql::tables(&mut conn, &[&target.endpoint.database]).await.unwrap()
                });
                tables[0].created.unwrap()
            };
            let before = created();
            std::thread::sleep(Duration::from_millis(1100));
            target.run(statement);
            created() > before
        };
        target.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int)");
        let mysql = target.server.flavor() == MyFlavor::MySql;
        for (statement, moves) in [
            ("INSERT INTO t VALUES (1, 1)", false),
            ("TRUNCATE t", false),
            ("ALTER TABLE t ADD INDEX ia (a)", true),
            ("OPTIMIZE TABLE t", true),
            ("RENAME TABLE t TO u; RENAME TABLE u TO t", !mysql),
            ("DROP TABLE t; CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int)", true),
        ] {
            assert_eq!(moved(statement), moves, "{statement}");
        }
    });
}

#[test]
fn a_file_that_cannot_be_used_is_told_and_left_alone() {
    let source = charts();
    let target = target(MyFlavor::MariaDb);
    let project = Project::new(&source, &target);
    let nothing = project.run(&["schema", "--keep"]);
    assert_eq!(nothing.status, 3, "{nothing}");
    assert!(nothing.err.contains("nothing to keep"), "{nothing}");
    let walk = Walk { project, target: &target };
    target.run(
        "CREATE TABLE weekly_chart (id int NOT NULL PRIMARY KEY, title varchar(200) NOT NULL, artist varchar(100),
                                    price decimal(10,2), seen datetime(6) NOT NULL)",
    );
    let file = walk.project.folder().join("cdc-doctor.target.json");
    for (text, said) in [
        (r#"{"version": 2, "kept_at": "2026-11-20T10:00:00Z", "tables": []}"#, "has the layout 2"),
        ("<<<<<<< HEAD\n", "holds no kept definitions"),
    ] {
        fs::write(&file, text).unwrap();
        let check = walk.check("RUN-020");
        assert_eq!(check["outcome"], "unknown", "{check:#}");
        assert!(check["reason"].as_str().unwrap().contains(said), "{check:#}");
        let ran = walk.project.run(&["schema", "--keep"]);
        assert_eq!(ran.status, 3, "{ran}");
        assert!(ran.err.contains(said), "{ran}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    fs::remove_file(&file).unwrap();
    walk.keep();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let ran = walk.project.run(&["schema", "--keep"]);
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.err.contains("read-only"), "{ran}");
    let ran = walk.project.run(&["schema", "--keep", "--format", "diff"]);
    assert_eq!(ran.status, 2, "{ran}");
}
