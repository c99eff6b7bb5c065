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
