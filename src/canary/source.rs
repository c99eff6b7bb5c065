//! The source's side: the table, whether the pipeline carries it, and the three changes.

use tokio_postgres::Client;

use super::row;
use crate::connect;
use crate::facts::{CANARY_TABLE, CanaryEnd};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::quote::{pg_ident, pg_table};

/// One run at a time in a database: the lock's number is `canary` in letters.
const LOCK: i64 = 0x6361_6e61_7279;

/// A session that writes the canary's row.
pub(super) struct Source<'a> {
    client: Client,
    pipeline: &'a Pipeline,
    schema: &'a str,
}

impl<'a> Source<'a> {
    /// Logs in, and sees to it that no other run is under way.
    pub(super) async fn open(
        pipeline: &'a Pipeline,
        passwords: &Passwords,
        schema: &'a str,
    ) -> Result<Self, CanaryEnd> {
        let opened = connect::postgres::open(&pipeline.source, passwords.source.as_ref()).await;
        let client = opened.map_err(|e| refused("logging in to the source", e.to_string()))?;
        let source = Self { client, pipeline, schema };
        source.execute("preparing the session", "SET statement_timeout = '15s'; SET lock_timeout = '5s'").await?;
        let ask = format!("SELECT pg_try_advisory_lock({LOCK})");
        if source.asks("locking out other runs", &ask).await? {
            Ok(source)
        } else {
            Err(refused("sending a second canary", "another one is under way in this database".to_owned()))
        }
    }

    /// Makes the table where it is not there.
    pub(super) async fn make_table(&self) -> Result<(), CanaryEnd> {
        let label = format!("{}.{CANARY_TABLE}", self.schema);
        let there = "SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname = $1 AND c.relname = $2";
        let rows = self.client.query(there, &[&self.schema, &CANARY_TABLE]).await;
        if !rows.map_err(|e| self.error("looking for the table", &e))?.is_empty() {
            return Ok(());
        }
        let made = self.client.batch_execute(&row::create_sql(self.schema)).await;
        made.map_err(|e| {
            let (schema, user) = (pg_ident(self.schema), pg_ident(&self.pipeline.source.user));
            let why = format!("{}; GRANT CREATE ON SCHEMA {schema} TO {user} would let it", self.words(&e));
            refused(&format!("creating {label}"), why)
        })
    }

    /// Adds the table to the pipeline's publication where that leaves it out.
    pub(super) async fn publish(&self) -> Result<(), CanaryEnd> {
        let name = &self.pipeline.sync.publication;
        let ask = "SELECT p.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_tables t \
                          WHERE t.pubname = p.pubname AND t.schemaname = $2 AND t.tablename = $3) \
                     FROM pg_catalog.pg_publication p WHERE p.pubname = $1";
        let rows = self.client.query(ask, &[name, &self.schema, &CANARY_TABLE]).await;
        let rows = rows.map_err(|e| self.error("looking at the publication", &e))?;
        let Some(published) = rows.first().map(|row| row.get::<_, bool>(0)) else {
            return Err(CanaryEnd::NotRunning(format!(
                "the publication \"{name}\" is not there, so it never has been"
            )));
        };
        if published {
            return Ok(());
        }
        let sql = format!("ALTER PUBLICATION {} ADD TABLE {}", pg_ident(name), pg_table(self.schema, CANARY_TABLE));
        let added = self.client.batch_execute(&sql).await;
        added.map_err(|e| CanaryEnd::NotPublished { why: self.words(&e), sql })
    }

    /// Somebody reads from the pipeline's slot.
    pub(super) async fn is_read(&self) -> Result<(), CanaryEnd> {
        let name = &self.pipeline.sync.slot;
        let ask = "SELECT active FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
        let rows = self.client.query(ask, &[name]).await;
        let rows = rows.map_err(|e| self.error("looking at the slot", &e))?;
        match rows.first().map(|row| row.get::<_, bool>(0)) {
            Some(true) => Ok(()),
            Some(false) => Err(CanaryEnd::NotRunning(format!("nobody reads from the slot \"{name}\""))),
            None => Err(CanaryEnd::NotRunning(format!("the slot \"{name}\" is not there"))),
        }
    }

    /// A number that no other run has had: the server's clock in microseconds.
    pub(super) async fn new_id(&self) -> Result<i64, CanaryEnd> {
        let ask = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
        let row = self.client.query_one(ask, &[]).await;
        Ok(row.map_err(|e| self.error("asking for the time", &e))?.get(0))
    }

    pub(super) async fn insert(&self, id: i64) -> Result<(), CanaryEnd> {
        self.write(&row::insert_sql(self.schema, id)).await
    }

    pub(super) async fn update(&self, id: i64) -> Result<(), CanaryEnd> {
        self.write(&row::update_sql(self.schema, id)).await
    }

    /// Removes every row of the table.
    pub(super) async fn clear(&self) -> Result<(), CanaryEnd> {
        self.write(&row::delete_sql(self.schema)).await
    }

    async fn write(&self, sql: &str) -> Result<(), CanaryEnd> {
        self.execute(&format!("writing to {}.{CANARY_TABLE}", self.schema), sql).await
    }

    async fn execute(&self, doing: &str, sql: &str) -> Result<(), CanaryEnd> {
        self.client.batch_execute(sql).await.map_err(|e| self.error(doing, &e))
    }

    async fn asks(&self, doing: &str, sql: &str) -> Result<bool, CanaryEnd> {
        let row = self.client.query_one(sql, &[]).await;
        Ok(row.map_err(|e| self.error(doing, &e))?.get(0))
    }

    fn error(&self, doing: &str, error: &tokio_postgres::Error) -> CanaryEnd {
        refused(doing, self.words(error))
    }

    fn words(&self, error: &tokio_postgres::Error) -> String {
        connect::postgres::refused(&self.pipeline.source, error).refusal.message
    }
}

/// The end of a run that a server did not let go on.
pub(super) fn refused(doing: &str, why: String) -> CanaryEnd {
    CanaryEnd::Refused { doing: doing.to_owned(), why }
}
