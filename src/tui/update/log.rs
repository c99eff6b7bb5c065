//! The log: moving through it, levels, copying.

use super::super::keys::Command;
use super::super::message::Effect;
use super::super::model::Model;
use super::{command, moved, page};

/// A command on the log. The newest line is the last.
pub fn list(model: &mut Model, command: Command) -> Vec<Effect> {
    let last = model.log.shown().len().saturating_sub(1);
    match command {
        Command::Only => {
            model.log.level = model.log.level.next();
            model.log.back = 0;
        }
        Command::Copy => {
            let text: Vec<String> = model
                .log
                .shown()
                .iter()
                .map(|e| format!("{} {} {}: {}", e.at, e.level.as_str(), e.by, e.text))
                .collect();
            return command::copied(model, text.join("\n"));
        }
        command => model.log.back = last - moved(last - model.log.back.min(last), last, page(model), command),
    }
    Vec::new()
}
