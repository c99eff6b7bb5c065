//! TBL-006: see the check's own explanation.

use super::source_tables::{each, quoted_list};
use super::{Finding, Judged};
use crate::facts::{Facts, PgColumn, PgTable, TypeClass};
use crate::fixes::Fix;
use crate::pipeline::EngineKind;
use crate::schema::{self, Dialect, Problem};

check! {
    /// # What it looks at
    /// The key columns of each selected table: their types, and for texts and `bytea` of no fixed length the longest
    /// value there is. The answer depends on the engine:
    ///
    /// - `direct` gives such a column a VARCHAR or VARBINARY on the target, as long as the declared or the longest
    ///   measured value and some more, and fails here only where the key cannot fit an index entry of 3072 bytes.
    /// - `dms` (and `s3`) take text, json, jsonb, bytea, xml, arrays and the like for large objects, and fail here
    ///   whatever their length.
    ///
    /// # Why it matters
    /// MySQL cannot index a LONGTEXT or LONGBLOB as a whole: error 1170 without a length, error 1071 beyond 3072 bytes.
    /// A prefix would take two keys that begin alike for one. DMS does not replicate a table whose primary key is a
    /// large object. The table cannot be created with its key, so it cannot be kept in step.
    ///
    /// # How to fix it by hand
    /// With DMS, change the column to `varchar(n)` where its values allow it: `ALTER TABLE t ALTER COLUMN k TYPE
    /// varchar(200)`, which locks the table while it checks every row, but rewrites nothing. For values that are really
    /// long, add a short key of its own (`bigint GENERATED ALWAYS AS IDENTITY`), make it the primary key, and keep the
    /// long column unique on the source alone, with an index over `md5(k)`.
    ///
    /// # Source
    /// AWS DMS, troubleshooting for PostgreSQL sources, and premigration assessment `postgres-check-pk-lob`. Tried on
    /// MariaDB 10.11 and MySQL 9.7: errors 1170 and 1071.
    code: "TBL-006",
    name: "key-cannot-be-indexed",
    area: Tbl,
    severity: Error,
    title: "The key of a source table cannot be a key on the target",
    after: ["AUT-024", "AUT-025"],
}

/// Types that DMS moves as large objects.
const LARGE: &[&str] =
    &["text", "citext", "json", "jsonb", "bytea", "xml", "hstore", "tsvector", "tsquery", "path", "polygon"];

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine != EngineKind::Direct {
        return each(facts, large_object);
    }
    let dialect = Dialect::from(facts.target.session.known()?);
    each(facts, |table| {
        // A key of fixed sizes fits; mapping every table only to see that would be slow.
        if !key_columns(table).iter().any(|c| stretches(c)) {
            return None;
        }
        let problems = schema::plan(table, &facts.pipeline, dialect).problems;
        problems.iter().find(|p| matches!(p, Problem::KeyTooLong { .. })).map(|p| too_long(table, p))
    })
}

fn key_columns(table: &PgTable) -> Vec<&PgColumn> {
    let names = schema::planned_key(table).unwrap_or_default();
    names.iter().filter_map(|name| table.column(name)).collect()
}

/// Values of the column can be of any length, or of a declared one.
fn stretches(column: &PgColumn) -> bool {
    is_large(column)
        || matches!(column.ty.name.as_str(), "varchar" | "bpchar" | "name" | "bit" | "varbit")
        || !matches!(column.ty.class, TypeClass::Base)
}

fn is_large(column: &PgColumn) -> bool {
    matches!(column.ty.class, TypeClass::Array | TypeClass::Composite) || LARGE.contains(&column.ty.name.as_str())
}

fn large_object(table: &PgTable) -> Option<Finding> {
    let columns = key_columns(table);
    let large: Vec<&PgColumn> = columns.into_iter().filter(|c| is_large(c)).collect();
    if large.is_empty() {
        return None;
    }
    let label = table.label();
    let names = quoted_list(large.iter().map(|c| c.name.as_str()));
    let message = format!("{label}: DMS takes the key {names} for a large object and does not replicate the table");
    let mut found = Finding::new(label, message);
    for column in &large {
        found = found.saw(&column.name, seen(column));
    }
    Some(found.fix(remedy(table, &large)))
}

fn too_long(table: &PgTable, problem: &Problem) -> Finding {
    let label = table.label();
    let columns = key_columns(table);
    let message = format!("{label} cannot be created on the target with its key: {problem}");
    let mut found = Finding::new(label, message);
    for column in columns.iter().filter(|c| stretches(c)) {
        found = found.saw(&column.name, seen(column));
    }
    found.fix(remedy(table, &columns))
}

fn seen(column: &PgColumn) -> String {
    match column.longest {
        Some(longest) => format!("{}, the longest value has {longest}", column.ty.display),
        None => column.ty.display.clone(),
    }
}

fn remedy(table: &PgTable, columns: &[&PgColumn]) -> Fix {
    let name = crate::quote::pg_table(&table.schema, &table.name);
    let column = columns.first().map_or_else(String::new, |c| crate::quote::pg_ident(&c.name));
    Fix::manual(
        format!("give {} a shorter key", table.label()),
        [
            format!("Where its values are short: ALTER TABLE {name} ALTER COLUMN {column} TYPE varchar(200)"),
            format!(
                "Where they are long: ALTER TABLE {name} ADD COLUMN \"id\" bigint GENERATED ALWAYS AS IDENTITY, and make \
                 that the primary key"
            ),
        ],
    )
    .or(format!("leave it out: add \"{}\" to exclude in [tables]", table.label()))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_pass, assert_unknown, causes, finding, healthy, pg_column, source_table, unseen,
    };
    use crate::facts::Facts;
    use crate::pipeline::EngineKind;

    fn text_key(ty: &str, longest: Option<u64>) -> Facts {
        let mut facts = healthy();
        let table = source_table(&mut facts);
        table.columns[0] = pg_column("chart_date", ty, ty, -1, true);
        table.columns[0].longest = longest;
        facts
    }

    #[test]
    fn a_text_that_fits_an_index_is_fine_with_direct_and_not_with_dms() {
        let mut facts = text_key("text", Some(120));
        assert_pass(&CHECK, &facts);
        facts.pipeline.sync.engine = EngineKind::Dms;
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("large object"), "{}", found.message);
        assert_eq!(found.evidence, [("chart_date".to_owned(), "text, the longest value has 120".to_owned())]);
    }

    #[test]
    fn a_text_that_is_too_long_for_an_index_is_not() {
        let facts = text_key("text", Some(5_000));
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("InnoDB takes 3072"), "{}", found.message);
        assert!(causes(&facts).contains(&"TBL-006"));
    }

    #[test]
    fn bytes_are_counted_once() {
        assert_pass(&CHECK, &text_key("bytea", Some(3_000)));
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.pipeline.sync.engine = EngineKind::Dms;
        assert_pass(&CHECK, &facts);
        facts.source.tables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
