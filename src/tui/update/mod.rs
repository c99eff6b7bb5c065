//! What a message changes. Pure: the same model and message always give the same model and effects.

mod checks;
mod command;
mod event;
mod fix;
mod job;
mod log;
mod mouse;
mod provision;
mod schema;
mod sync;

use super::keys::{Command, Context};
use super::message::{Effect, Message};
use super::model::{Model, Screen, fixes};
use super::plan::{PlanDialog, Stage};

/// The first effects of a session.
pub fn start(model: &mut Model) -> Vec<Effect> {
    checks::run(model)
}

/// Takes one message in.
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    model.log.hear(model.now, &message);
    match message {
        Message::Key(key) => command::key(model, key),
        Message::Mouse(mouse) => mouse::used(model, mouse),
        other => event::happened(model, other),
    }
}

/// Where keys go now.
pub fn context(model: &Model) -> Context {
    if model.help { Context::Help } else { context_below_help(model) }
}

/// Where keys go when the help is closed; the help is about these.
pub fn context_below_help(model: &Model) -> Context {
    if model.palette.is_some() { Context::Palette } else { context_below_palette(model) }
}

/// Where keys go when help and palette are closed; the commands are those of these.
pub fn context_below_palette(model: &Model) -> Context {
    if let Some(confirm) = &model.confirm {
        return if confirm.word().is_some() { Context::Typed } else { Context::Question };
    }
    if model.page.is_some() {
        return Context::Page;
    }
    if let Some(plan) = &model.plan {
        return match plan.stage {
            Stage::Review if plan.items.is_empty() => Context::Applied,
            Stage::Review => Context::Plan,
            Stage::Applying => Context::Applying,
            Stage::Over(_) => Context::Applied,
        };
    }
    if model.filtering {
        return Context::Filter;
    }
    screen(model)
}

/// Where keys go when nothing is up that covers the screen.
fn screen(model: &Model) -> Context {
    match model.screen {
        Screen::Overview => Context::Overview,
        Screen::Checks if model.checks.reading => Context::Detail,
        Screen::Checks => Context::Checks,
        Screen::Schema if model.schema.reading => Context::Table,
        Screen::Schema => Context::Schema,
        Screen::Provision => Context::Provision,
        Screen::Sync => Context::Sync,
        Screen::Log => Context::Log,
    }
}

/// A place in a list after a command that moves it; `last` is the last place, `page` how many lines are one.
fn moved(at: usize, last: usize, page: usize, command: Command) -> usize {
    let at = match command {
        Command::Up => at.saturating_sub(1),
        Command::Down => at + 1,
        Command::PageUp => at.saturating_sub(page),
        Command::PageDown => at + page,
        Command::First => 0,
        Command::Last => last,
        _ => at,
    };
    at.min(last)
}

/// Lines that a page key moves by.
fn page(model: &Model) -> usize {
    usize::from(model.size.1 / 2).max(1)
}

/// Whether a command would do anything now; the footer leaves out what would not.
pub fn available(model: &Model, command: Command) -> bool {
    match command {
        Command::Open => match model.screen {
            Screen::Overview => model.checks.failed().next().is_some(),
            Screen::Schema => model.schema.chosen().is_some(),
            Screen::Provision => model.provision.plan.is_some(),
            _ => true,
        },
        Command::Fix => fix::has_fix(model),
        Command::FixAll => model.checks.failed().filter(|j| fixes(j).next().is_some()).nth(1).is_some(),
        Command::Apply => model.plan.as_ref().is_some_and(|p| !p.wanted().is_empty()),
        Command::PreviousValue | Command::NextValue => model.plan.as_ref().is_some_and(PlanDialog::has_choice),
        Command::Start => !model.sync.busy() && model.pipeline.is_some(),
        Command::Pause => model.sync.busy() && sync::can_pause(model) || model.sync.paused,
        Command::Reload => model.screen == Screen::Sync && sync::reloadable(model).is_some(),
        Command::Sort => model.sync.progress.tables.len() > 1,
        Command::Verify => model.job.is_none() && model.pipeline.is_some(),
        Command::Canary => model.job.is_none() && model.pipeline.as_ref().is_some_and(|p| p.sync.mode.has_cdc()),
        Command::Create => model.screen == Screen::Schema && schema::chosen(model).is_some(),
        Command::CreateAll => model.screen == Screen::Schema && schema::several(model),
        Command::ReadPlan => model.job.is_none() && model.pipeline.as_ref().is_some_and(|p| p.dms.is_some()),
        Command::Provision => model.job.is_none() && model.provision.applicable(),
        Command::CopySql => checks::sql(model).is_some(),
        Command::Explain | Command::RerunPart => model.checks.chosen().is_some(),
        Command::Report => model.checks.facts.is_some(),
        Command::Stop => model.sync.busy(),
        Command::Truncate => model.sync.truncate_helps(),
        _ => true,
    }
}
