//! Tables, columns and keys of the target: each query asks about all tables of all databases at once.

use std::collections::HashMap;

use jiff::Timestamp;
use mysql_async::Error;

use super::super::{MyColumn, MyKey, MyTable};
use super::ask::{Ask, get};
use crate::quote::{my_literal, my_table};

/// Database and table.
type Name = (String, String);

pub(super) async fn tables(ask: &mut Ask<'_>, databases: &[&str]) -> Result<Vec<MyTable>, Error> {
    if databases.is_empty() {
        return Ok(Vec::new());
    }
    let list = databases.iter().map(|name| my_literal(name)).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT table_schema, table_name, engine, table_collation, table_rows, UNIX_TIMESTAMP(create_time), table_comment \
           FROM information_schema.tables WHERE table_schema IN ({list}) AND table_type = 'BASE TABLE'"
    );
    let rows = ask.rows(&sql).await?;
    let mut tables: Vec<MyTable> = rows
        .iter()
        .map(|row| MyTable {
            schema: get(row, 0),
            name: get(row, 1),
            engine: get(row, 2),
            collation: get(row, 3),
            estimated_rows: get(row, 4),
            created: get::<Option<i64>>(row, 5).and_then(|seconds| Timestamp::from_second(seconds).ok()),
            comment: get(row, 6),
            columns: Vec::new(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: false,
            triggers: Vec::new(),
        })
        .collect();
    // Servers differ in how they sort names.
    tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    let places: HashMap<Name, usize> =
        tables.iter().enumerate().map(|(at, t)| ((t.schema.clone(), t.name.clone()), at)).collect();
    let mut with = |schema: String, name: String, change: &mut dyn FnMut(&mut MyTable)| {
        if let Some(at) = places.get(&(schema, name)) {
            change(&mut tables[*at]);
        }
    };
    columns(ask, &list, &mut with).await?;
    keys(ask, &list, &mut with).await?;
    foreign_keys(ask, &list, &mut with).await?;
    triggers(ask, &list, &mut with).await?;
    Ok(tables)
}

/// `SHOW CREATE TABLE` of each table, in their order: a query for each.
pub(super) async fn definitions(ask: &mut Ask<'_>, tables: &[&MyTable]) -> Result<Vec<String>, Error> {
    // Names always in backticks, whatever the server's own setting.
    ask.rows("SET SESSION sql_quote_show_create = 1").await?;
    let mut definitions = Vec::new();
    for table in tables {
        let rows = ask.rows(&format!("SHOW CREATE TABLE {}", my_table(&table.schema, &table.name))).await?;
        definitions.push(rows.first().map(|row| get(row, 1)).unwrap_or_default());
    }
    Ok(definitions)
}

/// Changes the table of this database and name, if it is among those asked for.
type With<'a> = &'a mut (dyn FnMut(String, String, &mut dyn FnMut(&mut MyTable)) + Send);

async fn columns(ask: &mut Ask<'_>, list: &str, with: With<'_>) -> Result<(), Error> {
    let sql = format!(
        "SELECT table_schema, table_name, column_name, data_type, column_type, is_nullable, column_default, extra, \
                character_set_name, collation_name, character_maximum_length, numeric_precision, numeric_scale, \
                datetime_precision, generation_expression, column_comment \
           FROM information_schema.columns WHERE table_schema IN ({list}) \
          ORDER BY table_schema, table_name, ordinal_position"
    );
    for row in &ask.rows(&sql).await? {
        let expression: String = get(row, 14);
        let extra: String = get(row, 7);
        let mut column = Some(MyColumn {
            name: get(row, 2),
            data_type: get::<String>(row, 3).to_lowercase(),
            column_type: lower_outside_quotes(&get::<String>(row, 4)),
            nullable: get::<String>(row, 5).eq_ignore_ascii_case("yes"),
            default: get::<Option<String>>(row, 6).filter(|default| !default.eq_ignore_ascii_case("null")),
            generated: !expression.is_empty() || extra.to_lowercase().contains(" generated"),
            extra: extra.to_lowercase(),
            charset: get(row, 8),
            collation: get(row, 9),
            char_length: get(row, 10),
            numeric_precision: get(row, 11),
            numeric_scale: get(row, 12),
            datetime_precision: get(row, 13),
            comment: get(row, 15),
        });
        with(get(row, 0), get(row, 1), &mut |table| table.columns.extend(column.take()));
    }
    Ok(())
}

/// Types in lower case; the values of an ENUM or SET keep theirs.
fn lower_outside_quotes(text: &str) -> String {
    let mut quoted = false;
    text.chars()
        .map(|c| {
            quoted ^= c == '\'';
            if quoted { c } else { c.to_ascii_lowercase() }
        })
        .collect()
}

async fn keys(ask: &mut Ask<'_>, list: &str, with: With<'_>) -> Result<(), Error> {
    let sql = format!(
        "SELECT table_schema, table_name, index_name, column_name, non_unique FROM information_schema.statistics \
          WHERE table_schema IN ({list}) ORDER BY table_schema, table_name, index_name, seq_in_index"
    );
    for row in &ask.rows(&sql).await? {
        let (index, column): (String, Option<String>) = (get(row, 2), get(row, 3));
        let unique = get::<u8>(row, 4) == 0;
        with(get(row, 0), get(row, 1), &mut |table| {
            if index == "PRIMARY" {
                table.primary_key.extend(column.clone());
                return;
            }
            let keys = if unique { &mut table.unique_keys } else { &mut table.indexes };
            if keys.last().is_none_or(|key| key.name != index) {
                keys.push(MyKey { name: index.clone(), columns: Vec::new() });
            }
            // An expression in an index has no column name.
            if let (Some(key), Some(column)) = (keys.last_mut(), &column) {
                key.columns.push(column.clone());
            }
        });
    }
    Ok(())
}

async fn foreign_keys(ask: &mut Ask<'_>, list: &str, with: With<'_>) -> Result<(), Error> {
    let sql = format!(
        "SELECT constraint_schema, table_name, unique_constraint_schema, referenced_table_name \
           FROM information_schema.referential_constraints \
          WHERE constraint_schema IN ({list}) OR unique_constraint_schema IN ({list})"
    );
    for row in &ask.rows(&sql).await? {
        with(get(row, 0), get(row, 1), &mut |table| table.foreign_keys = true);
        with(get(row, 2), get(row, 3), &mut |table| table.foreign_keys = true);
    }
    Ok(())
}

async fn triggers(ask: &mut Ask<'_>, list: &str, with: With<'_>) -> Result<(), Error> {
    let sql = format!(
        "SELECT event_object_schema, event_object_table, trigger_name FROM information_schema.triggers \
          WHERE event_object_schema IN ({list}) ORDER BY trigger_name"
    );
    for row in &ask.rows(&sql).await? {
        let name: String = get(row, 2);
        with(get(row, 0), get(row, 1), &mut |table| table.triggers.push(name.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enum_values_keep_their_case() {
        assert_eq!(lower_outside_quotes("ENUM('Rock','it''S') BINARY"), "enum('Rock','it''S') binary");
    }
}
