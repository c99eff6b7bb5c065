//! The publication on the source: which tables' changes are sent, and all of them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::facts::{PgTable, TableKind};
use crate::quote::{pg_ident, pg_literal, pg_table};
use crate::sync::error::{Cause, SyncError};
use crate::text::safe;

/// A table's number on the source.
pub(super) type Oids = HashMap<u32, (String, String)>;

fn failed(doing: &str) -> impl FnOnce(tokio_postgres::Error) -> SyncError {
    let doing = doing.to_owned();
    move |e| SyncError::Prepare { doing, cause: Cause::from(&e) }
}

/// What a publication is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Publication {
    all_tables: bool,
    whole: bool,
    via_root: bool,
    /// `schema.table` of those that it names.
    tables: HashSet<(String, String)>,
    /// Those whose rows or columns it leaves out.
    filtered: Vec<String>,
}

/// The comment by which a publication of this program is known again.
const COMMENT: &str = "made by cdc-doctor";

/// Makes the publication, or adds what it lacks. Returns the numbers of the tables.
///
/// `followed` says of which tables changes have been followed before: those must have been in it all the time, for the
/// source passes over changes of a table that is not (since version 18 without an error where the publication is gone).
pub(super) async fn ensure(
    client: &Client,
    name: &str,
    tables: &[&PgTable],
    followed: impl Fn(&PgTable) -> bool,
    version: i32,
) -> Result<Oids, SyncError> {
    match find(client, name, version).await? {
        None if tables.iter().any(|t| followed(t)) => return Err(gone(name)),
        None => create(client, name, tables, version).await?,
        Some(there) => {
            refuse_what_leaves_out(name, &there, tables)?;
            let missing: Vec<&PgTable> = tables
                .iter()
                .filter(|t| !there.all_tables && !there.tables.contains(&(t.schema.clone(), t.name.clone())))
                .copied()
                .collect();
            if let Some(table) = missing.iter().find(|t| followed(t)) {
                return Err(taken_out(name, &table.label()));
            }
            add(client, name, &missing).await?;
        }
    }
    oids(client, tables).await
}

async fn find(client: &Client, name: &str, version: i32) -> Result<Option<Publication>, SyncError> {
    let doing = || failed("looking at the publication");
    let ask = "SELECT puballtables, pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot, oid \
               FROM pg_catalog.pg_publication WHERE pubname = $1";
    let Some(row) = client.query_opt(ask, &[&name]).await.map_err(doing())? else { return Ok(None) };
    let ask = "SELECT schemaname::text, tablename::text FROM pg_catalog.pg_publication_tables WHERE pubname = $1 \
               UNION SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_publication_rel r \
                 JOIN pg_catalog.pg_class c ON c.oid = r.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                WHERE r.prpubid = $2";
    let oid: u32 = row.get(3);
    let tables = client.query(ask, &[&name, &oid]).await.map_err(doing())?;
    let mut filtered = Vec::new();
    if version >= 150_000 {
        let ask = "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_publication_rel r \
             JOIN pg_catalog.pg_class c ON c.oid = r.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
            WHERE r.prpubid = $1 AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL) ORDER BY 1";
        filtered = client.query(ask, &[&oid]).await.map_err(doing())?.iter().map(|r| r.get(0)).collect();
    }
    Ok(Some(Publication {
        all_tables: row.get(0),
        whole: row.get(1),
        via_root: row.get(2),
        tables: tables.iter().map(|r| (r.get(0), r.get(1))).collect(),
        filtered,
    }))
}

/// The publication is not there any more.
fn gone(name: &str) -> SyncError {
    SyncError::Slot {
        why: format!("the publication {:?} is gone from the source, which sends no changes without it", safe(name)),
        next: format!("Nobody can tell what was changed meanwhile. Load all tables anew: {}", super::slot::ANEW),
    }
}

/// A table is not in it any more.
fn taken_out(name: &str, table: &str) -> SyncError {
    let table = safe(table);
    SyncError::Slot {
        why: format!("{table} was taken out of the publication {:?}: its changes are not sent", safe(name)),
        next: format!("Nobody can tell what was changed meanwhile. Load it again: cdc-doctor sync --reload {table}"),
    }
}

/// Looks whether the publication still has the tables.
pub(super) async fn still_has(client: &Client, name: &str, oids: &Oids, version: i32) -> Result<(), SyncError> {
    let doing = || failed("looking at the publication");
    let numbers: Vec<u32> = oids.keys().copied().collect();
    let by_schema = if version >= 150_000 {
        "OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid)"
    } else {
        ""
    };
    let ask = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = $1), \
        (SELECT min(o) FROM unnest($2::oid[]) o WHERE EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = o) \
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication p LEFT JOIN pg_catalog.pg_publication_rel r \
                            ON r.prpubid = p.oid AND r.prrelid = o \
                          WHERE p.pubname = $1 AND (p.puballtables OR r.oid IS NOT NULL {by_schema})))"
    );
    let row = client.query_one(&ask, &[&name, &numbers]).await.map_err(doing())?;
    if !row.get::<_, bool>(0) {
        return Err(gone(name));
    }
    match row.get::<_, Option<u32>>(1).and_then(|oid| oids.get(&oid)) {
        Some((schema, table)) => Err(taken_out(name, &format!("{schema}.{table}"))),
        None => Ok(()),
    }
}

/// A publication that sends less than everything would lose changes without a word.
fn refuse_what_leaves_out(name: &str, there: &Publication, tables: &[&PgTable]) -> Result<(), SyncError> {
    let ident = pg_ident(name);
    let partitioned = tables.iter().any(|t| t.kind == TableKind::Partitioned);
    let (why, next) = if !there.whole {
        (
            "does not send every kind of change".to_owned(),
            format!("ALTER PUBLICATION {ident} SET (publish = 'insert, update, delete, truncate')"),
        )
    } else if partitioned && !there.via_root {
        (
            "sends the changes of partitions under the partitions' names".to_owned(),
            format!("ALTER PUBLICATION {ident} SET (publish_via_partition_root = true)"),
        )
    } else if let Some(table) = there.filtered.iter().find(|f| tables.iter().any(|t| t.label() == **f)) {
        (
            format!("leaves out rows or columns of {}", safe(table)),
            format!("take the row filter or column list away with ALTER PUBLICATION {ident} SET TABLE …"),
        )
    } else {
        return Ok(());
    };
    Err(SyncError::Slot {
        why: format!("the publication {:?} {why}", safe(name)),
        next: format!("On the source: {next}; or set another publication in [sync], which is then made"),
    })
}

fn list(tables: &[&PgTable]) -> String {
    tables.iter().map(|t| pg_table(&t.schema, &t.name)).collect::<Vec<_>>().join(", ")
}

async fn create(client: &Client, name: &str, tables: &[&PgTable], version: i32) -> Result<(), SyncError> {
    let generated = if version >= 180_000 { ", publish_generated_columns = stored" } else { "" };
    let ident = pg_ident(name);
    let sql = format!(
        "CREATE PUBLICATION {ident} FOR TABLE {} WITH (publish_via_partition_root = true{generated})",
        list(tables)
    );
    patiently(client, &sql).await.map_err(|e| not_allowed(&e, "making", name, &sql))?;
    let comment = format!("COMMENT ON PUBLICATION {ident} IS {}", pg_literal(COMMENT));
    client.batch_execute(&comment).await.map_err(failed("marking the publication"))
}

async fn add(client: &Client, name: &str, missing: &[&PgTable]) -> Result<(), SyncError> {
    if missing.is_empty() {
        return Ok(());
    }
    let sql = format!("ALTER PUBLICATION {} ADD TABLE {}", pg_ident(name), list(missing));
    patiently(client, &sql).await.map_err(|e| not_allowed(&e, "adding tables to", name, &sql))
}

/// Runs a statement that locks every table for a moment, in which it may meet the locks of the application.
async fn patiently(client: &Client, sql: &str) -> Result<(), tokio_postgres::Error> {
    const TRIES: u32 = 8;
    let mut tries = 1;
    loop {
        match client.batch_execute(sql).await {
            Err(e) if tries < TRIES && e.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {
                tokio::time::sleep(Duration::from_millis(u64::from(tries) * 50)).await;
                tries += 1;
            }
            done => return done,
        }
    }
}

/// Who may not is told what to have typed.
fn not_allowed(error: &tokio_postgres::Error, doing: &str, name: &str, sql: &str) -> SyncError {
    let cause = Cause::from(error);
    match &cause {
        Cause::Server { code, .. } if code == "42501" => SyncError::Slot {
            why: format!("{doing} the publication {:?}: {cause}", safe(name)),
            next: format!("Let the tables' owner type on the source: {}", safe(sql)),
        },
        _ => SyncError::Prepare { doing: format!("{doing} the publication {}", safe(name)), cause },
    }
}

async fn oids(client: &Client, tables: &[&PgTable]) -> Result<Oids, SyncError> {
    let schemas: Vec<&str> = tables.iter().map(|t| t.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
    let ask = "SELECT c.oid, w.schema, w.name FROM unnest($1::text[], $2::text[]) AS w(schema, name) \
               JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema \
               JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name";
    let rows = client.query(ask, &[&schemas, &names]).await.map_err(failed("numbering the tables"))?;
    Ok(rows.iter().map(|r| (r.get(0), (r.get(1), r.get(2)))).collect())
}

/// Drops the publication if this program made it.
pub(super) async fn drop_own(client: &Client, name: &str) -> Result<(), SyncError> {
    let doing = || failed("dropping the publication");
    let ask = "SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = $1 \
               AND pg_catalog.obj_description(oid, 'pg_publication') = $2";
    if client.query_opt(ask, &[&name, &COMMENT]).await.map_err(doing())?.is_some() {
        client.batch_execute(&format!("DROP PUBLICATION {}", pg_ident(name))).await.map_err(doing())?;
    }
    Ok(())
}
