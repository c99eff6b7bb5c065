//! The mouse: the wheel moves, a click chooses, a second click on what is chosen opens it.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::super::keys::{Command, Context};
use super::super::message::Effect;
use super::super::model::{Model, Screen};
use super::super::view::{self, Spot};
use super::{command, context};

/// Lines that a notch of the wheel moves.
const NOTCH: usize = 3;

/// Takes in what the mouse did.
pub fn used(model: &mut Model, mouse: MouseEvent) -> Vec<Effect> {
    let wheel = |model: &mut Model, way| {
        let at = context(model);
        (0..NOTCH).flat_map(|_| command::run(model, at, way)).collect()
    };
    match mouse.kind {
        MouseEventKind::ScrollUp => wheel(model, Command::Up),
        MouseEventKind::ScrollDown => wheel(model, Command::Down),
        MouseEventKind::Down(MouseButton::Left) => click(model, mouse.column, mouse.row),
        _ => Vec::new(),
    }
}

fn click(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    model.notice = None;
    let at = context(model);
    match view::spot(model, column, row) {
        Some(Spot::Key(command)) => command::run(model, at, command),
        _ if covered(at) => Vec::new(),
        Some(Spot::Tab(number)) => command::run(model, at, Command::Screen(number)),
        Some(Spot::Line(line)) => choose(model, line),
        None => Vec::new(),
    }
}

/// Something is up that covers the screen: only its keys can be clicked.
fn covered(at: Context) -> bool {
    !matches!(
        at,
        Context::Overview
            | Context::Checks
            | Context::Detail
            | Context::Schema
            | Context::Table
            | Context::Provision
            | Context::Sync
            | Context::Log
            | Context::Filter
    )
}

fn choose(model: &mut Model, line: usize) -> Vec<Effect> {
    let (cursor, reading) = match model.screen {
        Screen::Checks => (&mut model.checks.cursor, Some(&mut model.checks.reading)),
        Screen::Schema => (&mut model.schema.cursor, Some(&mut model.schema.reading)),
        Screen::Provision => (&mut model.provision.cursor, None),
        Screen::Sync => (&mut model.sync.cursor, None),
        Screen::Overview | Screen::Log => return Vec::new(),
    };
    let again = *cursor == line;
    *cursor = line;
    if let Some(reading) = reading {
        *reading = false;
    }
    model.checks.moved |= model.screen == Screen::Checks;
    if !again {
        model.checks.scroll = 0;
        model.schema.scroll = 0;
        return Vec::new();
    }
    let at = context(model);
    command::run(model, at, Command::Open)
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyModifiers;

    use super::super::super::message::Message;
    use super::super::super::testing::{self, keys, screen};
    use super::super::update;
    use super::*;

    fn mouse(model: &mut Model, kind: MouseEventKind, column: u16, row: u16) -> Vec<Effect> {
        update(model, Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
    }

    /// Clicks on the first place where the screen says this.
    fn click_on(model: &mut Model, text: &str) -> Vec<Effect> {
        let screen = screen(model);
        let (row, line) =
            screen.lines().enumerate().find(|(_, l)| l.contains(text)).unwrap_or_else(|| panic!("{screen}"));
        let column = line[..line.find(text).unwrap()].chars().count();
        let at = (u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
        mouse(model, MouseEventKind::Down(MouseButton::Left), at.0, at.1)
    }

    fn checks() -> Model {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        model.screen = Screen::Checks;
        model
    }

    #[test]
    fn a_click_chooses_and_a_second_one_opens() {
        let mut model = checks();
        click_on(&mut model, "TSC-002");
        assert_eq!(model.checks.chosen().map(|j| j.check.code), Some("TSC-002"));
        assert!(!model.checks.reading);
        click_on(&mut model, "TSC-002");
        assert!(model.checks.reading);
    }

    #[test]
    fn tabs_and_keys_of_the_footer_are_clicked() {
        let mut model = checks();
        assert_eq!(click_on(&mut model, "r run again").len(), 1);
        click_on(&mut model, "3 Schema");
        assert_eq!(model.screen, Screen::Schema);
        click_on(&mut model, "1 Overview");
        assert_eq!(model.screen, Screen::Overview);
        click_on(&mut model, "? help");
        assert!(model.help);
        click_on(&mut model, "2 Checks");
        assert_eq!(model.screen, Screen::Overview, "what is covered is not clicked");
        click_on(&mut model, "close");
        assert!(!model.help);
    }

    #[test]
    fn the_wheel_moves_by_lines_and_stops_at_the_ends() {
        let mut model = checks();
        mouse(&mut model, MouseEventKind::ScrollDown, 5, 5);
        assert_eq!(model.checks.cursor, 3);
        (0..5).for_each(|_| drop(mouse(&mut model, MouseEventKind::ScrollUp, 5, 5)));
        assert_eq!(model.checks.cursor, 0);
    }

    #[test]
    fn every_place_of_every_screen_can_be_clicked() {
        for size in [(60, 20), (80, 24), (160, 50), (30, 5)] {
            for tab in ["1", "2", "3", "4", "5", "6"] {
                for column in (0..size.0).step_by(7) {
                    for row in (0..size.1).step_by(2) {
                        let mut model = testing::with_tables(size.0, size.1);
                        testing::with_dms(&mut model);
                        keys(&mut model, tab);
                        mouse(&mut model, MouseEventKind::Down(MouseButton::Left), column, row);
                        mouse(&mut model, MouseEventKind::ScrollDown, column, row);
                    }
                }
            }
        }
    }
}
