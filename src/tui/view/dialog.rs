//! Questions that stand over a screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};

use super::super::confirm::Confirm;
use super::super::theme;
use super::super::widgets::wrap_lines;
use super::{put, put_all};
use crate::text;

/// A frame in the middle of `body`, with room for `height` lines of at most `width` columns; gives the room inside.
pub fn window(frame: &mut Frame<'_>, body: Rect, title: &str, width: u16, height: u16) -> Rect {
    let width = (width + 4).min(body.width);
    let height = (height + 2).min(body.height);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    let block = Block::bordered().border_style(theme::ACCENT).title(format!(" {title} "));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

/// As many of the lines as fit, from `top` on but never beyond the last; a sign says that there is more.
pub fn scrolled(frame: &mut Frame<'_>, area: Rect, lines: &[Line<'_>], top: usize) {
    let height = usize::from(area.height);
    let top = top.min(lines.len().saturating_sub(height));
    put_all(frame, area, &lines[top..]);
    let mark = |y| Rect { x: area.right().saturating_sub(1), y, width: 1, height: 1 };
    if top > 0 {
        put(frame, mark(area.y), &Line::styled("↑", theme::FAINT));
    }
    if lines.len() > top + height && height > 0 {
        put(frame, mark(area.bottom() - 1), &Line::styled("↓", theme::FAINT));
    }
}

/// A question and what it leads to.
pub fn confirm(frame: &mut Frame<'_>, body: Rect, confirm: &Confirm) {
    let width = 64.min(body.width - 4);
    let mut lines: Vec<Line<'static>> =
        wrap_lines(&confirm.consequence(), usize::from(width)).into_iter().map(Line::raw).collect();
    // The question itself is never pushed off the screen.
    let room = usize::from(body.height.saturating_sub(6)).max(1);
    if lines.len() > room {
        let more = lines.len() - room;
        lines.truncate(room);
        lines.push(Line::styled(format!("and {more} more lines"), theme::FAINT));
    }
    lines.push(Line::default());
    match confirm.word() {
        Some(word) => lines.push(Line::from(vec![
            Span::raw("Type "),
            Span::styled(word, theme::STRONG),
            Span::raw(" and press enter:  "),
            Span::styled(text::fit(confirm.typed.text(), 30), theme::ACCENT),
            Span::styled("▏", theme::ACCENT),
        ])),
        None => lines.push(Line::from(vec![
            Span::styled("enter", theme::ACCENT),
            Span::raw(" yes    "),
            Span::styled("esc", theme::ACCENT),
            Span::raw(" no"),
        ])),
    }
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let inner = window(frame, body, confirm.title(), width, height);
    put_all(frame, inner, &lines);
}
