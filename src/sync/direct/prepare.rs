//! Before a row is moved: which tables, what they are on the target, and everything that speaks against loading them.

use std::collections::HashSet;

use mysql_async::Conn;
use tokio_postgres::Client;

use super::layout::{Duplicates, Layout, Written};
use super::projection::select_list;
use super::target::{self, Server};
use crate::facts::{self, MyTable, PgTable};
use crate::pipeline::Pipeline;
use crate::quote::my_table;
use crate::schema::{self, Difference, Planned, TargetTable};
use crate::sync::error::{Cause, Refused, SyncError};
use crate::text::safe;

/// A table of the run.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The source table.
    pub(super) source: PgTable,
    /// The table as it should be on the target.
    pub(super) want: TargetTable,
    /// The target table.
    pub(super) have: MyTable,
    /// What is selected of it for a load.
    select: String,
    /// The columns that a load writes.
    pub(super) layout: Layout,
    /// What becomes of the rows that are there.
    pub(super) fill: Fill,
    /// It has rows, which are removed before it is loaded.
    pub(super) clear: bool,
}

/// What a run does with a table before it follows changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// Loads it; rows that are there are refused, unless they may go.
    Load {
        /// They may.
        truncate: bool,
    },
    /// Loads it again after a load that did not come to its end: the rows that are there are of that load.
    Again,
    /// Leaves its rows as they are.
    Keep,
}

/// What is asked of the tables.
pub(super) struct Wish<'a> {
    /// What is done with each.
    pub(super) fill: &'a (dyn Fn(&PgTable) -> Fill + Sync),
    /// More that speaks against a table than what it is on the target: what changes to it need.
    pub(super) refuse: &'a (dyn Fn(&PgTable, Option<&MyTable>) -> Option<Refused> + Sync),
}

/// Asks both sides, refuses or creates. Everything that is refused is refused at once, before anything is created.
pub(super) async fn tables(
    pipeline: &Pipeline,
    wish: &Wish<'_>,
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
    let there = target_tables(pipeline, target).await?;
    let mut planned = schema::plan_all(&tables, pipeline, server.dialect);
    if forget_likely_keys(&mut tables, &planned, &there, server) {
        planned = schema::plan_all(&tables, pipeline, server.dialect);
    }
    let fills: Vec<Fill> = tables.iter().map(wish.fill).collect();
    for (table, planned) in tables.iter().zip(&planned) {
        let have = find(&there, &planned.table, server);
        refused.extend(unfit(table, planned, have));
        refused.extend((wish.refuse)(table, have));
    }
    let rows = with_rows(target, &planned, &there, server, &fills).await?;
    let in_the_way = rows.iter().filter(|place| fills[**place] == Fill::Load { truncate: false });
    refused.extend(in_the_way.map(|place| has_rows(&tables[*place], &planned[*place].table)));
    if !refused.is_empty() {
        refused.sort_by(|a, b| a.table.cmp(&b.table));
        return Err(SyncError::Refused(refused));
    }
    let there = create_missing(pipeline, target, server, &planned, there).await?;
    let mut jobs = Vec::with_capacity(planned.len());
    for (place, (table, planned)) in tables.into_iter().zip(planned).enumerate() {
        let have = find(&there, &planned.table, server);
        let clear = rows.contains(&place);
        let Some(job) = have.and_then(|have| job(&table, planned.table.clone(), have, server, fills[place], clear))
        else {
            let why = "its target table changed while this run began; try again".to_owned();
            return Err(SyncError::Refused(vec![Refused { table: table.label(), why, command: None }]));
        };
        jobs.push(job);
    }
    Ok(jobs)
}

/// A key that only the statistics speak for is not asked of a target that has none: the source lets rows come that
/// share it. True when there was one.
fn forget_likely_keys(tables: &mut [PgTable], planned: &[Planned], there: &[MyTable], server: Server) -> bool {
    let mut forgotten = false;
    for (table, planned) in tables.iter_mut().zip(planned) {
        let likely = schema::enforced_key(table).is_none() && !planned.table.primary_key.is_empty();
        let has_it = find(there, &planned.table, server).is_some_and(|t| t.primary_key == planned.table.primary_key);
        if likely && !has_it {
            table.columns.iter_mut().for_each(|c| c.unique_by_statistics = false);
            forgotten = true;
        }
    }
    forgotten
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
            .filter(|d| !computed_on_both_sides(table, d))
            .map(|d| {
                let why = format!("the target table {}: {}", safe(&have.label()), d.describe());
                refused(why, Some(remedy(d).to_owned()))
            })
            .collect(),
    }
}

/// Both servers compute the column, so that no value of it is moved.
fn computed_on_both_sides(table: &PgTable, difference: &Difference) -> bool {
    match difference {
        Difference::GeneratedTarget { column, .. } => table.column(column).is_some_and(|c| c.generated),
        _ => false,
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
    fills: &[Fill],
) -> Result<Vec<usize>, SyncError> {
    let ask: Vec<(usize, String, String)> = planned
        .iter()
        .enumerate()
        .filter(|(place, _)| fills[*place] != Fill::Keep)
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

fn job(source: &PgTable, want: TargetTable, have: &MyTable, server: Server, fill: Fill, clear: bool) -> Option<Job> {
    let mut written = Vec::with_capacity(want.columns.len());
    let mut selected = Vec::with_capacity(want.columns.len());
    for column in &want.columns {
        let (from, to) = (source.column(&column.name)?, have.column(&column.name)?);
        if from.generated && to.generated {
            continue;
        }
        let key = want.primary_key.contains(&column.name);
        written.push(Written { name: &column.name, transfer: column.transfer, to, key });
        selected.push((from, column.transfer));
    }
    let select = select_list(selected);
    let layout = Layout::of(written, server.dialect.flavor);
    Some(Job { source: source.clone(), have: have.clone(), select, layout, fill, clear, want })
}

impl Job {
    /// The target table, quoted.
    pub(super) fn target(&self) -> String {
        my_table(&self.have.schema, &self.have.name)
    }

    /// The statement that reads a part.
    pub(super) fn copy_sql(&self, from: &str) -> String {
        format!("COPY (SELECT {} {from}) TO STDOUT", self.select)
    }

    /// The statement that loads a part.
    pub(super) fn load_sql(&self) -> String {
        self.layout.load_sql(&self.target(), Duplicates::Refuse)
    }

    /// The beginning of a statement that inserts rows.
    pub(super) fn insert_sql(&self) -> String {
        self.layout.insert_sql(&self.target())
    }
}
