//! Are source and target equal? Row counts and checksums, computed inside both servers.

mod normal;

use mysql_async::prelude::Queryable;
use thiserror::Error;
use tokio_postgres::Client;

use crate::schema::TargetTable;

/// Why a comparison could not be made.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The source's answer.
    #[error("cannot read {table} on the source: {source}")]
    Source {
        /// `schema.table`.
        table: String,
        /// The driver's error.
        source: tokio_postgres::Error,
    },
    /// The target's answer.
    #[error("cannot read {table} on the target: {source}")]
    Target {
        /// `database.table`.
        table: String,
        /// The driver's error.
        source: mysql_async::Error,
    },
}

/// One side of a table in two numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// Sum over all rows of 60 bits of the SHA-256 of the row's normalised text; the order of rows plays no part.
    /// (MySQL 9.6 and later have no MD5 of their own.)
    pub sum: String,
}

/// A table on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// `schema.table` on the source.
    pub table: String,
    /// The source's digest.
    pub source: Digest,
    /// The target's digest.
    pub target: Digest,
}

impl Compared {
    /// Same count, same sum.
    #[must_use]
    pub fn equal(&self) -> bool {
        self.source == self.target
    }
}

/// Compares one table on both sides.
///
/// # Errors
/// What either server answered instead.
pub async fn compare(
    source: &Client,
    target: &mut mysql_async::Conn,
    table: &TargetTable,
) -> Result<Compared, VerifyError> {
    let name = format!("{}.{}", table.source_schema, table.source_name);
    let row = source
        .query_one(&normal::source_sql(table), &[])
        .await
        .map_err(|source| VerifyError::Source { table: name.clone(), source })?;
    let rows: i64 = row.get(0);
    let source = Digest { rows: rows.unsigned_abs(), sum: row.get(1) };
    let answer: Option<(u64, String)> = target
        .query_first(normal::target_sql(table))
        .await
        .map_err(|source| VerifyError::Target { table: format!("{}.{}", table.database, table.name), source })?;
    let (rows, sum) = answer.unwrap_or_default();
    Ok(Compared { table: name, source, target: Digest { rows, sum } })
}
