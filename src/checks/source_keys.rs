//! What could be the key of a source table that has no primary key, and the statements that make it one.

use super::source_tables::rows;
use crate::facts::{PgKey, PgTable, ReplicaIdentity, TableKind};
use crate::fixes::{Action, Cost, Step};
use crate::quote::{pg_ident, pg_table};
use crate::schema;

/// How the rows of a table can be told apart.
pub(super) enum Keyed<'a> {
    /// It has a primary key.
    Primary,
    /// It has none, but its replica identity is an index: old rows carry a key.
    IdentityIndex,
    /// A unique index over NOT NULL columns could become the primary key.
    Promotable(&'a PgKey),
    /// Unique keys are there, but each has a column that may be NULL.
    NullableUnique(&'a PgKey),
    /// A column has a different value in every row, by the planner's statistics.
    ByStatistics(String),
    /// Nothing that the catalog knows of.
    Nothing,
}

impl<'a> Keyed<'a> {
    pub(super) fn of(table: &'a PgTable) -> Self {
        if table.primary_key.is_some() {
            return Self::Primary;
        }
        if table.replica_identity == ReplicaIdentity::Index {
            return Self::IdentityIndex;
        }
        // What the target gets as its key decides, so that both sides have the same one.
        let planned = schema::planned_key(table);
        let is_planned = |k: &&PgKey| k.promotable() && planned.as_ref() == Some(&k.columns);
        if let Some(key) = table.unique_keys.iter().find(is_planned) {
            return Self::Promotable(key);
        }
        let whole = |k: &&PgKey| !k.partial && !k.expressions && !k.deferrable && !k.columns.is_empty();
        if let Some(key) = table.unique_keys.iter().find(whole) {
            return Self::NullableUnique(key);
        }
        match planned.as_deref() {
            // The primary key of a partitioned table must hold the partition columns, which one column seldom does.
            Some([column]) if table.kind != TableKind::Partitioned => Self::ByStatistics(column.clone()),
            _ => Self::Nothing,
        }
    }
}

/// Makes a unique index the primary key. An index that already backs a constraint cannot be taken over, nor can one
/// of a partitioned table: there the key gets an index of its own.
pub(super) fn promote(table: &PgTable, key: &PgKey) -> Step {
    if key.constraint || table.kind == TableKind::Partitioned {
        let nullable = nullable_columns(table, &key.columns);
        return add_primary_key(table, &key.columns, &nullable);
    }
    let (name, index) = (pg_table(&table.schema, &table.name), pg_ident(&key.name));
    let sql = format!("ALTER TABLE {name} ADD CONSTRAINT {index} PRIMARY KEY USING INDEX {index}");
    // Dropping the constraint drops the index with it, so that it has to be built again.
    let mut undo = format!("ALTER TABLE {name} DROP CONSTRAINT {index}");
    undo.push_str(&drop_not_null(&nullable_columns(table, &key.columns)));
    undo.push_str(&format!(", ADD CONSTRAINT {index} UNIQUE ({})", columns(&key.columns)));
    let note = if key.not_null {
        "a short lock, no rewrite: the index is taken over as it is".to_owned()
    } else {
        format!("locks the table while {} are read; refused, and nothing changed, if one has NULL there", rows(table))
    };
    Step::new(Cost::Lock, Action::source(sql)).note(note).undo(Action::source(undo))
}

/// Makes columns the primary key, building its index. `nullable` are those that become NOT NULL by it.
pub(super) fn add_primary_key(table: &PgTable, key: &[String], nullable: &[String]) -> Step {
    let (name, constraint) = (pg_table(&table.schema, &table.name), pg_ident(&primary_key_name(table)));
    let sql = format!("ALTER TABLE {name} ADD CONSTRAINT {constraint} PRIMARY KEY ({})", columns(key));
    let undo = format!("ALTER TABLE {name} DROP CONSTRAINT {constraint}{}", drop_not_null(nullable));
    let note = format!(
        "locks the table while the index over {} is built; refused, and nothing changed, if a value is missing or \
         there twice",
        rows(table)
    );
    Step::new(Cost::Lock, Action::source(sql)).note(note).undo(Action::source(undo))
}

/// Those of the columns that may be NULL.
pub(super) fn nullable_columns(table: &PgTable, names: &[String]) -> Vec<String> {
    let nullable = |n: &&String| table.column(n).is_some_and(|c| !c.not_null);
    names.iter().filter(nullable).cloned().collect()
}

/// The name that PostgreSQL would give: `TABLE_pkey`, cut to 63 bytes.
fn primary_key_name(table: &PgTable) -> String {
    let mut end = table.name.len().min(63 - "_pkey".len());
    while !table.name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_pkey", &table.name[..end])
}

fn columns(names: &[String]) -> String {
    names.iter().map(|n| pg_ident(n)).collect::<Vec<_>>().join(", ")
}

fn drop_not_null(nullable: &[String]) -> String {
    nullable.iter().map(|c| format!(", ALTER COLUMN {} DROP NOT NULL", pg_ident(c))).collect()
}
