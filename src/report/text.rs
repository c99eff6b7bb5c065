//! The report for people: causes first, the fix under each finding, calm.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::{CanaryReport, CheckReport, FindingReport, FixReport, Report};
use crate::checks::{Check, Severity};
use crate::fixes::Mode;
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

pub(crate) const RED: &str = "31";
pub(crate) const YELLOW: &str = "33";
pub(crate) const GREEN: &str = "32";
pub(crate) const DIM: &str = "2";
pub(crate) const BOLD: &str = "1";

/// Findings beyond this many in one check are counted, not printed; JSON has them all.
const FINDINGS_SHOWN: usize = 10;

impl Style {
    /// Text in a colour, where colours are wanted.
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
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
    if let Some(canary) = &report.canary {
        canary_line(&mut out, canary, style);
    }
    footer(&mut out, report, style);
    out
}

fn failed(out: &mut String, report: &Report, check: &CheckReport, style: Style) {
    let lead = format!("\n{} {}  ", style.sign(check), style.paint(BOLD, check.code));
    push_wrapped(out, check.title, &lead, &" ".repeat(11), style.width);
    if check.findings.iter().any(|f| f.silent_loss) {
        let _ = writeln!(
            out,
            "    {}",
            style.paint(RED, "silent loss: everything looks green while rows go missing or change")
        );
    }
    let shown = &check.findings[..check.findings.len().min(FINDINGS_SHOWN)];
    for (at, finding) in shown.iter().enumerate() {
        let labels = show_finding(out, check, finding, style);
        // Findings that have one remedy are listed together above it.
        if shown.get(at + 1).is_none_or(|next| next.fix != finding.fix) {
            if let Some(fix) = &finding.fix {
                show_fix(out, check, fix, labels, style);
            }
            if at + 1 < shown.len() {
                out.push('\n');
            }
        }
    }
    if check.findings.len() > FINDINGS_SHOWN {
        let more = check.findings.len() - FINDINGS_SHOWN;
        let _ = writeln!(out, "    {more} more like this; all of them: cdc-doctor check --format json");
    }
    let waiting = report.checks.iter().filter(|c| c.blocked_by.contains(&check.code)).count();
    if waiting > 0 {
        let what =
            if waiting == 1 { "1 check waits for this".into() } else { format!("{waiting} checks wait for this") };
        let _ = writeln!(out, "    {}", style.paint(DIM, &what));
    }
}

/// Returns the width of the labels, which the fix lines up with.
fn show_finding(out: &mut String, check: &CheckReport, finding: &FindingReport, style: Style) -> usize {
    if finding.message != check.title {
        push_wrapped(out, &safe(&finding.message), "    ", "    ", style.width);
    }
    let labels = finding.evidence.keys().map(|k| safe(k).width()).max().unwrap_or(0).clamp(8, 24);
    for (label, value) in &finding.evidence {
        let lead = format!("    {}  ", pad(&safe(label), labels));
        push_wrapped(
            out,
            &safe(value.as_str().unwrap_or_default()),
            &style.paint(DIM, &lead),
            &" ".repeat(labels + 6),
            style.width,
        );
    }
    labels
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
        let line = format!("{} · cdc-doctor fix {}", fix.cost.label(), check.code);
        push_wrapped(out, &line, &hang, &hang, style.width);
    }
    for alternative in &fix.alternatives {
        let lead = format!("    {}  ", style.paint(DIM, &pad("or", labels)));
        push_wrapped(out, &safe(alternative), &lead, &hang, style.width);
    }
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

fn canary_line(out: &mut String, canary: &CanaryReport, style: Style) {
    let legs = [("insert", canary.insert_ms), ("update", canary.update_ms), ("delete", canary.delete_ms)];
    let words = legs.map(|(change, delay)| match delay {
        Some(ms) => format!("{change} {ms} ms"),
        None => format!("{change} did not arrive"),
    });
    let line = format!("canary: {}, from commit on the source to the target", words.join(", "));
    push_wrapped(out, &line, "\n", "  ", style.width);
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
    for (count, word) in
        [(s.unknown, "unknown"), (s.blocked, "waiting"), (s.pass, "passed"), (s.not_applicable, "not applicable")]
    {
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
    let worst = report.worst();
    if let Some(first) = report.checks.iter().find(|c| c.outcome == "fail" && Some(c.severity) == worst) {
        let fixable = report
            .checks
            .iter()
            .any(|c| c.findings.iter().filter_map(|f| f.fix.as_ref()).any(|f| f.mode != Mode::Manual));
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

pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Adds `text` within `width` columns: `lead` before the first line, `hang` before the others. Words longer than a
/// line (SQL, host names) are never broken, so that they can be copied.
pub(crate) fn push_wrapped(out: &mut String, text: &str, lead: &str, hang: &str, width: usize) {
    let options = textwrap::Options::new(width.max(hang.len() + 20))
        .initial_indent(lead)
        .subsequent_indent(hang)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    out.push_str(&textwrap::fill(text, options));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::{FindingReport, Report, Tool};
    use super::*;
    use crate::diagnose::Summary;
    use crate::fixes::Cost;

    fn check(code: &'static str, outcome: &'static str, severity: Severity) -> CheckReport {
        CheckReport {
            code,
            name: "some-name",
            area: "tls",
            title: "The source takes only TLS connections, and this pipeline connects without TLS",
            severity,
            outcome,
            reason: None,
            blocked_by: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn report() -> Report {
        let mut tls = check("TLS-001", "fail", Severity::Error);
        tls.findings.push(FindingReport {
            subject: "source.tls".into(),
            message: tls.title.into(),
            silent_loss: false,
            evidence: [
                ("without TLS".to_owned(), "refused 28000 no pg_hba.conf entry for host \"10.0.3.9\", user \"dms\", database \"postgres\", no encryption".into()),
                ("with TLS".to_owned(), "accepted, TLSv1.3".into()),
            ]
            .into_iter()
            .collect(),
            fix: Some(FixReport {
                summary: "set tls = \"verify-full\" in [source]".into(),
                mode: Mode::Auto,
                cost: Cost::None,
                steps: vec![],
                alternatives: vec!["rds.force_ssl = 0 in the parameter group: passwords and rows then travel in clear".into()],
            }),
        });
        let mut key = check("TBL-001", "fail", Severity::Warning);
        key.title = "A selected table has no primary key";
        for table in ["public.a", "public.\x1b[2Jb"] {
            key.findings.push(FindingReport {
                subject: table.into(),
                message: format!("{table} has no primary key"),
                silent_loss: true,
                evidence: [("rows".to_owned(), "52000".into())].into_iter().collect(),
                fix: None,
            });
        }
        let mut waiting = check("SRC-001", "blocked", Severity::Error);
        waiting.blocked_by.push("TLS-001");
        let mut dark = check("SRC-024", "unknown", Severity::Warning);
        dark.title = "The source's disk is filling up";
        dark.reason = Some("needs cloudwatch:GetMetricData".into());
        Report {
            schema_version: 1,
            tool: Tool { name: "cdc-doctor", version: "0.0.0" },
            pipeline: "charts".into(),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            elapsed_ms: 812,
            summary: Summary {
                pass: 3,
                fail: 2,
                unknown: 1,
                blocked: 1,
                not_applicable: 0,
                errors: 1,
                warnings: 1,
                advice: 0,
            },
            checks: vec![key, tls, waiting, dark, check("NET-020", "pass", Severity::Error)],
            canary: None,
            headline: "PostgreSQL 15.18 at db:5432 → MariaDB 10.11.19 at target:3306, engine direct".into(),
        }
    }

    #[test]
    fn causes_come_first_each_with_its_fix() {
        insta::assert_snapshot!(render(&report(), Style { color: false, width: 100, verbose: false }));
    }

    #[test]
    fn eighty_columns_are_respected_but_for_words_that_cannot_be_broken() {
        let text = render(&report(), Style { color: false, width: 80, verbose: true });
        assert!(text.lines().all(|l| l.width() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_canarys_delays_stand_above_the_counts() {
        let mut report = report();
        report.canary = Some(CanaryReport { insert_ms: Some(120), update_ms: Some(84), delete_ms: None });
        let text = render(&report, Style { color: false, width: 100, verbose: false });
        let line =
            "canary: insert 120 ms, update 84 ms, delete did not arrive, from commit on the source to the target";
        assert!(text.contains(&format!("\n\n{line}\n\n2 failed")), "{text}");
    }

    #[test]
    fn colour_only_when_asked_and_never_from_outside() {
        assert!(!render(&report(), Style { color: false, width: 100, verbose: true }).contains('\x1b'));
        assert!(render(&report(), Style { color: true, width: 100, verbose: true }).contains("\x1b[31m✗\x1b[0m"));
    }

    #[test]
    fn json_has_the_fields_of_the_contract() {
        insta::assert_snapshot!(super::super::json(&report()).unwrap());
    }
}
