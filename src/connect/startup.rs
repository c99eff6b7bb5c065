//! Logging in for replication with the ordinary driver, which knows neither the mode nor the stream of changes: the
//! start-up packet gets the parameter `replication=database` on its way out, and after the login the stream is taken
//! back from the driver.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

const PARAMETER: &[u8] = b"replication\0database\0";

/// A stream that the driver has for as long as it logs in.
pub(super) struct Lent<S>(Arc<Mutex<S>>);

impl<S> Lent<S> {
    pub(super) fn new(stream: S) -> (Self, Owner<S>) {
        let shared = Arc::new(Mutex::new(stream));
        (Self(Arc::clone(&shared)), Owner(shared))
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom the stream belongs to.
pub(super) struct Owner<S>(Arc<Mutex<S>>);

impl<S> Owner<S> {
    /// The stream, once the driver has dropped its end.
    pub(super) fn take_back(self) -> Option<S> {
        Arc::into_inner(self.0).map(|stream| stream.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A stream whose first packet is the start-up packet.
pub(super) struct Startup<S> {
    inner: Lent<S>,
    state: State,
}

enum State {
    Before,
    Sending { packet: Vec<u8>, sent: usize, given: usize },
    After,
}

impl<S> Startup<S> {
    pub(super) fn new(inner: Lent<S>) -> Self {
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
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner.lock()).poll_read(cx, buf)
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
                match ready!(Pin::new(&mut *this.inner.lock()).poll_write(cx, &packet[*sent..]))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    n => *sent += n,
                }
            }
            let given = *given;
            this.state = State::After;
            return Poll::Ready(Ok(given));
        }
        Pin::new(&mut *this.inner.lock()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner.lock()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner.lock()).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Startup<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.lock().channel_binding()
    }
}

/// A connector that lends its encrypted stream to the driver.
pub(super) struct ReplicationTls<T, S> {
    connector: T,
    owner: TlsOwner<S>,
}

/// Whom the encrypted stream will belong to, once there is one.
pub(super) struct TlsOwner<S>(Arc<Mutex<Option<Owner<S>>>>);

impl<S> TlsOwner<S> {
    fn lock(&self) -> MutexGuard<'_, Option<Owner<S>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream, once the driver has dropped its end.
    pub(super) fn take_back(self) -> Option<S> {
        let owner = self.lock().take();
        owner.and_then(Owner::take_back)
    }
}

impl<T, S> ReplicationTls<T, S> {
    pub(super) fn new(connector: T) -> (Self, TlsOwner<S>) {
        let shared = Arc::new(Mutex::new(None));
        (Self { connector, owner: TlsOwner(Arc::clone(&shared)) }, TlsOwner(shared))
    }
}

impl<S, T> TlsConnect<S> for ReplicationTls<T, T::Stream>
where
    T: TlsConnect<S>,
    T::Stream: Send + 'static,
    T::Future: Send + 'static,
{
    type Stream = Startup<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let handshake = self.connector.connect(stream);
        let place = self.owner;
        Box::pin(async move {
            let (lent, owner) = Lent::new(handshake.await?);
            *place.lock() = Some(owner);
            Ok(Startup::new(lent))
        })
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
