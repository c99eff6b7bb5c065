//! What stands around every screen: name and tabs above, keys below.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::super::keys::{self, Command};
use super::super::model::{Model, Screen};
use super::super::theme;
use super::super::update;
use super::put;
use crate::text;

/// Draws it and gives the room that is left.
pub fn draw(frame: &mut Frame<'_>, model: &Model) -> Rect {
    let area = frame.area();
    put(frame, Rect { height: 1, ..area }, &title(model, usize::from(area.width)));
    let rule = Rect { y: area.height - 2, height: 1, ..area };
    let keys = Rect { y: area.height - 1, height: 1, ..area };
    put(frame, rule, &notice(model, usize::from(area.width)));
    put(frame, keys, &footer(model, usize::from(area.width)));
    body(area)
}

/// The room between title and footer.
pub fn body(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(3), ..area }
}

fn title(model: &Model, width: usize) -> Line<'static> {
    let tabs: usize = Screen::ALL.iter().map(|s| s.title().width() + 4).sum();
    let name = model.pipeline.as_ref().map_or_else(|| model.path.to_string_lossy().into_owned(), |p| p.name.clone());
    let name = text::fit(&name, width.saturating_sub(tabs + " cdc-doctor · ".width() + 2));
    let mut spans =
        vec![Span::styled(" cdc-doctor", theme::STRONG), Span::styled(" · ", theme::FAINT), Span::raw(name)];
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(" ".repeat(width.saturating_sub(used + tabs))));
    for (i, screen) in Screen::ALL.iter().enumerate() {
        let style = if *screen == model.screen { theme::CHOSEN } else { theme::PLAIN };
        spans.push(Span::raw(" "));
        spans.push(Span::styled(format!(" {} {}", i + 1, screen.title()), style));
    }
    Line::from(spans)
}

fn notice(model: &Model, width: usize) -> Line<'static> {
    let Some(notice) = &model.notice else {
        return Line::styled("─".repeat(width), theme::FAINT);
    };
    let text = text::fit(notice, width.saturating_sub(6));
    let rest = width.saturating_sub(text.width() + 4);
    Line::from(vec![
        Span::styled("── ", theme::FAINT),
        Span::styled(text, theme::WARN),
        Span::styled(format!(" {}", "─".repeat(rest)), theme::FAINT),
    ])
}

/// The keys of the moment. Help and quit stay when there is no room for all.
fn footer(model: &Model, width: usize) -> Line<'static> {
    let mut first = Vec::new();
    let mut last = Vec::new();
    for binding in keys::bindings(update::context(model)).filter(|b| !b.label.is_empty()) {
        if !update::available(model, binding.command) {
            continue;
        }
        let item = [Span::styled(binding.shown, theme::ACCENT), Span::raw(format!(" {}   ", binding.label))];
        let stays = matches!(binding.command, Command::Help | Command::Quit | Command::Close);
        if stays { &mut last } else { &mut first }.push(item);
    }
    let wide = |item: &[Span<'_>; 2]| item.iter().map(Span::width).sum::<usize>();
    let mut room = width.saturating_sub(1 + last.iter().map(wide).sum::<usize>());
    let mut spans = vec![Span::raw(" ")];
    for item in first {
        if wide(&item) > room {
            break;
        }
        room -= wide(&item);
        spans.extend(item);
    }
    spans.extend(last.into_iter().flatten());
    Line::from(spans)
}
