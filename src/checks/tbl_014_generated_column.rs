//! TBL-014: see the check's own explanation.

use super::source_tables::{each_with_changes, quoted_list};
use super::{Finding, Judged};
use crate::facts::{Facts, PgTable};
use crate::fixes::Fix;
use crate::pipeline::EngineKind;
use crate::quote::{pg_ident, pg_table};

check! {
    /// # What it looks at
    /// Whether a selected table has columns `GENERATED ALWAYS AS (…)`. It does not apply to the mode `full-load`,
    /// which copies their values like any others.
    ///
    /// # Why it matters
    /// Logical replication leaves generated columns out of the changes: PostgreSQL expects the other side to compute
    /// them. On the target the column is an ordinary one, filled by the full load. A row inserted later has NULL
    /// there, and an updated row keeps the old value, while everything else in it is right.
    ///
    /// # How to fix it by hand
    /// Either let the target compute it: make the column there a generated one with the same formula in MySQL's
    /// dialect, and keep whatever writes from writing it (in DMS, a `remove-column` transformation rule). Or let the
    /// source store it as an ordinary column that a trigger fills: `ALTER TABLE t ALTER COLUMN c DROP EXPRESSION`
    /// keeps the values (PostgreSQL 13 and later; it takes a short lock), then
    /// `CREATE TRIGGER … BEFORE INSERT OR UPDATE` computes new ones. Where nobody reads the column on the target,
    /// nothing needs to be done.
    ///
    /// # Source
    /// PostgreSQL, "Logical Replication: Generated Column Replication" (PostgreSQL 18 can publish stored generated
    /// columns when asked to; older ones cannot); AWS DMS, "Premigration assessments for MySQL targets".
    code: "TBL-014",
    name: "generated-column",
    area: Tbl,
    severity: Warning,
    title: "Changes do not carry the generated columns of a source table",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    each_with_changes(facts, |table| {
        let generated: Vec<&str> = table.columns.iter().filter(|c| c.generated).map(|c| c.name.as_str()).collect();
        (!generated.is_empty()).then(|| finding(table, &generated, facts.pipeline.sync.engine))
    })
}

fn finding(table: &PgTable, generated: &[&str], engine: EngineKind) -> Finding {
    let label = table.label();
    let names = quoted_list(generated.iter().copied());
    let message = format!(
        "{label}: changes do not carry the generated {} {names}, so that the target keeps old values there",
        if generated.len() == 1 { "column" } else { "columns" },
    );
    let table_name = pg_table(&table.schema, &table.name);
    let column = pg_ident(generated[0]);
    let on_target = match engine {
        EngineKind::Direct => "on the target, make it a generated column with the same formula in MySQL's dialect",
        EngineKind::Dms | EngineKind::S3 => {
            "on the target, make it a generated column with the same formula in MySQL's dialect, and give the task a \
             remove-column rule for it"
        }
    };
    let fix = Fix::manual(
        format!("let {names} be computed on one side only"),
        [
            format!("On the source: ALTER TABLE {table_name} ALTER COLUMN {column} DROP EXPRESSION keeps the values."),
            "Then a trigger BEFORE INSERT OR UPDATE computes it, and changes carry it like any column.".to_owned(),
        ],
    )
    .or(on_target)
    .or("leave it as it is, where nobody reads the column on the target");
    Finding::new(label, message).silent_loss().saw("generated", generated.join(", ")).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, source_table, unseen,
    };
    use crate::pipeline::SyncMode;

    #[test]
    fn names_the_columns_that_changes_leave_out() {
        let mut facts = healthy();
        source_table(&mut facts).columns[2].generated = true;
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.message.contains(r#"generated column "title","#), "{}", found.message);
        assert_eq!(causes(&facts), ["TBL-014"]);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.tables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
