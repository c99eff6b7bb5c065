//! Tries to log in to the source: as configured, without TLS, with TLS, for replication, and to other databases.

use tokio_postgres::Client;

use super::super::board::{Board, fact};
use super::super::{Attempt, Refusal, Unknown, UnknownKind};
use super::ask::Ask;
use super::server;
use crate::connect;
use crate::pipeline::secrets::Password;
use crate::pipeline::{Endpoint, TlsMode};

/// One login, kept open where it worked.
pub(super) async fn log_in(endpoint: &Endpoint, password: Option<&Password>) -> (Attempt, Option<Client>) {
    match connect::postgres::open(endpoint, password).await {
        Ok(client) => {
            let tls = match endpoint.tls {
                TlsMode::Disable => None,
                _ => server::tls_version(&client).await,
            };
            (Attempt::Accepted { tls }, Some(client))
        }
        Err(error) => (Attempt::Refused(error.refusal), None),
    }
}

/// The logins with TLS off and on. What the configured login already shows is not tried again: servers lock accounts
/// out after some failures.
pub(super) async fn probe(board: &Board<'_>, endpoint: &Endpoint, password: Option<&Password>, configured: &Attempt) {
    let with = |tls| Endpoint { tls, ..endpoint.clone() };
    let (off, on) = (with(TlsMode::Disable), with(TlsMode::Require));
    let plaintext = async {
        match (endpoint.tls, configured) {
            (TlsMode::Disable, _) | (TlsMode::Prefer, Attempt::Accepted { tls: None }) => configured.clone(),
            _ => log_in(&off, password).await.0,
        }
    };
    let encrypted = async {
        match (endpoint.tls, configured) {
            (TlsMode::Require, _)
            | (TlsMode::Prefer | TlsMode::VerifyCa | TlsMode::VerifyFull, Attempt::Accepted { tls: Some(_) }) => {
                configured.clone()
            }
            _ => {
                board.source(|s| s.queries += 1);
                log_in(&on, password).await.0
            }
        }
    };
    let (plaintext, encrypted) = tokio::join!(plaintext, encrypted);
    board.source(|s| {
        s.plaintext = plaintext;
        s.encrypted = encrypted;
    });
}

/// A real replication session, asked who it is.
pub(super) async fn replication(board: &Board<'_>, endpoint: &Endpoint, password: Option<&Password>) {
    let mut identifier = None;
    let attempt = match connect::postgres::open_replication(endpoint, password).await {
        Ok(mut session) => match session.query("IDENTIFY_SYSTEM").await {
            Ok(rows) => {
                identifier = rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten();
                Attempt::Accepted { tls: None }
            }
            Err(error) => Attempt::Refused(error.refusal()),
        },
        Err(error) => Attempt::Refused(error.refusal),
    };
    board.source(|s| {
        s.queries += 1;
        s.replication = match (attempt, &s.configured) {
            (Attempt::Accepted { .. }, Attempt::Accepted { tls }) => Attempt::Accepted { tls: tls.clone() },
            (attempt, _) => attempt,
        };
        s.system_identifier = fact(identifier.ok_or_else(|| {
            Unknown::new(UnknownKind::NoPermission, "only a replication session tells the server's identifier")
        }));
    });
}

/// The databases, when the configured login was refused: asked of a database that every server has, in the way that
/// gets in.
pub(super) async fn databases_otherwise(
    board: &Board<'_>,
    endpoint: &Endpoint,
    password: Option<&Password>,
    configured: &Attempt,
) {
    let (mut encrypted, mut plaintext) = (false, false);
    board.source(|s| (encrypted, plaintext) = (lets_in(&s.encrypted), lets_in(&s.plaintext)));
    let mut modes = Vec::new();
    if lets_in(configured) {
        modes.push(endpoint.tls);
    }
    modes.extend(encrypted.then_some(TlsMode::Require));
    modes.extend(plaintext.then_some(TlsMode::Disable));
    // One way that is known to pass the door is enough; what fails behind it fails behind the others too.
    let Some(tls) = modes.first().copied() else { return };
    for database in ["postgres", "template1"] {
        let there = Endpoint { tls, database: database.into(), ..endpoint.clone() };
        let Ok(client) = connect::postgres::open(&there, password).await else { continue };
        let ask = Ask::new(&client);
        let databases = server::databases(&ask).await;
        board.source(|s| {
            s.queries += ask.asked();
            s.databases = fact(databases);
        });
        return;
    }
    let why = "neither the database postgres nor template1 took the login, so the databases could not be listed";
    board.source(|s| s.databases = fact(Err(Unknown::new(UnknownKind::NotReachable, why))));
}

/// The server knows the login and the password: only the database was wrong, if anything.
fn lets_in(attempt: &Attempt) -> bool {
    let about_database = |r: &Refusal| matches!(r.code.as_deref(), Some("3D000" | "42501"));
    attempt.accepted() || attempt.refusal().is_some_and(about_database)
}
