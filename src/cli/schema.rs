//! `cdc-doctor schema`: the target's tables as DDL, how the target differs, or its definitions kept.

use clap::ValueEnum;

use super::check::print;
use super::{Answer, Context, Failure, keep, tables};
use crate::schema::SchemaReport;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// sql: the target's tables as DDL · diff: how the target differs (exit status 1) · json: both, for programs
    #[arg(long, value_enum, default_value_t = Format::Sql)]
    format: Format,
    /// Write the definitions of the target's tables beside the pipeline file, for check to compare with (RUN-020)
    #[arg(long, conflicts_with = "format")]
    keep: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Sql,
    Diff,
    Json,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    let pipeline = context.pipeline()?;
    let passwords = context.passwords(&pipeline)?;
    let seen = tables::see(&pipeline, &passwords).await?;
    if seen.source.is_empty() {
        return Err(Failure::job("no table of the source matches [tables]").hint("cdc-doctor check --only TBL-019"));
    }
    let there = seen.facts.target.tables.value().map(Vec::as_slice);
    let report = SchemaReport::new(&seen.source, &pipeline, seen.dialect, there);
    if args.keep {
        return keep::run(&pipeline, &passwords, &seen, &report).await;
    }
    match args.format {
        Format::Sql => {
            let databases = seen.facts.target.schemas.value();
            let exists = |name: &str| databases.is_some_and(|all| all.iter().any(|d| d.name == name));
            print(&report.sql(exists));
        }
        Format::Diff => print(&report.diff()),
        Format::Json => {
            let text = serde_json::to_string_pretty(&report).map_err(|e| Failure::job(e.to_string()))?;
            print(&(text + "\n"));
        }
    }
    let differs = args.format == Format::Diff && !report.agrees();
    Ok(if differs { Answer::Findings } else { Answer::Done })
}
