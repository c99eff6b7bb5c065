//! `cdc-doctor explain`: what a check means, or which check an error message belongs to.

use std::io::Read;

use clap::ValueEnum;
use serde_json::json;

use super::check::{print, unknown_word};
use super::{Answer, Context, Failure};
use crate::checks::{Check, registry};
use crate::diagnose::{self, Decoded};
use crate::text::safe;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A check's code or name
    #[arg(value_name = "CODE|NAME", required_unless_present = "error", conflicts_with = "error")]
    check: Option<String>,
    /// An error message to find the cause of; `-` reads it from standard input
    #[arg(long, value_name = "TEXT|-")]
    error: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Longest message that is read; a log file pasted whole would only hide the line that matters.
const MESSAGE_LIMIT: u64 = 1 << 20;

pub(crate) fn run(args: &Args, context: &Context) -> Result<Answer, Failure> {
    match (&args.check, &args.error) {
        (Some(word), _) => explain_check(word, args.format, context),
        (None, Some(text)) => explain_error(&message(text)?, args.format, context),
        (None, None) => Err(Failure::usage("explain needs a check's code, or --error TEXT")),
    }
}

fn message(text: &str) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MESSAGE_LIMIT)
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::usage(format!("cannot read the message from standard input: {e}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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

fn explain_error(text: &str, format: Format, context: &Context) -> Result<Answer, Failure> {
    let decoded = diagnose::decode(text);
    match (format, decoded) {
        (Format::Json, decoded) => {
            let value = match decoded {
                Some(d) => json!({"code": d.code, "name": d.name, "cause": d.cause, "fix": d.fix}),
                None => json!({"code": null, "name": null, "cause": null, "fix": null}),
            };
            print(&format!("{value:#}\n"));
        }
        (Format::Text, Some(d)) => print(&decoded_text(&d, context)),
        (Format::Text, None) => print(
            "No known pattern matches this message.\n\
             Paste the whole message, with the lines before it: the first FATAL or ERROR line is the cause.\n\
             cdc-doctor check looks at the pipeline itself.\n",
        ),
    }
    Ok(Answer::Done)
}

fn decoded_text(d: &Decoded, context: &Context) -> String {
    let style = context.style();
    let hang = "       ";
    let wrap = |lead: &str, text: &str| {
        textwrap::fill(text, textwrap::Options::new(style.width).initial_indent(lead).subsequent_indent(hang))
    };
    let mut out = format!(
        "{}  {}\n{}\n{}\n",
        safe(&d.code),
        safe(&d.name),
        wrap("cause  ", &safe(&d.cause)),
        wrap("fix    ", &safe(&d.fix))
    );
    if registry::find(&d.code).is_some() {
        out.push_str(&format!("more   cdc-doctor explain {}\n", d.code));
    }
    out
}
