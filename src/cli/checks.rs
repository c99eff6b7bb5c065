//! `cdc-doctor checks`: the rule book.

use clap::ValueEnum;
use serde_json::json;

use super::{Answer, Context, Failure};
use crate::checks::registry;
use crate::report;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Answer, Failure> {
    match args.format {
        Format::Text => super::check::print(&report::checks_table(registry::ALL, context.style())),
        Format::Json => {
            let all: Vec<_> = registry::ALL
                .iter()
                .map(|c| {
                    json!({"code": c.code, "name": c.name, "area": c.area.as_str(),
                           "severity": c.severity.as_str(), "title": c.title})
                })
                .collect();
            super::check::print(&format!("{:#}\n", json!(all)));
        }
    }
    Ok(Answer::Done)
}
