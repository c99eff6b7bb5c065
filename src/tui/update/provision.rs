//! The DMS side: reading the plan, looking through it, making it so.

use super::super::confirm::{Confirm, Guarded};
use super::super::job::JobKind;
use super::super::keys::Command;
use super::super::message::Effect;
use super::super::model::Model;
use super::super::view;
use super::{command, job, moved, page};
use crate::provision::Plan;
use crate::report::Style;

/// A command on the screen.
pub fn list(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::ReadPlan => return read(model),
        Command::Provision => ask(model),
        Command::Open | Command::Unfold | Command::Fold => {
            let open = model.provision.open(model.provision.cursor);
            if command == Command::Open || open == (command == Command::Fold) {
                model.provision.toggle();
            }
        }
        Command::Copy => {
            let style = Style { color: false, width: 100, verbose: true };
            let text = model.provision.plan.as_ref().map(|p| p.to_text(style));
            return text.map(|text| command::copied(model, text)).unwrap_or_default();
        }
        command => {
            let last = model.provision.plan.as_ref().map_or(0, |p| p.steps.len().saturating_sub(1));
            model.provision.cursor = moved(model.provision.cursor, last, page(model), command);
        }
    }
    model.provision.scroll = view::provision_scroll(model);
    Vec::new()
}

/// Reads what is there; the answer is the plan.
pub fn read(model: &mut Model) -> Vec<Effect> {
    if model.pipeline.as_ref().is_none_or(|p| p.dms.is_none() || p.aws.is_none()) {
        model.notice = Some("Nothing to make: the file has no [aws] and [dms].".into());
        return Vec::new();
    }
    job::start(model, JobKind::ReadPlan)
}

fn ask(model: &mut Model) {
    let (Some(plan), Some(pipeline)) = (&model.provision.plan, &model.pipeline) else {
        model.notice = Some("Read the plan first: p.".into());
        return;
    };
    if plan.is_empty() || model.provision.done {
        model.notice = Some("Nothing to do: everything is as the pipeline file asks for.".into());
        return;
    }
    let plan: Box<Plan> = Box::new(plan.clone());
    model.confirm = Some(Confirm::new(Guarded::Provision { pipeline: Box::new(pipeline.clone()), plan }));
}
