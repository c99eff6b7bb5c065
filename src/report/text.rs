//! The report for people: causes first, the fix under each finding, calm.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::{CheckReport, FindingReport, FixReport, Report};
use crate::checks::{Check, Severity};
use crate::fixes::{Cost, Mode};
use crate::text::safe;

/// How text is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// Terminal columns to keep within.
    pub width: usize,
    /// Also list what passed, waits or does not apply.
    pub verbose: bool,
}

const RED: &str = "31";
const YELLOW: &str = "33";
const GREEN: &str = "32";
const DIM: &str = "2";
const BOLD: &str = "1";

/// Findings beyond this many in one check are counted, not printed; JSON has them all.
const FINDINGS_SHOWN: usize = 10;

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn sign(self, check: &CheckReport) -> String {
        match (check.outcome, check.severity) {
            ("fail", Severity::Error) => self.paint(RED, "✗"),
            ("fail", Severity::Warning) => self.paint(YELLOW, "!"),
            ("fail", Severity::Advice) => self.paint(DIM, "i"),
            ("unknown", _) => self.paint(YELLOW, "?"),
            ("pass", _) => self.paint(GREEN, "✓"),
            ("blocked", _) => self.paint(DIM, "⏸"),
            _ => self.paint(DIM, "·"),
        }
    }
}

/// The whole report.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let head = format!("{}: {}", safe(&report.pipeline), safe(&report.headline));
    push_wrapped(&mut out, &style.paint(BOLD, &head), "", "  ", style.width);
    for severity in [Severity::Error, Severity::Warning, Severity::Advice] {
        for check in report.checks.iter().filter(|c| c.outcome == "fail" && c.severity == severity) {
            failed(&mut out, report, check, style);
        }
    }
    section(&mut out, report, "unknown", style);
    if style.verbose {
        for outcome in ["blocked", "pass", "not-applicable"] {
            section(&mut out, report, outcome, style);
        }
    }
    footer(&mut out, report, style);
    out
}

fn failed(out: &mut String, report: &Report, check: &CheckReport, style: Style) {
    let lead = format!("\n{} {}  ", style.sign(check), style.paint(BOLD, check.code));
    push_wrapped(out, check.title, &lead, &" ".repeat(11), style.width);
    if check.findings.iter().any(|f| f.silent_loss) {
        let _ = writeln!(out, "    {}", style.paint(RED, "silent loss: everything looks green while rows go missing or change"));
    }
    for (at, finding) in check.findings.iter().take(FINDINGS_SHOWN).enumerate() {
        if check.findings.len() > 1 && at > 0 {
            out.push('\n');
        }
        show_finding(out, check, finding, style);
    }
    if check.findings.len() > FINDINGS_SHOWN {
        let more = check.findings.len() - FINDINGS_SHOWN;
        let _ = writeln!(out, "    {more} more like this; all of them: cdc-doctor check --format json");
    }
    let waiting = report.checks.iter().filter(|c| c.blocked_by.contains(&check.code)).count();
    if waiting > 0 {
        let what = if waiting == 1 { "1 check waits for this".into() } else { format!("{waiting} checks wait for this") };
        let _ = writeln!(out, "    {}", style.paint(DIM, &what));
    }
}

fn show_finding(out: &mut String, check: &CheckReport, finding: &FindingReport, style: Style) {
    if finding.message != check.title {
        push_wrapped(out, &safe(&finding.message), "    ", "    ", style.width);
    }
    let labels = finding.evidence.keys().map(|k| safe(k).width()).max().unwrap_or(0).clamp(8, 24);
    for (label, value) in &finding.evidence {
        let lead = format!("    {}  ", pad(&safe(label), labels));
        push_wrapped(out, &safe(value), &style.paint(DIM, &lead), &" ".repeat(labels + 6), style.width);
    }
    if let Some(fix) = &finding.fix {
        show_fix(out, check, fix, labels, style);
    }
}

fn show_fix(out: &mut String, check: &CheckReport, fix: &FixReport, labels: usize, style: Style) {
    let lead = format!("    {}  ", style.paint(GREEN, &pad("fix", labels)));
    let hang = " ".repeat(labels + 6);
    push_wrapped(out, &safe(&fix.summary), &lead, &hang, style.width);
    if fix.mode == Mode::Manual {
        for step in fix.steps.iter().filter(|s| **s != fix.summary) {
            push_wrapped(out, &safe(step), &hang, &hang, style.width);
        }
    } else {
        let line = format!("{} · cdc-doctor fix {}", price(fix.cost), check.code);
        push_wrapped(out, &line, &hang, &hang, style.width);
    }
    for alternative in &fix.alternatives {
        let lead = format!("    {}  ", style.paint(DIM, &pad("or", labels)));
        push_wrapped(out, &safe(alternative), &lead, &hang, style.width);
    }
}

fn price(cost: Cost) -> &'static str {
    cost.label()
}

fn section(out: &mut String, report: &Report, outcome: &str, style: Style) {
    let mut first = true;
    for check in report.checks.iter().filter(|c| c.outcome == outcome) {
        if first {
            out.push('\n');
            first = false;
        }
        let lead = format!("{} {}  ", style.sign(check), check.code);
        let text = match (outcome, &check.reason) {
            ("unknown", Some(reason)) => format!("{}: not known: {reason}", check.title),
            ("not-applicable", Some(reason)) => format!("{}: {reason}", check.title),
            ("blocked", _) => format!("{}: waits for {}", check.title, check.blocked_by.join(", ")),
            _ => check.title.to_owned(),
        };
        push_wrapped(out, &safe(&text), &lead, &" ".repeat(11), style.width);
    }
}

fn footer(out: &mut String, report: &Report, style: Style) {
    let s = &report.summary;
    let mut parts = Vec::new();
    if s.fail > 0 {
        let mut kinds = Vec::new();
        for (count, one, many) in
            [(s.errors, "error", "errors"), (s.warnings, "warning", "warnings"), (s.advice, "advice", "advice")]
        {
            if count > 0 {
                kinds.push(format!("{count} {}", if count == 1 { one } else { many }));
            }
        }
        parts.push(format!("{} failed ({})", s.fail, kinds.join(", ")));
    }
    for (count, word) in [
        (s.unknown, "unknown"),
        (s.blocked, "waiting"),
        (s.pass, "passed"),
        (s.not_applicable, "not applicable"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    parts.push(seconds(report.elapsed_ms));
    let line = parts.join(" · ");
    let painted = if s.errors > 0 {
        style.paint(RED, &line)
    } else if s.fail > 0 || s.unknown > 0 {
        style.paint(YELLOW, &line)
    } else {
        style.paint(GREEN, &line)
    };
    let _ = write!(out, "\n{painted}\n");
    if let Some(first) = report.checks.iter().find(|c| c.outcome == "fail") {
        let fixable = report.checks.iter().any(|c| {
            c.findings.iter().filter_map(|f| f.fix.as_ref()).any(|f| f.mode != Mode::Manual)
        });
        let mut next = format!("explain one: cdc-doctor explain {}", first.code);
        if fixable {
            next = format!("see the plan: cdc-doctor fix --plan     {next}");
        }
        let _ = writeln!(out, "{}", style.paint(DIM, &next));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run's milliseconds are far below 2^52")]
fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1000.0)
}

/// The rule book as a table.
#[must_use]
pub fn checks_table(checks: &[&Check], style: Style) -> String {
    let name_width = checks.iter().map(|c| c.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for check in checks {
        let severity = match check.severity {
            Severity::Error => style.paint(RED, "error  "),
            Severity::Warning => style.paint(YELLOW, "warning"),
            Severity::Advice => style.paint(DIM, "advice "),
        };
        let lead = format!("{}  {severity}  {}  ", style.paint(BOLD, check.code), pad(check.name, name_width));
        // A narrow terminal gets the title on its own line rather than a column of single words.
        if name_width + 20 + 40 > style.width {
            let _ = writeln!(out, "{}", lead.trim_end());
            push_wrapped(&mut out, check.title, "         ", "         ", style.width);
        } else {
            push_wrapped(&mut out, check.title, &lead, &" ".repeat(name_width + 20), style.width);
        }
    }
    let _ = writeln!(out, "\n{} checks. What one means: cdc-doctor explain CODE", checks.len());
    out
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Adds `text` within `width` columns: `lead` before the first line, `hang` before the others. Words longer than a
/// line (SQL, host names) are never broken, so that they can be copied.
fn push_wrapped(out: &mut String, text: &str, lead: &str, hang: &str, width: usize) {
    let options = textwrap::Options::new(width.max(hang.len() + 20))
        .initial_indent(lead)
        .subsequent_indent(hang)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    out.push_str(&textwrap::fill(text, options));
    out.push('\n');
}
