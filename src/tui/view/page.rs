//! A text over the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::super::page::Page;
use super::super::theme;
use super::super::widgets::wrap;
use super::dialog;
use crate::text;

pub fn draw(frame: &mut Frame<'_>, body: Rect, page: &Page) {
    let lines = lines(body, page);
    let width = u16::try_from(lines.iter().map(Line::width).max().unwrap_or(0)).unwrap_or(u16::MAX);
    let title = text::fit(&page.title, usize::from(body.width).saturating_sub(8));
    let width = width.max(u16::try_from(title.len()).unwrap_or(0) + 2);
    let inner = dialog::window(frame, body, &title, width, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    dialog::scrolled(frame, inner, &lines, page.scroll);
}

/// How far it can be scrolled.
pub fn scroll_end(body: Rect, page: &Page) -> usize {
    lines(body, page).len().saturating_sub(usize::from(body.height.saturating_sub(2)))
}

fn lines(body: Rect, page: &Page) -> Vec<Line<'static>> {
    let room = usize::from(body.width).saturating_sub(5);
    let wrapped = |line: &String| -> Vec<Line<'static>> {
        let style = style(line);
        wrap(line, room).into_iter().map(|l| Line::styled(l, style)).collect()
    };
    page.lines.iter().flat_map(wrapped).collect()
}

/// A sign or a heading at the beginning gives the line its style.
fn style(line: &str) -> Style {
    match line.trim_start().chars().next() {
        Some('✓') => theme::GOOD,
        Some('✗') => theme::BAD,
        Some('!' | '?') => theme::WARN,
        Some('#') => theme::STRONG,
        _ => theme::PLAIN,
    }
}
