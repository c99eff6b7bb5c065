//! The keys of the screen below it, and what the signs mean.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keys;
use super::super::model::Model;
use super::super::theme;
use super::super::update;
use super::dialog;
use crate::checks::Severity;

/// What it says.
pub fn lines(model: &Model) -> Vec<Line<'static>> {
    let below = update::context_below_help(model);
    let mut lines: Vec<Line<'static>> = keys::bindings(below)
        .map(|b| Line::from(vec![Span::styled(format!("{:<10}", b.shown), theme::ACCENT), Span::raw(b.help)]))
        .collect();
    lines.push(Line::default());
    lines.push(signs());
    lines
}

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let lines = lines(model);
    let width = u16::try_from(lines.iter().map(Line::width).max().unwrap_or(0)).unwrap_or(u16::MAX);
    let title = format!("Keys: {} · cdc-doctor {}", model.screen.title(), env!("CARGO_PKG_VERSION"));
    let inner = dialog::window(frame, body, &title, width, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    dialog::scrolled(frame, inner, &lines, model.help_scroll);
}

fn signs() -> Line<'static> {
    let mut spans = Vec::new();
    for ((sign, style), word) in [
        (theme::severity(Severity::Error), "error"),
        (theme::severity(Severity::Warning), "warning"),
        (theme::severity(Severity::Advice), "advice"),
        (theme::UNKNOWN, "unknown"),
        (theme::WAITING, "waits"),
        (theme::OK, "fine"),
    ] {
        spans.push(Span::styled(sign, style));
        spans.push(Span::raw(format!(" {word}  ")));
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::super::model::Screen;
    use super::super::super::testing::{self, keys, screen};

    #[test]
    fn of_the_checks() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        model.screen = Screen::Checks;
        keys(&mut model, "?");
        assert_snapshot!(screen(&model));
    }
}
