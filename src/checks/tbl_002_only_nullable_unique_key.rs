//! TBL-002: see the check's own explanation.

use super::source_keys::{Keyed, nullable_columns, promote};
use super::source_tables::{each, quoted_list, rows};
use super::{Finding, Judged};
use crate::facts::{Facts, PgKey, PgTable};
use crate::fixes::{Fix, Mode};
use crate::pipeline::SyncMode;
use crate::quote::{pg_ident, pg_table};

check! {
    /// # What it looks at
    /// Tables without a primary key that do have a unique key, but one of whose columns may be NULL.
    ///
    /// # Why it matters
    /// A unique key lets any number of rows have NULL in it, so it does not tell rows apart, and PostgreSQL does not
    /// accept it as primary key or replica identity. The table is as bad off as one without any key: updates and
    /// deletes are lost with DMS, and refused to the application once the table is published.
    ///
    /// # How to fix it by hand
    /// See whether there are such rows: `SELECT count(*) FROM t WHERE c IS NULL`. Give them a value or delete them,
    /// then make the key the primary key, which sets its columns NOT NULL:
    /// `ALTER TABLE t ADD CONSTRAINT i PRIMARY KEY USING INDEX i`; where the index belongs to a unique constraint,
    /// `ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY (c)`. From then on the application cannot leave the columns
    /// empty.
    ///
    /// # Source
    /// PostgreSQL, "ALTER TABLE", `ADD table_constraint_using_index` and `REPLICA IDENTITY`. Tried on PostgreSQL 15.
    code: "TBL-002",
    name: "only-nullable-unique-key",
    area: Tbl,
    severity: Error,
    title: "The only unique key of a source table allows NULL",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    each(facts, |table| match Keyed::of(table) {
        Keyed::NullableUnique(key) => Some(finding(table, key, facts.pipeline.sync.mode)),
        _ => None,
    })
}

fn finding(table: &PgTable, key: &PgKey, mode: SyncMode) -> Finding {
    let nullable = nullable_columns(table, &key.columns);
    let columns = quoted_list(nullable.iter().map(String::as_str));
    let message = format!(
        "{} has no primary key, and its unique key {} cannot serve as one while {columns} may be NULL",
        table.label(),
        key.name
    );
    let name = pg_table(&table.schema, &table.name);
    let empty: Vec<String> = nullable.iter().map(|c| format!("{} IS NULL", pg_ident(c))).collect();
    let fix = Fix::new(
        Mode::Confirm,
        format!("make {} NOT NULL and {} the primary key", columns, key.name),
        vec![promote(table, key)],
    )
    .or(format!(
        "first give a value to the rows found by SELECT * FROM {name} WHERE {}, if there are any",
        empty.join(" OR ")
    ));
    let found = Finding::new(table.label(), message)
        .saw("unique key", format!("{} on {}", key.name, key.columns.join(", ")))
        .saw("may be NULL", nullable.join(", "))
        .saw("size", rows(table))
        .fix(fix);
    if mode.has_cdc() { found.silent_loss() } else { found }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, source_table, unseen,
    };
    use crate::facts::{Fact, Facts, PgKey};
    use crate::fixes::Action;

    fn nullable_unique() -> Facts {
        let mut facts = healthy();
        let table = source_table(&mut facts);
        table.columns[1].not_null = false;
        table.primary_key = None;
        table.unique_keys = vec![PgKey {
            name: "by_date".into(),
            columns: vec!["chart_date".into(), "position".into()],
            constraint: false,
            partial: false,
            expressions: false,
            deferrable: false,
            not_null: false,
            identity: false,
        }];
        facts
    }

    #[test]
    fn the_key_becomes_the_primary_key_and_back() {
        let facts = nullable_unique();
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.message.contains(r#""position" may be NULL"#), "{}", found.message);
        let step = &found.fix.unwrap().steps[0];
        let table = r#"ALTER TABLE "public"."weekly_chart""#;
        assert_eq!(
            step.action,
            Action::source(format!(r#"{table} ADD CONSTRAINT "by_date" PRIMARY KEY USING INDEX "by_date""#))
        );
        assert_eq!(
            step.undo,
            Some(Action::source(format!(
                r#"{table} DROP CONSTRAINT "by_date", ALTER COLUMN "position" DROP NOT NULL, ADD CONSTRAINT "by_date" UNIQUE ("chart_date", "position")"#
            )))
        );
    }

    #[test]
    fn no_other_check_speaks_of_the_same_table() {
        let facts = nullable_unique();
        assert!(causes(&facts).contains(&"TBL-002") && !causes(&facts).contains(&"TBL-001"), "{:?}", causes(&facts));
    }

    #[test]
    fn a_partial_key_is_no_key() {
        let mut facts = nullable_unique();
        source_table(&mut facts).unique_keys[0].partial = true;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.tables = Fact::Known(Vec::new());
        assert_not_applicable(&CHECK, &facts);
        facts.source.tables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
