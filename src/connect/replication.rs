//! A session in replication mode: SQL and replication commands by the simple protocol, and the stream of changes.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::io_words;
use super::postgres::SETTINGS;
use crate::facts::{Refusal, Stage};

/// A connection in either direction, encrypted or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Wire for T {}

/// Why a command or the stream ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicationError {
    /// The server refused it.
    #[error("{message} ({code}){}", detail.as_deref().map(|d| format!(". {d}")).unwrap_or_default())]
    Server {
        /// SQLSTATE.
        code: String,
        /// In the server's words.
        message: String,
        /// Detail and hint.
        detail: Option<String>,
    },
    /// The connection broke.
    #[error("{0}")]
    Lost(String),
}

impl ReplicationError {
    fn io(error: &io::Error) -> Self {
        Self::Lost(io_words(error))
    }

    fn malformed(what: &str) -> Self {
        Self::Lost(format!("the server sent {what}"))
    }

    /// As facts keep it.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Server { code, message, detail } => {
                Refusal { stage: Stage::Login, code: Some(code), message, detail }
            }
            Self::Lost(message) => Refusal { stage: Stage::Login, code: None, message, detail: None },
        }
    }
}

/// A row of an answer; every field is text.
pub type TextRow = Vec<Option<String>>;

/// A session that waits for commands.
pub struct Replication {
    wire: Box<dyn Wire>,
    received: BytesMut,
}

impl std::fmt::Debug for Replication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replication")
    }
}

/// A message of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Streamed {
    /// A message of the output plug-in.
    Data {
        /// Where the server's WAL ended as it was sent, as far as the server tells.
        wal_end: u64,
        /// The message.
        payload: Bytes,
    },
    /// The server is there.
    Alive {
        /// All changes before this position have been sent.
        wal_end: u64,
        /// It wants an answer at once.
        reply: bool,
    },
}

/// A frame holds at most what PostgreSQL's own limit of 1 GB lets through.
const LARGEST_FRAME: usize = 1 << 30;
/// Large enough that reading costs little; rows keep the piece that they came in.
const CHUNK: usize = 64 << 10;
/// With less room than this in a piece, the next one is begun.
const LEAST_ROOM: usize = 4 << 10;
/// What follows the header of a frame of the stream: kind, start, end, time.
const DATA_HEADER: usize = 25;

impl Replication {
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, received: BytesMut::new() }
    }

    /// Gives the session the settings of all sessions of this program, so that the server writes the values of
    /// changes as it writes those of queries.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn set_up(&mut self) -> Result<(), ReplicationError> {
        // One text form for `money` too, whatever the database's.
        self.query(&format!("{SETTINGS}; SET lc_monetary = 'C'")).await.map(drop)
    }

    /// Runs SQL or a replication command; its rows.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn query(&mut self, command: &str) -> Result<Vec<TextRow>, ReplicationError> {
        self.send_query(command).await?;
        let mut rows = Vec::new();
        let mut refused = None;
        loop {
            let (tag, body) = self.frame().await?;
            match tag {
                b'D' => rows.push(text_row(body)?),
                b'E' => refused = Some(server_error(&body)),
                b'Z' => return refused.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    /// Starts the stream by a `START_REPLICATION` command.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn start(mut self, command: &str) -> Result<Stream, ReplicationError> {
        self.send_query(command).await?;
        loop {
            let (tag, body) = self.frame().await?;
            match tag {
                b'W' => return Ok(Stream { session: self }),
                b'E' => return Err(server_error(&body)),
                _ => {}
            }
        }
    }

    async fn send_query(&mut self, command: &str) -> Result<(), ReplicationError> {
        let mut out = BytesMut::new();
        frontend::query(command, &mut out).map_err(|e| ReplicationError::io(&e))?;
        self.write(&out).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ReplicationError> {
        self.wire.write_all(bytes).await.map_err(|e| ReplicationError::io(&e))?;
        self.wire.flush().await.map_err(|e| ReplicationError::io(&e))
    }

    /// The next frame. Nothing is lost when the future is dropped before it is ready.
    async fn frame(&mut self) -> Result<(u8, Bytes), ReplicationError> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(frame);
            }
            // Room grows with what has come, never by what a length promises. Rows that come one by one share a piece
            // too: a piece for each read would be kept whole for a few bytes.
            if self.received.capacity() - self.received.len() < LEAST_ROOM {
                self.received.reserve(CHUNK);
            }
            if self.wire.read_buf(&mut self.received).await.map_err(|e| ReplicationError::io(&e))? == 0 {
                return Err(ReplicationError::Lost("the server closed the connection".to_owned()));
            }
        }
    }

    /// A frame that is here in full.
    fn buffered(&mut self) -> Result<Option<(u8, Bytes)>, ReplicationError> {
        let Some(&[tag, a, b, c, d]) = self.received.first_chunk::<5>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if !(4..=LARGEST_FRAME).contains(&length) {
            return Err(ReplicationError::malformed("a message of an impossible length"));
        }
        if self.received.len() < length + 1 {
            return Ok(None);
        }
        let mut frame = self.received.split_to(length + 1).freeze();
        frame.advance(5);
        Ok(Some((tag, frame)))
    }
}

/// The stream of changes.
#[derive(Debug)]
pub struct Stream {
    session: Replication,
}

impl Stream {
    /// The next message. Nothing is lost when the future is dropped before it is ready.
    ///
    /// # Errors
    /// The server ended the stream, or the connection broke.
    pub async fn next(&mut self) -> Result<Streamed, ReplicationError> {
        loop {
            let (tag, body) = self.session.frame().await?;
            if let Some(message) = streamed(tag, body)? {
                return Ok(message);
            }
        }
    }

    /// The next message, if it is here already.
    ///
    /// # Errors
    /// The server ended the stream.
    pub fn ready(&mut self) -> Result<Option<Streamed>, ReplicationError> {
        while let Some((tag, body)) = self.session.buffered()? {
            if let Some(message) = streamed(tag, body)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Tells the server what is safe on the target: it may forget the WAL before it.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn acknowledge(&mut self, position: u64, reply: bool) -> Result<(), ReplicationError> {
        let mut out = BytesMut::with_capacity(39);
        out.put_u8(b'd');
        out.put_u32(38);
        out.put_u8(b'r');
        for _written_flushed_applied in 0..3 {
            out.put_u64(position);
        }
        out.put_i64(postgres_now());
        out.put_u8(u8::from(reply));
        self.session.write(&out).await
    }
}

/// Microseconds since 2000, as PostgreSQL counts them.
#[must_use]
pub fn postgres_now() -> i64 {
    jiff::Timestamp::now().as_microsecond() - POSTGRES_EPOCH
}

/// 2000-01-01 in microseconds since 1970.
pub const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

fn streamed(tag: u8, mut body: Bytes) -> Result<Option<Streamed>, ReplicationError> {
    match (tag, body.first()) {
        (b'd', Some(b'w')) if body.len() >= DATA_HEADER => {
            body.advance(9);
            let wal_end = body.get_u64();
            body.advance(8);
            Ok(Some(Streamed::Data { wal_end, payload: body }))
        }
        (b'd', Some(b'k')) if body.len() >= 18 => {
            body.advance(1);
            let wal_end = body.get_u64();
            body.advance(8);
            Ok(Some(Streamed::Alive { wal_end, reply: body.get_u8() != 0 }))
        }
        (b'd', _) => Err(ReplicationError::malformed("a message of the stream that is not known")),
        (b'E', _) => Err(server_error(&body)),
        (b'c', _) => Err(ReplicationError::Lost("the server ended the stream".to_owned())),
        // Notices and settings.
        _ => Ok(None),
    }
}

/// The fields of an error: a letter and a text each, a zero at the end.
fn server_error(body: &[u8]) -> ReplicationError {
    let (mut code, mut message, mut detail) = (String::new(), String::new(), Vec::new());
    for field in body.split(|b| *b == 0) {
        let Some((kind, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text).into_owned();
        match kind {
            b'C' => code = text,
            b'M' => message = text,
            b'D' | b'H' => detail.push(text),
            _ => {}
        }
    }
    ReplicationError::Server { code, message, detail: (!detail.is_empty()).then(|| detail.join(" ")) }
}

fn text_row(mut body: Bytes) -> Result<TextRow, ReplicationError> {
    let malformed = || ReplicationError::malformed("a row that has not the form of one");
    let count = body.try_get_u16().map_err(|_| malformed())?;
    let mut row = Vec::new();
    for _ in 0..count {
        let length = body.try_get_i32().map_err(|_| malformed())?;
        let Ok(length) = usize::try_from(length) else {
            row.push(None);
            continue;
        };
        if body.len() < length {
            return Err(malformed());
        }
        row.push(Some(String::from_utf8_lossy(&body.split_to(length)).into_owned()));
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session whose server has said this, and says no more.
    fn said(bytes: &[u8]) -> Replication {
        Replication::new(Box::new(tokio::io::join(std::io::Cursor::new(bytes.to_vec()), tokio::io::sink())))
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
    }

    #[test]
    fn rows_are_read_until_the_server_is_ready() {
        let row = [&2u16.to_be_bytes()[..], &1i32.to_be_bytes(), b"x", &(-1i32).to_be_bytes()].concat();
        let bytes = [frame(b'T', b""), frame(b'D', &row), frame(b'C', b"SELECT 1\0"), frame(b'Z', b"I")].concat();
        let rows = block_on(said(&bytes).query("SELECT")).unwrap();
        assert_eq!(rows, [[Some("x".to_owned()), None]]);
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let body = b"SERROR\0C42704\0Mreplication slot \"x\" does not exist\0Hlook\0\0";
        let bytes = [frame(b'E', body), frame(b'Z', b"I")].concat();
        let error = block_on(said(&bytes).query("DROP")).unwrap_err();
        assert_eq!(error.to_string(), "replication slot \"x\" does not exist (42704). look");
    }

    #[test]
    fn data_and_keepalives_are_told_apart() {
        let mut data = vec![b'w'];
        data.extend([0; 8]);
        data.extend(7u64.to_be_bytes());
        data.extend([0; 8]);
        data.extend(b"payload");
        let mut alive = vec![b'k'];
        alive.extend(9u64.to_be_bytes());
        alive.extend([0; 8]);
        alive.push(1);
        let bytes = [frame(b'W', b"\0\0\0"), frame(b'd', &data), frame(b'd', &alive), frame(b'c', b"")].concat();
        block_on(async {
            let mut stream = said(&bytes).start("START_REPLICATION").await.unwrap();
            let payload = Bytes::from_static(b"payload");
            assert_eq!(stream.next().await.unwrap(), Streamed::Data { wal_end: 7, payload });
            assert_eq!(stream.ready().unwrap(), Some(Streamed::Alive { wal_end: 9, reply: true }));
            assert_eq!(stream.next().await.unwrap_err().to_string(), "the server ended the stream");
        });
    }

    #[test]
    fn messages_that_come_one_by_one_share_a_piece_of_memory() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut session = Replication::new(Box::new(ours));
        block_on(async {
            let mut kept = Vec::new();
            for _ in 0..100 {
                theirs.write_all(&frame(b'd', b"change")).await.unwrap();
                kept.push(session.frame().await.unwrap().1);
            }
            let places: Vec<usize> = kept.iter().map(|body| body.as_ptr() as usize).collect();
            assert!(places.windows(2).all(|two| two[1] - two[0] == 5 + "change".len()), "{places:?}");
        });
    }

    #[test]
    fn an_impossible_length_reserves_nothing() {
        let mut session = said(&[b'd', 0xFF, 0xFF, 0xFF, 0xFF]);
        assert!(block_on(session.query("x")).unwrap_err().to_string().contains("impossible length"));
        assert!(session.received.capacity() <= 2 * CHUNK);
    }
}
