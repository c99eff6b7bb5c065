//! How far towards a server one gets without logging in.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::{Fact, UnknownKind};
use crate::connect::io_words;
use crate::pipeline::Endpoint;

/// How long name server and host may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The addresses of the host; an empty list means that it does not resolve.
pub(super) async fn addresses(endpoint: &Endpoint) -> (Fact<Vec<String>>, Vec<SocketAddr>) {
    match timeout(LIMIT, lookup_host((endpoint.host.as_str(), endpoint.port))).await {
        Err(_) => {
            let why = format!("the name server did not answer within {} seconds", LIMIT.as_secs());
            (Fact::unknown(UnknownKind::Failed, why), Vec::new())
        }
        Ok(Err(_)) => (Fact::Known(Vec::new()), Vec::new()),
        Ok(Ok(found)) => {
            let found: Vec<SocketAddr> = found.collect();
            (Fact::Known(found.iter().map(|a| a.ip().to_string()).collect()), found)
        }
    }
}

/// Whether a TCP connection opens to any of the addresses; `Some` is the failure in words.
pub(super) async fn tcp(addresses: &[SocketAddr]) -> Option<String> {
    match timeout(LIMIT, TcpStream::connect(addresses)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(io_words(&error)),
        Err(_) => Some(format!("no answer within {} seconds: packets are dropped on the way", LIMIT.as_secs())),
    }
}
