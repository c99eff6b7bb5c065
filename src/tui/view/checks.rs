//! The checks: the list, and beside or below it the details of the chosen line.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::model::{Checks, Model};
use super::super::rows::{Group, Narrow, Only, Row};
use super::super::theme;
use super::super::widgets::{Input, window};
use super::{detail, line_in, put};
use crate::checks::Severity;
use crate::diagnose::{Outcome, Summary};
use crate::text;

/// From this width on the details stand beside the list.
const WIDE: u16 = 110;

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    put(frame, Rect { height: 1, ..body }, &head(model));
    let (list_area, detail_area) = areas(body, model.checks.reading);
    between(frame, body, list_area, detail_area);
    list(frame, list_area, &model.checks);
    detail::draw(frame, detail_area, model);
}

/// The line between a list and its details.
pub fn between(frame: &mut Frame<'_>, body: Rect, list_area: Rect, detail_area: Rect) {
    let rule = Rect { y: list_area.bottom(), height: 1, ..body };
    let column = Rect { x: detail_area.x.saturating_sub(2), width: 1, ..detail_area };
    if body.width >= WIDE {
        column.rows().for_each(|row| put(frame, row, &Line::styled("│", theme::FAINT)));
    } else {
        put(frame, rule, &Line::styled("─".repeat(usize::from(rule.width)), theme::FAINT));
    }
}

/// Where the details stand.
pub fn detail_area(body: Rect, model: &Model) -> Rect {
    areas(body, model.checks.reading).1
}

/// List and details: side by side where there is room, else the details below, with more room while they are read.
pub fn areas(body: Rect, reading: bool) -> (Rect, Rect) {
    let rest = Rect { y: body.y + 1, height: body.height - 1, ..body };
    if body.width >= WIDE {
        let left = body.width * 9 / 20;
        let right = Rect { x: rest.x + left + 2, width: rest.width - left - 2, ..rest };
        return (Rect { width: left - 1, ..rest }, right);
    }
    let upper = if reading { 4 } else { rest.height * 9 / 20 };
    let lower = Rect { x: 1, y: rest.y + upper + 1, width: rest.width - 2, height: rest.height - upper - 1 };
    (Rect { height: upper, ..rest }, lower)
}

/// Counts and the filter.
fn head(model: &Model) -> Line<'static> {
    let checks = &model.checks;
    let sum = Summary::of(&checks.judgements);
    let running = checks.judgements.iter().filter(|j| j.outcome == Outcome::Running).count();
    let mut spans = vec![Span::raw(" ")];
    for (n, (sign, style)) in [
        (sum.errors, theme::severity(Severity::Error)),
        (sum.warnings, theme::severity(Severity::Warning)),
        (sum.advice, theme::severity(Severity::Advice)),
        (sum.unknown - running, theme::UNKNOWN),
        (running, theme::RUNNING),
        (sum.blocked, theme::WAITING),
        (sum.pass, theme::OK),
    ] {
        if n > 0 {
            spans.push(Span::styled(format!("{sign} {n}   "), style));
        }
    }
    spans.extend(filter(&checks.filter, model.filtering));
    if let Some(area) = checks.narrow.area {
        spans.push(Span::styled(format!("  area {}", area.as_str()), theme::ACCENT));
    }
    if checks.narrow.only != Only::All {
        spans.push(Span::styled(format!("  only {}", checks.narrow.only.label()), theme::ACCENT));
    }
    Line::from(spans)
}

/// A filter, while it is typed or where there is one.
pub fn filter(filter: &Input, typing: bool) -> Vec<Span<'static>> {
    if !typing && filter.text().is_empty() {
        return Vec::new();
    }
    vec![
        Span::styled("filter: ", theme::ACCENT),
        Span::raw(text::fit(filter.text(), 30)),
        Span::styled(if typing { "▏" } else { "" }, theme::ACCENT),
    ]
}

/// The line of the list at a place.
pub fn line_at(body: Rect, model: &Model, column: u16, row: u16) -> Option<usize> {
    let (area, _) = areas(body, model.checks.reading);
    let checks = &model.checks;
    let shown = window(checks.cursor, checks.rows.len(), usize::from(area.height));
    line_in(area, shown, row).filter(|_| column < area.right())
}

fn list(frame: &mut Frame<'_>, area: Rect, checks: &Checks) {
    if checks.rows.is_empty() {
        let word = if checks.filter.text().is_empty() && checks.narrow == Narrow::default() {
            "No checks."
        } else {
            "No check is shown: esc takes the filter away."
        };
        put(frame, area, &Line::styled(format!(" {word}"), theme::FAINT));
        return;
    }
    let shown = window(checks.cursor, checks.rows.len(), usize::from(area.height));
    for (at, line) in shown.zip(area.rows()) {
        let text = row(checks, &checks.rows[at], usize::from(area.width));
        put(frame, line, &text);
        if at == checks.cursor {
            let style = if checks.reading { Style::new().patch(theme::STRONG) } else { theme::CHOSEN };
            frame.buffer_mut().set_style(line, style);
        }
    }
}

/// One line of the list.
fn row(checks: &Checks, row: &Row, width: usize) -> Line<'static> {
    let fold = match row.open() {
        Some(true) => "▾ ",
        Some(false) => "▸ ",
        None => "  ",
    };
    match *row {
        Row::Check { index, inside, .. } => {
            let Some(j) = checks.judgements.get(index) else { return Line::default() };
            let (sign, style) = theme::judgement(j);
            let indent = if inside { "   " } else { " " };
            let many = match &j.outcome {
                Outcome::Fail(findings) if findings.len() > 1 => format!(" ({})", findings.len()),
                _ => String::new(),
            };
            let used = indent.len() + 2 + 2 + 8 + 1 + many.len();
            let faint = if matches!(j.outcome, Outcome::Fail(_)) { theme::PLAIN } else { theme::FAINT };
            Line::from(vec![
                Span::styled(format!("{indent}{fold}"), theme::FAINT),
                Span::styled(format!("{sign} "), style),
                Span::styled(format!("{:<8} ", j.check.code), faint),
                Span::raw(text::fit(j.check.title, width.saturating_sub(used))),
                Span::styled(many, theme::FAINT),
            ])
        }
        Row::Finding { index, finding } => {
            let subject = match checks.judgements.get(index).map(|j| &j.outcome) {
                Some(Outcome::Fail(findings)) => findings.get(finding).map_or("", |f| f.subject.as_str()),
                _ => "",
            };
            Line::raw(format!("       {}", text::fit(subject, width.saturating_sub(8))))
        }
        Row::Waiting { count, .. } => {
            let (sign, style) = theme::WAITING;
            let text =
                if count == 1 { " 1 check waits for this".into() } else { format!(" {count} checks wait for this") };
            Line::from(vec![
                Span::styled(format!("   {fold}"), theme::FAINT),
                Span::styled(sign, style),
                Span::styled(text, theme::FAINT),
            ])
        }
        Row::Group { group, count, .. } => {
            let (sign, style) = match group {
                Group::Running => theme::RUNNING,
                Group::Unknown => theme::UNKNOWN,
                Group::Passed => theme::OK,
                Group::NotApplicable => theme::NOTHING,
            };
            Line::from(vec![
                Span::styled(format!(" {fold}"), theme::FAINT),
                Span::styled(sign, style),
                Span::raw(format!(" {count} {}", group.label())),
            ])
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use ratatui::crossterm::event::KeyCode;

    use super::super::super::model::Screen;
    use super::super::super::testing::{self, judgement, keys, press, screen};
    use super::super::super::theme::Look;
    use crate::checks::Finding;
    use crate::diagnose::Outcome;

    fn story(width: u16, height: u16) -> super::Model {
        let mut model = testing::judged(width, height, testing::story(), testing::facts());
        model.screen = Screen::Checks;
        model
    }

    #[test]
    fn while_they_run() {
        let mut model = testing::model(80, 24);
        model.screen = Screen::Checks;
        model.checks.relist();
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn the_list_and_the_cause() {
        assert_snapshot!("story_80", screen(&story(80, 24)));
        assert_snapshot!("story_120", screen(&story(120, 36)));
    }

    #[test]
    fn reading_takes_the_room() {
        let mut model = story(80, 24);
        press(&mut model, KeyCode::Enter);
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn findings_and_waiting_checks_unfold() {
        let mut model = story(120, 36);
        keys(&mut model, "jl");
        keys(&mut model, "jjjl");
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn filtered() {
        let mut model = story(80, 24);
        keys(&mut model, "/spark");
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn ascii() {
        let mut model = story(80, 24);
        model.look = Look { no_color: true, ascii: true, light: false };
        assert!(screen(&model).is_ascii());
    }

    #[test]
    fn thousands_of_hostile_findings_scroll() {
        let name = |i| format!("public.\x1b[31mt{i}\u{202e}{}", "x".repeat(10_000));
        let findings = (0..5000).map(|i| Finding::new(name(i), name(i)).saw("seen", name(i))).collect();
        let mut model = testing::judged(80, 24, vec![judgement(3, Outcome::Fail(findings))], testing::facts());
        model.screen = Screen::Checks;
        keys(&mut model, "lG");
        assert_eq!(model.checks.cursor, 5000);
        let text = screen(&model);
        assert!(text.contains("t4999") && !text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
    }
}
