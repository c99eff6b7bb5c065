//! Before rows are compared: which tables, what they are on the target, and what speaks against comparing them.

use std::collections::HashSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::VerifyOptions;
use super::column::Column;
use super::error::VerifyError;
use super::report::ComparedBy;
use super::select::chosen;
use super::sides::Sides;
use super::statement::Shape;
use super::tide;
use crate::facts::{self, MyFlavor, MyTable, PgTable, TableKind};
use crate::pipeline::Pipeline;
use crate::quote::{my_table, pg_table};
use crate::schema::{self, Dialect, TargetTable};
use crate::sync::Cause;
use crate::text::safe;

/// A table that was asked for.
#[derive(Debug)]
pub(super) struct Job {
    /// `schema.table` on the source.
    pub(super) label: String,
    /// `database.table` on the target.
    pub(super) target: String,
    /// How it is compared, or why it cannot be.
    pub(super) shape: Result<Shape, String>,
    /// Rows on the source, as estimated.
    pub(super) rows: u64,
    /// Bytes on the source.
    pub(super) bytes: u64,
    /// Indexes of both sides begin with the key's first column, and order it the same.
    pub(super) sliceable: bool,
    /// The source's table, and its schema.
    pub(super) source: (String, String),
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

impl Job {
    /// How its rows are told apart.
    pub(super) fn compared_by(&self) -> ComparedBy {
        match &self.shape {
            Ok(shape) if shape.key.is_empty() => ComparedBy::Multiset,
            _ => ComparedBy::Key,
        }
    }
}

/// The target server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) flavor: MyFlavor,
    /// Table names are compared without regard to case (`lower_case_table_names`).
    folds_names: bool,
    /// Both servers in words.
    pub(super) headline: String,
}

impl Server {
    /// Asks both servers what they are.
    pub(super) async fn of(sides: &mut Sides, pipeline: &Pipeline) -> Result<Self, VerifyError> {
        let source = sides.source.query_typed_one("SELECT current_setting('server_version')", &[]).await;
        let source: String = source.map_err(|e| look("asking the source for its version", &e))?.get(0);
        let ask = "SELECT version(), @@lower_case_table_names";
        let target = sides.target.query_first::<(String, u64), _>(ask).await;
        let (version, case) = target.map_err(|e| look("asking the target for its version", &e))?.unwrap_or_default();
        let maria = version.to_lowercase().contains("mariadb");
        let (p, number) = (pipeline, version.split('-').find(|part| *part != "5.5.5").unwrap_or_default().to_owned());
        Ok(Self {
            flavor: if maria { MyFlavor::MariaDb } else { MyFlavor::MySql },
            folds_names: case != 0,
            headline: format!(
                "PostgreSQL {} at {}:{} → {} {number} at {}:{}",
                source.split(' ').next().unwrap_or_default(),
                p.source.host,
                p.source.port,
                if maria { "MariaDB" } else { "MySQL" },
                p.target.host,
                p.target.port
            ),
        })
    }
}

/// A failed look at a catalog.
pub(super) fn look<'e, E>(doing: &'static str, error: &'e E) -> VerifyError
where
    Cause: From<&'e E>,
{
    VerifyError::Look { doing, cause: Box::new(Cause::from(error)) }
}

/// The tables that are to be compared.
pub(super) async fn jobs(
    sides: &mut Sides,
    pipeline: &Pipeline,
    options: &VerifyOptions,
    server: &Server,
) -> Result<Vec<Job>, VerifyError> {
    let tables = facts::postgres::tables(&sides.source, pipeline).await;
    let tables = tables.map_err(|e| look("reading the source's tables", &e))?;
    if tables.is_empty() {
        return Err(VerifyError::NothingSelected {
            database: pipeline.source.database.clone(),
            include: pipeline.tables.include.clone(),
            exclude: pipeline.tables.exclude.clone(),
        });
    }
    let names: Vec<(&str, &str)> = tables.iter().map(|t| (t.schema.as_str(), t.name.as_str())).collect();
    let places = chosen(&names, &options.tables)?;
    let there = on_target(&mut sides.target, pipeline).await?;
    let loading = tide::loading(&mut sides.target, pipeline).await;
    let loading: HashSet<(String, String)> =
        loading.map_err(|e| look("reading what the sync says of its tables", &e))?.into_iter().collect();
    // Only the types of text depend on the version, and not how they are compared.
    let dialect = Dialect { flavor: server.flavor, version: (u16::MAX, 0, 0) };
    let job = |table: &PgTable| {
        let want = schema::target_table(table, pipeline, dialect);
        let have = find(&there, &want, server.folds_names);
        let being_loaded = loading.contains(&(table.schema.clone(), table.name.clone()));
        job(table, &want, have, being_loaded, pipeline)
    };
    Ok(places.into_iter().map(|place| job(&tables[place])).collect())
}

async fn on_target(conn: &mut Conn, pipeline: &Pipeline) -> Result<Vec<MyTable>, VerifyError> {
    let tables = facts::mysql::tables(conn, &pipeline.target_databases()).await;
    tables.map_err(|e| look("reading the target's tables", &e))
}

/// The table that the server finds under the wanted name.
fn find<'a>(there: &'a [MyTable], want: &TargetTable, folds: bool) -> Option<&'a MyTable> {
    let same = |a: &str, b: &str| a == b || folds && a.to_lowercase() == b.to_lowercase();
    there.iter().find(|t| same(&t.schema, &want.database) && same(&t.name, &want.name))
}

fn job(table: &PgTable, want: &TargetTable, have: Option<&MyTable>, loading: bool, pipeline: &Pipeline) -> Job {
    let mut notes = Vec::new();
    let shape = match have {
        _ if !table.schema_usage || !table.can_select => {
            Err(format!("the source login {} may not read it: cdc-doctor fix AUT-010", safe(&pipeline.source.user)))
        }
        None => Err("the target has no such table; how it should be: cdc-doctor schema --format diff".to_owned()),
        Some(_) if loading => {
            Err("its load is not complete; to see how far it is, or to go on with it: cdc-doctor sync".to_owned())
        }
        Some(have) => shape(table, want, have, pipeline, &mut notes),
    };
    let lead = shape.as_ref().ok().and_then(Shape::lead);
    let sliceable = lead.is_some_and(|lead| lead.ordered && indexed(table, have, lead));
    Job {
        label: table.label(),
        target: have.map_or_else(|| format!("{}.{}", want.database, want.name), MyTable::label),
        shape,
        rows: rows(table),
        bytes: u64::try_from(table.bytes).unwrap_or(0),
        sliceable,
        source: (table.schema.clone(), table.name.clone()),
        notes,
    }
}

/// As the planner knows it; of a table that was never looked at, by its size.
fn rows(table: &PgTable) -> u64 {
    u64::try_from(table.estimated_rows).unwrap_or_else(|_| u64::try_from(table.bytes).unwrap_or(0) / 200)
}

/// Both sides have an index that begins with the column.
fn indexed(table: &PgTable, have: Option<&MyTable>, lead: &Column) -> bool {
    let whole = table.unique_keys.iter().filter(|key| !key.partial && !key.expressions);
    let source = table.primary_key.iter().chain(whole).any(|key| key.columns.first() == Some(&lead.name));
    let begins =
        |columns: &[String]| columns.first().is_some_and(|first| first.to_lowercase() == lead.target.to_lowercase());
    let target = |have: &MyTable| begins(&have.primary_key) || have.unique_keys.iter().any(|key| begins(&key.columns));
    source && have.is_some_and(target)
}

fn shape(
    table: &PgTable,
    want: &TargetTable,
    have: &MyTable,
    pipeline: &Pipeline,
    notes: &mut Vec<String>,
) -> Result<Shape, String> {
    let mut columns = Vec::with_capacity(want.columns.len());
    let mut missing = Vec::new();
    for wanted in &want.columns {
        let Some(from) = table.column(&wanted.name) else { continue };
        match have.column(&wanted.name) {
            Some(to) => columns.push(Column::new(from, wanted.transfer, to, pipeline.sync.on_unrepresentable)),
            None if from.generated => {
                notes.push(format!(
                    "the target has no column {} for the generated one of the source",
                    safe(&wanted.name)
                ));
            }
            None => missing.push(safe(&wanted.name)),
        }
    }
    if !missing.is_empty() {
        let word = if missing.len() == 1 { "column" } else { "columns" };
        return Err(format!("the target has no {word} {}: cdc-doctor fix TSC-005", missing.join(", ")));
    }
    if columns.is_empty() {
        return Err("it has no columns; exclude it in [tables]".to_owned());
    }
    let known = |name: &str| want.columns.iter().any(|c| c.name.to_lowercase() == name.to_lowercase());
    let extra: Vec<String> = have.columns.iter().filter(|c| !known(&c.name)).map(|c| safe(&c.name)).collect();
    if !extra.is_empty() {
        notes.push(format!("not compared, since only the target has it: {}", extra.join(", ")));
    }
    let place = |name: &String| columns.iter().position(|c| c.name == *name);
    let key: Option<Vec<usize>> = want.primary_key.iter().map(place).collect();
    let key = key.unwrap_or_default();
    if key.is_empty() {
        notes.push("no key tells its rows apart: compared by their number and a checksum of all of them".to_owned());
    }
    // Children by plain inheritance are tables of their own.
    let only = if table.kind == TableKind::Table { "ONLY " } else { "" };
    Ok(Shape {
        source: format!("{only}{}", pg_table(&table.schema, &table.name)),
        target: my_table(&have.schema, &have.name),
        columns,
        key,
    })
}
