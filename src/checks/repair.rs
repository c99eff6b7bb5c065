//! The one repair of a drifted target table, the same whichever check proposes it, so that a plan shows it once.

use super::pairs::{Drift, Pair};
use super::source_tables::grouped;
use crate::facts::{MyColumn, MyTable};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::{my_ident, my_literal, my_table};
use crate::schema::{self, Difference, TargetTable};

/// The table's one `ALTER TABLE`, or what to do by hand where no statement can repair it.
pub(super) fn fix(pair: &Pair<'_>, drift: &Drift) -> Fix {
    let label = pair.have.label();
    let anew = format!(
        "RENAME TABLE {} TO {}, and let sync create it anew (all its rows are loaded again)",
        my_table(&pair.have.schema, &pair.have.name),
        my_table(&pair.have.schema, &format!("{}_before", pair.have.name)),
    );
    match step(pair.have, drift) {
        Some(step) => Fix::new(Mode::Confirm, format!("bring {label} in line with the source"), vec![step]).or(anew),
        None => Fix::manual(format!("bring {label} in line with the source"), [anew]),
    }
}

fn step(have: &MyTable, drift: &Drift) -> Option<Step> {
    let sql = schema::repair_sql(&drift.want, have)?;
    let mut step = Step::new(Cost::Lock, Action::target(sql.clone())).note(note(have, &drift.differences));
    step.undo = undo_sql(&drift.want, have, &drift.differences).map(Action::target);
    step.data_loss = changes_values(have, &drift.differences) || sql.contains(" DROP COLUMN ");
    Some(step)
}

fn note(have: &MyTable, differences: &[Difference]) -> String {
    let proves = if differences.iter().any(gets_key) {
        "; refused, and nothing changed, if a key is missing or there twice"
    } else {
        "; refused, and nothing changed, if a value does not fit"
    };
    locks(have) + proves
}

/// What an `ALTER TABLE` costs.
pub(super) fn locks(have: &MyTable) -> String {
    match have.estimated_rows {
        0 => "locks the table; empty, by the server's estimate".to_owned(),
        1 => "locks and may rewrite the table, about 1 row".to_owned(),
        n => format!("locks and may rewrite the table, about {} rows", grouped(n)),
    }
}

fn gets_key(difference: &Difference) -> bool {
    matches!(difference, Difference::MissingPrimaryKey { .. } | Difference::OtherKey { .. })
}

/// Stored numbers are rounded when a binary floating-point column becomes an exact one.
fn changes_values(have: &MyTable, differences: &[Difference]) -> bool {
    let from_binary = |d: &Difference| {
        let Difference::NarrowerType { column, .. } = d else { return false };
        have.column(column).is_some_and(|c| matches!(c.data_type.as_str(), "float" | "double"))
    };
    have.estimated_rows > 0 && differences.iter().any(from_binary)
}

/// The statement that gives the table the form it has now; none where that form is not fully known.
fn undo_sql(want: &TargetTable, have: &MyTable, differences: &[Difference]) -> Option<String> {
    let mut clauses = Vec::new();
    let counts = have.columns.iter().any(|c| c.extra.to_lowercase().contains("auto_increment"));
    for difference in differences {
        match difference {
            Difference::MissingPrimaryKey { .. } => clauses.push("DROP PRIMARY KEY".to_owned()),
            Difference::OtherKey { have, .. } if !counts => {
                clauses.push(format!("DROP PRIMARY KEY, ADD PRIMARY KEY ({})", idents(have)));
            }
            Difference::MissingColumn { column, .. } => clauses.push(format!("DROP COLUMN {}", my_ident(column))),
            Difference::OtherEngine { have } => clauses.push(format!("ENGINE={have}")),
            // A dropped index may have had prefixes and an order that nobody noted.
            Difference::OtherKey { .. } | Difference::ExtraUniqueKey { .. } => return None,
            _ => {}
        }
    }
    for column in have.columns.iter().filter(|c| touched(want, c, differences)) {
        clauses.push(format!("MODIFY COLUMN {} {}", my_ident(&column.name), definition(column)?));
    }
    Some(format!("ALTER TABLE {} {}", my_table(&have.schema, &have.name), clauses.join(", ")))
}

/// The repair may change this column.
fn touched(want: &TargetTable, column: &MyColumn, differences: &[Difference]) -> bool {
    let same = |name: &str| name.to_lowercase() == column.name.to_lowercase();
    let differs = differences.iter().any(|d| d.column().is_some_and(same));
    let keyed = want.primary_key.iter().any(|k| same(k)) && differences.iter().any(gets_key);
    differs || keyed
}

/// A column's definition as it is; none for what `information_schema` tells too little about.
pub(super) fn definition(column: &MyColumn) -> Option<String> {
    if column.generated || !column.extra.is_empty() {
        return None;
    }
    let mut out = column.column_type.clone();
    if let (Some(charset), Some(collation)) = (&column.charset, &column.collation) {
        out.push_str(&format!(" CHARACTER SET {charset} COLLATE {collation}"));
    }
    out.push_str(if column.nullable { " NULL" } else { " NOT NULL" });
    if let Some(default) = &column.default {
        // MariaDB gives an expression, MySQL the bare value: only a number reads the same in both.
        let number = default.parse::<f64>().is_ok();
        let quoted = default.starts_with('\'') && default.ends_with('\'') && default.len() > 1;
        out.push_str(&match (number, quoted) {
            (true, _) => format!(" DEFAULT {}", my_literal(default)),
            (_, true) => format!(" DEFAULT {default}"),
            _ => return None,
        });
    }
    if !column.comment.is_empty() {
        out.push_str(&format!(" COMMENT {}", my_literal(&column.comment)));
    }
    Some(out)
}

fn idents(names: &[String]) -> String {
    names.iter().map(|n| my_ident(n)).collect::<Vec<_>>().join(", ")
}
