//! A TCP proxy between the program and a server, which can be a bad network.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Everything passes.
    Sound,
    /// Nothing passes, and nobody is told; new connections are taken and hear nothing.
    Stalled,
    /// Each piece is held up for so long.
    Slow(Duration),
    /// Every connection is reset, and so is each new one.
    Down,
}

/// A proxy on a free port of 127.0.0.1, gone when dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    to: u16,
    network: watch::Sender<Network>,
    /// Raised by each cut; a connection ends when it is not what it was at its start.
    cuts: watch::Sender<u64>,
    /// Bytes that still pass until the connection that carries the last of them is cut.
    allowance: AtomicI64,
}

impl Proxy {
    /// Leads to that port of 127.0.0.1.
    pub fn to(port: u16) -> Self {
        let shared = Arc::new(Shared {
            to: port,
            network: watch::Sender::new(Network::Sound),
            cuts: watch::Sender::new(0),
            allowance: AtomicI64::new(i64::MAX),
        });
        let (end, ended) = oneshot::channel();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(&listener, &serving) => {}
                    _ = ended => {}
                }
            });
        });
        Self { port, shared, end: Some(end), thread: Some(thread) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the network, also for the connections that are there.
    pub fn set(&self, network: Network) {
        self.shared.network.send_replace(network);
    }

    /// Resets the connections that are there, both ways; new ones pass.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|n| *n += 1);
    }

    /// Resets all connections once so many more bytes have passed, which is mostly in the middle of a message.
    pub fn cut_after(&self, bytes: u32) {
        self.shared.allowance.store(bytes.into(), Ordering::Release);
    }

    /// Ends everything that was ordered.
    pub fn heal(&self) {
        self.shared.allowance.store(i64::MAX, Ordering::Release);
        self.set(Network::Sound);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        // A client that was gone before it was taken is nobody's loss.
        let Ok((client, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(shared);
        tokio::spawn(async move { serve(client, &shared).await });
    }
}

/// Carries one connection until it ends by itself or is cut.
async fn serve(mut client: TcpStream, shared: &Shared) {
    let (mut cuts, mut network) = (shared.cuts.subscribe(), shared.network.subscribe());
    let before = *cuts.borrow_and_update();
    if *network.borrow() == Network::Down {
        // A reset instead of a farewell when it is dropped.
        let _ = client.set_zero_linger();
        return;
    }
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.to)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let is_cut = {
        let ((client_reads, client_writes), (server_reads, server_writes)) = (client.split(), server.split());
        tokio::select! {
            _ = async { tokio::join!(
                carry(client_reads, server_writes, shared),
                carry(server_reads, client_writes, shared),
            ) } => false,
            _ = cuts.wait_for(|n| *n != before) => true,
            _ = network.wait_for(|n| *n == Network::Down) => true,
        }
    };
    if is_cut {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Carries one direction to its end.
async fn carry(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, shared: &Shared) {
    let mut network = shared.network.subscribe();
    let mut piece = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let Ok(now) = network.wait_for(|n| *n != Network::Stalled).await.map(|n| *n) else { break };
        if let Network::Slow(delay) = now {
            tokio::time::sleep(delay).await;
        }
        let left = shared.allowance.fetch_sub(i64::try_from(length).unwrap(), Ordering::AcqRel);
        if left < i64::try_from(length).unwrap() {
            shared.allowance.store(i64::MAX, Ordering::Release);
            let _ = to.write_all(&piece[..usize::try_from(left.max(0)).unwrap()]).await;
            shared.cuts.send_modify(|n| *n += 1);
            return;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    // The other side hears of the end, as it would without the proxy.
    let _ = to.shutdown().await;
}

#[test]
fn the_network_does_what_it_is_told() {
    use std::io::{ErrorKind, Read, Write};
    let echo = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::to(echo.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in echo.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut copy = stream.try_clone().unwrap();
                let _ = std::io::copy(&mut copy, &mut stream);
            });
        }
    });
    let connect = || {
        let stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    };
    let mut piece = [0; 3];
    let mut client = connect();
    for network in [Network::Sound, Network::Slow(Duration::from_millis(1))] {
        proxy.set(network);
        client.write_all(b"abc").unwrap();
        client.read_exact(&mut piece).unwrap();
        assert_eq!(&piece, b"abc");
    }
    proxy.set(Network::Stalled);
    client.write_all(b"def").unwrap();
    client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let silence = client.read(&mut piece).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    proxy.heal();
    client.read_exact(&mut piece).unwrap();
    assert_eq!(&piece, b"def");
    proxy.cut();
    assert_eq!(client.read(&mut piece).unwrap_err().kind(), ErrorKind::ConnectionReset);

    let mut client = connect();
    proxy.cut_after(4);
    client.write_all(b"abc").unwrap();
    client.read_exact(&mut piece[..1]).unwrap();
    assert_eq!(client.read_exact(&mut piece).unwrap_err().kind(), ErrorKind::ConnectionReset);

    proxy.set(Network::Down);
    assert!(connect().read(&mut piece).is_err());
}
