//! The tables on both sides: the list, the detail pane, what creates and repairs.

use super::super::keys::Command;
use super::super::message::Effect;
use super::super::model::Model;
use super::super::plan::PlanDialog;
use super::super::schema_list::remedies;
use super::{checks, command, fix, moved, page};
use crate::fixes::Fix;

/// A command on the list.
pub fn list(model: &mut Model, command: Command) -> Vec<Effect> {
    let page = page(model);
    let list = &mut model.schema;
    match command {
        Command::Open => list.reading = list.chosen().is_some(),
        Command::Only => {
            list.odd = !list.odd;
            list.cursor = 0;
            list.relist();
        }
        Command::Copy => return copy(model),
        command => {
            let before = list.cursor;
            list.cursor = moved(before, list.rows.len().saturating_sub(1), page, command);
            if list.cursor != before {
                list.scroll = 0;
            }
        }
    }
    Vec::new()
}

/// A command in the detail pane.
pub fn detail(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Close => model.schema.reading = false,
        Command::Copy => return copy(model),
        command => model.schema.scroll = checks::scrolled(model, model.schema.scroll, command),
    }
    Vec::new()
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let ddl = model.schema.chosen().map(|t| format!("{};", t.create_sql));
    ddl.map(|text| command::copied(model, text)).unwrap_or_default()
}

/// What creates or repairs the chosen table.
pub fn chosen(model: &Model) -> Option<Vec<(String, Fix)>> {
    let facts = model.checks.facts.as_ref()?;
    let fixes = remedies(model.schema.chosen()?, facts, &model.checks.judgements);
    (!fixes.is_empty()).then_some(fixes)
}

/// What creates or repairs all of them.
fn all(model: &Model) -> Vec<(String, Fix)> {
    let Some(facts) = &model.checks.facts else { return Vec::new() };
    let tables = model.schema.tables().iter();
    tables.flat_map(|t| remedies(t, facts, &model.checks.judgements)).collect()
}

/// More than one table can be created or repaired.
pub fn several(model: &Model) -> bool {
    let Some(facts) = &model.checks.facts else { return false };
    let can = |t: &&crate::schema::TableReport| !remedies(t, facts, &model.checks.judgements).is_empty();
    model.schema.tables().iter().filter(can).nth(1).is_some()
}

/// Shows the plan for the chosen table.
pub fn create(model: &mut Model) {
    let fixes = chosen(model);
    show(model, &fixes.unwrap_or_default());
}

/// Shows one plan for all.
pub fn create_all(model: &mut Model) {
    let fixes = all(model);
    show(model, &fixes);
}

fn show(model: &mut Model, fixes: &[(String, Fix)]) {
    if fixes.is_empty() {
        model.notice = Some("There is nothing here to create, and nothing that a statement could repair.".into());
        return;
    }
    let borrowed: Vec<(&str, &Fix)> = fixes.iter().map(|(code, fix)| (code.as_str(), fix)).collect();
    let plan = PlanDialog { verb: "Create or repair", ..PlanDialog::new(&borrowed) };
    fix::show(model, plan);
}
