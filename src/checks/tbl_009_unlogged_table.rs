//! TBL-009: see the check's own explanation.

use super::source_tables::{each_with_changes, rows};
use super::{Finding, Judged};
use crate::facts::{Facts, PgTable};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::pipeline::EngineKind;
use crate::quote::pg_table;

check! {
    /// # What it looks at
    /// Whether a selected table is `UNLOGGED`. It does not apply to the mode `full-load`, which copies such a table
    /// like any other.
    ///
    /// # Why it matters
    /// Changes to an unlogged table are not written to the WAL, and the WAL is all that replication reads. The full
    /// load brings the rows over; after that nothing arrives, and nothing says so: DMS runs green, and a publication
    /// for all tables leaves the table out in silence. A publication that names the table is refused.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t SET LOGGED`. It writes the whole table to the WAL once and locks it meanwhile. Where the table
    /// is a scratch pad that nobody needs on the target, leave it out: add it to `exclude` in `[tables]`.
    ///
    /// # Source
    /// PostgreSQL, "CREATE TABLE", `UNLOGGED`. Tried on PostgreSQL 15: `cannot add relation … to publication. This
    /// operation is not supported for unlogged tables.`
    code: "TBL-009",
    name: "unlogged-table",
    area: Tbl,
    severity: Error,
    title: "Changes to an unlogged source table are never replicated",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    each_with_changes(facts, |table| table.unlogged.then(|| finding(table, facts.pipeline.sync.engine)))
}

fn finding(table: &PgTable, engine: EngineKind) -> Finding {
    let (name, label) = (pg_table(&table.schema, &table.name), table.label());
    let message = match engine {
        EngineKind::Direct => {
            format!("{label} is unlogged: its changes are not in the WAL, and PostgreSQL refuses to publish it")
        }
        EngineKind::Dms | EngineKind::S3 => {
            format!("{label} is unlogged: it is loaded once, and no later change to it ever arrives")
        }
    };
    let step = Step::new(Cost::Lock, Action::source(format!("ALTER TABLE {name} SET LOGGED")))
        .note(format!("rewrites and locks the table, {}, and writes it to the WAL once", rows(table)))
        .undo(Action::source(format!("ALTER TABLE {name} SET UNLOGGED")));
    let fix = Fix::new(Mode::Confirm, "write the table's changes to the WAL", vec![step])
        .or(format!("leave it out: add \"{label}\" to exclude in [tables] (its rows are then not copied at all)"));
    Finding::new(label, message).silent_loss().saw("persistence", "unlogged").saw("size", rows(table)).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, source_table, unseen,
    };
    use crate::fixes::{Action, Cost};
    use crate::pipeline::SyncMode;

    #[test]
    fn an_unlogged_table_is_set_logged() {
        let mut facts = healthy();
        source_table(&mut facts).unlogged = true;
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss);
        let fix = found.fix.unwrap();
        assert_eq!(fix.cost(), Cost::Lock);
        assert_eq!(fix.steps[0].action, Action::source(r#"ALTER TABLE "public"."weekly_chart" SET LOGGED"#));
        assert_eq!(causes(&facts), ["TBL-009"]);
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
