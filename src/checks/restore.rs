//! What gives a target table back what it had when it was kept: one `ALTER TABLE` of the server's own lines.

use super::repair;
use crate::facts::{KeptTable, MyTable};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::{my_ident, my_literal, my_table};
use crate::schema::{Change, Definition};
use crate::text::safe;

/// Where the change was meant.
const MEANT: &str = "If the change was meant: cdc-doctor schema --keep keeps the tables as they are now.";

/// A part of `ALTER TABLE`, and the one that takes it back, where the form before is fully known.
struct Clause {
    forth: String,
    back: Option<String>,
}

/// The table's one `ALTER TABLE`, and by hand what no line of the kept definition gives back.
pub(super) fn fix(kept: &KeptTable, have: &MyTable, changes: &[Change]) -> Fix {
    let definition = Definition::read(&kept.definition);
    let mut clauses = Vec::new();
    let mut notes = Vec::new();
    for change in changes {
        match clauses_for(change, kept, have, &definition) {
            Some(some) => clauses.extend(some),
            None => notes.push(by_hand(change, kept)),
        }
    }
    if !definition.others.is_empty() {
        let lines = definition.others.join(", ");
        notes.push(format!("Not looked at; see whether {} still has it: {lines}", have.label()));
    }
    notes.push(MEANT.to_owned());
    let summary = format!("give {} back what it had", have.label());
    if clauses.is_empty() {
        return Fix::manual(summary, notes);
    }
    let mut steps = vec![step(have, clauses, changes)];
    steps.extend(notes.into_iter().map(|note| Step::new(Cost::None, Action::Note(note))));
    Fix::new(Mode::Confirm, summary, steps)
}

fn step(have: &MyTable, clauses: Vec<Clause>, changes: &[Change]) -> Step {
    let alter = |clauses: Vec<String>| {
        Action::target(format!("ALTER TABLE {} {}", my_table(&have.schema, &have.name), clauses.join(", ")))
    };
    let back: Option<Vec<String>> = clauses.iter().map(|c| c.back.clone()).collect();
    let modifies = changes.iter().any(|c| matches!(c, Change::ColumnChanged { .. }));
    let mut note = repair::locks(have)
        + "; refused, and nothing changed, if a text is too long, NULL is in the way or a key is there twice";
    if modifies {
        note.push_str("; decimal places that a type has no room for are rounded without a word");
    }
    if changes.iter().any(|c| matches!(c, Change::ColumnGone { .. })) {
        note.push_str("; the undo drops a column that came back, with what was written into it since");
    }
    let mut step = Step::new(Cost::Lock, alter(clauses.into_iter().map(|c| c.forth).collect())).note(note);
    step.undo = back.map(alter);
    step.data_loss = modifies;
    step
}

/// None where the kept definition has no line for it.
fn clauses_for(change: &Change, kept: &KeptTable, have: &MyTable, lines: &Definition<'_>) -> Option<Vec<Clause>> {
    let (forth, back) = match change {
        Change::ColumnGone { column, .. } => {
            let forth = format!("ADD COLUMN {} {}", line(column, kept, lines)?, place(column, lines));
            (forth, Some(format!("DROP COLUMN {}", my_ident(column))))
        }
        Change::ColumnChanged { column, .. } => {
            let now = have.column(column)?;
            let back = repair::definition(now).map(|now| format!("MODIFY COLUMN {} {now}", my_ident(column)));
            (format!("MODIFY COLUMN {}", line(column, kept, lines)?), back)
        }
        Change::KeyGone { key, .. } => (format!("ADD {}", lines.key(key)?), Some(drop_key(key, kept))),
        // A dropped index may have had prefixes and an order that nobody noted.
        Change::KeyChanged { key, .. } => (format!("{}, ADD {}", drop_key(key, kept), lines.key(key)?), None),
        Change::ForeignKeysGone => return foreign_keys(lines),
        Change::TriggerGone { .. } => return None,
        Change::EngineChanged { was, is } => {
            (format!("ENGINE={}", word(was)?), word(is).map(|is| format!("ENGINE={is}")))
        }
        Change::CollationChanged { was, is } => {
            (format!("DEFAULT COLLATE={}", word(was)?), word(is).map(|is| format!("DEFAULT COLLATE={is}")))
        }
        Change::CommentChanged { was, is } => {
            (format!("COMMENT={}", my_literal(was)), Some(format!("COMMENT={}", my_literal(is))))
        }
    };
    Some(vec![Clause { forth, back }])
}

/// A column's line. MySQL writes the table's collation behind a column that merely follows it, and would take it for
/// one that a person asked for: from then on it would write the character set too.
fn line(column: &str, kept: &KeptTable, lines: &Definition<'_>) -> Option<String> {
    let line = lines.column(column)?;
    let shorter = || {
        let head = format!("{} {}", my_ident(column), kept.table.column(column)?.column_type);
        let collation = format!(" COLLATE {}", kept.table.collation.as_deref()?);
        let tail = line.strip_prefix(&head)?.strip_prefix(&collation)?;
        (tail.is_empty() || tail.starts_with(' ')).then(|| head + tail)
    };
    Some(shorter().unwrap_or_else(|| line.to_owned()))
}

/// Where the column stood; the columns before it are there, or come back before it.
fn place(column: &str, lines: &Definition<'_>) -> String {
    let at = lines.columns.iter().position(|(name, _)| name.to_lowercase() == column.to_lowercase());
    match at.and_then(|at| at.checked_sub(1)) {
        Some(before) => format!("AFTER {}", my_ident(&lines.columns[before].0)),
        None => "FIRST".to_owned(),
    }
}

fn drop_key(key: &str, kept: &KeptTable) -> String {
    let is_index = kept.table.unique_keys.iter().chain(&kept.table.indexes).any(|k| k.name == key);
    if is_index { format!("DROP INDEX {}", my_ident(key)) } else { "DROP PRIMARY KEY".to_owned() }
}

fn foreign_keys(lines: &Definition<'_>) -> Option<Vec<Clause>> {
    let one = |(name, line): &(String, &str)| Clause {
        forth: format!("ADD {line}"),
        back: Some(format!("DROP FOREIGN KEY {}", my_ident(name))),
    };
    (!lines.foreign_keys.is_empty()).then(|| lines.foreign_keys.iter().map(one).collect())
}

/// The name of an engine or collation, which stands in SQL without quotes.
fn word(name: &str) -> Option<&str> {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain.then_some(name)
}

fn by_hand(change: &Change, kept: &KeptTable) -> String {
    let (what, table) = (change.describe(), kept.table.label());
    match change {
        Change::TriggerGone { .. } => {
            format!("{table}: {what}. A table's definition does not hold its triggers: create it again.")
        }
        _ => {
            let lines: Vec<String> = kept.definition.lines().map(|line| safe(line.trim())).collect();
            format!("{table}: {what}. No line of the kept definition was found for it; mend it by: {}", lines.join(" "))
        }
    }
}
