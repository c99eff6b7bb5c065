//! What the plan needs to know of the source: schemas, boolean columns, and how long its longest values are.

use tokio::time::{Duration, timeout};
use tokio_postgres::Client;

use super::ProvisionError;
use crate::connect;
use crate::facts::{PgTable, postgres};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::quote::{pg_ident, pg_table};

/// Types that DMS moves as LOBs.
const LOBS: [&str; 11] =
    ["text", "json", "jsonb", "bytea", "xml", "tsvector", "tsquery", "hstore", "citext", "path", "polygon"];
/// How long the source may take to find its longest values; it reads every selected table with such columns once.
const PATIENCE: Duration = Duration::from_secs(120);
/// Tables per statement.
const BATCH: usize = 50;

/// What was seen of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// Schemas of selected tables.
    pub schemas: Vec<String>,
    /// Selected tables: schema, table.
    pub tables: Vec<(String, String)>,
    /// Boolean columns: schema, table, column.
    pub booleans: Vec<(String, String, String)>,
    /// Bytes of the longest value of a LOB column; `None` where it could not be measured in time.
    pub longest: Option<u64>,
}

/// Asks the source.
pub(super) async fn read(pipeline: &Pipeline, passwords: &Passwords) -> Result<Measured, ProvisionError> {
    let query = |e: tokio_postgres::Error| {
        ProvisionError::Query(e.as_db_error().map_or_else(|| e.to_string(), |d| d.message().to_owned()))
    };
    let open = connect::postgres::open(&pipeline.source, passwords.source.as_ref());
    let client = open.await.map_err(Box::new)?;
    let tables = postgres::tables(&client, pipeline).await.map_err(query)?;
    let longest = match timeout(PATIENCE, longest(&client, &tables)).await {
        Ok(Ok(bytes)) => Some(bytes),
        Ok(Err(_)) | Err(_) => None,
    };
    let mut schemas: Vec<String> = tables.iter().map(|t| t.schema.clone()).collect();
    schemas.sort_unstable();
    schemas.dedup();
    let booleans = tables.iter().flat_map(|t| {
        let columns = t.columns.iter().filter(|c| c.ty.name == "bool");
        columns.map(|c| (t.schema.clone(), t.name.clone(), c.name.clone()))
    });
    let booleans = booleans.collect();
    let tables = tables.iter().map(|t| (t.schema.clone(), t.name.clone())).collect();
    Ok(Measured { schemas, tables, booleans, longest })
}

async fn longest(client: &Client, tables: &[PgTable]) -> Result<u64, tokio_postgres::Error> {
    let selects: Vec<String> = tables.iter().filter(|t| t.can_select && t.schema_usage).filter_map(select).collect();
    let mut longest = 0;
    for batch in selects.chunks(BATCH) {
        let sql = format!("SELECT max(n)::int8 FROM ({}) lengths", batch.join(" UNION ALL "));
        let bytes: Option<i64> = client.query_one(&sql, &[]).await?.get(0);
        longest = longest.max(bytes.and_then(|n| u64::try_from(n).ok()).unwrap_or(0));
    }
    Ok(longest)
}

/// The length of the longest LOB of a table; none where it has no such column.
fn select(table: &PgTable) -> Option<String> {
    let lob = |c: &&crate::facts::PgColumn| LOBS.contains(&c.ty.name.as_str()) || c.ty.name.starts_with('_');
    let lengths: Vec<String> = table
        .columns
        .iter()
        .filter(lob)
        .map(|c| match c.ty.name.as_str() {
            "bytea" => format!("max(octet_length({}))", pg_ident(&c.name)),
            _ => format!("max(octet_length({}::text))", pg_ident(&c.name)),
        })
        .collect();
    (!lengths.is_empty())
        .then(|| format!("SELECT greatest({}) n FROM {}", lengths.join(", "), pg_table(&table.schema, &table.name)))
}
