//! Tries to log in to the target: as configured, without TLS, with TLS, and without naming a database.

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::super::Attempt;
use super::super::board::Board;
use crate::connect;
use crate::pipeline::secrets::Password;
use crate::pipeline::{Endpoint, TlsMode};

/// One login, kept open where it worked.
pub(super) async fn log_in(
    endpoint: &Endpoint,
    password: Option<&Password>,
    database: Option<&str>,
) -> (Attempt, Option<Conn>) {
    match connect::mysql::open(endpoint, password, database).await {
        Ok(mut conn) => {
            let tls = match endpoint.tls {
                TlsMode::Disable => None,
                _ => tls_version(&mut conn).await,
            };
            (Attempt::Accepted { tls }, Some(conn))
        }
        Err(error) => (Attempt::Refused(error.refusal), None),
    }
}

/// The protocol version of the session's TLS.
pub(super) async fn tls_version(conn: &mut Conn) -> Option<String> {
    let row: Option<(String, String)> = conn.query_first("SHOW SESSION STATUS LIKE 'Ssl_version'").await.ok()?;
    row.map(|(_, version)| version).filter(|version| !version.is_empty())
}

/// The logins with TLS off and on, without naming a database. What the configured login already shows is not tried
/// again: servers lock accounts out after some failures.
pub(super) async fn probe(board: &Board<'_>, endpoint: &Endpoint, password: Option<&Password>, configured: &Attempt) {
    let with = |tls| Endpoint { tls, ..endpoint.clone() };
    let (off, on) = (with(TlsMode::Disable), with(TlsMode::Require));
    let plaintext = async {
        match (endpoint.tls, configured) {
            (TlsMode::Disable | TlsMode::Prefer, Attempt::Accepted { tls: None }) => configured.clone(),
            _ => once(&off, password).await,
        }
    };
    let encrypted = async {
        match (endpoint.tls, configured) {
            (TlsMode::Disable, _)
            | (_, Attempt::Refused(_) | Attempt::NotTried(_) | Attempt::Accepted { tls: None }) => {
                board.target(|t| t.queries += 1);
                once(&on, password).await
            }
            _ => configured.clone(),
        }
    };
    let (plaintext, encrypted) = tokio::join!(plaintext, encrypted);
    board.target(|t| {
        t.plaintext = plaintext;
        t.encrypted = encrypted;
    });
}

async fn once(endpoint: &Endpoint, password: Option<&Password>) -> Attempt {
    let (attempt, conn) = log_in(endpoint, password, None).await;
    if let Some(conn) = conn {
        // The server is told; that the session ends anyway is no news.
        let _ = conn.disconnect().await;
    }
    attempt
}

/// The session that the rest is asked of when only the configured database was refused: unknown (1049) or not open
/// to this login (1044).
pub(super) async fn without_database(
    endpoint: &Endpoint,
    password: Option<&Password>,
    configured: &Attempt,
) -> Option<Conn> {
    let about_database = configured.refusal().is_some_and(|r| matches!(r.code.as_deref(), Some("1044" | "1049")));
    if !about_database {
        return None;
    }
    log_in(endpoint, password, None).await.1
}
