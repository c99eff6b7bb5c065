//! `cdc-doctor verify`: are source and target equal, down to the row?

use std::io::IsTerminal;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use super::check::print;
use super::sync::wait_for_signal;
use super::{Answer, Context, Failure};
use crate::sync::Stop;
use crate::text::{fit, thousands};
use crate::verify::{self, Comparison, Outcome, Progress, VerifyError, VerifyOptions};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these of the pipeline's tables: schema.table, * matches within a part
    #[arg(long, value_delimiter = ',', value_name = "X,…")]
    tables: Vec<String>,
    /// How many differing rows to list of each table
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rows: u32,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Args {
    /// All tables, as text.
    pub(super) fn all() -> Self {
        Self { tables: Vec::new(), rows: 20, format: Format::Text }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    let pipeline = context.pipeline()?;
    let passwords = context.passwords(&pipeline)?;
    let rows = usize::try_from(args.rows).unwrap_or(usize::MAX);
    let options = VerifyOptions { tables: args.tables, rows, ..VerifyOptions::default() };

    let stop = Stop::default();
    let signals = tokio::spawn(stop_on_signal(stop.clone()));
    let (progress, seen) = watch::channel(Progress::default());
    let drawing = std::io::stderr().is_terminal().then(|| tokio::spawn(draw(seen)));
    let outcome = verify::run(&pipeline, &passwords, &options, progress, &stop).await;
    signals.abort();
    if let Some(drawing) = drawing {
        // It ends with the comparison; a panic in it lost only a picture.
        let _ = drawing.await;
    }
    let comparison = outcome.map_err(failure)?;
    match args.format {
        Format::Text => print(&verify::text(&comparison, context.style())),
        Format::Json => {
            let text = serde_json::to_string_pretty(&comparison).map_err(|e| Failure::job(e.to_string()))?;
            print(&(text + "\n"));
        }
    }
    answer(&comparison)
}

fn answer(comparison: &Comparison) -> Result<Answer, Failure> {
    match comparison.outcome() {
        Outcome::Equal => Ok(Answer::Done),
        Outcome::Different => Ok(Answer::Findings),
        Outcome::Incomplete => {
            let left = comparison.tables.iter().filter(|t| t.error.is_some()).count();
            let of = comparison.tables.len();
            Err(Failure::job(format!("{left} of {of} tables could not be compared; the others are equal")))
        }
    }
}

fn failure(error: VerifyError) -> Failure {
    match &error {
        VerifyError::NoSuchTable { nearest, .. } => {
            let nearest = nearest.clone();
            let failure = Failure::usage(color_eyre::Report::new(error));
            match nearest {
                Some(near) => failure.hint(format!("cdc-doctor verify --tables {}", verify::shell(&near))),
                None => failure.hint("cdc-doctor verify — all tables that [tables] selects"),
            }
        }
        VerifyError::Connect(_) => Failure::job(color_eyre::Report::new(error)).hint("cdc-doctor check"),
        _ => Failure::job(color_eyre::Report::new(error)),
    }
}

/// The first Ctrl-C or SIGTERM ends the statements on both servers, the second leaves at once.
async fn stop_on_signal(stop: Stop) {
    wait_for_signal().await;
    stop.request();
    eprintln!("stopping: ending what the servers are at; Ctrl-C again leaves at once");
    wait_for_signal().await;
    std::process::exit(130);
}

/// One line that says how far it is, for whoever waits longer than a moment.
async fn draw(mut seen: watch::Receiver<Progress>) {
    tokio::time::sleep(Duration::from_millis(250)).await;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    loop {
        bar.set_message(line(&seen.borrow_and_update()));
        if seen.changed().await.is_err() {
            break;
        }
    }
    bar.finish_and_clear();
}

fn line(p: &Progress) -> String {
    if p.tables == 0 {
        return "looking at both sides".to_owned();
    }
    let doing = if p.looking { "looking into" } else { "comparing" };
    format!(
        "{} of {} tables · {} of {} parts · {} rows · {doing} {}",
        p.tables_done,
        p.tables,
        p.parts_done,
        p.parts,
        thousands(p.rows),
        fit(&p.at, 40)
    )
}
