//! What there is to read about the chosen line of the checks.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::model::Model;
use super::super::rows::Row;
use super::super::theme;
use super::super::widgets::{head, plural, wrap, wrap_lines};
use super::dialog;
use crate::checks::Finding;
use crate::diagnose::{Judgement, Outcome};
use crate::fixes::{Action, Fix};
use crate::text;

/// A value from outside is shown up to this length.
const LONGEST: usize = 1200;
/// So many findings are shown together; the list has the rest.
const TOGETHER: usize = 8;

pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let lines = lines(model, usize::from(area.width));
    dialog::scrolled(frame, area, &lines, model.checks.scroll);
}

/// What it says.
pub fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let checks = &model.checks;
    let Some(j) = checks.chosen() else { return Vec::new() };
    let mut page = Page { lines: Vec::new(), width };
    page.title(j);
    match (&j.outcome, checks.rows.get(checks.cursor)) {
        (Outcome::Fail(findings), Some(Row::Finding { finding, .. })) => {
            if let Some(finding) = findings.get(*finding) {
                page.finding(finding);
            }
        }
        (Outcome::Fail(findings), _) => {
            for finding in findings.iter().take(TOGETHER) {
                page.finding(finding);
            }
            if findings.len() > TOGETHER {
                page.wrapped(
                    "",
                    &format!("and {} more: unfold the check to see each", findings.len() - TOGETHER),
                    theme::FAINT,
                );
                page.blank();
            }
        }
        (outcome, _) => page.outcome(outcome),
    }
    page.explanation(j.check.explanation);
    page.lines
}

struct Page {
    lines: Vec<Line<'static>>,
    width: usize,
}

/// Width of the words on the left.
const LABEL: usize = 9;

impl Page {
    fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    fn title(&mut self, j: &Judgement) {
        let (sign, style) = theme::judgement(j);
        let word = if matches!(j.outcome, Outcome::Fail(_)) { j.check.severity.as_str() } else { j.outcome.as_str() };
        self.lines.push(Line::from(vec![
            Span::styled(format!("{sign} "), style),
            Span::styled(
                text::fit(&format!("{} · {} · {word}", j.check.code, j.check.name), self.width - 2),
                theme::STRONG,
            ),
        ]));
    }

    /// A word on the left, text on the right.
    fn wrapped(&mut self, label: &str, text: &str, style: Style) {
        let room = self.width.saturating_sub(LABEL);
        for (i, line) in wrap_lines(&head(text, LONGEST), room).into_iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            self.lines.push(Line::from(vec![
                Span::styled(format!("{label:<LABEL$}"), theme::ACCENT),
                Span::styled(line, style),
            ]));
        }
    }

    fn paragraph(&mut self, text: &str, style: Style) {
        self.lines.extend(wrap(&head(text, LONGEST), self.width).into_iter().map(|l| Line::styled(l, style)));
    }

    fn finding(&mut self, finding: &Finding) {
        self.paragraph(&finding.message, theme::PLAIN);
        self.wrapped("About", &finding.subject, theme::PLAIN);
        if finding.silent_loss {
            self.wrapped("Beware", "runs without an error and loses data", theme::BAD);
        }
        for (i, (what, value)) in finding.evidence.iter().enumerate() {
            let label = if i == 0 { "Seen" } else { "" };
            self.wrapped(label, &format!("{what}: {value}"), theme::PLAIN);
        }
        if let Some(fix) = &finding.fix {
            self.fix(fix);
        }
        self.blank();
    }

    fn fix(&mut self, fix: &Fix) {
        self.wrapped("Fix", &fix.summary, theme::GOOD);
        for step in &fix.steps {
            let price = match &step.action {
                Action::Note(_) => String::new(),
                _ => format!("  ({})", step.cost.label()),
            };
            self.wrapped("", &format!("{}{price}", step.action.describe()), theme::PLAIN);
        }
        for other in &fix.alternatives {
            self.wrapped("Or", other, theme::PLAIN);
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let text = match outcome {
            Outcome::Pass => "Looked, and it is fine.".to_owned(),
            Outcome::Fail(_) => return,
            Outcome::Unknown(why) => format!("Could not look: {why}"),
            Outcome::Running => "Looking.".to_owned(),
            Outcome::Blocked(causes) => {
                format!("Waits for {}: {}", plural(causes.len(), "check"), causes.join(", "))
            }
            Outcome::NotApplicable(why) => format!("Does not apply: {why}"),
        };
        self.paragraph(&text, theme::PLAIN);
        self.blank();
    }

    /// The check's doc comment: headings, paragraphs filled to the width, lists and indented lines as they are.
    fn explanation(&mut self, doc: &str) {
        let mut paragraph = String::new();
        for line in doc.lines().map(|l| l.strip_prefix(' ').unwrap_or(l)) {
            let own_line = line.starts_with("- ") || line.starts_with("    ") || line.starts_with('|');
            if line.is_empty() || line.starts_with('#') || own_line {
                self.flush(&mut paragraph);
            }
            if let Some(heading) = line.strip_prefix('#') {
                self.lines.push(Line::styled(heading.trim_start_matches('#').trim().to_owned(), theme::STRONG));
            } else if line.is_empty() {
                self.blank();
            } else {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph.push_str(line);
            }
        }
        self.flush(&mut paragraph);
    }

    fn flush(&mut self, paragraph: &mut String) {
        if !paragraph.is_empty() {
            self.lines.extend(wrap(&std::mem::take(paragraph), self.width).into_iter().map(Line::raw));
        }
    }
}
