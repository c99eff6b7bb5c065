//! What Spark's JDBC writer leaves behind when it re-creates a table.

use crate::facts::MyTable;

/// Types that Spark declares, over its versions.
const TYPES: &[&str] = &[
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal",
    "bit",
    "text",
    "longtext",
    "blob",
    "longblob",
    "date",
    "datetime",
    "timestamp",
];
/// Those of them that a person seldom chooses.
const MARKS: &[&str] = &["text", "longtext", "double", "bit"];

/// True when the table looks as Spark's JDBC overwrite creates it: no key at all, every column nullable and without
/// a default, only types that Spark knows, and among them LONGTEXT, DOUBLE or BIT.
#[must_use]
pub fn spark_fingerprint(have: &MyTable) -> bool {
    have.primary_key.is_empty()
        && have.unique_keys.is_empty()
        && !have.columns.is_empty()
        && have
            .columns
            .iter()
            .all(|c| c.nullable && c.default.is_none() && c.extra.is_empty() && TYPES.contains(&c.data_type.as_str()))
        && have.columns.iter().any(|c| MARKS.contains(&c.data_type.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::target_table;
    use crate::schema::testing::{MYSQL, column, created, pipeline, table, there};

    fn rewritten() -> MyTable {
        let source = table("t", vec![column("id", "int4", -1), column("amount", "numeric", -1)], &[]);
        let mut have = created(&target_table(&source, &pipeline(), MYSQL));
        have.columns = vec![there("id", "int(11)"), there("name", "longtext"), there("amount", "double")];
        have
    }

    #[test]
    fn a_rewritten_table_is_known_by_its_looks() {
        assert!(spark_fingerprint(&rewritten()));
    }

    #[test]
    fn one_sign_of_a_person_is_enough_against_it() {
        let signs: [fn(&mut MyTable); 5] = [
            |t| t.primary_key = vec!["id".into()],
            |t| t.columns[0].nullable = false,
            |t| t.columns[1] = there("name", "varchar(20)"),
            |t| t.columns[0].default = Some("0".into()),
            |t| t.columns.truncate(1),
        ];
        for (at, sign) in signs.iter().enumerate() {
            let mut have = rewritten();
            sign(&mut have);
            assert!(!spark_fingerprint(&have), "sign {at}");
        }
    }
}
