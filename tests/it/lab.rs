//! The practice pipeline.

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::{Lab, LabOptions};
use mysql_async::prelude::Queryable;

use crate::support::{self, Project};

#[test]
fn it_starts_with_the_story_s_faults() {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let lab = Lab::start(LabOptions { target: Some(flavor) }, |_| {}).unwrap();
        let text = std::fs::read_to_string(lab.pipeline_path()).unwrap();
        assert!(text.contains("tls = \"disable\"") && text.contains("database = \"charts-source\""), "{text}");
        support::block_on(async {
            let client = lab.source().client("postgres").await.unwrap();
            let count = r#"SELECT count(*), count(DISTINCT "ChartDate_WeekEnding") FROM weekly_chart"#;
            let row = client.query_one(count, &[]).await.unwrap();
            assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (52_000, 52_000));
            // Statistics name the one column that can be its key, and no other.
            let unique = "SELECT attname::text FROM pg_stats WHERE tablename = 'weekly_chart' AND n_distinct = -1";
            let unique: Vec<String> = client.query(unique, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
            assert_eq!(unique, ["ChartDate_WeekEnding"]);
            let keyless = "SELECT relname::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
                           AND NOT EXISTS (SELECT FROM pg_index i WHERE indrelid = c.oid AND indisprimary)";
            let keyless: Vec<String> = client.query(keyless, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
            assert_eq!(keyless, ["weekly_chart"]);
            // Repairs run as the pipeline's own role.
            client.batch_execute("SET ROLE dms; ALTER TABLE weekly_chart ADD COLUMN x int").await.unwrap();

            let mut conn = lab.target().conn(Some("charts")).await.unwrap();
            let rows: u32 = conn.query_first("SELECT count(*) FROM weekly_chart").await.unwrap().unwrap();
            assert_eq!(rows, 3);
            conn.disconnect().await.unwrap();
        });
    }
}

/// The main job from end to end: each pitfall is found by its code, with the noise behind it waiting, is fixed, and the
/// load agrees with the source. The program itself fails where the story goes another way.
#[test]
fn the_story_ends_well_on_both_targets() {
    for target in ["mariadb", "mysql"] {
        let project = Project::with_text("");
        let ran = project.run(&["lab", "--yes", "--story", "--target", target]);
        assert_eq!(ran.status, 0, "{target}: {ran}");
        for code in ["TLS-001", "AUT-005", "TBL-001", "TSC-001", "TSC-002"] {
            assert!(ran.out.contains(&format!("✗ {code}")), "{target}: {code} was not found: {ran}");
        }
        assert!(ran.out.contains("checks wait for this"), "{target}: {ran}");
        assert_eq!(ran.out.matches("✓ public.").count(), 6, "{target}: {ran}");
        assert!(ran.out.contains("all 6 tables are equal"), "{target}: {ran}");
        let journal = ran.err.split_whitespace().find(|word| word.ends_with("cdc-doctor.journal.jsonl")).unwrap();
        let folder = std::path::Path::new(journal).parent().unwrap();
        assert!(!folder.exists(), "{} is left behind", folder.display());
    }
}

#[test]
fn a_kept_lab_is_found_again_and_stopped() {
    let project = Project::with_text("");
    let run = |args: &[&str]| {
        let output = project.command().env("XDG_STATE_HOME", project.folder()).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["lab", "status"]).contains("no practice pipeline is running"));
    let up = run(&["lab", "up"]);
    assert!(up.contains("psql") && up.contains("cdc-doctor -c"), "{up}");
    assert_eq!(run(&["lab", "status"]).trim(), up.trim());
    assert!(run(&["lab", "down"]).contains("stopped"));
    assert!(run(&["lab", "status"]).contains("no practice pipeline is running"));
}

/// The same on a simulated AWS account: provision, sync through a task, destroy.
#[test]
fn the_story_through_dms_ends_well() {
    let project = Project::with_text("");
    let ran = project.run(&["lab", "--story", "--engine", "dms"]);
    assert_eq!(ran.status, 0, "{ran}");
    for part in ["AWS is simulated here", "endpoint charts-src", "The story ends well", "provision destroy"] {
        assert!(ran.out.contains(part), "no {part:?} in: {ran}");
    }
}
