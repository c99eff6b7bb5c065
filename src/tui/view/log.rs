//! What happened in this session, the newest at the end.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::log::Level;
use super::super::model::Model;
use super::super::theme;
use super::super::widgets::{head, plural};
use super::{checks, put};
use crate::text;

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let area = Rect { x: body.x + 1, width: body.width - 2, ..body };
    let shown = model.log.shown();
    let mut top = vec![Span::styled(plural(shown.len(), "line"), theme::STRONG), Span::raw("   ")];
    if model.log.level > Level::Info {
        top.push(Span::styled(format!("from {}s on   ", model.log.level.as_str()), theme::ACCENT));
    }
    top.extend(checks::filter(&model.log.filter, model.filtering));
    put(frame, Rect { height: 1, ..area }, &Line::from(top));
    let list = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if shown.is_empty() {
        let word = if model.log.entries.is_empty() {
            "Nothing has happened yet."
        } else {
            "No line is shown: esc takes the filter away."
        };
        put(frame, list, &Line::styled(word, theme::FAINT));
        return;
    }
    let end = shown.len() - model.log.back.min(shown.len() - 1);
    let end = end.max(usize::from(list.height).min(shown.len()));
    let from = end.saturating_sub(usize::from(list.height));
    let chosen = shown.len() - 1 - model.log.back.min(shown.len() - 1);
    for (at, row) in (from..end).zip(list.rows()) {
        let entry = shown[at];
        let (sign, style) = match entry.level {
            Level::Info => (" ", theme::PLAIN),
            Level::Warning => ("!", theme::WARN),
            Level::Error => ("✗", theme::BAD),
        };
        let time = entry.at.to_zoned(model.zone.clone()).strftime("%H:%M:%S").to_string();
        let room = usize::from(row.width).saturating_sub(time.len() + 2 + 2 + 11);
        let line = Line::from(vec![
            Span::styled(format!("{time}  "), theme::FAINT),
            Span::styled(format!("{sign} "), style),
            Span::styled(format!("{:<10} ", entry.by), theme::FAINT),
            Span::styled(text::fit(&head(&entry.text, 1000), room), style),
        ]);
        put(frame, row, &line);
        if at == chosen && model.log.back > 0 {
            frame.buffer_mut().set_style(row, theme::CHOSEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::super::message::Message;
    use super::super::super::model::Model;
    use super::super::super::testing::{self, keys, screen};
    use super::super::super::theme::Look;
    use super::super::super::update::update;
    use crate::sync::Event;

    fn told(width: u16, height: u16) -> Model {
        let mut model = testing::judged(width, height, testing::story(), testing::facts());
        let warning = Event::Warning { table: Some("public.plays".into()), message: "it has no key".into() };
        update(&mut model, Message::SyncEvent(testing::start(), warning));
        update(&mut model, Message::Applied(Err("Step 2 of 3 failed: lock timeout".into())));
        keys(&mut model, "6");
        model
    }

    #[test]
    fn lines_with_their_levels() {
        assert_snapshot!("log_80", screen(&told(80, 24)));
        assert_snapshot!("log_160", screen(&told(160, 50)));
        let mut model = told(60, 20);
        model.look = Look { no_color: true, ascii: true, light: false };
        assert_snapshot!("log_60_ascii", screen(&model));
    }

    #[test]
    fn levels_and_words_choose() {
        let mut model = told(80, 24);
        keys(&mut model, "o");
        assert!(!screen(&model).contains("the plan is applied") && screen(&model).contains("from warnings on"));
        keys(&mut model, "oo/no key");
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn thousands_of_hostile_lines_scroll() {
        let mut model = told(80, 24);
        for i in 0..6000 {
            let message = format!("{i} \x1b[2J\u{202e}{}", "x".repeat(10_000));
            update(&mut model, Message::SyncEvent(testing::start(), Event::Warning { table: None, message }));
        }
        keys(&mut model, "kkkg");
        let text = screen(&model);
        assert!(text.contains("1000 ") && !text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
        keys(&mut model, "G");
        assert!(screen(&model).contains("5999 "), "{}", screen(&model));
    }
}
