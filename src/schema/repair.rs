//! The one `ALTER TABLE` that ends all differences.

use super::ddl::list;
use super::drift::{contains, drift, wanted};
use super::my_type::{KEY_BYTES, Kind, LONG, MyType, Text, VARCHAR_CHARS};
use super::narrow::{Family, family, printed_chars, range};
use super::{Difference, TargetTable};
use crate::facts::{MyColumn, MyTable};
use crate::quote::{my_ident, my_table};

/// One statement, without semicolon, after which [`drift`] finds nothing: it adds and widens columns and sets the
/// key. It drops no column and cuts no value: what does not fit makes the server refuse the statement. None where
/// there is nothing to do, or no such statement.
#[must_use]
pub fn repair_sql(want: &TargetTable, have: &MyTable) -> Option<String> {
    let differences = drift(want, have);
    let mut clauses = Vec::new();
    for there in &have.columns {
        clauses.extend(modify(want, there, &differences)?);
    }
    for column in want.columns.iter().filter(|c| have.column(&c.name).is_none()) {
        // Rows that are there get NULL, which is the truth about them; a key column cannot have it.
        let null = if contains(&want.primary_key, &column.name) { "NOT NULL" } else { "NULL" };
        clauses.push(format!("ADD COLUMN {} {} {null}", my_ident(&column.name), column.sql_type));
    }
    clauses.extend(keys(want, have, &differences)?);
    if differences.iter().any(|d| matches!(d, Difference::OtherEngine { .. })) {
        clauses.push("ENGINE=InnoDB".into());
    }
    let table = my_table(&have.schema, &have.name);
    (!clauses.is_empty()).then(|| format!("ALTER TABLE {table} {}", clauses.join(", ")))
}

/// The clause that mends one column: `Some(None)` when it is fine, `None` when it cannot be mended.
fn modify(want: &TargetTable, there: &MyColumn, differences: &[Difference]) -> Option<Option<String>> {
    let is = MyType::of(there);
    let about: Vec<&Difference> = differences
        .iter()
        .filter(|d| d.column().is_some_and(|c| c.to_lowercase() == there.name.to_lowercase()))
        .collect();
    let becomes_key = contains(&want.primary_key, &there.name)
        && differences.iter().any(|d| matches!(d, Difference::MissingPrimaryKey { .. } | Difference::OtherKey { .. }));
    let index_refuses = becomes_key && is.key_bytes().is_none();
    if about.is_empty() && !(becomes_key && (there.nullable || index_refuses)) {
        return Some(None);
    }
    if there.generated && there.extra.to_uppercase().contains("VIRTUAL") {
        // Neither server turns a virtual column into a stored one.
        return None;
    }
    let retype = index_refuses
        || about.iter().any(|d| matches!(d, Difference::NarrowerType { .. } | Difference::MergingCollation { .. }));
    let ty = match wanted(want, &there.name) {
        Some(column) if retype => {
            let target = MyType::parse(&column.sql_type);
            let both = widened(&target, &is)?;
            let indexed = contains(&want.primary_key, &there.name);
            if indexed && both.key_bytes().is_none() { target } else { both }
        }
        _ if matches!(is.kind, Kind::Labels { .. } | Kind::Other(_)) => return None,
        _ => is,
    };
    let null = match wanted(want, &there.name) {
        Some(_) if contains(&want.primary_key, &there.name) => "NOT NULL",
        Some(column) if !column.nullable && !there.nullable => "NOT NULL",
        _ => "NULL",
    };
    let counter = if there.extra.to_lowercase().contains("auto_increment") { " AUTO_INCREMENT" } else { "" };
    Some(Some(format!("MODIFY COLUMN {} {ty} {null}{counter}", my_ident(&there.name))))
}

/// The clauses that mend the keys.
fn keys(want: &TargetTable, have: &MyTable, differences: &[Difference]) -> Option<Vec<String>> {
    let mut clauses = Vec::new();
    for difference in differences {
        match difference {
            Difference::MissingPrimaryKey { .. } => clauses.push(primary_key(want, have)?),
            Difference::OtherKey { .. } => {
                clauses.extend(drop_primary_key(want, have));
                clauses.push(primary_key(want, have)?);
            }
            Difference::ExtraUniqueKey { key, .. } if key == "PRIMARY" => clauses.extend(drop_primary_key(want, have)),
            Difference::ExtraUniqueKey { key, .. } => clauses.push(format!("DROP INDEX {}", my_ident(key))),
            _ => {}
        }
    }
    Some(clauses)
}

/// The clause for the wanted key; none where the columns, as wide as they are on the target, do not fit an index.
fn primary_key(want: &TargetTable, have: &MyTable) -> Option<String> {
    let bytes: u64 = want
        .primary_key
        .iter()
        .filter_map(|name| {
            let there = have.column(name).and_then(|c| MyType::of(c).key_bytes());
            there.or_else(|| wanted(want, name).and_then(|c| MyType::parse(&c.sql_type).key_bytes()))
        })
        .sum();
    (bytes <= KEY_BYTES).then(|| format!("ADD PRIMARY KEY {}", list(&want.primary_key)))
}

fn drop_primary_key(want: &TargetTable, have: &MyTable) -> Vec<String> {
    let mut clauses = vec!["DROP PRIMARY KEY".to_owned()];
    for column in have.columns.iter().filter(|c| c.extra.to_lowercase().contains("auto_increment")) {
        if column.extra.to_lowercase().contains("invisible") && column.name == "my_row_id" {
            // MySQL made this column for want of a key, and drops the key only together with it.
            clauses.push(format!("DROP COLUMN {}", my_ident(&column.name)));
            continue;
        }
        let leads =
            |columns: &[String]| columns.first().is_some_and(|c| c.to_lowercase() == column.name.to_lowercase());
        if !leads(&want.primary_key) && !have.unique_keys.iter().any(|k| leads(&k.columns)) {
            // The server counts only in a column that leads an index.
            clauses.push(format!("ADD UNIQUE KEY {}", list(std::slice::from_ref(&column.name))));
        }
    }
    clauses
}

/// A type that holds the values of both, `want` where it does; none where there is no such type.
fn widened(want: &MyType, have: &MyType) -> Option<MyType> {
    use Family as F;
    match (family(want), family(have)) {
        (F::Int | F::Decimal, F::Int | F::Decimal) => number(want, have),
        (F::Int, F::Bit) => {
            let Kind::Bit(bits) = have.kind else { return None };
            let bytes = u8::try_from(bits.div_ceil(8)).ok()?;
            number(
                want,
                &MyType::plain(Kind::Int { bytes: bytes.next_power_of_two(), unsigned: bits > 1, flag: bits == 1 }),
            )
        }
        // What a FLOAT or DOUBLE made of the source's values is brought back to the nearest that the source can have.
        (F::Int | F::Decimal | F::Float, F::Float) | (F::Float, F::Int | F::Decimal) => Some(want.clone()),
        (F::Int, F::Year) => number(want, &MyType::plain(Kind::Int { bytes: 2, unsigned: false, flag: false })),
        (F::Date | F::Moment, F::Date | F::Moment | F::Stamp) | (F::Time, F::Time) => Some(moment(want, have)),
        (F::Text, F::Text | F::Labels) => Some(text(want, have)),
        (
            F::Text,
            F::Int | F::Decimal | F::Float | F::Bit | F::Year | F::Date | F::Time | F::Moment | F::Stamp | F::Uuid,
        ) => Some(at_least(want, printed_chars(have))),
        (F::Text, F::Bytes | F::Json) => Some(at_least(want, printed_chars(have))),
        (F::Bytes, F::Bytes | F::Text) => {
            let need = if family(have) == F::Text { have.chars()?.saturating_mul(4) } else { printed_chars(have) };
            Some(match want.kind {
                Kind::VarBinary(n) if need <= KEY_BYTES => MyType::plain(Kind::VarBinary(n.max(need))),
                _ => MyType::plain(Kind::Blob(LONG)),
            })
        }
        (F::Json, F::Text) => {
            let text = Text { charset: "utf8mb4".into(), collation: "utf8mb4_bin".into() };
            Some(MyType { kind: Kind::Text(LONG), text: Some(text) })
        }
        (F::Int | F::Decimal | F::Float | F::Date | F::Time | F::Moment, F::Text) => {
            Some(at_least(have, printed_chars(want)))
        }
        _ => None,
    }
}

/// A text type with room for at least so many characters.
fn at_least(ty: &MyType, chars: u64) -> MyType {
    if ty.chars().is_some_and(|have| have >= chars) {
        return ty.clone();
    }
    let kind = if chars <= VARCHAR_CHARS { Kind::VarChar(chars) } else { Kind::Text(LONG) };
    MyType { kind, text: ty.text.clone() }
}

fn text(want: &MyType, have: &MyType) -> MyType {
    let ascii = want.text.as_ref().is_some_and(|t| t.charset == "ascii");
    let text = if ascii && have.text.is_some() { have.text.clone() } else { want.text.clone() };
    let chars = printed_chars(want).max(printed_chars(have));
    let family = [want, have].into_iter().filter_map(|t| match t.kind {
        Kind::Text(bytes) => Some(bytes),
        _ => None,
    });
    let kind = match family.max() {
        Some(_) => {
            [255, 65_535, 16_777_215].into_iter().find(|bytes| bytes / 4 >= chars).map_or(Kind::Text(LONG), Kind::Text)
        }
        None if chars > VARCHAR_CHARS => Kind::Text(LONG),
        None => match (&want.kind, &have.kind) {
            (Kind::Char(_), Kind::Char(_)) => Kind::Char(chars),
            _ => Kind::VarChar(chars),
        },
    };
    MyType { kind, text }
}

fn moment(want: &MyType, have: &MyType) -> MyType {
    let digits = |ty: &MyType| match ty.kind {
        Kind::Time(fsp) | Kind::DateTime(fsp) | Kind::Timestamp(fsp) => fsp,
        _ => 0,
    };
    let fsp = digits(want).max(digits(have));
    MyType::plain(if matches!(want.kind, Kind::Time(_)) { Kind::Time(fsp) } else { Kind::DateTime(fsp) })
}

/// The smallest of the wanted type, the integers and DECIMAL that holds both.
fn number(want: &MyType, have: &MyType) -> Option<MyType> {
    let bounds = |ty: &MyType| match ty.kind {
        Kind::Int { flag: true, .. } => Some((0, 1)),
        Kind::Int { bytes, unsigned, .. } => Some(range(bytes, unsigned)),
        _ => None,
    };
    if let (Some((low, high)), Some((other_low, other_high))) = (bounds(want), bounds(have)) {
        let fits = |bytes: u8, unsigned: bool| {
            let (l, h) = range(bytes, unsigned);
            l <= low.min(other_low) && h >= high.max(other_high)
        };
        if let Kind::Int { bytes, unsigned, .. } = want.kind
            && fits(bytes, unsigned)
        {
            return Some(want.clone());
        }
        if let Some(bytes) = [1, 2, 4, 8].into_iter().find(|bytes| fits(*bytes, false)) {
            return Some(MyType::plain(Kind::Int { bytes, unsigned: false, flag: false }));
        }
    }
    let digits = |ty: &MyType| match ty.kind {
        Kind::Decimal { precision, scale, .. } => (precision - scale, scale),
        _ => (printed_chars(ty), 0),
    };
    let (a, b) = (digits(want), digits(have));
    let (whole, scale) = (a.0.max(b.0), a.1.max(b.1));
    (whole + scale <= 65 && scale <= 30)
        .then(|| MyType::plain(Kind::Decimal { precision: whole + scale, scale, unsigned: false }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::target_table;
    use crate::schema::testing::{MYSQL, column, created, pipeline, table, there};

    fn want() -> TargetTable {
        let mut source = table(
            "weekly",
            vec![
                column("Chart`Date", "date", -1),
                column("title", "varchar", 204),
                column("score", "numeric", ((12 << 16) | 2) + 4),
                column("at", "timestamp", -1),
            ],
            &["Chart`Date"],
        );
        source.columns[0].not_null = true;
        target_table(&source, &pipeline(), MYSQL)
    }

    #[test]
    fn nothing_to_do_is_no_statement() {
        assert_eq!(repair_sql(&want(), &created(&want())), None);
    }

    #[test]
    fn a_table_that_spark_rewrote_gets_its_key_and_types_back_in_one_statement() {
        let mut have = created(&want());
        have.primary_key.clear();
        have.columns = vec![there("Chart`Date", "date"), there("title", "longtext"), there("score", "double")];
        insta::assert_snapshot!(repair_sql(&want(), &have).unwrap());
    }

    #[test]
    fn widening_keeps_what_the_column_holds_now() {
        for (want, have, expected) in [
            ("INT", "smallint", Some("INT")),
            ("INT", "smallint unsigned", Some("INT")),
            ("INT", "int unsigned", Some("BIGINT")),
            ("BIGINT", "bigint unsigned", Some("DECIMAL(20,0)")),
            ("TINYINT(1)", "bit(1)", Some("TINYINT(1)")),
            ("TINYINT(1)", "bit(8)", Some("SMALLINT")),
            ("DECIMAL(12,2)", "decimal(20,1)", Some("DECIMAL(21,2)")),
            ("DECIMAL(65,30)", "decimal(65,0)", None),
            ("DECIMAL(12,2)", "double", Some("DECIMAL(12,2)")),
            ("DATETIME(6)", "date", Some("DATETIME(6)")),
            ("DATETIME(3)", "timestamp(6)", Some("DATETIME(6)")),
            ("DATE", "year", None),
            ("VARCHAR(20)", "char(30)", Some("VARCHAR(30)")),
            ("LONGTEXT", "varchar(10)", Some("LONGTEXT")),
            ("VARCHAR(100)", "tinytext", Some("TEXT")),
            ("INT", "varchar(5)", Some("VARCHAR(11)")),
            ("VARCHAR(5)", "bigint", Some("VARCHAR(20)")),
            ("VARBINARY(30)", "varbinary(40)", Some("VARBINARY(40)")),
            ("DATE", "inet6", None),
        ] {
            let found = widened(&MyType::parse(want), &MyType::parse(have)).map(|t| t.kind.to_string());
            assert_eq!(found.as_deref(), expected, "{want} and {have}");
        }
    }

    #[test]
    fn a_counter_keeps_an_index_when_its_key_goes() {
        let mut have = created(&want());
        let mut id = there("id", "bigint");
        id.nullable = false;
        id.extra = "auto_increment".into();
        have.columns.push(id);
        have.primary_key = vec!["id".into()];
        let sql = repair_sql(&want(), &have).unwrap();
        assert!(sql.ends_with("DROP PRIMARY KEY, ADD UNIQUE KEY (`id`), ADD PRIMARY KEY (`Chart``Date`)"), "{sql}");
    }

    #[test]
    fn what_cannot_be_mended_gives_no_statement() {
        let mut have = created(&want());
        have.columns[0] = there("Chart`Date", "year");
        assert_eq!(repair_sql(&want(), &have), None);
    }
}
