//! A PostgreSQL session in replication mode over the ordinary driver, which has no setting for it: the start-up
//! packet gets the parameter `replication=database` on its way out.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

const PARAMETER: &[u8] = b"replication\0database\0";

/// A stream whose first packet is the start-up packet.
pub(super) struct Startup<S> {
    inner: S,
    state: State,
}

enum State {
    Before,
    Sending { packet: Vec<u8>, sent: usize, given: usize },
    After,
}

impl<S> Startup<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, state: State::Before }
    }
}

/// The packet with the parameter added: a length, the protocol version, and pairs ended by a zero byte.
fn with_parameter(packet: &[u8]) -> Option<Vec<u8>> {
    let length: [u8; 4] = packet.get(..4)?.try_into().ok()?;
    let whole = usize::try_from(u32::from_be_bytes(length)).ok()? == packet.len();
    let (&0, pairs) = packet.split_last().filter(|_| whole)? else { return None };
    let length = u32::try_from(packet.len() + PARAMETER.len()).ok()?;
    Some([&length.to_be_bytes(), &pairs[4..], PARAMETER, &[0]].concat())
}

impl<S: AsyncRead + Unpin> AsyncRead for Startup<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Startup<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if matches!(this.state, State::Before) {
            let Some(packet) = with_parameter(buf) else {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "not a start-up packet")));
            };
            this.state = State::Sending { packet, sent: 0, given: buf.len() };
        }
        if let State::Sending { packet, sent, given } = &mut this.state {
            while *sent < packet.len() {
                match ready!(Pin::new(&mut this.inner).poll_write(cx, &packet[*sent..]))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    n => *sent += n,
                }
            }
            let given = *given;
            this.state = State::After;
            return Poll::Ready(Ok(given));
        }
        Pin::new(&mut this.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Startup<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// A connector whose encrypted streams are [`Startup`] streams.
pub(super) struct ReplicationTls<T>(pub(super) T);

impl<S, T> TlsConnect<S> for ReplicationTls<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
{
    type Stream = Startup<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let handshake = self.0.connect(stream);
        Box::pin(async move { handshake.await.map(Startup::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_joins_the_pairs_and_the_length_follows() {
        let packet = b"\0\0\0\x10\0\x03\0\0user\0u\0\0";
        let packet = [&17u32.to_be_bytes()[..], &packet[4..]].concat();
        let with = with_parameter(&packet[..]);
        // The length must be that of the packet, or it is not one.
        assert_eq!(with, None);
        let packet = [&u32::try_from(packet.len()).unwrap().to_be_bytes()[..], &packet[4..]].concat();
        let with = with_parameter(&packet).unwrap();
        assert_eq!(&with[4..], b"\0\x03\0\0user\0u\0replication\0database\0\0");
        assert_eq!(usize::try_from(u32::from_be_bytes(with[..4].try_into().unwrap())).unwrap(), with.len());
    }
}
