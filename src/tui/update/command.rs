//! What keys ask for.

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};

use super::super::confirm::{Confirm, Confirmed, Guarded};
use super::super::keys::{self, Command, Context};
use super::super::message::Effect;
use super::super::model::{Model, Screen};
use super::{checks, context, fix, sync};

/// A key was pressed: what the map says, else it is typed where something is typed.
pub fn key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    model.notice = None;
    let at = context(model);
    match keys::command(at, key) {
        Some(command) => run(model, at, command),
        None => {
            typed(model, at, key);
            Vec::new()
        }
    }
}

fn typed(model: &mut Model, at: Context, key: KeyEvent) {
    match at {
        Context::Filter if model.checks.filter.key(key) => {
            model.checks.relist();
            model.checks.cursor = 0;
            model.checks.scroll = 0;
        }
        Context::Typed => {
            if let Some(confirm) = &mut model.confirm {
                confirm.typed.key(key);
            }
        }
        _ => {}
    }
}

fn run(model: &mut Model, at: Context, command: Command) -> Vec<Effect> {
    match (at, command) {
        (_, Command::Interrupt) => return interrupt(model),
        (Context::Help, Command::Close) => model.help = false,
        (Context::Help, command) => model.help_scroll = checks::scrolled(model, model.help_scroll, command),
        (Context::Question | Context::Typed, Command::Yes) => return answer(model),
        (Context::Question | Context::Typed, Command::Close) => model.confirm = None,
        (Context::Filter, Command::Accept) => model.checks.filtering = false,
        (Context::Filter, Command::Close) => {
            model.checks.filtering = false;
            checks::list(model, Command::Close);
        }
        (_, Command::Quit) => return quit(model),
        (_, Command::Help) => {
            model.help = true;
            model.help_scroll = 0;
        }
        (_, Command::Screen(number)) => model.screen = Screen::ALL.get(number).copied().unwrap_or(model.screen),
        (_, Command::NextScreen) => turn(model, 1),
        (_, Command::PreviousScreen) => turn(model, Screen::ALL.len() - 1),
        (_, Command::Rerun) => return checks::run(model),
        (
            Context::Plan | Context::Applied,
            command @ (Command::Up
            | Command::Down
            | Command::PageUp
            | Command::PageDown
            | Command::First
            | Command::Last
            | Command::Toggle
            | Command::PreviousValue
            | Command::NextValue),
        ) => fix::dialog(model, command),
        (Context::Plan | Context::Applied, Command::Close) => model.plan = None,
        (Context::Plan, Command::Apply) => return fix::apply(model),
        (_, Command::Fix) => fix::open(model),
        (_, Command::FixAll) => fix::open_all(model),
        (_, Command::Start) => return sync::start(model),
        (_, Command::Stop) => sync::ask_stop(model),
        (_, Command::Truncate) => sync::ask_truncate(model),
        (Context::Sync, command) => sync::list(model, command),
        (Context::Overview, Command::Open) => {
            let worst = model.checks.failed().next().map(|j| j.check.code);
            match worst {
                Some(code) => checks::show(model, code),
                None => model.screen = Screen::Checks,
            }
        }
        (Context::Checks, command) => checks::list(model, command),
        (Context::Detail, command) => checks::detail(model, command),
        _ => {}
    }
    Vec::new()
}

fn turn(model: &mut Model, by: usize) {
    let at = Screen::ALL.iter().position(|s| *s == model.screen).unwrap_or(0);
    model.screen = Screen::ALL[(at + by) % Screen::ALL.len()];
}

fn answer(model: &mut Model) -> Vec<Effect> {
    let Some(confirmed) = model.confirm.as_ref().and_then(Confirm::accept) else {
        let word = model.confirm.as_ref().and_then(Confirm::word).unwrap_or_default();
        model.notice = Some(format!("Nothing was done: type {word:?} first, or leave with esc."));
        return Vec::new();
    };
    model.confirm = None;
    perform(model, confirmed)
}

/// Shows what was agreed to as begun, and has it done.
pub fn perform(model: &mut Model, confirmed: Confirmed) -> Vec<Effect> {
    match confirmed.action() {
        Guarded::Apply(_) => fix::begin(model),
        Guarded::TruncateAndLoad(_) => sync::begin(model),
        Guarded::StopSync | Guarded::LeaveTask => model.sync.stop(),
        Guarded::StopAndQuit => {
            model.sync.stop();
            model.leaving = true;
        }
    }
    vec![Effect::Confirmed(confirmed)]
}

fn quit(model: &mut Model) -> Vec<Effect> {
    if !model.sync.busy() && !model.applying() {
        return vec![Effect::Quit];
    }
    model.confirm = Some(Confirm::new(Guarded::StopAndQuit));
    Vec::new()
}

/// Leaves without asking; a running sync is stopped first, and not waited for when asked twice.
pub fn interrupt(model: &mut Model) -> Vec<Effect> {
    if model.leaving || !(model.sync.busy() || model.applying()) {
        return vec![Effect::Quit];
    }
    model.leaving = true;
    if !model.sync.busy() {
        model.notice = Some("A plan is being applied: leaving when it is over. Ctrl-C again leaves at once.".into());
        return Vec::new();
    }
    model.confirm = None;
    model.sync.stop();
    model.notice = Some("Stopping the sync, then leaving. Ctrl-C again leaves at once.".into());
    vec![Effect::Confirmed(Confirm::interrupt())]
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};

    use super::super::super::testing::{self, keys, press};
    use super::super::{available, update};
    use super::*;
    use crate::tui::message::Message;

    #[test]
    fn digits_and_tab_turn_screens() {
        let mut model = testing::model(80, 24);
        keys(&mut model, "2");
        assert_eq!(model.screen, Screen::Checks);
        keys(&mut model, "1");
        assert_eq!(model.screen, Screen::Overview);
        for _ in Screen::ALL {
            press(&mut model, KeyCode::Tab);
        }
        assert_eq!(model.screen, Screen::Overview, "tab goes round");
        press(&mut model, KeyCode::BackTab);
        assert_eq!(model.screen, *Screen::ALL.last().unwrap());
    }

    #[test]
    fn help_opens_over_a_screen_and_closes() {
        let mut model = testing::model(80, 24);
        keys(&mut model, "?");
        assert!(model.help);
        assert!(keys(&mut model, "q").is_empty(), "q closes the help only");
        assert!(!model.help);
    }

    #[test]
    fn enter_on_the_overview_opens_the_worst() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        press(&mut model, KeyCode::Enter);
        assert_eq!(model.screen, Screen::Checks);
        assert_eq!(model.checks.chosen().map(|j| j.check.code), Some("TLS-001"));
        assert!(model.checks.reading);
    }

    #[test]
    fn the_footer_offers_only_what_would_do_something() {
        let model = testing::judged(80, 24, testing::healthy(), testing::healthy_facts());
        assert!(!available(&model, Command::Open));
    }

    #[test]
    fn q_and_ctrl_c_leave() {
        let mut model = testing::model(80, 24);
        assert_eq!(keys(&mut model, "q"), [Effect::Quit]);
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(update(&mut model, Message::Key(ctrl_c)), [Effect::Quit]);
        assert_eq!(update(&mut model, Message::Terminate), [Effect::Quit]);
    }

    #[test]
    fn a_released_key_does_nothing() {
        let mut model = testing::model(80, 24);
        let mut event = KeyEvent::from(KeyCode::Char('q'));
        event.kind = KeyEventKind::Release;
        assert!(key(&mut model, event).is_empty());
    }
}
