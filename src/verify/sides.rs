//! A session on either side, and the statements of a comparison run on them.

use std::collections::HashMap;
use std::pin::pin;

use futures_util::TryStreamExt;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, RowStream};

use super::error::{Broken, is_no_value};
use super::multiset::Multiset;
use super::narrow::{BucketDigests, Digest, Listing};
use super::rows::Fetch;
use super::statement::{Buckets, Key, Shape, Slice};
use super::value::Seen;
use crate::connect::mysql::Like;
use crate::connect::{self, ConnectError};
use crate::facts::MyFlavor;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::sync::Cause;

/// Sessions only read. Planning is not worth compiling for statements that are sent once. A source that can notices
/// that this program is gone.
const SOURCE: &str = "SET jit = off; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; \
    SELECT set_config(name, '5s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";

/// A reader that is slow for a while, or waits for the sync, must not end the session.
const TARGET: &str =
    "SET SESSION net_write_timeout = 3600, SESSION wait_timeout = 604800, SESSION lock_wait_timeout = 60";

/// What the server may have as a limit for every query.
fn no_limit(flavor: MyFlavor) -> &'static str {
    match flavor {
        MyFlavor::MySql => "SET SESSION max_execution_time = 0",
        MyFlavor::MariaDb => "SET SESSION max_statement_time = 0",
    }
}

/// Where the source's log stands: everything that a statement before this one has seen was written before it.
const POSITION: &str = "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
    ELSE pg_current_wal_insert_lsn() END - '0/0'::pg_lsn)::text";

/// A row that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// What tells this version of the row from the next, where it was asked for.
    pub(super) version: Option<String>,
    /// The values that were asked for.
    pub(super) values: Vec<Seen>,
}

/// Rows by key; a key can have several where nothing makes it unique.
pub(super) type Rows = HashMap<Key, Vec<Row>>;

/// A session on either side.
#[derive(Debug)]
pub(super) struct Sides {
    /// On the source.
    pub(super) source: Client,
    /// On the target.
    pub(super) target: Conn,
}

/// One more session on the target.
async fn open(like: &Like) -> Result<Conn, Cause> {
    let options = like.options().await.map_err(|e| Cause::Connect(Box::new(e)))?;
    Conn::new(options).await.map_err(|e| Cause::from(&e))
}

impl Sides {
    /// The first sessions, as the pipeline file says.
    pub(super) async fn open(pipeline: &Pipeline, passwords: &Passwords) -> Result<Self, ConnectError> {
        let target = connect::mysql::open(&pipeline.target, passwords.target.as_ref(), None);
        let source = connect::postgres::open(&pipeline.source, passwords.source.as_ref());
        let (source, target) = tokio::join!(source, target);
        Ok(Self { source: source?, target: target? })
    }

    /// More sessions, the target's as the first one was opened.
    pub(super) async fn another(pipeline: &Pipeline, passwords: &Passwords, like: Like) -> Result<Self, Cause> {
        let source = connect::postgres::open(&pipeline.source, passwords.source.as_ref());
        let (source, target) = tokio::join!(source, open(&like));
        Ok(Self { source: source.map_err(|e| Cause::Connect(Box::new(e)))?, target: target? })
    }

    /// The settings that comparing needs.
    pub(super) async fn set_up(&mut self, flavor: MyFlavor) -> Result<(), Cause> {
        self.source.batch_execute(SOURCE).await.map_err(|e| Cause::from(&e))?;
        for sql in [TARGET, no_limit(flavor), "SET SESSION TRANSACTION READ ONLY"] {
            self.target.query_drop(sql).await.map_err(|e| Cause::from(&e))?;
        }
        Ok(())
    }

    /// The digest of a slice on both sides at once, and how many values stand as NULL on the target.
    pub(super) async fn digests(&mut self, shape: &Shape, slice: &Slice) -> Result<(Digest, Digest, u64), Broken> {
        let (on_source, on_target) = (shape.source_digest(slice), shape.target_digest(slice));
        let source = self.source.query_typed_one(&on_source, &[]);
        let target = self.target.query_first::<(u64, String), _>(on_target);
        // Both come to their end: a session that is left in the middle of an answer is of no use any more.
        let (source, target) = tokio::join!(source, target);
        let (row, target) = (source?, target?.unwrap_or_default());
        let source = Digest { rows: unsigned(row.get(0)), sum: row.get(1) };
        Ok((source, Digest { rows: target.0, sum: target.1 }, unsigned(row.get(2))))
    }

    /// The digests of a slice's buckets on both sides at once.
    pub(super) async fn buckets(
        &mut self,
        shape: &Shape,
        slice: &Slice,
        mask: u64,
    ) -> Result<(BucketDigests, BucketDigests), Broken> {
        let (on_source, on_target) = (shape.source_buckets(slice, mask), shape.target_buckets(slice, mask));
        let source = self.source.query_typed(&on_source, &[]);
        let target = self.target.query::<(u64, u64, String), _>(on_target);
        let (source, target) = tokio::join!(source, target);
        let of_source =
            |row: &tokio_postgres::Row| (unsigned(row.get(0)), Digest { rows: unsigned(row.get(1)), sum: row.get(2) });
        let source = source?.iter().map(of_source).collect();
        let target = target?.into_iter().map(|(bucket, rows, sum)| (bucket, Digest { rows, sum })).collect();
        Ok((source, target))
    }

    /// The keys of a slice whose rows may differ.
    pub(super) async fn suspects(
        &mut self,
        shape: &Shape,
        slice: &Slice,
        buckets: Option<Buckets<'_>>,
    ) -> Result<Vec<Key>, Broken> {
        let parts = shape.key.len();
        let mut listing = Listing::default();
        let mut rows = pin!(self.stream(&shape.source_list(slice, buckets)).await?);
        while let Some(row) = rows.try_next().await? {
            let key = (1..=parts).map(|at| row.get(at)).collect();
            listing.add(Key(key), unsigned(row.get(0)));
        }
        let mut rows = self.target.query_iter(shape.target_list(slice, buckets)).await?;
        while let Some(row) = rows.next().await? {
            let hash = mysql_async::from_value(row.as_ref(0).cloned().unwrap_or(mysql_async::Value::NULL));
            let key = (1..=parts).map(|at| text(&row, at)).collect();
            listing.meet(Key(key), hash);
        }
        Ok(listing.suspects())
    }

    /// Rows of the source by their keys.
    pub(super) async fn source_rows(
        &self,
        shape: &Shape,
        keys: &[Key],
        fetch: Fetch<'_>,
        version: bool,
    ) -> Result<Rows, Broken> {
        if keys.is_empty() {
            return Ok(Rows::new());
        }
        let rows = match self.source.query_typed(&shape.source_rows(keys, fetch, version, false), &[]).await {
            // Keys of the target can be such that the source's type has no value for them.
            Err(error) if is_no_value(&Cause::from(&error)) => {
                self.source.query_typed(&shape.source_rows(keys, fetch, version, true), &[]).await?
            }
            rows => rows?,
        };
        let mut found = Rows::with_capacity(rows.len());
        for row in &rows {
            let first = usize::from(version);
            let values = first + shape.key.len();
            let key = Key((first..values).map(|at| row.get(at)).collect());
            let values = (values..row.len()).map(|at| Seen::read(row.get(at))).collect();
            let version = version.then(|| row.get(0));
            found.entry(key).or_default().push(Row { version, values });
        }
        Ok(found)
    }

    /// Rows of the target by their keys.
    pub(super) async fn target_rows(&mut self, shape: &Shape, keys: &[Key], fetch: Fetch<'_>) -> Result<Rows, Broken> {
        if keys.is_empty() {
            return Ok(Rows::new());
        }
        let rows: Vec<mysql_async::Row> = self.target.query(shape.target_rows(keys, fetch)).await?;
        let mut found = Rows::with_capacity(rows.len());
        for row in &rows {
            let key = Key((0..shape.key.len()).map(|at| text(row, at)).collect());
            let values = (shape.key.len()..row.len()).map(|at| Seen::read(text(row, at))).collect();
            found.entry(key).or_default().push(Row { version: None, values });
        }
        Ok(found)
    }

    /// The digests of a whole table, computed here from every row's values: for a table without a key whose equal
    /// values may print differently.
    pub(super) async fn values(&mut self, shape: &Shape) -> Result<(Digest, Digest), Broken> {
        let (mut source, mut target) = (Multiset::default(), Multiset::default());
        let mut rows = pin!(self.stream(&shape.source_all()).await?);
        while let Some(row) = rows.try_next().await? {
            source.add(shape, (0..row.len()).map(|at| Seen::read(row.get(at))));
        }
        let mut rows = self.target.query_iter(shape.target_all()).await?;
        while let Some(row) = rows.next().await? {
            target.add(shape, (0..row.len()).map(|at| Seen::read(text(&row, at))));
        }
        Ok((source.digest(), target.digest()))
    }

    /// Where the source's log stands, bytes from its beginning.
    pub(super) async fn position(&self) -> Result<u64, Broken> {
        let row = self.source.query_typed_one(POSITION, &[]).await?;
        Ok(row.get::<_, &str>(0).parse().unwrap_or(u64::MAX))
    }

    async fn stream(&self, sql: &str) -> Result<RowStream, Broken> {
        let none: [(&(dyn ToSql + Sync), Type); 0] = [];
        Ok(self.source.query_typed_raw(sql, none).await?)
    }
}

fn unsigned(n: i64) -> u64 {
    n.unsigned_abs()
}

/// A field of the target's answer. What is no UTF-8 cannot be equal to anything of the source.
fn text(row: &mysql_async::Row, at: usize) -> Option<String> {
    match row.as_ref(at) {
        Some(mysql_async::Value::Bytes(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}
