//! The practice pipeline's story, played start to end: each act is a command that a person could type, and each says
//! what it must show. A story that ends differently is a failure.

use super::{Answer, Context, Failure, check, fix, sync, verify};
use crate::report::{self, Report};

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
        "6. The rows. The target still holds what the broken pipeline left, so it is emptied first, which must be asked for.",
        "cdc-doctor sync --mode full-load --truncate-target",
    );
    sync::run(sync::Args::full_load_from_scratch(), context).await?;

    act(
        "7. Did every row arrive, unchanged? Counts and checksums, computed by each server over its own rows.",
        "cdc-doctor verify",
    );
    must_be_equal(verify::run(verify::Args::all(), context).await?)?;

    act("8. The pipeline as it is now.", "cdc-doctor check");
    let report = look(context).await?;
    must_be_healthy(&report)?;
    println!("\nThe story ends well: four pitfalls found, fixed, and every row is there.");
    Ok(Answer::Done)
}

fn act(title: &str, command: &str) {
    println!("\n━━ {title}");
    if !command.is_empty() {
        println!("$ {command}");
    }
    println!();
}

async fn look(context: &Context) -> Result<Report, Failure> {
    let report = check::report_of(context).await?;
    check::print(&report::text(&report, context.style()));
    Ok(report)
}

fn outcome<'a>(report: &'a Report, code: &str) -> &'a str {
    report.checks.iter().find(|c| c.code == code).map_or("not in the rule book", |c| c.outcome)
}

fn must_fail(report: &Report, codes: &[&str]) -> Result<(), Failure> {
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

fn must_be_healthy(report: &Report) -> Result<(), Failure> {
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

fn must_be_equal(answer: Answer) -> Result<(), Failure> {
    match answer {
        Answer::Done => Ok(()),
        Answer::Findings => Err(Failure::job("the story expects every table to be equal here")),
    }
}
