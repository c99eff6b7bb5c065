//! All commands of the screen below it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::model::Model;
use super::super::palette::{self, Palette};
use super::super::theme;
use super::super::update;
use super::super::widgets::window;
use super::{dialog, put};

/// Columns inside.
const WIDTH: u16 = 64;

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model, palette: &Palette) {
    let below = update::context_below_palette(model);
    let entries = palette::entries(below, palette.typed.text(), |c| update::available(model, c));
    let all = palette::entries(below, "", |c| update::available(model, c)).len();
    let tall = u16::try_from(all + 2).unwrap_or(u16::MAX);
    let inner = dialog::window(frame, body, "Commands", WIDTH.min(body.width.saturating_sub(4)), tall);
    let typed = vec![
        Span::styled("❯ ", theme::ACCENT),
        Span::raw(palette.typed.text().to_owned()),
        Span::styled("▏", theme::ACCENT),
    ];
    put(frame, Rect { height: 1, ..inner }, &Line::from(typed));
    let list = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    if entries.is_empty() {
        put(frame, list, &Line::styled("No command has all these words.", theme::FAINT));
    }
    let shown = window(palette.cursor, entries.len(), usize::from(list.height));
    for (at, row) in shown.zip(list.rows()) {
        let entry = entries[at];
        let text = vec![Span::styled(format!("{:<10}", entry.shown), theme::ACCENT), Span::raw(entry.help)];
        put(frame, row, &Line::from(text));
        if at == palette.cursor {
            frame.buffer_mut().set_style(row, theme::CHOSEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use ratatui::crossterm::event::KeyCode;

    use super::super::super::message::{Effect, Part};
    use super::super::super::model::Screen;
    use super::super::super::testing::{self, keys, press, screen};

    #[test]
    fn commands_are_found_by_their_words_and_done() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        model.screen = Screen::Checks;
        keys(&mut model, ":");
        assert_snapshot!("all", screen(&model));
        keys(&mut model, "look again");
        assert_snapshot!("two", screen(&model));
        press(&mut model, KeyCode::Down);
        let effects = press(&mut model, KeyCode::Enter);
        assert!(matches!(&effects[..], [Effect::Check { part: Part::Of(_), .. }]), "{effects:?}");
        assert!(model.palette.is_none());
        keys(&mut model, ":nothing like it");
        assert!(press(&mut model, KeyCode::Enter).is_empty() && model.palette.is_none());
    }

    #[test]
    fn what_is_typed_is_no_command() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        keys(&mut model, ":q");
        assert!(model.palette.as_ref().is_some_and(|p| p.typed.text() == "q"));
        press(&mut model, KeyCode::Esc);
        assert!(model.palette.is_none());
    }
}
