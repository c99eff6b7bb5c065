//! Where changes of a table go: the table as its changes describe it, against the table as it was when the run began,
//! as it is now on the source, and as it is on the target. Schema changes are found here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use super::publication::Oids;
use super::row::{RowLayout, Turn};
use crate::connect::mysql::Like;
use crate::facts::{self, MyTable, PgTable};
use crate::pipeline::{OnSchemaChange, Pipeline};
use crate::quote::{my_ident, my_table, pg_table};
use crate::schema;
use crate::sync::direct::layout::{Layout, Written};
use crate::sync::direct::pgoutput::{Relation, RelationColumn};
use crate::sync::direct::prepare::Job;
use crate::sync::direct::target::{self, Server};
use crate::sync::error::{Cause, Side, SyncError};
use crate::sync::{Event, Lsn, Reporter};
use crate::text::safe;

/// Where the changes of one relation go.
#[derive(Debug, Clone)]
enum Route {
    /// Nowhere: the table is not of this pipeline.
    Nowhere,
    /// Into a table of the run.
    Table(Goes),
}

/// Into which table changes go.
#[derive(Debug, Clone)]
pub(super) struct Goes {
    /// Its place in the run.
    pub(super) place: usize,
    /// Its columns.
    pub(super) layout: Arc<RowLayout>,
}

/// Knows the relations.
pub(super) struct Router {
    pub(super) pipeline: Pipeline,
    pub(super) client: Arc<Client>,
    pub(super) server: Server,
    /// Options for a session on the target that alters tables.
    pub(super) target: Like,
    pub(super) jobs: Vec<Job>,
    /// For each job: its changes are applied from this position on.
    pub(super) from: Vec<Lsn>,
    pub(super) oids: Oids,
    /// Types of the columns as the run began, by table number and name.
    pub(super) types: Types,
    pub(super) money_places: u32,
    pub(super) reporter: Reporter,
    known: HashMap<u32, (Relation, Option<Route>)>,
    appeared: HashSet<String>,
}

/// Longer than a commit takes, and shorter than a source waits for a sign of us (`wal_sender_timeout`).
const SHOWN_WITHIN: Duration = Duration::from_secs(20);

/// `pg_type.oid` and `atttypmod` of columns.
pub(super) type Types = HashMap<(u32, String), (u32, i32)>;

/// What a [`Router`] begins with.
pub(super) struct Begin<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) client: Arc<Client>,
    pub(super) server: Server,
    pub(super) target: Like,
    pub(super) jobs: Vec<Job>,
    pub(super) from: Vec<Lsn>,
    pub(super) oids: Oids,
    pub(super) reporter: Reporter,
}

/// A column of the source as it is now.
struct Live {
    generated: bool,
    not_null: bool,
    /// Rows that were there before the column may hold a value that no change carries.
    filled: bool,
}

fn failed(doing: &str) -> impl FnOnce(tokio_postgres::Error) -> SyncError {
    let doing = doing.to_owned();
    move |e| SyncError::Prepare { doing, cause: Cause::from(&e) }
}

impl Router {
    pub(super) async fn new(begin: Begin<'_>) -> Result<Self, SyncError> {
        let Begin { pipeline, client, server, target, jobs, from, oids, reporter } = begin;
        let numbers: Vec<u32> = oids.keys().copied().collect();
        let ask = "SELECT attrelid, attname::text, atttypid, atttypmod FROM pg_catalog.pg_attribute \
                   WHERE attrelid = ANY ($1) AND attnum > 0 AND NOT attisdropped";
        let rows = client.query(ask, &[&numbers]).await.map_err(failed("reading the tables' columns"))?;
        let types = rows.iter().map(|r| ((r.get(0), r.get(1)), (r.get(2), r.get(3)))).collect();
        // What the database's locale takes for the smallest unit: `money` is a whole number of it.
        let ask = "SELECT scale('1'::money::numeric)";
        let places: i32 = client.query_one(ask, &[]).await.map_err(failed("asking for the form of money"))?.get(0);
        Ok(Self {
            pipeline: pipeline.clone(),
            client,
            server,
            target,
            jobs,
            from,
            oids,
            types,
            money_places: places.unsigned_abs(),
            reporter,
            known: HashMap::new(),
            appeared: HashSet::new(),
        })
    }

    /// Remembers what a table looks like from here on.
    pub(super) fn learn(&mut self, relation: Relation) {
        match self.known.get(&relation.oid) {
            // Told again without a change, as after any change of its statistics or grants.
            Some((same, _)) if *same == relation => {}
            _ => drop(self.known.insert(relation.oid, (relation, None))),
        }
    }

    /// The place of a table by its number; nothing when it is not of this run. Needs no columns.
    pub(super) fn place(&self, oid: u32) -> Option<usize> {
        let (relation, _) = self.known.get(&oid)?;
        self.place_of(&relation.schema, &relation.name)
    }

    fn place_of(&self, schema: &str, name: &str) -> Option<usize> {
        self.jobs.iter().position(|j| j.source.schema == schema && j.source.name == name)
    }

    /// Where a change of this table by a transaction goes; nothing when it is in the load already.
    pub(super) async fn route(&mut self, oid: u32, commit: Lsn, xid: u32) -> Result<Option<Goes>, SyncError> {
        let Some((_, route)) = self.known.get(&oid) else {
            return Err(SyncError::Prepare { doing: "following changes".into(), cause: Cause::Malformed });
        };
        if route.is_none() {
            if self.place(oid).is_some_and(|place| commit < self.from[place]) {
                return Ok(None);
            }
            let relation = self.known[&oid].0.clone();
            // Boxed: its size would be that of every future for which a change is taken, and be copied for each.
            let resolved = Box::pin(self.resolve(&relation, xid)).await?;
            if let Some((_, route)) = self.known.get_mut(&oid) {
                *route = Some(resolved);
            }
        }
        Ok(match self.known.get(&oid).and_then(|(_, route)| route.as_ref()) {
            Some(Route::Table(goes)) if commit >= self.from[goes.place] => Some(goes.clone()),
            _ => None,
        })
    }

    async fn resolve(&mut self, relation: &Relation, xid: u32) -> Result<Route, SyncError> {
        self.until_visible(xid).await?;
        let Some(place) = self.place_of(&relation.schema, &relation.name) else {
            return self.unknown(relation).await;
        };
        let live = self.live(relation.oid).await?;
        self.take_in_new_columns(place, relation, &live).await?;
        self.layout(place, relation, &live).map(|layout| Route::Table(Goes { place, layout: Arc::new(layout) }))
    }

    /// A table that this run does not know.
    async fn unknown(&mut self, relation: &Relation) -> Result<Route, SyncError> {
        let label = format!("{}.{}", relation.schema, relation.name);
        if let Some((schema, name)) = self.oids.get(&relation.oid) {
            return Err(SyncError::SchemaChanged {
                table: safe(&format!("{schema}.{name}")),
                difference: format!("it is now called {}", safe(&label)),
                next: "Rename the target table likewise, correct [tables] if need be, and start again: cdc-doctor sync"
                    .to_owned(),
            });
        }
        if self.pipeline.selects(&relation.schema, &relation.name) && self.appeared.insert(label.clone()) {
            let message = "this table is new, and is taken in when sync is started again".to_owned();
            self.reporter.event(Event::Warning { table: Some(label), message }).await;
        }
        Ok(Route::Nowhere)
    }

    /// A transaction is sent as soon as its commit is in the WAL. Other sessions see it a little later, or much later
    /// where it waits for a standby (`synchronous_standby_names`); until then the catalog is older than the change.
    async fn until_visible(&self, xid: u32) -> Result<(), SyncError> {
        // The number lacks its epoch, which is that of the numbers around it.
        let ask = "SELECT behind BETWEEN 1 AND 2147483648 AND pg_visible_in_snapshot((upto - behind)::text::xid8, s) \
                   FROM (SELECT s, upto, (upto - $1) & 4294967295 AS behind \
                         FROM (SELECT s, pg_snapshot_xmax(s)::text::int8 AS upto FROM pg_current_snapshot() s) n) m";
        let doing = "waiting for the source to show a change that it has sent";
        let began = Instant::now();
        while began.elapsed() < SHOWN_WITHIN {
            let row = self.client.query_one(ask, &[&i64::from(xid)]).await;
            if row.map_err(failed(doing))?.get(0) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let message =
            "its commit waits, as it does for a standby that is not there (synchronous_standby_names)".to_owned();
        Err(SyncError::Prepare { doing: doing.to_owned(), cause: Cause::Lost { side: Side::Source, message } })
    }

    /// The columns as they are now; none when the table is gone.
    async fn live(&self, oid: u32) -> Result<HashMap<String, Live>, SyncError> {
        let ask = "SELECT attname::text, attgenerated <> '', attnotnull, atthasdef OR atthasmissing OR attidentity <> '' \
                   FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped";
        let rows = self.client.query(ask, &[&oid]).await.map_err(failed("reading a table's columns"))?;
        let live =
            |r: &tokio_postgres::Row| (r.get(0), Live { generated: r.get(1), not_null: r.get(2), filled: r.get(3) });
        Ok(rows.iter().map(live).collect())
    }

    /// Columns that the source has got since the run began: taken in where the target has them, added where that is
    /// wanted and no value can be lost by it, and otherwise the end of the run.
    async fn take_in_new_columns(
        &mut self,
        place: usize,
        relation: &Relation,
        live: &HashMap<String, Live>,
    ) -> Result<(), SyncError> {
        let job = &self.jobs[place];
        let new: Vec<&RelationColumn> = relation
            .columns
            .iter()
            .filter(|c| job.source.column(&c.name).is_none() && live.contains_key(&c.name))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let source = self.source_now(&job.source).await?;
        let want = schema::target_table(&source, &self.pipeline, self.server.dialect);
        let mut conn = target::another(&self.target).await.map_err(|cause| self.altering(cause))?;
        let mut have = self.target_now(&mut conn, place).await?;
        for column in &new {
            if have.column(&column.name).is_some() {
                continue;
            }
            let ty = want.columns.iter().find(|c| c.name == column.name).map_or("", |c| c.sql_type.as_str());
            self.may_add(place, column, &live[&column.name], ty)?;
            let table = my_table(&have.schema, &have.name);
            let sql = format!("ALTER TABLE {table} ADD COLUMN {} {ty} NULL", my_ident(&column.name));
            conn.query_drop(&sql).await.map_err(|e| self.altering(Cause::from(&e)))?;
            let message = format!("the source has a new column {}, which was added to the target", safe(&column.name));
            let table = Some(self.jobs[place].source.label());
            self.reporter.event(Event::Warning { table, message }).await;
            have = self.target_now(&mut conn, place).await?;
        }
        if let Some(difference) = schema::drift(&want, &have).first() {
            return Err(self.changed(place, format!("on the target, {}", difference.describe())));
        }
        for column in &new {
            self.types.insert((relation.oid, column.name.clone()), (column.ty, column.modifier));
        }
        let job = &mut self.jobs[place];
        (job.source, job.want, job.have) = (source, want, have);
        Ok(())
    }

    /// Rows that were there before a column with a default have a value in it that no change carries.
    fn may_add(&self, place: usize, column: &RelationColumn, live: &Live, ty: &str) -> Result<(), SyncError> {
        let name = safe(&column.name);
        let why = if self.pipeline.sync.on_schema_change == OnSchemaChange::Stop {
            format!("the column {name} ({ty}) is new")
        } else if live.not_null || live.filled || live.generated {
            format!(
                "the column {name} ({ty}) is new and not simply empty in the rows that were there: it is NOT NULL, \
                 has a default, or is generated"
            )
        } else {
            return Ok(());
        };
        Err(self.changed(place, why))
    }

    fn changed(&self, place: usize, difference: String) -> SyncError {
        let label = safe(&self.jobs[place].source.label());
        SyncError::SchemaChanged {
            next: format!(
                "Correct the target (cdc-doctor fix TSC-005, cdc-doctor schema --format diff), then start again: \
                 cdc-doctor sync; where rows that were there have got new values by it, load the table again: \
                 cdc-doctor sync --reload {label}"
            ),
            table: label,
            difference,
        }
    }

    fn altering(&self, cause: Cause) -> SyncError {
        SyncError::Prepare { doing: "taking in a new column on the target".to_owned(), cause }
    }

    async fn source_now(&self, table: &PgTable) -> Result<PgTable, SyncError> {
        let mut only = self.pipeline.clone();
        only.tables.include = vec![table.label()];
        let tables =
            facts::postgres::tables(&self.client, &only).await.map_err(failed("reading the source's tables"))?;
        let gone = || SyncError::SchemaChanged {
            table: safe(&table.label()),
            difference: "it is gone from the source".to_owned(),
            next: "Correct [tables], then start again: cdc-doctor sync".to_owned(),
        };
        tables.into_iter().find(|t| t.schema == table.schema && t.name == table.name).ok_or_else(gone)
    }

    async fn target_now(&self, conn: &mut Conn, place: usize) -> Result<MyTable, SyncError> {
        let have = &self.jobs[place].have;
        let tables =
            facts::mysql::tables(conn, &[have.schema.as_str()]).await.map_err(|e| self.altering(Cause::from(&e)))?;
        tables
            .into_iter()
            .find(|t| t.schema == have.schema && t.name == have.name)
            .ok_or_else(|| self.changed(place, "the target table is gone".to_owned()))
    }

    /// How the rows of the relation are written.
    fn layout(&self, place: usize, relation: &Relation, live: &HashMap<String, Live>) -> Result<RowLayout, SyncError> {
        let job = &self.jobs[place];
        self.nothing_is_left_out(place, relation, live)?;
        let pk = key_columns(&job.source, &job.have);
        let (mut written, mut from) = (Vec::new(), Vec::new());
        for (position, column) in relation.columns.iter().enumerate() {
            let in_want = job.want.columns.iter().find(|c| c.name == column.name);
            let (Some(source), Some(want), Some(to)) =
                (job.source.column(&column.name), in_want, job.have.column(&column.name))
            else {
                // Gone from the source before this run began: nobody asks for its values any more.
                continue;
            };
            if to.generated {
                continue;
            }
            self.same_type(place, relation.oid, column)?;
            let key = pk.iter().any(|k| *k == column.name);
            if key && !column.key {
                return Err(self.other_identity(place, &pk));
            }
            written.push(Written { name: &column.name, transfer: want.transfer, to, key });
            from.push((position, Turn::of(source, want.transfer, self.money_places)));
        }
        let position = |name: &&str| relation.columns.iter().position(|c| c.name == *name);
        let key: Vec<usize> = pk.iter().filter_map(position).collect();
        if key.len() < pk.len() {
            return Err(self.other_identity(place, &pk));
        }
        let width = relation.columns.len();
        Ok(RowLayout { layout: Layout::of(written, self.server.dialect.flavor), from, key, width })
    }

    /// Columns that the run began with and that changes no longer carry.
    fn nothing_is_left_out(
        &self,
        place: usize,
        relation: &Relation,
        live: &HashMap<String, Live>,
    ) -> Result<(), SyncError> {
        let job = &self.jobs[place];
        let carried = |name: &str| relation.columns.iter().any(|c| c.name == name);
        let loaded = |name: &str| job.layout.columns.iter().any(|c| c.name == name);
        for column in job.source.columns.iter().filter(|c| !carried(&c.name) && loaded(&c.name)) {
            let name = safe(&column.name);
            match live.get(&column.name) {
                Some(now) if now.generated => {
                    return Err(self.changed(
                        place,
                        format!("changes do not carry the generated column {name}; see cdc-doctor explain TBL-014"),
                    ));
                }
                // It is younger than this change.
                Some(_) => {}
                None if live.is_empty() => {}
                None => {
                    return Err(self.changed(place, format!("the column {name} is gone from the source, or renamed")));
                }
            }
        }
        Ok(())
    }

    fn same_type(&self, place: usize, oid: u32, column: &RelationColumn) -> Result<(), SyncError> {
        let now = (column.ty, column.modifier);
        match self.types.get(&(oid, column.name.clone())) {
            Some(then) if *then != now && !harmless(*then, now) && !harmless(now, *then) => {
                Err(self.changed(place, format!("the column {} has another type", safe(&column.name))))
            }
            _ => Ok(()),
        }
    }

    fn other_identity(&self, place: usize, key: &[&str]) -> SyncError {
        let source = &self.jobs[place].source;
        SyncError::SchemaChanged {
            table: safe(&source.label()),
            difference: format!("changes do not carry the target's key ({})", safe(&key.join(", "))),
            next: format!(
                "On the source: ALTER TABLE {} REPLICA IDENTITY DEFAULT; then load the table again: cdc-doctor sync \
                 --reload {}",
                safe(&pg_table(&source.schema, &source.name)),
                safe(&source.label())
            ),
        }
    }
}

/// The key by which rows are matched: the target's primary key, where a key of the source stands behind it. Without
/// one, two rows of the source could be one on the target.
pub(super) fn key_columns<'a>(source: &'a PgTable, target: &'a MyTable) -> Vec<&'a str> {
    let key: Vec<&str> = target.primary_key.iter().map(String::as_str).collect();
    let name = |k: &str| source.columns.iter().map(|c| c.name.as_str()).find(|c| c.to_lowercase() == k.to_lowercase());
    let Some(key) = key.into_iter().map(name).collect::<Option<Vec<&str>>>() else { return Vec::new() };
    let within = |columns: &[String]| !columns.is_empty() && columns.iter().all(|c| key.contains(&c.as_str()));
    let backed = source.primary_key.as_ref().is_some_and(|k| within(&k.columns))
        || source.unique_keys.iter().any(|k| k.promotable() && within(&k.columns));
    if backed { key } else { Vec::new() }
}

/// Every value of the one type is written alike in the other, and no value changes with the type.
fn harmless(from: (u32, i32), to: (u32, i32)) -> bool {
    const INTEGERS: [u32; 3] = [21, 23, 20];
    const TEXT: u32 = 25;
    const VARCHAR: u32 = 1043;
    const NUMERIC: u32 = 1700;
    let at = |ty: u32| INTEGERS.iter().position(|i| *i == ty);
    match (from, to) {
        ((VARCHAR, _), (TEXT, _)) | ((VARCHAR, 0..), (VARCHAR, -1)) => true,
        ((VARCHAR, a @ 0..), (VARCHAR, b @ 0..)) => a <= b,
        // The scale is the lower half of the modifier.
        ((NUMERIC, a @ 4..), (NUMERIC, b @ 4..)) => (a - 4) & 0xFFFF == (b - 4) & 0xFFFF && a <= b,
        ((a, _), (b, _)) => at(a).zip(at(b)).is_some_and(|(a, b)| a <= b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_types_are_harmless_and_others_are_not() {
        let numeric = |p: i32, s: i32| (1700, (p << 16 | s) + 4);
        for (from, to, expected) in [
            ((23, -1), (20, -1), true),
            ((20, -1), (23, -1), false),
            ((1043, 14), (1043, 24), true),
            ((1043, 24), (1043, 14), false),
            ((1043, 14), (25, -1), true),
            ((25, -1), (23, -1), false),
            (numeric(10, 2), numeric(12, 2), true),
            (numeric(10, 2), numeric(12, 3), false),
            ((1184, -1), (1184, 0), false),
        ] {
            assert_eq!(harmless(from, to), expected, "{from:?} {to:?}");
        }
    }
}
