//! The practice pipeline's story, played start to end: each act is a command that a person could type, and each says
//! what it must show. A story that ends differently is a failure.

use mysql_async::prelude::Queryable;

use super::{Answer, Context, Failure, check, fix, sync, verify};
use crate::connect;
use crate::report::{self, Report};
use crate::sync::Stop;

/// Plays the story on the pipeline file of `context`.
pub(crate) async fn play(context: &Context) -> Result<Answer, Failure> {
    act("1. The pipeline as it was built. Nothing arrives on the target.", "cdc-doctor check");
    let report = look(context).await?;
    must_fail(&report, &["TLS-001", "AUT-005"])?;
    must_wait(&report, "TBL-001")?;

    act(
        "2. Two causes, both in the pipeline file. The plan is shown, then applied.",
        "cdc-doctor fix --yes TLS-001 AUT-005",
    );
    fix::run(fix::Args::yes(&["TLS-001", "AUT-005"]), context).await?;

    act("3. Now the databases can be seen, and what would have lost rows without an error.", "cdc-doctor check");
    let report = look(context).await?;
    must_fail(&report, &["TBL-001", "TSC-001", "TSC-002"])?;

    act(
        "4. The source gets its key, the target the table that belongs to it. The few rows that the Spark job left there \
         may change with their types, which must be allowed.",
        "cdc-doctor fix --yes --allow-data-loss",
    );
    fix::run(fix::Args::yes(&[]).with_data_loss(), context).await?;

    act("5. Is anything left that would break or lose data?", "cdc-doctor check");
    must_be_healthy(&look(context).await?)?;

    act(
        "6. The rows, and then every change: somebody writes to the source while this runs. The target still holds what \
         the broken pipeline left, so it is emptied first, which must be asked for.",
        "cdc-doctor sync --truncate-target",
    );
    sync_while_somebody_writes(context).await?;

    act(
        "7. The cut-over: what was written since, and then nothing is to follow.",
        "cdc-doctor sync --until-caught-up --drop-slot",
    );
    write(context, AFTER).await?;
    sync::run(sync::Args::cut_over(), context).await?;

    act(
        "8. Did every row arrive, unchanged? Counts and checksums, computed by each server over its own rows.",
        "cdc-doctor verify",
    );
    must_be_equal(verify::run(verify::Args::all(), context).await?)?;

    act("9. The pipeline as it is now.", "cdc-doctor check");
    let report = look(context).await?;
    must_be_healthy(&report)?;
    println!("\nThe story ends well: the pitfalls found and fixed, every row there, every change followed.");
    Ok(Answer::Done)
}

/// What somebody writes while the sync runs, a transaction each.
pub(super) const MEANWHILE: &[&str] = &[
    "INSERT INTO \"Artist Bio\" (\"Artist ID\", \"Full \"\"Name\"\"\", biography) VALUES (9001, 'A new one 🎸', E'tab\\tand \\\\ backslash')",
    "UPDATE weekly_chart SET peak_position = 1, is_new = false WHERE artist = 'ABBA'",
    "UPDATE \"order\" SET \"select\" = \"select\" + 100000 WHERE \"from\" = 3",
    "DELETE FROM plays WHERE state = 'skipped'",
    "BEGIN; INSERT INTO empty_so_far (note) SELECT 'note ' || n FROM generate_series(1, 5000) n; SAVEPOINT s; \
     DELETE FROM \"Länder・国\"; ROLLBACK TO s; COMMIT",
];

/// What is written before the cut-over.
pub(super) const AFTER: &[&str] =
    &["TRUNCATE empty_so_far", "INSERT INTO empty_so_far (note) VALUES ('the last word')"];

/// Runs the sync until what was written meanwhile is on the target.
pub(super) async fn sync_while_somebody_writes(context: &Context) -> Result<(), Failure> {
    let stop = Stop::default();
    let writing = async {
        let ended = async {
            until_target(context, "SELECT COUNT(*) > 0 FROM cdc_doctor_tables", 1).await?;
            write(context, MEANWHILE).await?;
            until_target(context, "SELECT COUNT(*) FROM empty_so_far", 5000).await
        };
        let ended = ended.await;
        stop.request();
        ended
    };
    let (ran, wrote) = tokio::join!(sync::run_until(sync::Args::from_the_beginning(), context, stop.clone()), writing);
    ran.and(wrote)
}

pub(super) async fn write(context: &Context, transactions: &[&str]) -> Result<(), Failure> {
    let pipeline = context.pipeline()?;
    let passwords = context.passwords(&pipeline)?;
    let client = connect::postgres::open(&pipeline.source, passwords.source.as_ref())
        .await
        .map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
    for sql in transactions {
        println!("  meanwhile> {sql}");
        client.batch_execute(sql).await.map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Waits until a query on the target counts so many rows; a minute is longer than this ever takes.
pub(super) async fn until_target(context: &Context, count: &str, rows: u64) -> Result<(), Failure> {
    let pipeline = context.pipeline()?;
    let passwords = context.passwords(&pipeline)?;
    for _ in 0..600 {
        let open = connect::mysql::open(&pipeline.target, passwords.target.as_ref(), Some(&pipeline.target.database));
        let mut conn = open.await.map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
        // The table is made by the sync.
        let counted: Option<u64> = conn.query_first(count).await.unwrap_or(None);
        let _ = conn.disconnect().await;
        if counted == Some(rows) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Failure::job(format!("the story expects {rows} rows of: {count}")))
}

pub(super) fn act(title: &str, command: &str) {
    println!("\n━━ {title}");
    if !command.is_empty() {
        println!("$ {command}");
    }
    println!();
}

pub(super) async fn look(context: &Context) -> Result<Report, Failure> {
    let report = check::report_of(context).await?;
    check::print(&report::text(&report, context.style()));
    Ok(report)
}

fn outcome<'a>(report: &'a Report, code: &str) -> &'a str {
    report.checks.iter().find(|c| c.code == code).map_or("not in the rule book", |c| c.outcome)
}

pub(super) fn must_fail(report: &Report, codes: &[&str]) -> Result<(), Failure> {
    for code in codes {
        let outcome = outcome(report, code);
        if outcome != "fail" {
            return Err(Failure::job(format!("the story expects {code} to be found here, and it is `{outcome}`")));
        }
    }
    Ok(())
}

fn must_wait(report: &Report, code: &str) -> Result<(), Failure> {
    match outcome(report, code) {
        "blocked" => Ok(()),
        outcome => Err(Failure::job(format!("the story expects {code} to wait for its cause, and it is `{outcome}`"))),
    }
}

pub(super) fn must_be_healthy(report: &Report) -> Result<(), Failure> {
    if report.summary.errors == 0 {
        return Ok(());
    }
    let left: Vec<_> = report
        .checks
        .iter()
        .filter(|c| c.outcome == "fail" && c.severity == crate::checks::Severity::Error)
        .map(|c| c.code)
        .collect();
    Err(Failure::job(format!("the story expects no error here, and these are left: {}", left.join(", "))))
}

pub(super) fn must_be_equal(answer: Answer) -> Result<(), Failure> {
    match answer {
        Answer::Done => Ok(()),
        Answer::Findings => Err(Failure::job("the story expects every table to be equal here")),
    }
}
