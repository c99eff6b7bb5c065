//! What a message changes. Pure: the same model and message always give the same model and effects.

mod checks;
mod command;
mod event;
mod fix;
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
    match message {
        Message::Key(key) => command::key(model, key),
        other => event::happened(model, other),
    }
}

/// Where keys go now.
pub fn context(model: &Model) -> Context {
    if model.help { Context::Help } else { context_below_help(model) }
}

/// Where keys go when the help is closed; the help is about these.
pub fn context_below_help(model: &Model) -> Context {
    if let Some(confirm) = &model.confirm {
        return if confirm.word().is_some() { Context::Typed } else { Context::Question };
    }
    if let Some(plan) = &model.plan {
        return match plan.stage {
            Stage::Review if plan.items.is_empty() => Context::Applied,
            Stage::Review => Context::Plan,
            Stage::Applying => Context::Applying,
            Stage::Over(_) => Context::Applied,
        };
    }
    match model.screen {
        Screen::Overview => Context::Overview,
        Screen::Checks if model.checks.filtering => Context::Filter,
        Screen::Checks if model.checks.reading => Context::Detail,
        Screen::Checks => Context::Checks,
        Screen::Sync => Context::Sync,
    }
}

/// Whether a command would do anything now; the footer leaves out what would not.
pub fn available(model: &Model, command: Command) -> bool {
    match command {
        Command::Open => model.screen != Screen::Overview || model.checks.failed().next().is_some(),
        Command::Fix => fix::has_fix(model),
        Command::FixAll => model.checks.failed().filter(|j| fixes(j).next().is_some()).nth(1).is_some(),
        Command::Apply => model.plan.as_ref().is_some_and(|p| !p.wanted().is_empty()),
        Command::PreviousValue | Command::NextValue => model.plan.as_ref().is_some_and(PlanDialog::has_choice),
        Command::Start => !model.sync.busy() && model.pipeline.is_some(),
        Command::Stop => model.sync.busy(),
        Command::Truncate => model.sync.truncate_helps(),
        _ => true,
    }
}
