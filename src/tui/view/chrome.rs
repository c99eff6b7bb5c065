//! What stands around every screen: name and tabs above, keys below.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::super::job::Job;
use super::super::keys::{self, Binding, Command};
use super::super::model::{Model, Screen};
use super::super::theme;
use super::super::update;
use super::super::widgets::clock;
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

/// The tabs' words: all in full where there is room, else the active one alone.
fn tabs(model: &Model, width: usize) -> Vec<String> {
    let full: usize = Screen::ALL.iter().map(|s| s.title().width() + 3).sum();
    let roomy = width >= full + "cdc-doctor · ".width() + 8;
    let word = |(i, screen): (usize, &Screen)| {
        if roomy || *screen == model.screen { format!(" {} {}", i + 1, screen.title()) } else { format!(" {}", i + 1) }
    };
    Screen::ALL.iter().enumerate().map(word).collect()
}

fn title(model: &Model, width: usize) -> Line<'static> {
    let tabs = tabs(model, width);
    let wide: usize = tabs.iter().map(|t| t.width()).sum();
    let name = model.pipeline.as_ref().map_or_else(|| model.path.to_string_lossy().into_owned(), |p| p.name.clone());
    let name = text::fit(&name, width.saturating_sub(wide + " cdc-doctor · ".width() + 1));
    let mut spans =
        vec![Span::styled(" cdc-doctor", theme::STRONG), Span::styled(" · ", theme::FAINT), Span::raw(name)];
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(" ".repeat(width.saturating_sub(used + wide))));
    for (tab, screen) in tabs.into_iter().zip(Screen::ALL) {
        spans.push(Span::styled(tab, if *screen == model.screen { theme::CHOSEN } else { theme::PLAIN }));
    }
    Line::from(spans)
}

/// The tab at a column of the first line.
pub fn tab_at(model: &Model, column: u16) -> Option<usize> {
    let width = usize::from(model.size.0);
    let tabs = tabs(model, width);
    let mut from = width.saturating_sub(tabs.iter().map(|t| t.width()).sum());
    tabs.iter().position(|tab| {
        let here = (from..from + tab.width()).contains(&usize::from(column));
        from += tab.width();
        here
    })
}

/// The rule above the keys: a word about the last key, else what runs beside the screens.
fn notice(model: &Model, width: usize) -> Line<'static> {
    let beside = || model.job.as_ref().map(|job| working(model, job));
    let Some(notice) = model.notice.clone().or_else(beside) else {
        return Line::styled("─".repeat(width), theme::FAINT);
    };
    let text = text::fit(&notice, width.saturating_sub(6));
    let rest = width.saturating_sub(text.width() + 4);
    Line::from(vec![
        Span::styled("── ", theme::FAINT),
        Span::styled(text, theme::WARN),
        Span::styled(format!(" {}", "─".repeat(rest)), theme::FAINT),
    ])
}

fn working(model: &Model, job: &Job) -> String {
    let elapsed = u64::try_from(model.now.as_second() - job.began.as_second()).unwrap_or(0);
    let says = if job.says.is_empty() { String::new() } else { format!(": {}", job.says) };
    let end = if job.kind.cancels() { " · esc ends it" } else { "" };
    format!("{}{says} · {}{end}", job.kind.words(), clock(elapsed))
}

/// The keys of the moment that fit. Help and quit stay when there is no room for all.
fn keys_shown(model: &Model, width: usize) -> Vec<&'static Binding> {
    let shown =
        keys::bindings(update::context(model)).filter(|b| !b.label.is_empty() && update::available(model, b.command));
    let (last, first): (Vec<_>, Vec<_>) =
        shown.partition(|b| matches!(b.command, Command::Help | Command::Quit | Command::Close));
    let mut room = width.saturating_sub(1 + last.iter().map(|b| words(b).width()).sum::<usize>());
    let mut keys = Vec::new();
    for binding in first {
        let wide = words(binding).width();
        if wide > room {
            break;
        }
        room -= wide;
        keys.push(binding);
    }
    keys.extend(last);
    keys
}

fn words(binding: &Binding) -> String {
    format!("{} {}   ", binding.shown, binding.label)
}

fn footer(model: &Model, width: usize) -> Line<'static> {
    let keys = keys_shown(model, width);
    let spans = keys.iter().flat_map(|b| [Span::styled(b.shown, theme::ACCENT), Span::raw(format!(" {}   ", b.label))]);
    Line::from([Span::raw(" ")].into_iter().chain(spans).collect::<Vec<_>>())
}

/// The key at a column of the last line.
pub fn key_at(model: &Model, column: u16) -> Option<Command> {
    let mut from = 1;
    keys_shown(model, usize::from(model.size.0)).into_iter().find_map(|binding| {
        let here = (from..from + words(binding).width()).contains(&usize::from(column));
        from += words(binding).width();
        here.then_some(binding.command)
    })
}
