//! What keys ask for.

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};

use super::super::confirm::{Confirm, Confirmed, Guarded};
use super::super::job::JobKind;
use super::super::keys::{self, Command, Context};
use super::super::message::Effect;
use super::super::model::{Model, Screen};
use super::super::palette::{self, Palette};
use super::{available, checks, context, context_below_palette, fix, job, log, provision, schema, sync};

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
        Context::Filter if model.filter_mut().is_some_and(|filter| filter.key(key)) => filtered(model),
        Context::Palette => {
            if let Some(palette) = &mut model.palette
                && palette.typed.key(key)
            {
                palette.cursor = 0;
            }
        }
        Context::Typed => {
            if let Some(confirm) = &mut model.confirm {
                confirm.typed.key(key);
            }
        }
        _ => {}
    }
}

/// The list of the screen after its filter was changed.
fn filtered(model: &mut Model) {
    match model.screen {
        Screen::Checks => {
            model.checks.relist();
            model.checks.cursor = 0;
            model.checks.scroll = 0;
        }
        Screen::Schema => {
            model.schema.cursor = 0;
            model.schema.scroll = 0;
            model.schema.relist();
        }
        Screen::Sync => {
            model.sync.cursor = 0;
            model.sync.relist();
        }
        Screen::Log => model.log.back = 0,
        Screen::Overview | Screen::Provision => {}
    }
}

/// Does what a command asks for in a context.
pub fn run(model: &mut Model, at: Context, command: Command) -> Vec<Effect> {
    match (at, command) {
        (_, Command::Interrupt) => return interrupt(model),
        (Context::Help, Command::Close) => model.help = false,
        (Context::Help, command) => model.help_scroll = checks::scrolled(model, model.help_scroll, command),
        (Context::Question | Context::Typed, Command::Yes) => return answer(model),
        (Context::Question | Context::Typed, Command::Close) => model.confirm = None,
        (Context::Palette, command) => return palette(model, command),
        (Context::Page, command) => return page(model, command),
        (Context::Filter, Command::Accept) => model.filtering = false,
        (Context::Filter, Command::Close) => {
            model.filtering = false;
            no_filter(model);
        }
        (_, Command::Palette) => model.palette = Some(Palette::default()),
        (_, Command::Theme) => model.look = model.look.next(),
        (_, Command::Filter) => model.filtering = true,
        (_, Command::Quit) => return quit(model),
        (_, Command::Help) => {
            model.help = true;
            model.help_scroll = 0;
        }
        (_, Command::Screen(number)) => model.screen = Screen::ALL.get(number).copied().unwrap_or(model.screen),
        (_, Command::NextScreen) => turn(model, 1),
        (_, Command::PreviousScreen) => turn(model, Screen::ALL.len() - 1),
        (_, Command::Rerun) => return checks::run(model),
        (Context::Plan | Context::Applied, Command::Copy) => return fix::copy(model),
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
        (Context::Applying, Command::Close) => {
            model.notice = Some("The step that runs is finished; no other is begun.".into());
            return vec![Effect::EnoughSteps];
        }
        (Context::Plan, Command::Apply) => return fix::apply(model),
        (_, Command::Fix) => fix::open(model),
        (_, Command::FixAll) => fix::open_all(model),
        (_, Command::Start) => return sync::start(model),
        (_, Command::Stop) => sync::ask_stop(model),
        (_, Command::Truncate) => sync::ask_truncate(model),
        (_, Command::Verify) => return job::verify(model),
        (_, Command::Canary) => return job::canary(model),
        (_, Command::Undo) => return job::ask_undo(model),
        (_, Command::Report) => return checks::report(model),
        (_, Command::RerunPart) => return checks::run_part(model),
        (_, Command::Explain) => checks::explain(model),
        (_, Command::Create) => schema::create(model),
        (_, Command::CreateAll) => schema::create_all(model),
        (
            Context::Overview | Context::Checks | Context::Schema | Context::Provision | Context::Sync | Context::Log,
            Command::Close,
        ) => return back(model),
        (Context::Schema, command) => return schema::list(model, command),
        (Context::Table, command) => return schema::detail(model, command),
        (Context::Provision, command) => return provision::list(model, command),
        (Context::Log, command) => return log::list(model, command),
        (Context::Sync, Command::Pause) => return sync::pause(model),
        (Context::Sync, command) => return sync::list(model, command),
        (Context::Overview, Command::Open) => {
            let worst = model.checks.failed().next().map(|j| j.check.code);
            match worst {
                Some(code) => checks::show(model, code),
                None => model.screen = Screen::Checks,
            }
        }
        (Context::Checks | Context::Detail, Command::Copy) => return checks::copy(model),
        (Context::Checks | Context::Detail, Command::CopySql) => return checks::copy_sql(model),
        (Context::Checks, command) => checks::list(model, command),
        (Context::Detail, command) => checks::detail(model, command),
        _ => {}
    }
    Vec::new()
}

/// Esc on a screen: ends the job beside it, else the run of the checks, else takes the filter away.
fn back(model: &mut Model) -> Vec<Effect> {
    if model.job.is_some() {
        return job::cancel(model);
    }
    if model.checks.running_since.is_some() {
        return checks::cancel(model);
    }
    no_filter(model);
    Vec::new()
}

fn no_filter(model: &mut Model) {
    if model.screen == Screen::Checks {
        model.checks.narrow = super::super::rows::Narrow::default();
        model.checks.filter.clear();
        // What was chosen stays chosen.
        model.checks.moved = true;
        model.checks.relist();
        return;
    }
    model.schema.odd &= model.screen != Screen::Schema;
    if let Some(filter) = model.filter_mut() {
        filter.clear();
        filtered(model);
    }
}

fn palette(model: &mut Model, command: Command) -> Vec<Effect> {
    let Some(palette) = model.palette.take() else { return Vec::new() };
    let below = context_below_palette(model);
    let entries = palette::entries(below, palette.typed.text(), |c| available(model, c));
    let last = entries.len().saturating_sub(1);
    let cursor = match command {
        Command::Accept => {
            let chosen = entries.get(palette.cursor).map(|b| b.command);
            return chosen.map(|command| run(model, below, command)).unwrap_or_default();
        }
        Command::Close => return Vec::new(),
        Command::Up => palette.cursor.saturating_sub(1),
        Command::Down => (palette.cursor + 1).min(last),
        _ => palette.cursor,
    };
    model.palette = Some(Palette { cursor, ..palette });
    Vec::new()
}

fn page(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Close => model.page = None,
        Command::Copy => {
            let text = model.page.as_ref().map(|p| p.lines.join("\n"));
            return text.map(|text| copied(model, text)).unwrap_or_default();
        }
        command => {
            let top = model.page.as_ref().map_or(0, |p| p.scroll);
            let top = checks::scrolled(model, top, command);
            if let Some(page) = &mut model.page {
                page.scroll = top;
            }
        }
    }
    Vec::new()
}

/// Takes a text to the clipboard, and says so.
pub fn copied(model: &mut Model, text: String) -> Vec<Effect> {
    model.notice = Some(format!("Copied, where the terminal allows it: {} lines.", text.lines().count()));
    vec![Effect::Copy(text)]
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
        Guarded::Reload { .. } => sync::begin(model),
        Guarded::Undo { .. } => job::begin(model, JobKind::Undo),
        Guarded::Provision { .. } => {
            job::begin(model, JobKind::Provision);
            model.provision.begin();
        }
        Guarded::StopAndQuit if !model.sync.busy() => return leave_when_over(model),
        Guarded::StopAndQuit => {
            model.sync.stop();
            model.leaving = true;
        }
    }
    vec![Effect::Confirmed(confirmed)]
}

fn quit(model: &mut Model) -> Vec<Effect> {
    if !model.sync.busy() && !model.applying() && !job::holds(model) {
        return vec![Effect::Quit];
    }
    model.confirm = Some(Confirm::new(Guarded::StopAndQuit));
    Vec::new()
}

/// Leaves when what changes something has come to a point where that can be left.
fn leave_when_over(model: &mut Model) -> Vec<Effect> {
    model.leaving = true;
    model.notice = Some("Leaving when the step that runs is over. Ctrl-C again leaves at once.".into());
    if model.applying() {
        return vec![Effect::EnoughSteps];
    }
    // What was begun in AWS goes on there, and the next plan finds it.
    if model.job.as_ref().is_some_and(|job| job.kind == JobKind::Provision) {
        return vec![Effect::CancelJob, Effect::Quit];
    }
    Vec::new()
}

/// Leaves without asking; a running sync is stopped first, and not waited for when asked twice.
pub fn interrupt(model: &mut Model) -> Vec<Effect> {
    if model.leaving || !(model.sync.busy() || model.applying() || job::holds(model)) {
        return vec![Effect::Quit];
    }
    model.confirm = None;
    if !model.sync.busy() {
        return leave_when_over(model);
    }
    model.leaving = true;
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
