//! TBL-003: see the check's own explanation.

use super::source_tables::each_with_changes;
use super::{Finding, Judged};
use crate::facts::{Facts, PgTable, ReplicaIdentity};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::pg_table;

check! {
    /// # What it looks at
    /// Whether a selected table has been told, by `REPLICA IDENTITY NOTHING`, to write no key of old rows to the WAL.
    /// It does not apply to the mode `full-load`.
    ///
    /// # Why it matters
    /// Even with a primary key, an UPDATE or DELETE then carries no key. DMS ignores it without an error; once the
    /// table is published for logical replication PostgreSQL refuses it, and the application gets the error.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t REPLICA IDENTITY DEFAULT`. It takes a short lock and rewrites nothing. Changes made before it
    /// stay without a key: load the table again if it was being replicated.
    ///
    /// # Source
    /// PostgreSQL, "ALTER TABLE", `REPLICA IDENTITY`. Tried on PostgreSQL 15.
    code: "TBL-003",
    name: "replica-identity-nothing",
    area: Tbl,
    severity: Error,
    title: "A source table keeps its keys out of the WAL",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    each_with_changes(facts, |table| (table.replica_identity == ReplicaIdentity::Nothing).then(|| finding(table)))
}

fn finding(table: &PgTable) -> Finding {
    let name = pg_table(&table.schema, &table.name);
    let step = Step::new(Cost::None, Action::source(format!("ALTER TABLE {name} REPLICA IDENTITY DEFAULT")))
        .note("a short lock, no rewrite; changes made before it stay without a key")
        .undo(Action::source(format!("ALTER TABLE {name} REPLICA IDENTITY NOTHING")));
    let label = table.label();
    let message =
        format!("{label} has REPLICA IDENTITY NOTHING: its updates and deletes carry no key to find the row by");
    Finding::new(label, message)
        .silent_loss()
        .saw("replica identity", "nothing")
        .saw("primary key", table.primary_key.as_ref().map_or_else(|| "none".to_owned(), |k| k.columns.join(", ")))
        .fix(Fix::new(Mode::Confirm, "let the WAL carry the primary key of changed rows", vec![step]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, source_table, unseen,
    };
    use crate::facts::ReplicaIdentity;
    use crate::fixes::Action;
    use crate::pipeline::SyncMode;

    #[test]
    fn nothing_is_set_back_to_the_primary_key() {
        let mut facts = healthy();
        source_table(&mut facts).replica_identity = ReplicaIdentity::Nothing;
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss);
        let sql = r#"ALTER TABLE "public"."weekly_chart" REPLICA IDENTITY DEFAULT"#;
        assert_eq!(found.fix.unwrap().steps[0].action, Action::source(sql));
        assert_eq!(causes(&facts), ["TBL-003"]);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        source_table(&mut facts).replica_identity = ReplicaIdentity::Full;
        assert_pass(&CHECK, &facts);
        facts.source.tables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
