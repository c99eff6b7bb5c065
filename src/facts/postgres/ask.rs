//! Queries of the collectors: counted, limited in time, and their errors as reasons for not knowing.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

use super::super::board::PATIENCE;
use super::super::{Unknown, UnknownKind};

/// One session, and how many queries it was asked.
pub(super) struct Ask<'a> {
    client: &'a Client,
    asked: AtomicU32,
}

impl<'a> Ask<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client, asked: AtomicU32::new(0) }
    }

    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// One query, without the round trip that preparing it would take.
    pub(super) async fn rows(&self, sql: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.client.query_typed(sql, params).await
    }

    /// One query without parameters, as a fact.
    pub(super) async fn fact(&self, sql: &str) -> Result<Vec<Row>, Unknown> {
        self.limited(self.rows(sql, &[])).await
    }

    /// Waits only so long, and words the error.
    pub(super) async fn limited<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Unknown> {
        match timeout(PATIENCE, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(unknown(&error)),
            Err(_) => {
                let why = format!("the source did not answer a query within {} seconds", PATIENCE.as_secs());
                Err(Unknown::new(UnknownKind::Failed, why))
            }
        }
    }
}

fn unknown(error: &Error) -> Unknown {
    let Some(db) = error.as_db_error() else {
        return Unknown::new(UnknownKind::Failed, format!("the query failed: {error}"));
    };
    let said = db.message();
    match db.code().code() {
        "42501" => Unknown::new(
            UnknownKind::NoPermission,
            format!("{said}; membership of pg_monitor would allow it: GRANT pg_monitor TO the login"),
        ),
        "57014" => Unknown::new(UnknownKind::Failed, "the source took too long to answer a catalog query"),
        "55P03" => Unknown::new(UnknownKind::Failed, "a lock that another session holds was in the way"),
        code => Unknown::new(UnknownKind::Failed, format!("the query failed: {said} ({code})")),
    }
}
