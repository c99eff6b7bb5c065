//! Compares an existing table with the one wanted.

use super::my_type::{Kind, MyType};
use super::narrow::{Family, family, narrower};
use super::{Difference, TargetColumn, TargetTable};
use crate::facts::{MyColumn, MyTable};

/// In what ways the existing table would lose, change or refuse values; empty when it would not. Wider is fine.
#[must_use]
pub fn drift(want: &TargetTable, have: &MyTable) -> Vec<Difference> {
    let mut found = Vec::new();
    if let Some(engine) = have.engine.as_ref().filter(|e| !e.eq_ignore_ascii_case("innodb")) {
        found.push(Difference::OtherEngine { have: engine.clone() });
    }
    for column in &want.columns {
        match have.column(&column.name) {
            Some(there) => of_column(want, column, have, there, &mut found),
            None => {
                found.push(Difference::MissingColumn { column: column.name.clone(), want: column.sql_type.clone() });
            }
        }
    }
    for there in &have.columns {
        if wanted(want, &there.name).is_none() && required(there) {
            let have = there.column_type.clone();
            found.push(Difference::ExtraRequiredColumn { column: there.name.clone(), have });
        }
    }
    of_keys(want, have, &mut found);
    found
}

/// A wanted column by its name on the target, which has no regard to case.
pub(super) fn wanted<'a>(want: &'a TargetTable, name: &str) -> Option<&'a TargetColumn> {
    want.columns.iter().find(|c| c.name.to_lowercase() == name.to_lowercase())
}

pub(super) fn contains(columns: &[String], name: &str) -> bool {
    columns.iter().any(|c| c.to_lowercase() == name.to_lowercase())
}

fn required(column: &MyColumn) -> bool {
    !column.nullable && column.default.is_none() && !column.generated && !filled(column)
}

/// The server fills it.
pub(super) fn filled(column: &MyColumn) -> bool {
    let extra = column.extra.to_lowercase();
    extra.contains("auto_increment") || extra.contains("default_generated")
}

fn of_column(table: &TargetTable, want: &TargetColumn, have: &MyTable, there: &MyColumn, found: &mut Vec<Difference>) {
    let column = || want.name.clone();
    if there.generated {
        found.push(Difference::GeneratedTarget { column: column(), have: there.extra.to_uppercase() });
    }
    let (wanted, is) = (MyType::parse(&want.sql_type), MyType::of(there));
    let prefix = contains(&have.primary_key, &want.name) && matches!(is.kind, Kind::Text(_) | Kind::Blob(_));
    let why = narrower(&wanted, &is, want.longest)
        .or_else(|| prefix.then(|| "only the first part of its values is in the key".into()));
    if let Some(why) = why {
        found.push(Difference::NarrowerType {
            column: column(),
            want: want.sql_type.clone(),
            have: described(there, &is),
            why,
        });
    }
    if want.nullable && !there.nullable {
        found.push(Difference::NullableMismatch { column: column() });
    }
    let mut keys = have.unique_keys.iter().map(|k| &k.columns).chain([&have.primary_key]);
    let keyed = contains(&table.primary_key, &want.name) || keys.any(|key| decides(table, key, &want.name));
    if let (true, Some(collation)) = (keyed, merging(&wanted, &is)) {
        let want = wanted.text.map(|t| t.collation).unwrap_or_default();
        found.push(Difference::MergingCollation { column: column(), want, have: collation });
    }
}

/// True when values of this column decide whether two rows are one to the key: without it, no key of the source is left.
fn decides(table: &TargetTable, key: &[String], column: &str) -> bool {
    let without: Vec<String> = key.iter().filter(|c| c.to_lowercase() != column.to_lowercase()).cloned().collect();
    contains(key, column) && !implied(table, &without)
}

/// True when a key of the source is part of these columns, so that its rows differ in them.
fn implied(want: &TargetTable, columns: &[String]) -> bool {
    let within = |key: &[String]| !key.is_empty() && key.iter().all(|name| contains(columns, name));
    within(&want.primary_key) || want.unique_keys.iter().any(|key| within(&key.columns))
}

/// The type as the server gives it, with the character set of text.
fn described(there: &MyColumn, is: &MyType) -> String {
    match &is.text {
        Some(text) => format!("{} CHARACTER SET {}", there.column_type, text.charset),
        None => there.column_type.clone(),
    }
}

/// The collation, where it takes different values of the source for one.
fn merging(want: &MyType, have: &MyType) -> Option<String> {
    let wanted = want.text.as_ref().filter(|t| t.charset != "ascii")?;
    let collation = &have.text.as_ref()?.collation;
    let blank_padded = matches!(want.kind, Kind::Char(_));
    let exact = collation.ends_with("_bin") || collation == "binary" || collation.ends_with("_as_cs");
    let pads = !(collation.contains("0900") || collation.contains("nopad") || collation == "binary");
    let same = collation == &wanted.collation || (exact && (!pads || blank_padded));
    (!same && family(have) == Family::Text).then(|| collation.clone())
}

fn of_keys(want: &TargetTable, have: &MyTable, found: &mut Vec<Difference>) {
    if !want.primary_key.is_empty() {
        if have.primary_key.is_empty() {
            found.push(Difference::MissingPrimaryKey { want: want.primary_key.clone() });
        } else if !same_columns(&want.primary_key, &have.primary_key) {
            found.push(Difference::OtherKey { want: want.primary_key.clone(), have: have.primary_key.clone() });
        }
    } else if refuses(want, have, &have.primary_key) {
        found.push(Difference::ExtraUniqueKey { key: "PRIMARY".into(), columns: have.primary_key.clone() });
    }
    for key in have.unique_keys.iter().filter(|key| refuses(want, have, &key.columns)) {
        found.push(Difference::ExtraUniqueKey { key: key.name.clone(), columns: key.columns.clone() });
    }
}

fn same_columns(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().all(|name| contains(b, name))
}

/// True when rows that differ on the source could be the same to a unique key of the target: no key of the source
/// is part of it, and no column of it is filled by the server with a value of its own.
fn refuses(want: &TargetTable, have: &MyTable, columns: &[String]) -> bool {
    let own_value = |name: &String| {
        wanted(want, name).is_none()
            && have.column(name).is_some_and(|c| filled(c) || (c.nullable && c.default.is_none()))
    };
    !columns.is_empty() && !implied(want, columns) && !columns.iter().any(own_value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::MyKey;
    use crate::schema::target_table;
    use crate::schema::testing::{MYSQL, column, created, pipeline, table, there, unique};

    fn want() -> TargetTable {
        let mut source = table(
            "t",
            vec![column("id", "int4", -1), column("name", "varchar", 24), column("at", "timestamp", -1)],
            &["id"],
        );
        source.columns[0].not_null = true;
        target_table(&source, &pipeline(), MYSQL)
    }

    fn after(change: impl FnOnce(&mut MyTable)) -> Vec<String> {
        let want = want();
        let mut have = created(&want);
        change(&mut have);
        drift(&want, &have).iter().map(Difference::describe).collect()
    }

    #[test]
    fn the_table_itself_and_wider_ones_do_not_differ() {
        assert_eq!(after(|_| {}), [""; 0]);
        assert_eq!(
            after(|have| {
                have.columns[0] = there("ID", "bigint");
                have.columns[0].nullable = false;
                have.columns[1] = there("name", "longtext");
                have.columns.push(there("loaded_at", "timestamp"));
                let mut counter = there("row", "int");
                counter.nullable = false;
                counter.extra = "auto_increment".into();
                have.columns.push(counter);
                have.unique_keys.push(MyKey { name: "row".into(), columns: vec!["row".into()] });
                have.unique_keys.push(MyKey { name: "both".into(), columns: vec!["name".into(), "Id".into()] });
            }),
            [""; 0]
        );
    }

    #[test]
    fn each_difference_is_one_sentence() {
        let found = after(|have| {
            have.engine = Some("MyISAM".into());
            have.columns.remove(2);
            have.columns[0] = there("id", "smallint");
            have.columns[1] = there("name", "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
            have.columns[1].nullable = false;
            let mut extra = there("owner", "varchar(10)");
            extra.nullable = false;
            have.columns.push(extra);
            let mut computed = there("at", "datetime(6)");
            computed.generated = true;
            computed.extra = "stored generated".into();
            have.columns.push(computed);
            have.primary_key = vec!["name".into()];
            have.unique_keys.push(MyKey { name: "one_name".into(), columns: vec!["name".into()] });
        });
        insta::assert_snapshot!(found.join("\n"));
        assert_eq!(after(|have| have.columns.truncate(2)), ["column at is missing; it should be DATETIME(6)"]);
    }

    #[test]
    fn a_lost_primary_key_is_found() {
        let found = after(|have| have.primary_key.clear());
        assert!(found.len() == 1 && found[0].starts_with("it has no primary key and should have (id)"), "{found:?}");
    }

    #[test]
    fn the_order_of_key_columns_does_not_matter() {
        let source = table("t", vec![column("a", "int4", -1), column("b", "int4", -1)], &["a", "b"]);
        let want = target_table(&source, &pipeline(), MYSQL);
        let mut have = created(&want);
        have.primary_key.reverse();
        assert_eq!(drift(&want, &have), []);
    }

    #[test]
    fn a_key_that_the_source_lacks_is_found_unless_the_server_fills_it() {
        let source = table("t", vec![column("a", "int4", -1)], &[]);
        let want = target_table(&source, &pipeline(), MYSQL);
        let mut have = created(&want);
        have.primary_key = vec!["a".into()];
        have.columns[0].nullable = false;
        assert!(
            drift(&want, &have)
                .contains(&Difference::ExtraUniqueKey { key: "PRIMARY".into(), columns: vec!["a".into()] })
        );
        let mut row = there("row", "bigint");
        row.extra = "auto_increment".into();
        row.nullable = false;
        let mut have = created(&want);
        have.columns.push(row);
        have.primary_key = vec!["row".into()];
        assert_eq!(drift(&want, &have), []);
    }

    #[test]
    fn collations_that_merge_keys_are_found_in_keys_only() {
        let mut source = table("t", vec![column("code", "varchar", 14), column("name", "varchar", 14)], &["code"]);
        source.unique_keys = vec![unique("n", &["name"])];
        let want = target_table(&source, &pipeline(), MYSQL);
        for (collation, merges) in [
            ("utf8mb4_0900_bin", false),
            ("utf8mb4_nopad_bin", false),
            ("utf8mb4_0900_as_cs", false),
            ("utf8mb4_bin", true),
            ("utf8mb4_0900_ai_ci", true),
            ("utf8mb4_general_ci", true),
        ] {
            let declared = format!("varchar(10) CHARACTER SET utf8mb4 COLLATE {collation}");
            let mut have = created(&want);
            have.columns = vec![there("code", &declared), there("name", &declared)];
            assert_eq!(drift(&want, &have).len(), if merges { 2 } else { 0 }, "{collation}");
            have.unique_keys.clear();
            assert_eq!(drift(&want, &have).len(), usize::from(merges), "{collation} outside keys");
        }
    }
}
