//! `cdc-doctor check`: collect, judge, report.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::{Answer, Context, Failure, comparison};
use crate::canary;
use crate::checks::{Check, Severity, registry};
use crate::diagnose::{self, Judgement};
use crate::facts::{self, Facts};
use crate::report::{self, Report};
use crate::text::nearest;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Only these checks: codes, names or areas
    #[arg(long, value_delimiter = ',', value_name = "X,…")]
    only: Vec<String>,
    /// Not these checks: codes, names or areas
    #[arg(long, value_delimiter = ',', value_name = "X,…")]
    skip: Vec<String>,
    /// From which severity on a finding makes the exit status 1
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
    /// Also write what was seen to this file (never passwords)
    #[arg(long, value_name = "FILE")]
    save_facts: Option<PathBuf>,
    /// Judge what such a file holds, instead of looking; needs no pipeline file
    #[arg(long, value_name = "FILE", conflicts_with = "save_facts")]
    facts: Option<PathBuf>,
    /// Also send one row through the running pipeline and follow it: writes to a table of its own on the source
    #[arg(long, conflicts_with = "facts")]
    canary: bool,
    /// How long each change of the canary's row may take to arrive
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "canary",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    canary_timeout: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Never,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    let wanted = selection(&args.only, &args.skip)?;
    let started = Instant::now();
    let facts = match &args.facts {
        Some(path) => read_facts(path)?,
        None => look_as_asked(&args, context).await?,
    };
    if let Some(path) = &args.save_facts {
        save_facts(path, &facts)?;
    }
    let judgements = judge(&wanted, &facts);
    let report = Report::new(&facts, &judgements, millis(started));
    let text = match args.format {
        Format::Text => report::text(&report, context.style()),
        Format::Json => report::json(&report).map_err(|e| Failure::job(format!("cannot write the report: {e}")))?,
    };
    print(&text);
    let limit = match args.fail_on {
        FailOn::Error => Some(Severity::Error),
        FailOn::Warning => Some(Severity::Warning),
        FailOn::Never => None,
    };
    let failed = limit.is_some_and(|limit| report.worst().is_some_and(|worst| worst >= limit));
    Ok(if failed { Answer::Findings } else { Answer::Done })
}

/// Looks and judges by the whole rule book.
pub(super) async fn report_of(context: &Context) -> Result<Report, Failure> {
    let started = Instant::now();
    let facts = look(context).await?;
    Ok(Report::new(&facts, &diagnose::judge(registry::ALL, &facts), millis(started)))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Looks, and does what is only done when it is asked for by name.
async fn look_as_asked(args: &Args, context: &Context) -> Result<Facts, Failure> {
    let pipeline = context.pipeline()?;
    if args.canary && !pipeline.sync.mode.has_cdc() {
        return Err(Failure::usage("mode in [sync] is full-load, which replicates no changes for a canary to follow")
            .hint("set mode = \"full-load-and-cdc\" in [sync]"));
    }
    let passwords = context.passwords(&pipeline)?;
    let mut facts = facts::collect(&pipeline, &passwords, &|_| {}).await;
    if args.canary {
        eprintln!("canary: one row on its way, {} s for each change at most", args.canary_timeout);
        let limit = Duration::from_secs(args.canary_timeout);
        facts.canary = Some(canary::run(&pipeline, &passwords, limit).await);
    }
    if args.only.iter().any(|word| comparison::named_by(word)) {
        facts.comparison = Some(comparison::of(&facts, &passwords).await);
    }
    Ok(facts)
}

async fn look(context: &Context) -> Result<Facts, Failure> {
    let pipeline = context.pipeline()?;
    let passwords = context.passwords(&pipeline)?;
    Ok(facts::collect(&pipeline, &passwords, &|_| {}).await)
}

/// Judges by the whole rule book, so that a cause silences what stands behind it even when only the latter was asked
/// for, then keeps what was asked for.
fn judge(wanted: &[&'static Check], facts: &Facts) -> Vec<Judgement> {
    let mut all = diagnose::judge(registry::ALL, facts);
    all.retain(|j| wanted.iter().any(|c| c.code == j.check.code));
    all
}

fn selection(only: &[String], skip: &[String]) -> Result<Vec<&'static Check>, Failure> {
    for word in only.iter().chain(skip) {
        if !registry::ALL.iter().any(|c| named(c, word)) {
            return Err(unknown_word(word));
        }
    }
    let hit = |c: &Check, words: &[String]| words.iter().any(|w| named(c, w));
    Ok(registry::ALL.iter().copied().filter(|c| (only.is_empty() || hit(c, only)) && !hit(c, skip)).collect())
}

fn named(check: &Check, word: &str) -> bool {
    check.code.eq_ignore_ascii_case(word)
        || check.name.eq_ignore_ascii_case(word)
        || check.area.as_str().eq_ignore_ascii_case(word)
}

/// The failure for a word that is no code, name or area.
pub(super) fn unknown_word(word: &str) -> Failure {
    let known = registry::ALL.iter().flat_map(|c| [c.code, c.name, c.area.as_str()]);
    let failure = Failure::usage(format!("no check, name or area is called `{word}`")).hint("cdc-doctor checks");
    match nearest(word, known) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}

fn read_facts(path: &PathBuf) -> Result<Facts, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::usage(format!("cannot read the facts file {}: {e}", path.display())))?;
    serde_json::from_str(&text).map_err(|e| {
        Failure::usage(format!("{} is no facts file of this version: {e}", path.display()))
            .hint("cdc-doctor check --save-facts FILE writes one")
    })
}

fn save_facts(path: &PathBuf, facts: &Facts) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(facts).map_err(|e| Failure::job(format!("cannot write facts: {e}")))?;
    std::fs::write(path, text + "\n")
        .map_err(|e| Failure::job(format!("cannot write the facts file {}: {e}", path.display())))
}

/// Prints to standard output; a reader that went away (`| head`) is no error.
pub(super) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
