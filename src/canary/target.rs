//! The target's side: what is there of the canary's row.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Value};

use super::compare::Arrived;
use super::row;
use super::source::refused;
use crate::connect;
use crate::facts::{self, CANARY_TABLE, CanaryEnd};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::quote::{my_ident, my_table};

/// A session that looks for the canary's row.
pub(super) struct Target<'a> {
    conn: Conn,
    pipeline: &'a Pipeline,
    schema: &'a str,
}

/// What one look saw.
pub(super) enum Seen {
    /// The row, its values in the order of the columns.
    Row(Vec<Arrived>),
    /// No row.
    Nothing,
    /// The server's refusal.
    Said(String),
}

impl<'a> Target<'a> {
    pub(super) async fn open(
        pipeline: &'a Pipeline,
        passwords: &Passwords,
        schema: &'a str,
    ) -> Result<Self, CanaryEnd> {
        let opened = connect::mysql::open(&pipeline.target, passwords.target.as_ref(), None).await;
        let conn = opened.map_err(|e| refused("logging in to the target", e.to_string()))?;
        Ok(Self { conn, pipeline, schema })
    }

    /// By its own books the running sync carries the table, or it keeps none.
    pub(super) async fn is_carried(&mut self) -> Result<(), CanaryEnd> {
        let synced = facts::mysql::synced(&mut self.conn, self.pipeline).await;
        let synced = synced.map_err(|e| refused("reading cdc_doctor_tables", self.words(&e)))?;
        let carried = synced.iter().any(|t| t.schema == self.schema && t.table == CANARY_TABLE);
        if carried || synced.is_empty() { Ok(()) } else { Err(CanaryEnd::NotCarried) }
    }

    /// Looks for the row once.
    pub(super) async fn look(&mut self, id: i64) -> Seen {
        let columns: Vec<String> = row::columns().map(my_ident).collect();
        let table = my_table(self.pipeline.target_database(self.schema), CANARY_TABLE);
        let sql = format!("SELECT {} FROM {table} WHERE id = {id}", columns.join(", "));
        match self.conn.query_first::<mysql_async::Row, _>(sql).await {
            Ok(Some(row)) => Seen::Row(row.unwrap_raw().into_iter().map(|v| v.and_then(text)).collect()),
            Ok(None) => Seen::Nothing,
            Err(error) => Seen::Said(self.words(&error)),
        }
    }

    fn words(&self, error: &mysql_async::Error) -> String {
        connect::mysql::refused(&self.pipeline.target, error).refusal.message
    }
}

/// A value as the text protocol has it.
fn text(value: Value) -> Arrived {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(bytes),
        other => Some(other.as_sql(true).into_bytes()),
    }
}
