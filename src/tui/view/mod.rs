//! One file a screen; each a pure function of the model.

mod checks;
mod chrome;
mod detail;
mod dialog;
mod help;
mod log;
mod overview;
mod page;
mod palette;
mod plan;
mod provision;
mod schema;
mod sync;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::keys::Command;
use super::model::{Model, SMALLEST, Screen};
use super::theme;
use crate::pipeline::{EngineKind, Pipeline};

/// Draws the whole frame.
pub fn draw(frame: &mut Frame<'_>, model: &Model) {
    if model.too_small() {
        too_small(frame);
    } else {
        let body = chrome::draw(frame, model);
        match model.screen {
            Screen::Overview => overview::draw(frame, body, model),
            Screen::Checks => checks::draw(frame, body, model),
            Screen::Schema => schema::draw(frame, body, model),
            Screen::Provision => provision::draw(frame, body, model),
            Screen::Sync => sync::draw(frame, body, model),
            Screen::Log => log::draw(frame, body, model),
        }
        if let Some(plan) = &model.plan {
            plan::draw(frame, body, model, plan);
        }
        if let Some(page) = &model.page {
            page::draw(frame, body, page);
        }
        if let Some(confirm) = &model.confirm {
            dialog::confirm(frame, body, confirm);
        }
        if let Some(palette) = &model.palette {
            palette::draw(frame, body, model, palette);
        }
        if model.help {
            help::draw(frame, body, model);
        }
    }
    theme::degrade(frame.buffer_mut(), model.look);
}

/// How far the text that the keys scroll can go.
pub fn scroll_end(model: &Model) -> usize {
    if model.too_small() {
        return 0;
    }
    let body = chrome::body(Rect::new(0, 0, model.size.0, model.size.1));
    if model.help {
        return help::lines(model).len().saturating_sub(usize::from(body.height - 2));
    }
    if let Some(page) = &model.page {
        return page::scroll_end(body, page);
    }
    if model.screen == Screen::Schema {
        return schema::scroll_end(body, model);
    }
    let area = checks::detail_area(body, model);
    detail::lines(model, usize::from(area.width)).len().saturating_sub(usize::from(area.height))
}

/// The detail pane of the checks as text.
pub fn detail_text(model: &Model, width: usize) -> String {
    let lines = detail::lines(model, width);
    let text: Vec<String> = lines.iter().map(|l| l.to_string().trim_end().to_owned()).collect();
    text.join("\n")
}

/// Where the tree of the DMS side starts on the screen, so that the chosen resource is there.
pub fn provision_scroll(model: &Model) -> usize {
    let body = chrome::body(Rect::new(0, 0, model.size.0, model.size.1));
    provision::scroll(body, model)
}

/// What stands at a place of the screen, for the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// The tab of this number, from 0.
    Tab(usize),
    /// A key of the footer.
    Key(Command),
    /// The line of this number in the list of the screen, from 0.
    Line(usize),
}

/// What stands there.
pub fn spot(model: &Model, column: u16, row: u16) -> Option<Spot> {
    if model.too_small() {
        return None;
    }
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    if row == 0 {
        return chrome::tab_at(model, column).map(Spot::Tab);
    }
    if row + 1 == area.height {
        return chrome::key_at(model, column).map(Spot::Key);
    }
    let body = chrome::body(area);
    let line = match model.screen {
        Screen::Checks => checks::line_at(body, model, column, row),
        Screen::Schema => schema::line_at(body, model, column, row),
        Screen::Provision => provision::line_at(body, model, row),
        Screen::Sync => sync::line_at(body, model, row),
        Screen::Overview | Screen::Log => None,
    };
    line.map(Spot::Line)
}

/// The line of a list at a place: `shown` are the lines on the screen, from the top of `area`.
fn line_in(area: Rect, shown: std::ops::Range<usize>, row: u16) -> Option<usize> {
    let down = usize::from(row.checked_sub(area.y)?);
    (row < area.bottom()).then(|| shown.start + down).filter(|line| shown.contains(line))
}

/// Where the steps of the plan start on the screen after a command; see [`plan::scroll`].
pub fn plan_scroll(model: &Model, moved: bool) -> usize {
    let body = chrome::body(Rect::new(0, 0, model.size.0, model.size.1));
    model.plan.as_ref().map_or(0, |plan| plan::scroll(body, model, plan, moved))
}

fn too_small(frame: &mut Frame<'_>) {
    let area = frame.area();
    let (width, height) = SMALLEST;
    let lines = [
        "The terminal is too small.".to_owned(),
        format!("It has {}×{}; this needs {width}×{height}.", area.width, area.height),
        "Make it larger, or q to quit.".to_owned(),
    ];
    let top = area.height.saturating_sub(3) / 2;
    for (i, line) in lines.iter().enumerate() {
        let y = top + u16::try_from(i).unwrap_or(0);
        put(frame, Rect { y, height: 1, ..area }, &Line::from(line.as_str()));
    }
}

/// Draws one line at the top of `area`; what does not fit is cut.
fn put(frame: &mut Frame<'_>, area: Rect, line: &Line<'_>) {
    let area = area.intersection(frame.area());
    if !area.is_empty() {
        frame.buffer_mut().set_line(area.x, area.y, line, area.width);
    }
}

/// Draws lines from the top of `area` down.
fn put_all<'a>(frame: &mut Frame<'_>, area: Rect, lines: impl IntoIterator<Item = &'a Line<'a>>) {
    for (line, row) in lines.into_iter().zip(area.rows()) {
        put(frame, row, line);
    }
}

/// The engine's name, as in the pipeline file.
fn engine(pipeline: &Pipeline) -> &'static str {
    match pipeline.sync.engine {
        EngineKind::Direct => "direct",
        EngineKind::Dms => "dms",
        EngineKind::S3 => "s3",
    }
}

/// A sign, a space, and text.
fn signed((sign, style): theme::Sign, text: impl Into<String>) -> Vec<Span<'static>> {
    vec![Span::styled(sign, style), Span::raw(" "), Span::raw(text.into())]
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::style::Color;

    use super::super::testing;
    use super::super::theme::Look;
    use super::*;

    #[test]
    fn a_small_terminal_says_so() {
        insta::assert_snapshot!(testing::screen(&testing::model(50, 10)));
        for (width, height) in [(1, 1), (5, 2), (59, 20), (60, 19), (0, 0)] {
            testing::screen(&testing::model(width, height));
        }
    }

    /// Sessions on every screen, with much on each.
    fn screens(width: u16, height: u16) -> Vec<Model> {
        let with = |keys: &str, dms: bool| {
            let mut model = testing::with_tables(width, height);
            if dms {
                testing::with_dms(&mut model);
            }
            testing::keys(&mut model, keys);
            model
        };
        ["1", "2", "2jl", "3", "3j", "4", "5", "6", "?", ":", "f", "2e", "5s"]
            .iter()
            .flat_map(|keys| [with(keys, false), with(keys, true)])
            .collect()
    }

    fn drawn(model: &Model) -> ratatui::buffer::Buffer {
        let mut terminal = Terminal::new(TestBackend::new(model.size.0, model.size.1)).unwrap();
        terminal.draw(|frame| draw(frame, model)).unwrap();
        terminal.backend().buffer().clone()
    }

    #[test]
    fn every_screen_keeps_to_what_the_terminal_can_show() {
        for (width, height) in [(60, 20), (80, 24), (160, 50)] {
            for mut model in screens(width, height) {
                model.look = Look { no_color: true, ascii: true, light: false };
                let plain = drawn(&model);
                assert!(plain.content.iter().all(|c| c.symbol().is_ascii()), "{:?}", model.screen);
                assert!(
                    plain.content.iter().all(|c| c.fg == Color::Reset && c.bg == Color::Reset),
                    "{:?}",
                    model.screen
                );
                model.look = Look { light: true, ..Look::default() };
                let pale = [Color::Yellow, Color::Cyan, Color::DarkGray, Color::Green];
                assert!(drawn(&model).content.iter().all(|c| !pale.contains(&c.fg)), "{:?}", model.screen);
            }
        }
    }

    #[test]
    fn the_wide_screens() {
        let name = |model: &Model| format!("wide_{}", model.screen.title().to_lowercase());
        for keys in ["1", "2", "5"] {
            let mut model = testing::with_tables(160, 50);
            testing::keys(&mut model, keys);
            insta::assert_snapshot!(name(&model), testing::screen(&model));
        }
    }

    #[test]
    fn hostile_names_disturb_no_screen() {
        let hostile = format!("a\x1b[2J\u{202e}b\u{200b}\n{}", "x".repeat(10_000));
        for (width, height) in [(60, 20), (80, 24), (160, 50)] {
            for keys in ["1", "2", "3", "3j", "4", "5", "6"] {
                let mut facts = testing::facts_with_tables();
                facts.pipeline.name.clone_from(&hostile);
                let mut tables = facts.source.tables.value().unwrap().clone();
                tables[0].name.clone_from(&hostile);
                tables[0].columns[1].name.clone_from(&hostile);
                facts.source.tables = crate::facts::Fact::Known(tables);
                let mut model = testing::judged(width, height, testing::story(), facts);
                if let Some(pipeline) = &mut model.pipeline {
                    pipeline.name.clone_from(&hostile);
                }
                testing::keys(&mut model, keys);
                let text = testing::screen(&model);
                assert!(!text.contains('\x1b') && !text.contains('\u{202e}') && !text.contains('\u{200b}'), "{text}");
                assert_eq!(text.lines().count(), usize::from(height));
            }
        }
    }
}
