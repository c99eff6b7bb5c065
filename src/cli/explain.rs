//! `cdc-doctor explain`: what a check means, or which check an error message belongs to.

use clap::ValueEnum;
use serde_json::json;

use super::check::{print, unknown_word};
use super::{Answer, Context, Failure};
use crate::checks::{Check, registry};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A check's code or name
    #[arg(value_name = "CODE|NAME")]
    check: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Answer, Failure> {
    explain_check(&args.check, args.format, context)
}

fn explain_check(word: &str, format: Format, context: &Context) -> Result<Answer, Failure> {
    let check = registry::find(word).ok_or_else(|| unknown_word(word))?;
    match format {
        Format::Text => print(&check_text(check, context)),
        Format::Json => print(&format!(
            "{:#}\n",
            json!({"code": check.code, "name": check.name, "area": check.area.as_str(),
                   "severity": check.severity.as_str(), "title": check.title, "after": check.after,
                   "explanation": unindent(check.explanation)})
        )),
    }
    Ok(Answer::Done)
}

fn check_text(check: &Check, context: &Context) -> String {
    let style = context.style();
    let bold = |text: &str| if style.color { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let mut out = format!("{} · {} · {}\n{}\n", bold(check.code), check.name, check.severity.as_str(), check.title);
    for line in unindent(check.explanation).lines() {
        match line.strip_prefix("# ") {
            Some(heading) => out.push_str(&format!("\n{}\n", bold(heading))),
            None => out.push_str(&format!("{line}\n")),
        }
    }
    if !check.after.is_empty() {
        out.push_str(&format!("\nSilent while one of these fails: {}\n", check.after.join(", ")));
    }
    out
}

/// Doc comments keep the space after `///`.
fn unindent(text: &str) -> String {
    text.lines().map(|l| l.strip_prefix(' ').unwrap_or(l)).collect::<Vec<_>>().join("\n").trim().to_owned()
}
