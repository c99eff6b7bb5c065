//! Before a row is moved: which tables, what they are on the target, and everything that speaks against loading them.

use std::collections::HashSet;

use mysql_async::Conn;
use tokio_postgres::Client;

use super::LoadOptions;
use super::encode::Column;
use super::projection::select_list;
use super::rules::Rule;
use super::target::{self, Server};
use crate::facts::{self, MyTable, PgTable};
use crate::pipeline::Pipeline;
use crate::quote::{my_ident, my_table};
use crate::schema::{self, Difference, Planned, TargetTable, Transfer};
use crate::sync::error::{Cause, Refused, SyncError};
use crate::text::safe;

/// A table that will be loaded.
#[derive(Debug)]
pub(super) struct Job {
    /// The source table.
    pub(super) source: PgTable,
    /// What is selected of it.
    pub(super) select: String,
    /// Target database.
    pub(super) database: String,
    /// Target table.
    pub(super) name: String,
    /// What the encoder needs.
    pub(super) columns: Vec<Column>,
    /// Target column names with how they are read: `` `a`, @v1, `c` ``.
    pub(super) fields: String,
    /// `SET …` for the fields that are read into variables.
    pub(super) assign: String,
    /// Plain column list, for INSERT.
    pub(super) names: String,
    /// It has rows, which are removed before it is loaded.
    pub(super) clear: bool,
    /// It has foreign keys, or others point at it.
    pub(super) foreign_keys: bool,
    /// Triggers on the target that fire on every row.
    pub(super) triggers: Vec<String>,
}

/// Asks both sides, refuses or creates. Everything that is refused is refused at once, before anything is created.
pub(super) async fn tables(
    pipeline: &Pipeline,
    options: LoadOptions,
    source: &Client,
    target: &mut Conn,
    server: Server,
) -> Result<Vec<Job>, SyncError> {
    let mut tables =
        facts::postgres::tables(source, pipeline).await.map_err(from_source("reading the source's tables"))?;
    if tables.is_empty() {
        return Err(SyncError::NothingSelected {
            database: pipeline.source.database.clone(),
            include: pipeline.tables.include.clone(),
            exclude: pipeline.tables.exclude.clone(),
        });
    }
    let mut refused = unreadable(&tables, pipeline, &filtered(source, &tables).await?);
    if refused.is_empty() {
        facts::postgres::measure(source, &mut tables).await.map_err(from_source("measuring the source's keys"))?;
    }
    let planned = schema::plan_all(&tables, pipeline, server.dialect);
    let there = target_tables(pipeline, target).await?;
    for (table, planned) in tables.iter().zip(&planned) {
        refused.extend(unfit(table, planned, find(&there, &planned.table, server)));
    }
    let rows = with_rows(target, &planned, &there, server).await?;
    if !options.truncate_target {
        refused.extend(rows.iter().map(|place| has_rows(&tables[*place], &planned[*place].table)));
    }
    if !refused.is_empty() {
        refused.sort_by(|a, b| a.table.cmp(&b.table));
        return Err(SyncError::Refused(refused));
    }
    let there = create_missing(pipeline, target, server, &planned, there).await?;
    let mut jobs = Vec::with_capacity(planned.len());
    for (place, (table, planned)) in tables.into_iter().zip(planned).enumerate() {
        let have = find(&there, &planned.table, server);
        let Some(job) = have.and_then(|have| job(&table, &planned.table, have, server, rows.contains(&place))) else {
            let why = "its target table changed while this run began; try again".to_owned();
            return Err(SyncError::Refused(vec![Refused { table: table.label(), why, command: None }]));
        };
        jobs.push(job);
    }
    Ok(jobs)
}

fn from_source(doing: &str) -> impl FnOnce(tokio_postgres::Error) -> SyncError {
    let doing = doing.to_owned();
    move |e| SyncError::Prepare { doing, cause: Cause::from(&e) }
}

/// The tables whose rows a policy hides from this login. The session refuses to read them (`row_security = off`), so
/// they are named before anything is created.
async fn filtered(source: &Client, tables: &[PgTable]) -> Result<HashSet<String>, SyncError> {
    let some: Vec<&PgTable> = tables.iter().filter(|t| t.row_security).collect();
    let schemas: Vec<&str> = some.iter().map(|t| t.schema.as_str()).collect();
    let names: Vec<&str> = some.iter().map(|t| t.name.as_str()).collect();
    if some.is_empty() {
        return Ok(HashSet::new());
    }
    let ask = "SELECT n.nspname || '.' || c.relname FROM unnest($1::text[], $2::text[]) AS w(schema, name) \
        JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema \
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name \
        WHERE pg_catalog.row_security_active(c.oid)";
    let rows = source.query(ask, &[&schemas, &names]).await.map_err(from_source("asking for row-level security"))?;
    Ok(rows.iter().map(|r| r.get(0)).collect())
}

fn unreadable(tables: &[PgTable], pipeline: &Pipeline, filtered: &HashSet<String>) -> Vec<Refused> {
    let user = safe(&pipeline.source.user);
    let judge = |t: &PgTable| {
        let why = if !t.schema_usage {
            format!("the source login {user} has no USAGE on the schema")
        } else if !t.can_select {
            format!("the source login {user} has no SELECT on it")
        } else if t.columns.is_empty() {
            return Some((format!("it has no columns; exclude {}", safe(&t.label())), None));
        } else if filtered.contains(&t.label()) {
            let why = format!("row-level security hides rows from {user}; give it BYPASSRLS, or exclude the table");
            return Some((why, None));
        } else {
            return None;
        };
        Some((why, Some("cdc-doctor fix AUT-010".to_owned())))
    };
    tables.iter().filter_map(|t| judge(t).map(|(why, command)| Refused { table: t.label(), why, command })).collect()
}

/// Why the table cannot be created, or not loaded as it is there.
fn unfit(table: &PgTable, planned: &Planned, have: Option<&MyTable>) -> Vec<Refused> {
    let refused = |why, command| Refused { table: table.label(), why, command };
    match have {
        None => planned.problems.iter().map(|p| refused(p.to_string(), None)).collect(),
        Some(have) => schema::drift(&planned.table, have)
            .iter()
            .map(|d| {
                let why = format!("the target table {}: {}", safe(&have.label()), d.describe());
                refused(why, Some(remedy(d).to_owned()))
            })
            .collect(),
    }
}

/// The command that ends a difference.
fn remedy(difference: &Difference) -> &'static str {
    match difference {
        Difference::MissingPrimaryKey { .. } => "cdc-doctor fix TSC-001",
        Difference::OtherKey { .. } => "cdc-doctor fix TSC-004",
        Difference::MissingColumn { .. } | Difference::ExtraRequiredColumn { .. } => "cdc-doctor fix TSC-005",
        Difference::NarrowerType { .. } => "cdc-doctor fix TSC-006",
        _ => "cdc-doctor check --only TSC",
    }
}

fn has_rows(table: &PgTable, target: &TargetTable) -> Refused {
    Refused {
        table: table.label(),
        why: format!(
            "the target table {} has rows, and loading would mix them with the source's",
            safe(&format!("{}.{}", target.database, target.name))
        ),
        command: Some(format!("{}   (removes the rows of every selected table first)", crate::sync::RELOAD)),
    }
}

async fn target_tables(pipeline: &Pipeline, target: &mut Conn) -> Result<Vec<MyTable>, SyncError> {
    facts::mysql::tables(target, &pipeline.target_databases())
        .await
        .map_err(|e| SyncError::Prepare { doing: "reading the target's tables".to_owned(), cause: Cause::from(&e) })
}

/// The table that the server finds under the wanted name.
fn find<'a>(there: &'a [MyTable], want: &TargetTable, server: Server) -> Option<&'a MyTable> {
    let same = |a: &str, b: &str| a == b || server.folds_names && a.to_lowercase() == b.to_lowercase();
    there.iter().find(|t| same(&t.schema, &want.database) && same(&t.name, &want.name))
}

async fn with_rows(
    target: &mut Conn,
    planned: &[Planned],
    there: &[MyTable],
    server: Server,
) -> Result<Vec<usize>, SyncError> {
    let ask: Vec<(usize, String, String)> = planned
        .iter()
        .enumerate()
        .filter_map(|(place, p)| find(there, &p.table, server).map(|t| (place, t.schema.clone(), t.name.clone())))
        .collect();
    target::with_rows(target, &ask).await
}

async fn create_missing(
    pipeline: &Pipeline,
    target: &mut Conn,
    server: Server,
    planned: &[Planned],
    there: Vec<MyTable>,
) -> Result<Vec<MyTable>, SyncError> {
    let missing: Vec<&TargetTable> =
        planned.iter().map(|p| &p.table).filter(|t| find(&there, t, server).is_none()).collect();
    if missing.is_empty() {
        return Ok(there);
    }
    let mut seen: HashSet<&str> = there.iter().map(|t| t.schema.as_str()).collect();
    for table in missing {
        target::create(target, table, seen.insert(&table.database)).await?;
    }
    target_tables(pipeline, target).await
}

fn job(source: &PgTable, want: &TargetTable, have: &MyTable, server: Server, clear: bool) -> Option<Job> {
    let mut columns = Vec::with_capacity(want.columns.len());
    let mut fields = Vec::with_capacity(want.columns.len());
    let mut assign = Vec::new();
    let mut names = Vec::with_capacity(want.columns.len());
    let mut selected = Vec::with_capacity(want.columns.len());
    for (place, column) in want.columns.iter().enumerate() {
        let (from, to) = (source.column(&column.name)?, have.column(&column.name)?);
        let rule = Rule::of(column.transfer, to, server.dialect.flavor);
        let name = my_ident(&to.name);
        if rule == Rule::Json {
            // The file is read as bytes, which MySQL does not take for JSON.
            fields.push(format!("@v{place}"));
            assign.push(format!("{name} = CONVERT(@v{place} USING utf8mb4)"));
        } else {
            fields.push(name.clone());
        }
        let key = want.primary_key.contains(&column.name);
        columns.push(Column { name: column.name.clone(), rule, nullable: to.nullable, key });
        selected.push((from, column.transfer));
        names.push(name);
    }
    let select = select_list(selected.iter().map(|(c, t): &(_, Transfer)| (*c, *t)));
    Some(Job {
        select,
        database: have.schema.clone(),
        name: have.name.clone(),
        columns,
        fields: fields.join(", "),
        assign: if assign.is_empty() { String::new() } else { format!(" SET {}", assign.join(", ")) },
        names: names.join(", "),
        clear,
        foreign_keys: have.foreign_keys,
        triggers: have.triggers.clone(),
        source: source.clone(),
    })
}

impl Job {
    /// The statement that reads a part.
    pub(super) fn copy_sql(&self, from: &str) -> String {
        format!("COPY (SELECT {} {from}) TO STDOUT", self.select)
    }

    /// The statement that loads a part. The file is read as bytes: every byte means itself, whatever the column's
    /// character set, and the columns still refuse text that is not valid in theirs.
    pub(super) fn load_sql(&self) -> String {
        format!(
            "LOAD DATA LOCAL INFILE 'cdc-doctor' INTO TABLE {} CHARACTER SET binary FIELDS TERMINATED BY '\\t' \
             ENCLOSED BY '' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' STARTING BY '' ({}){}",
            my_table(&self.database, &self.name),
            self.fields,
            self.assign
        )
    }

    /// The beginning of a statement that inserts rows.
    pub(super) fn insert_sql(&self) -> String {
        format!("INSERT INTO {} ({}) VALUES ", my_table(&self.database, &self.name), self.names)
    }
}
