//! Queries of the collectors: counted, limited in time, and their errors as reasons for not knowing.

use std::io;

use mysql_async::prelude::{FromValue, Queryable};
use mysql_async::{Conn, Error, Row, Value};
use tokio::time::timeout;

use super::super::board::PATIENCE;
use super::super::{MyFlavor, Unknown, UnknownKind};

/// One session, and how many queries it was asked.
pub(super) struct Ask<'a> {
    conn: &'a mut Conn,
    asked: u32,
}

impl<'a> Ask<'a> {
    pub(super) fn new(conn: &'a mut Conn) -> Self {
        Self { conn, asked: 0 }
    }

    pub(super) fn asked(&self) -> u32 {
        self.asked
    }

    /// Tells the server to give up in time, and not to wait for locks.
    pub(super) async fn limit(&mut self, flavor: MyFlavor) {
        let sql = match flavor {
            // Row counts as they are now, rather than those of up to a day ago.
            MyFlavor::MySql => {
                "SET SESSION max_execution_time = 15000, lock_wait_timeout = 5, information_schema_stats_expiry = 0"
            }
            MyFlavor::MariaDb => "SET SESSION max_statement_time = 15, lock_wait_timeout = 5",
        };
        if let Err(error) = self.conn.query_drop(sql).await {
            tracing::debug!("limits of the collecting session: {error}");
        }
    }

    /// One query.
    pub(super) async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        self.asked += 1;
        match timeout(PATIENCE, self.conn.query(sql)).await {
            Ok(answer) => answer,
            Err(_) => {
                let why = format!("the target did not answer a query within {} seconds", PATIENCE.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, why).into())
            }
        }
    }

    /// One query, as a fact.
    pub(super) async fn fact(&mut self, sql: &str) -> Result<Vec<Row>, Unknown> {
        self.rows(sql).await.map_err(|e| unknown(&e))
    }
}

/// A value by place; names differ in case between servers. What is NULL, or of another type, is the default.
pub(super) fn get<T: FromValue + Default>(row: &Row, at: usize) -> T {
    match row.as_ref(at) {
        None | Some(Value::NULL) => T::default(),
        Some(value) => mysql_async::from_value_opt(value.clone()).unwrap_or_default(),
    }
}

pub(super) fn unknown(error: &Error) -> Unknown {
    let Error::Server(server) = error else {
        return Unknown::new(UnknownKind::Failed, format!("the query failed: {error}"));
    };
    let said = &server.message;
    match server.code {
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 => Unknown::new(UnknownKind::NoPermission, said.clone()),
        // 1969: MariaDB's time limit; 3024: MySQL's.
        1969 | 3024 => Unknown::new(UnknownKind::Failed, "the target took too long to answer a catalog query"),
        1205 => Unknown::new(UnknownKind::Failed, "a lock that another session holds was in the way"),
        code => Unknown::new(UnknownKind::Failed, format!("the query failed: {said} ({code})")),
    }
}
