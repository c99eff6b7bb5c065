//! A source table mapped to the target.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::types::{self, Mapped};
use super::{Dialect, Problem, TargetColumn, TargetKey, TargetTable, fit, problem};
use crate::facts::{PgColumn, PgKey, PgTable, TypeClass};
use crate::pipeline::Pipeline;

/// A mapped table with what stands in its way and what was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The table as it should be.
    pub table: TargetTable,
    /// Why it cannot be created so; empty when it can.
    pub problems: Vec<Problem>,
    /// Choices that a person should know of, in words.
    pub notes: Vec<String>,
}

/// The columns that identify a row on the source, which keeps others from being equal: the primary key; else the
/// shortest unique index that could become one.
#[must_use]
pub fn enforced_key(table: &PgTable) -> Option<Vec<String>> {
    if let Some(key) = &table.primary_key {
        return Some(key.columns.clone());
    }
    let promotable = table.unique_keys.iter().filter(|key| key.promotable() && !key.columns.is_empty());
    promotable.min_by_key(|key| (key.columns.len(), key.name.as_str())).map(|key| key.columns.clone())
}

/// The columns that identify a row on the target: the key that the source enforces; else a column that is unique by
/// the planner's statistics, an identity column first, then in column order.
#[must_use]
pub fn planned_key(table: &PgTable) -> Option<Vec<String>> {
    if let Some(key) = enforced_key(table) {
        return Some(key);
    }
    let unique = table.columns.iter().filter(|c| c.unique_by_statistics && identifies(c));
    unique.min_by_key(|c| !c.identity).map(|c| vec![c.name.clone()])
}

/// Types that people use as identifiers; a measured quantity is unique by chance.
fn identifies(column: &PgColumn) -> bool {
    !column.generated
        && matches!(column.ty.class, TypeClass::Base)
        && matches!(
            column.ty.name.as_str(),
            "int2" | "int4" | "int8" | "uuid" | "date" | "timestamp" | "timestamptz" | "text" | "varchar" | "bpchar"
        )
}

/// The table as it should be on the target. [`plan`] also says what stands in its way.
#[must_use]
pub fn target_table(table: &PgTable, pipeline: &Pipeline, dialect: Dialect) -> TargetTable {
    plan(table, pipeline, dialect).table
}

/// Maps one table.
#[must_use]
pub fn plan(source: &PgTable, pipeline: &Pipeline, dialect: Dialect) -> Planned {
    let mut notes = Vec::new();
    let mut problems = Vec::new();
    let key = planned_key(source).unwrap_or_default();
    if source.primary_key.is_none() {
        notes.push(match key.as_slice() {
            [] => "no primary key: the source has none and offers none".into(),
            key => format!("primary key ({}): the source has none, these columns could be one", key.join(", ")),
        });
    }
    let mut mapped: Vec<Mapped> = source.columns.iter().map(|c| types::map(&c.ty, dialect)).collect();
    let mut keys = fit::Keys::new(source, &mut mapped, dialect);
    if let Err(problem) = keys.fit(&key) {
        problems.push(problem);
    }
    let unique_keys = carried_keys(source, &key, &mut keys, dialect, &mut notes);
    notes.append(&mut keys.notes);
    let keyed: Vec<&String> = key.iter().chain(unique_keys.iter().flat_map(|k| &k.columns)).collect();
    problems.extend(fit::row(source, &mut mapped, &keyed, dialect, &mut notes));
    let columns = source.columns.iter().zip(&mapped).map(|(column, mapped)| TargetColumn {
        name: column.name.clone(),
        sql_type: mapped.ty.to_string(),
        nullable: !column.not_null && !key.contains(&column.name),
        transfer: mapped.transfer,
        longest: column.longest.filter(|_| keyed.contains(&&column.name) && types::length(&column.ty).is_none()),
    });
    let table = TargetTable {
        source_schema: source.schema.clone(),
        source_name: source.name.clone(),
        database: pipeline.target_database(&source.schema).to_owned(),
        name: source.name.clone(),
        columns: columns.collect(),
        primary_key: key,
        unique_keys,
    };
    let mut all = problem::of_names(&table, dialect);
    all.append(&mut problems);
    Planned { table, problems: all, notes }
}

/// Maps all tables, and finds those that go to one place.
#[must_use]
pub fn plan_all(sources: &[PgTable], pipeline: &Pipeline, dialect: Dialect) -> Vec<Planned> {
    let mut planned: Vec<Planned> = sources.iter().map(|source| plan(source, pipeline, dialect)).collect();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for at in 0..planned.len() {
        let table = &planned[at].table;
        // Servers on Windows or with lower_case_table_names fold; where they do not, names that differ only by
        // case are two tables, and a person finds that in the plan.
        let place = (table.database.clone(), table.name.clone());
        if let Some(first) = places.get(&place).copied() {
            let other = &planned[first].table;
            let problem = Problem::SameTable {
                other: format!("{}.{}", other.source_schema, other.source_name),
                target: format!("{}.{}", place.0, place.1),
            };
            planned[at].problems.push(problem);
        } else {
            places.insert(place, at);
        }
    }
    planned
}

/// The unique indexes that the target gets beside its primary key.
fn carried_keys(
    source: &PgTable,
    primary: &[String],
    keys: &mut fit::Keys<'_>,
    dialect: Dialect,
    notes: &mut Vec<String>,
) -> Vec<TargetKey> {
    let mut carried: Vec<TargetKey> = Vec::new();
    for key in &source.unique_keys {
        let columns = &key.columns;
        if columns.as_slice() == primary || carried.iter().any(|k| k.columns == *columns) {
            continue;
        }
        let refused = not_carried(key)
            .map(str::to_owned)
            .or_else(|| (carried.len() >= 63).then(|| "the target takes 64 indexes".to_owned()))
            .or_else(|| (columns.len() > dialect.key_parts()).then(|| "it has too many columns".to_owned()))
            .or_else(|| keys.fit(columns).err().map(|_| "its values are too long for an index".to_owned()));
        match refused {
            Some(why) => notes.push(format!("unique index {} is not carried over: {why}", key.name)),
            None => carried.push(TargetKey { name: key_name(&key.name, &carried), columns: columns.clone() }),
        }
    }
    carried
}

fn not_carried(key: &PgKey) -> Option<&'static str> {
    if key.partial {
        Some("it is partial")
    } else if key.expressions || key.columns.is_empty() {
        Some("it holds an expression")
    } else if key.deferrable {
        Some("it is deferrable, and the target checks at once")
    } else {
        None
    }
}

/// An index name that the target takes and that is not in use.
fn key_name(name: &str, used: &[TargetKey]) -> String {
    let taken =
        |n: &str| n.eq_ignore_ascii_case("primary") || used.iter().any(|k| problem::fold(&k.name) == problem::fold(n));
    let fine = problem::bad(name).is_none() && name.chars().count() <= 64 && !taken(name);
    if fine { name.to_owned() } else { format!("unique_key_{}", used.len() + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{MARIADB, MYSQL, column, pipeline, table, unique};

    #[test]
    fn the_key_is_the_best_that_the_source_offers() {
        let columns = || vec![column("score", "float8", -1), column("a", "int4", -1), column("b", "text", -1)];
        let mut source = table("t", columns(), &["b"]);
        source.unique_keys = vec![unique("long", &["a", "b"]), unique("short", &["a"])];
        assert_eq!(planned_key(&source), Some(vec!["b".into()]), "the primary key first");
        source.primary_key = None;
        assert_eq!(planned_key(&source), Some(vec!["a".into()]), "then the shortest unique index");
        source.unique_keys[1].not_null = false;
        assert_eq!(planned_key(&source), Some(vec!["a".into(), "b".into()]));
        source.unique_keys.clear();
        assert_eq!(planned_key(&source), None);
        for c in &mut source.columns {
            c.unique_by_statistics = true;
        }
        assert_eq!(planned_key(&source), Some(vec!["a".into()]), "a measured quantity is no key");
        source.columns[2].identity = true;
        assert_eq!(planned_key(&source), Some(vec!["b".into()]));
    }

    #[test]
    fn ddl_of_a_table_of_many_kinds() {
        let mut source = table(
            "weekly \"chart\"",
            vec![
                column("ChartDate_WeekEnding", "date", -1),
                column("sku", "text", -1),
                column("title", "varchar", 204),
                column("uid", "uuid", -1),
                column("raw", "bytea", -1),
                column("meta", "jsonb", -1),
            ],
            &["ChartDate_WeekEnding", "sku"],
        );
        source.columns[1].longest = Some(12);
        source.unique_keys = vec![unique("PRIMARY", &["raw"]), unique("partial", &["title"])];
        source.unique_keys[1].partial = true;
        for (name, dialect) in [("mysql", MYSQL), ("mariadb", MARIADB)] {
            let planned = plan(&source, &pipeline(), dialect);
            assert_eq!(planned.problems, []);
            let text = format!("{}\n\n{}", planned.table.create_sql(), planned.notes.join("\n"));
            insta::assert_snapshot!(format!("ddl_{name}"), text);
        }
    }

    #[test]
    fn tables_that_go_to_one_place_are_found() {
        let one = table("t", vec![column("a", "int4", -1)], &["a"]);
        let mut two = one.clone();
        two.schema = "other".into();
        let planned = plan_all(&[one, two], &pipeline(), MYSQL);
        assert_eq!(planned[0].problems, []);
        assert!(matches!(&planned[1].problems[..], [Problem::SameTable { other, .. }] if other == "public.t"));
    }

    #[test]
    fn names_that_mysql_cannot_have_are_named() {
        let long = "é".repeat(65);
        let source = table(
            "t",
            vec![
                column("Id", "int4", -1),
                column("id", "int4", -1),
                column("end ", "int4", -1),
                column("🎵", "int4", -1),
                column(&long, "int4", -1),
                column(" a.b`c\t", "int4", -1),
            ],
            &["Id"],
        );
        let problems: Vec<String> =
            plan(&source, &pipeline(), MYSQL).problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(problems.join("\n"));
    }
}
