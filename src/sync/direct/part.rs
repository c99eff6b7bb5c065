//! Copying one part of a table: one `COPY`, one transaction on the target, all or nothing.

use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::{Client, CopyOutStream};

use super::encode::{Encoder, Rejection};
use super::plan::Part;
use super::prepare::Job;
use crate::pipeline::OnUnrepresentable;
use crate::sync::Stop;
use crate::sync::error::{Cause, Side};

/// How a part ended without being loaded. Its rows are not on the target.
#[derive(Debug)]
pub(super) enum End {
    /// It cannot be loaded.
    Cause(Cause),
    /// The target takes no `LOAD DATA LOCAL`.
    NoLocalInfile(Cause),
    /// The run was told to stop.
    Halted,
}

impl From<Cause> for End {
    fn from(cause: Cause) -> Self {
        Self::Cause(cause)
    }
}

/// What was written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    /// Rows.
    pub(super) rows: u64,
    /// Bytes, as sent to the target.
    pub(super) bytes: u64,
    /// Values written as NULL because the target cannot hold them.
    pub(super) nulled: u64,
}

/// Rows as the source sends them, a message each.
type Rows = Pin<Box<CopyOutStream>>;

/// One part and what is needed to copy it.
pub(super) struct Copy<'a> {
    pub(super) job: &'a Job,
    pub(super) part: &'a Part,
    pub(super) reader: &'a Client,
    pub(super) policy: OnUnrepresentable,
    pub(super) max_packet: u64,
    pub(super) halt: &'a Stop,
    /// Told of rows and bytes as they are sent.
    pub(super) sent: &'a (dyn Fn(u64, u64) + Sync),
}

/// Big enough that a chunk costs little, small enough that many workers stay small.
const CHUNK: usize = 128 << 10;
/// How long a target may take to finish or take back what was begun once the run is to stop.
const GRACE: Duration = Duration::from_secs(20);

impl Copy<'_> {
    /// Loads the part, by `LOAD DATA LOCAL` or by `INSERT`.
    pub(super) async fn run(&self, conn: &mut Conn, infile: bool) -> Result<Sent, End> {
        let rows = self.reader.copy_out(&self.job.copy_sql(&self.part.from)).await;
        let rows = Box::pin(rows.map_err(|e| Cause::from(&e))?);
        conn.query_drop("START TRANSACTION").await.map_err(lost)?;
        let done = if infile { self.load(conn, rows).await } else { self.insert(conn, rows).await };
        match done {
            Ok(sent) => {
                conn.query_drop("COMMIT").await.map_err(|e| in_doubt(&e))?;
                Ok(sent)
            }
            Err(End::Cause(cause @ Cause::Lost { side: Side::Target, .. })) => Err(cause.into()),
            Err(end) => {
                // When this does not come through either, the server rolls back as it notices the lost session.
                let _ = timeout(GRACE, conn.query_drop("ROLLBACK")).await;
                Err(end)
            }
        }
    }

    /// `LOAD DATA LOCAL`, fed while the source is read.
    async fn load(&self, conn: &mut Conn, rows: Rows) -> Result<Sent, End> {
        let (chunks, fed) = mpsc::channel::<Bytes>(2);
        let file = stream::unfold(fed, |mut fed| async move { fed.recv().await.map(|chunk| (Ok(chunk), fed)) });
        conn.set_infile_handler(async move { Ok(file.boxed()) });
        let statement = self.job.load_sql();
        let (pumped, loaded) = {
            let pump = pin!(self.pump(rows, chunks));
            let load = pin!(conn.query_drop(statement));
            match select(pump, load).await {
                // The file ends as the pump does, so the statement ends soon.
                Either::Left((pumped @ Ok(_), load)) => (Some(pumped), load.await),
                Either::Left((Err(end), load)) => {
                    // What was sent so far is rolled back, but the session must come to the end of its statement.
                    let _ = timeout(GRACE, load).await;
                    return Err(end);
                }
                Either::Right((loaded, _)) => (None, loaded),
            }
        };
        match (pumped, loaded) {
            (_, Err(error)) => Err(refused(&error)),
            (Some(pumped), Ok(())) => {
                let sent = pumped?;
                self.as_sent(conn, sent).await
            }
            (None, Ok(())) => Err(Cause::Malformed.into()),
        }
    }

    /// Reads, encodes and sends until the source has no more rows.
    async fn pump(&self, rows: Rows, chunks: mpsc::Sender<Bytes>) -> Result<Sent, End> {
        let halted = pin!(self.halt.wait());
        let rows = pin!(self.encode(rows, chunks));
        match select(halted, rows).await {
            Either::Left(_) => Err(End::Halted),
            Either::Right((done, _)) => done,
        }
    }

    async fn encode(&self, mut rows: Rows, chunks: mpsc::Sender<Bytes>) -> Result<Sent, End> {
        let mut encoder = Encoder::new(&self.job.layout.columns, self.policy);
        let (mut sent, mut told) = (Sent::default(), 0);
        let mut out = BytesMut::with_capacity(CHUNK + CHUNK / 4);
        while let Some(row) = rows.next().await {
            let row = row.map_err(|e| Cause::from(&e))?;
            let before = out.len();
            encoder.line(&row, &mut out).map_err(cause)?;
            self.short_enough(out.len() - before, || encoder.key(&row))?;
            sent.rows += 1;
            if out.len() >= CHUNK {
                sent.bytes += out.len() as u64;
                (self.sent)(sent.rows - told, out.len() as u64);
                told = sent.rows;
                if send(&chunks, out.split().freeze(), self.max_packet).await.is_err() {
                    // The statement ended before its file: its own error says why, and is waited for.
                    return std::future::pending().await;
                }
                out.reserve(CHUNK + CHUNK / 4);
            }
        }
        sent.bytes += out.len() as u64;
        sent.nulled = encoder.nulled;
        (self.sent)(sent.rows - told, out.len() as u64);
        if send(&chunks, out.freeze(), self.max_packet).await.is_err() {
            return std::future::pending().await;
        }
        Ok(sent)
    }

    /// Multi-row `INSERT`, a batch at a time.
    async fn insert(&self, conn: &mut Conn, mut rows: Rows) -> Result<Sent, End> {
        let head = self.job.insert_sql();
        let limit = usize::try_from(self.max_packet / 2).unwrap_or(usize::MAX).min(1 << 20);
        let mut encoder = Encoder::new(&self.job.layout.columns, self.policy);
        let mut sent = Sent::default();
        let mut batch = BytesMut::from(head.as_bytes());
        let mut count = 0;
        let mut halted = pin!(self.halt.wait());
        loop {
            let next = match select(halted.as_mut(), rows.next()).await {
                Either::Left(_) => return Err(End::Halted),
                Either::Right((next, _)) => next.transpose().map_err(|e| Cause::from(&e))?,
            };
            if let Some(row) = &next {
                if count > 0 {
                    batch.extend_from_slice(b",");
                }
                let before = batch.len();
                encoder.values(row, &mut batch).map_err(cause)?;
                self.short_enough(batch.len() - before + head.len(), || encoder.key(row))?;
                count += 1;
            }
            if count > 0 && (batch.len() >= limit || next.is_none()) {
                self.insert_batch(conn, &batch, sent.rows, count).await?;
                sent.rows += count;
                sent.bytes += batch.len() as u64;
                (self.sent)(count, batch.len() as u64);
                batch.truncate(head.len());
                count = 0;
            }
            if next.is_none() {
                sent.nulled = encoder.nulled;
                return Ok(sent);
            }
        }
    }

    async fn insert_batch(&self, conn: &mut Conn, batch: &[u8], before: u64, count: u64) -> Result<(), End> {
        match conn.query_drop(batch).await {
            Ok(()) => {
                let sent = Sent { rows: count, ..Sent::default() };
                self.as_sent(conn, sent).await.map(drop)
            }
            Err(error) => {
                let mut cause = Cause::from(&error);
                if let Cause::Server { message, .. } = &mut cause {
                    self.name_row(message, before).await;
                }
                Err(cause.into())
            }
        }
    }

    /// The target must say that it stored every row and had nothing to warn of: `LOAD DATA LOCAL` bends values, cuts
    /// text and leaves out rows with no more than a warning, in strict mode too.
    async fn as_sent(&self, conn: &mut Conn, sent: Sent) -> Result<Sent, End> {
        let (stored, warnings) = (conn.affected_rows(), u64::from(conn.get_warnings()));
        if stored == sent.rows && warnings == 0 {
            return Ok(sent);
        }
        let rows: Vec<(String, u64, String)> = conn.query("SHOW WARNINGS LIMIT 1").await.map_err(lost)?;
        let mut first = rows.into_iter().next().map(|(_, code, text)| format!("{code} {}", crate::text::safe(&text)));
        if let Some(text) = &mut first {
            self.name_row(text, 0).await;
        }
        Err(Cause::Altered { sent: sent.rows, stored, warnings, first }.into())
    }

    /// Adds the key of the row to a message that says only its number (`… at row 3`). Readers see rows in the same
    /// order each time, so the row is read again.
    async fn name_row(&self, message: &mut String, before: u64) {
        let Some((_, number)) = message.rsplit_once("at row ") else { return };
        let Ok(number) = number.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>() else {
            return;
        };
        let from = format!("{} OFFSET {} LIMIT 1", self.part.from, before + number.saturating_sub(1));
        let Ok(rows) = self.reader.copy_out(&self.job.copy_sql(&from)).await else { return };
        let encoder = Encoder::new(&self.job.layout.columns, self.policy);
        if let Some(Ok(row)) = pin!(rows).next().await
            && let Some(key) = encoder.key(&row)
        {
            message.push_str(&format!(" (the row with {key})"));
        }
    }

    fn short_enough(&self, bytes: usize, key: impl FnOnce() -> Option<String>) -> Result<(), End> {
        if bytes as u64 <= self.max_packet {
            return Ok(());
        }
        Err(Cause::RowTooLong { key: key(), bytes: bytes as u64, limit: self.max_packet }.into())
    }
}

/// Sends in pieces that fit into a packet.
async fn send(chunks: &mpsc::Sender<Bytes>, mut all: Bytes, max_packet: u64) -> Result<(), ()> {
    let piece = usize::try_from(max_packet / 2).unwrap_or(usize::MAX).min(1 << 20);
    while !all.is_empty() {
        let head = all.split_to(all.len().min(piece));
        chunks.send(head).await.map_err(|_| ())?;
    }
    Ok(())
}

fn cause(rejection: Rejection) -> End {
    End::Cause(match rejection {
        Rejection::Value { column, key, value, why } => {
            Cause::Value { column: crate::text::safe(&column), key, value, why }
        }
        Rejection::Malformed => Cause::Malformed,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands the error over by value")]
fn lost(error: mysql_async::Error) -> End {
    End::Cause(Cause::from(&error))
}

/// A connection that breaks during COMMIT leaves open whether the rows are there.
fn in_doubt(error: &mysql_async::Error) -> End {
    let mut cause = Cause::from(error);
    if let Cause::Lost { message, .. } = &mut cause {
        message.push_str(" (while committing: the rows of this part may be there or not)");
    }
    End::Cause(cause)
}

/// `local_infile` is off on the server: 3948 MySQL, 4166 MariaDB, 1148 older ones.
fn refused(error: &mysql_async::Error) -> End {
    match error {
        mysql_async::Error::Server(e) if matches!(e.code, 3948 | 4166 | 1148) => End::NoLocalInfile(Cause::from(error)),
        other => End::Cause(Cause::from(other)),
    }
}
