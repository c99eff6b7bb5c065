//! A TCP stream that lets a flood of small packets gather.
//!
//! A server that sends row by row wakes a reader that waits for each of them; being woken costs both sides more than the
//! row. While bytes keep coming, this stream looks for more only every millisecond, or every fourth where many come, and
//! is not registered for being woken in between. A first packet, and an answer to what was written, arrive without delay.

use std::io::{self, Read};
use std::net;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How long bytes gather, and how long where [`MANY`] came in the last pause.
const PAUSE: Duration = Duration::from_millis(1);
const LONG_PAUSE: Duration = Duration::from_millis(4);
/// A fraction of what a socket's buffer takes, so that a long pause holds nobody up.
const MANY: usize = 16 << 10;
/// So many reads without a write between them are a flood.
const FLOOD: u32 = 3;

/// The stream.
pub(super) struct Gathering {
    socket: Socket,
    pause: Pin<Box<Sleep>>,
    /// Reads since something was written, or since nothing came for a whole pause.
    reads: u32,
    /// Bytes that have come since the pause began.
    gathered: usize,
}

enum Socket {
    /// It wakes whoever waits for it.
    Registered(TcpStream),
    /// It is looked at when the pause is over.
    Left(net::TcpStream),
    /// It could not be moved from one to the other.
    Lost,
}

impl Gathering {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self {
            socket: Socket::Registered(socket),
            pause: Box::pin(tokio::time::sleep(Duration::ZERO)),
            reads: 0,
            gathered: 0,
        }
    }

    /// Bytes that are here.
    fn read_now(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let read = match &mut self.socket {
            Socket::Registered(socket) => socket.try_read(buf.initialize_unfilled()),
            Socket::Left(socket) => socket.read(buf.initialize_unfilled()),
            Socket::Lost => Err(io::ErrorKind::NotConnected.into()),
        }?;
        buf.advance(read);
        self.reads = self.reads.saturating_add(1);
        self.gathered += read;
        Ok(())
    }

    /// Leaves the socket alone for a while.
    fn leave(&mut self) -> io::Result<()> {
        self.socket = match std::mem::replace(&mut self.socket, Socket::Lost) {
            Socket::Registered(socket) => Socket::Left(socket.into_std()?),
            other => other,
        };
        let pause = if self.gathered < MANY { PAUSE } else { LONG_PAUSE };
        self.pause.as_mut().reset(Instant::now() + pause);
        self.gathered = 0;
        Ok(())
    }

    /// The socket, such that it wakes whoever waits for it.
    fn registered(&mut self) -> io::Result<&mut TcpStream> {
        self.socket = match std::mem::replace(&mut self.socket, Socket::Lost) {
            Socket::Left(socket) => Socket::Registered(TcpStream::from_std(socket)?),
            other => other,
        };
        match &mut self.socket {
            Socket::Registered(socket) => Ok(socket),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for Gathering {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.reads >= FLOOD {
            let left = matches!(this.socket, Socket::Left(_));
            if left {
                ready!(this.pause.as_mut().poll(cx));
            }
            match this.read_now(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
            if left && this.gathered == 0 {
                this.reads = 0;
            } else {
                this.leave()?;
            }
        }
        let before = buf.filled().len();
        let read = ready!(Pin::new(this.registered()?).poll_read(cx, buf));
        this.reads += u32::from(buf.filled().len() > before);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Gathering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.reads = 0;
        Pin::new(this.registered()?).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.registered()?).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.registered()?).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Gathering, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (theirs, _) = listener.accept().await.unwrap();
        theirs.set_nodelay(true).unwrap();
        (Gathering::new(ours), theirs)
    }

    #[tokio::test]
    async fn every_byte_of_a_flood_arrives_in_order_and_in_fewer_reads() {
        let (mut ours, mut theirs) = pair().await;
        let sending = tokio::spawn(async move {
            for n in 0..20_000_u32 {
                theirs.write_all(&n.to_be_bytes()).await.unwrap();
                if n % 5_000 == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        let (mut all, mut reads) = (Vec::new(), 0);
        while ours.read_buf(&mut all).await.unwrap() > 0 {
            reads += 1;
        }
        sending.await.unwrap();
        let expected: Vec<u8> = (0..20_000_u32).flat_map(u32::to_be_bytes).collect();
        assert!(all == expected, "{} bytes", all.len());
        assert!(reads < 5_000, "{reads} reads");
    }

    #[tokio::test]
    async fn answers_and_what_comes_after_a_silence_do_not_wait() {
        let (mut ours, mut theirs) = pair().await;
        let echo = tokio::spawn(async move {
            let mut byte = [0; 1];
            while theirs.read_exact(&mut byte).await.is_ok() {
                theirs.write_all(&byte).await.unwrap();
            }
        });
        let mut byte = [0; 1];
        for n in 0..200 {
            ours.write_all(&[n]).await.unwrap();
            ours.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [n]);
        }
        assert!(matches!(ours.socket, Socket::Registered(_)));
        drop(ours);
        echo.await.unwrap();
    }
}
