//! The HTTP server: on loopback, for all services at one port.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::account::Account;
use super::names::request_id;
use super::wire::{Call, Head};

/// Larger than any call that is simulated.
const BODY: usize = 4 << 20;
/// Every answer carries it.
const MARK: (&str, &str) = ("x-simulation", "cdc-doctor lab; this is not AWS");

/// Takes a free port on 127.0.0.1; nothing else can reach it.
pub(super) async fn listen() -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, account: Arc<Account>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let account = Arc::clone(&account);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&account), request, peer));
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!("simulated AWS: a connection ended: {error}");
            }
        });
    }
}

/// A closed connection instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Closed;

async fn answer(
    account: Arc<Account>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if !peer.ip().is_loopback() || !header("host").is_some_and(is_this_machine) {
        return Ok(response(403, "text/plain", b"This simulation answers this machine only.\n".to_vec()));
    }
    let Ok(body) = Limited::new(body, BODY).collect().await else {
        return Ok(response(413, "text/plain", b"The body is too long, or did not come to its end.\n".to_vec()));
    };
    let head = Head {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        target: header("x-amz-target"),
        authorization: header("authorization"),
    };
    let request = request_id();
    let (call, wrong) = Call::read(head, &body.to_bytes());
    let result = match wrong {
        Some(error) => Err(error),
        None => account.answer(&call).await.ok_or(Closed)?,
    };
    let written = call.write(&result, &request);
    let mut response = response(written.status, written.content_type, written.body);
    for (name, value) in written.headers.into_iter().chain([("x-amzn-requestid", request)]) {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    if parts.uri.path().starts_with("/service/") {
        response.headers_mut().insert("smithy-protocol", hyper::header::HeaderValue::from_static("rpc-v2-cbor"));
    }
    Ok(response)
}

fn response(status: u16, content_type: &str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let built = Response::builder()
        .status(status)
        .header("content-type", content_type)
        .header(MARK.0, MARK.1)
        .body(body.into());
    // Only a wrong status or header fails, and these are constants of this program.
    built.unwrap_or_default()
}

/// A web page that a browser has open must not get at the simulation under a name of its own.
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_names_of_this_machine_are_answered() {
        for (host, answered) in [
            ("127.0.0.1:4566", true),
            ("localhost", true),
            ("localhost:80", true),
            ("rds.eu-west-2.amazonaws.com", false),
            ("127.0.0.1.example.com:80", false),
        ] {
            assert_eq!(super::is_this_machine(host), answered, "{host}");
        }
    }
}
