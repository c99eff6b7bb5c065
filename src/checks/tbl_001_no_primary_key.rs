//! TBL-001: see the check's own explanation.

use super::source_keys::{Keyed, add_primary_key, nullable_columns, promote};
use super::source_tables::{each, rows};
use super::{Finding, Judged};
use crate::facts::{Facts, PgTable, ReplicaIdentity};
use crate::fixes::{Fix, Mode, Step};
use crate::pipeline::{EngineKind, Pipeline};
use crate::quote::{pg_ident, pg_table};

check! {
    /// # What it looks at
    /// Whether each selected table has a primary key. A table whose replica identity is a unique index is fine: its
    /// changes carry that key. A table whose only unique keys allow NULL is told by TBL-002 instead.
    ///
    /// # Why it matters
    /// An UPDATE or DELETE is replicated as "the row with this key". Without a key there is nothing to say: DMS
    /// writes a `DELETE` without a row and ignores it, so that the task runs green while the target keeps every
    /// deleted row and every old value. PostgreSQL's own publications refuse such an UPDATE or DELETE instead, which
    /// means that the application gets the error. The target table, made after the source, has no key either: rows
    /// loaded twice are there twice, and nothing can repair a single row.
    ///
    /// The check also speaks in the mode `full-load`, where no change is lost, because the target table is left
    /// without a key and the next step, replicating changes, cannot be taken.
    ///
    /// # How to fix it by hand
    /// In this order:
    ///
    /// 1. Where a unique index over NOT NULL columns is there, make it the primary key. It costs a short lock:
    ///    `ALTER TABLE t ADD CONSTRAINT i PRIMARY KEY USING INDEX i`. An index that already belongs to a unique
    ///    constraint cannot be taken over; add the primary key beside it, or only point the replica identity at it
    ///    with `ALTER TABLE t REPLICA IDENTITY USING INDEX i`.
    /// 2. Where a column is different in every row by its meaning, make it the key:
    ///    `ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY (c)`. The statement proves it: it is refused, and nothing
    ///    is changed, where a value is missing or there twice. It locks the table while the index is built; for a
    ///    large table build the index first with `CREATE UNIQUE INDEX CONCURRENTLY` and go on as in 1.
    /// 3. Otherwise add a key column: `ALTER TABLE t ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY`.
    ///    It rewrites and locks the table, and programs that insert without a column list have to be changed.
    /// 4. With DMS, `ALTER TABLE t REPLICA IDENTITY FULL` writes the whole old row to the WAL with each change: more
    ///    WAL, and each change reads the target table from end to end. The engine `direct` needs a key.
    ///
    /// # Source
    /// AWS DMS, "Using a PostgreSQL database as a source", limitations; PostgreSQL, "Logical Replication:
    /// Publication". Tried on PostgreSQL 15: `test_decoding` prints `DELETE: (no-tuple-data)`, and a publication
    /// answers `cannot update table … because it does not have a replica identity and publishes updates`.
    code: "TBL-001",
    name: "no-primary-key",
    area: Tbl,
    severity: Error,
    title: "A source table has no primary key",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    each(facts, |table| finding(table, &facts.pipeline))
}

fn finding(table: &PgTable, pipeline: &Pipeline) -> Option<Finding> {
    let keyed = Keyed::of(table);
    let found = match &keyed {
        Keyed::Primary | Keyed::IdentityIndex | Keyed::NullableUnique(_) => return None,
        Keyed::Promotable(key) => described(table, pipeline)
            .saw("could be the key", format!("unique index {} on {}", key.name, key.columns.join(", "))),
        Keyed::ByStatistics(column) => described(table, pipeline)
            .saw("could be the key", format!("{column}: different in every row, by the planner's statistics")),
        Keyed::Nothing => {
            described(table, pipeline).saw("could be the key", "no unique index, and no column by statistics")
        }
    };
    Some(found.fix(fix(table, &keyed)))
}

fn described(table: &PgTable, pipeline: &Pipeline) -> Finding {
    let label = table.label();
    let message = if !pipeline.sync.mode.has_cdc() {
        format!("{label} has no primary key, so the target table gets none, and changes can never be replicated to it")
    } else if pipeline.sync.engine == EngineKind::Direct {
        format!(
            "{label} has no primary key: its updates and deletes cannot be replicated, and once it is published \
             PostgreSQL refuses them to the application"
        )
    } else {
        format!("{label} has no primary key: DMS drops its updates and deletes without an error")
    };
    let found = Finding::new(label, message)
        .saw("primary key", "none")
        .saw("replica identity", identity(table.replica_identity))
        .saw("size", rows(table));
    if pipeline.sync.mode.has_cdc() { found.silent_loss() } else { found }
}

fn identity(identity: ReplicaIdentity) -> &'static str {
    match identity {
        ReplicaIdentity::Default => "default (the primary key, which is missing)",
        ReplicaIdentity::Nothing => "nothing",
        ReplicaIdentity::Full => "full (the whole old row, by which the target finds no row)",
        ReplicaIdentity::Index => "a unique index",
    }
}

fn fix(table: &PgTable, keyed: &Keyed<'_>) -> Fix {
    let name = pg_table(&table.schema, &table.name);
    let confirm = |summary: String, step: Step| Fix::new(Mode::Confirm, summary, vec![step]);
    let fix = match keyed {
        Keyed::Promotable(key) => {
            let fix = confirm(format!("make the unique index {} the primary key", key.name), promote(table, key));
            fix.or(format!(
                "ALTER TABLE {name} REPLICA IDENTITY USING INDEX {} (no primary key, but changes carry this one)",
                pg_ident(&key.name)
            ))
        }
        Keyed::ByStatistics(column) => {
            let key = [column.clone()];
            let step = add_primary_key(table, &key, &nullable_columns(table, &key));
            confirm(format!("make {} the primary key", pg_ident(column)), step)
        }
        _ => Fix::manual(
            format!("give {} a primary key", table.label()),
            [
                format!("If columns tell the rows apart: ALTER TABLE {name} ADD PRIMARY KEY (…)"),
                format!("If not: ALTER TABLE {name} ADD COLUMN \"id\" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
            ],
        ),
    };
    fix.or(format!(
        "ALTER TABLE {name} ADD COLUMN \"id\" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY (rewrites and locks {}; \
         the application sees a new column)",
        rows(table)
    ))
    .or(format!(
        "ALTER TABLE {name} REPLICA IDENTITY FULL (DMS only: each change writes the whole old row to the WAL and \
         searches the target table from end to end)"
    ))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, finding, findings, healthy, pg_table, source_table, unseen,
    };
    use crate::facts::{Fact, Facts, PgKey, ReplicaIdentity};
    use crate::fixes::{Action, Cost, Mode};
    use crate::pipeline::{EngineKind, SyncMode};

    fn keyless() -> Facts {
        let mut facts = healthy();
        source_table(&mut facts).primary_key = None;
        facts
    }

    fn unique(constraint: bool, not_null: bool) -> PgKey {
        PgKey {
            name: "by_date".into(),
            columns: vec!["chart_date".into(), "position".into()],
            constraint,
            partial: false,
            expressions: false,
            deferrable: false,
            not_null,
            identity: false,
        }
    }

    fn sql(action: Option<&Action>) -> &str {
        match action {
            Some(Action::SourceSql { sql }) => sql,
            other => panic!("no source statement: {other:?}"),
        }
    }

    #[test]
    fn a_unique_index_over_not_null_columns_is_promoted() {
        let mut facts = keyless();
        source_table(&mut facts).unique_keys = vec![unique(false, true)];
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!((fix.mode, fix.cost()), (Mode::Confirm, Cost::Lock));
        let table = r#"ALTER TABLE "public"."weekly_chart""#;
        assert_eq!(
            sql(Some(&fix.steps[0].action)),
            format!(r#"{table} ADD CONSTRAINT "by_date" PRIMARY KEY USING INDEX "by_date""#)
        );
        assert_eq!(
            sql(fix.steps[0].undo.as_ref()),
            format!(r#"{table} DROP CONSTRAINT "by_date", ADD CONSTRAINT "by_date" UNIQUE ("chart_date", "position")"#)
        );
    }

    #[test]
    fn an_index_that_backs_a_constraint_gets_a_key_beside_it() {
        let mut facts = keyless();
        source_table(&mut facts).unique_keys = vec![unique(true, true)];
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(
            sql(Some(&fix.steps[0].action)),
            r#"ALTER TABLE "public"."weekly_chart" ADD CONSTRAINT "weekly_chart_pkey" PRIMARY KEY ("chart_date", "position")"#
        );
    }

    #[test]
    fn else_the_one_column_that_statistics_call_unique_is_proposed() {
        let mut facts = keyless();
        source_table(&mut facts).columns[2].unique_by_statistics = true;
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss);
        let fix = found.fix.unwrap();
        let step = &fix.steps[0];
        assert_eq!(
            sql(Some(&step.action)),
            r#"ALTER TABLE "public"."weekly_chart" ADD CONSTRAINT "weekly_chart_pkey" PRIMARY KEY ("title")"#
        );
        assert_eq!(
            sql(step.undo.as_ref()),
            r#"ALTER TABLE "public"."weekly_chart" DROP CONSTRAINT "weekly_chart_pkey", ALTER COLUMN "title" DROP NOT NULL"#
        );
        assert!(step.note.as_ref().unwrap().contains("about 52,000 rows"));
    }

    #[test]
    fn with_nothing_to_go_by_it_is_manual() {
        let fix = finding(&CHECK, &keyless()).fix.unwrap();
        assert_eq!(fix.mode, Mode::Manual);
        assert!(fix.alternatives.iter().any(|a| a.contains("REPLICA IDENTITY FULL")));
    }

    #[test]
    fn says_what_the_engine_makes_of_it() {
        let mut facts = keyless();
        assert!(finding(&CHECK, &facts).message.contains("refuses them to the application"));
        facts.pipeline.sync.engine = EngineKind::Dms;
        assert!(finding(&CHECK, &facts).message.contains("DMS drops"));
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        let found = finding(&CHECK, &facts);
        assert!(!found.silent_loss && found.message.contains("can never be replicated"), "{}", found.message);
    }

    #[test]
    fn an_identity_index_or_a_nullable_unique_key_is_not_its_matter() {
        let mut facts = keyless();
        source_table(&mut facts).unique_keys = vec![unique(false, false)];
        assert_pass(&CHECK, &facts);
        source_table(&mut facts).unique_keys = vec![unique(false, true)];
        source_table(&mut facts).replica_identity = ReplicaIdentity::Index;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn one_finding_for_each_table_sorted() {
        let mut facts = healthy();
        let tables = ["b", "a", "c"].map(|name| {
            let mut table = pg_table("public", name);
            table.primary_key = None;
            table
        });
        facts.source.tables = Fact::Known(tables.to_vec());
        let subjects: Vec<String> = findings(&CHECK, &facts).into_iter().map(|f| f.subject).collect();
        assert_eq!(subjects, ["public.a", "public.b", "public.c"]);
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
