//! The MySQL and MariaDB collector: one session asks a fixed number of set-based queries, however many tables there
//! are.

mod ask;
mod catalog;
mod control;
mod logins;
mod server;
mod sync;

use mysql_async::Conn;

use super::board::{Board, Settle, fact};
use super::{Attempt, Fact, MyFlavor, MyTable, Stage, SyncedTable, Unknown, UnknownKind, host};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Password;
use ask::Ask;

/// The tables of the given databases with their columns and keys, by a fixed number of queries.
///
/// # Errors
/// The driver's error.
pub async fn tables(conn: &mut Conn, databases: &[&str]) -> Result<Vec<MyTable>, mysql_async::Error> {
    catalog::tables(&mut Ask::new(conn), databases).await
}

/// The definitions of these tables as the server writes them (`SHOW CREATE TABLE`), in their order.
///
/// # Errors
/// The driver's error.
pub async fn definitions(conn: &mut Conn, tables: &[&MyTable]) -> Result<Vec<String>, mysql_async::Error> {
    catalog::definitions(&mut Ask::new(conn), tables).await
}

/// The tables that the engine `direct` carries for this pipeline; empty where it has never replicated its changes.
///
/// # Errors
/// The driver's error.
pub async fn synced(conn: &mut Conn, pipeline: &Pipeline) -> Result<Vec<SyncedTable>, mysql_async::Error> {
    sync::synced(&mut Ask::new(conn), pipeline).await
}

/// Fills the target's facts.
pub(super) async fn collect(board: &Board<'_>, pipeline: &Pipeline, password: Option<&Password>) {
    let endpoint = &pipeline.target;
    let (addresses, found) = host::addresses(endpoint).await;
    if found.is_empty() {
        let why = Unknown::new(UnknownKind::NotReachable, format!("the host name {} does not resolve", endpoint.host));
        board.target(|t| {
            t.host.addresses = addresses;
            t.settle(&why);
        });
        return;
    }
    let (configured, session) = logins::log_in(endpoint, password, Some(&endpoint.database)).await;
    // The login itself shows whether the host answers: MySQL counts connections without one as faults of this host,
    // and shuts it out after some.
    let tcp = match &configured {
        Attempt::Refused(refusal) if refusal.stage == Stage::Tcp => Some(refusal.message.clone()),
        Attempt::Refused(refusal) if refusal.stage == Stage::Local => host::tcp(&found).await,
        _ => None,
    };
    board.target(|t| {
        t.host.addresses = addresses;
        t.host.tcp = Fact::Known(tcp.clone());
        match &tcp {
            Some(why) => {
                t.settle(&Unknown::new(UnknownKind::NotReachable, format!("the target does not answer: {why}")));
            }
            None => {
                t.queries += 1;
                t.configured = configured.clone();
            }
        }
    });
    if tcp.is_some() {
        return;
    }
    let work = async {
        let session = match session {
            Some(session) => Some(session),
            None => logins::without_database(endpoint, password, &configured).await,
        };
        if let Some(mut conn) = session {
            questions(board, pipeline, &mut conn).await;
            // The server is told; that the session ends anyway is no news.
            let _ = conn.disconnect().await;
        }
    };
    tokio::join!(logins::probe(board, endpoint, password, &configured), work);
    let why = configured.refusal().map_or_else(|| "not asked".to_string(), |r| r.message.clone());
    let why = Unknown::new(UnknownKind::NotReachable, format!("the target refused the login: {why}"));
    board.target(|t| t.settle(&why));
}

/// Asks everything of an open session; the answers that take long come last.
async fn questions(board: &Board<'_>, pipeline: &Pipeline, conn: &mut Conn) {
    let mut ask = Ask::new(conn);
    let session = server::session(&mut ask).await;
    ask.limit(session.as_ref().map_or(MyFlavor::MySql, |s| s.flavor)).await;
    let user = session.as_ref().map(|s| s.user.clone()).unwrap_or_default();
    let variables = server::variables(&mut ask).await;
    let account = server::account(&mut ask, &user).await;
    let grants = server::grants(&mut ask).await;
    let transactions = server::transactions(&mut ask).await;
    let schemas = server::schemas(&mut ask).await;
    let mapped = pipeline.target_databases();
    board.target(|t| {
        t.session = fact(session);
        t.variables = fact(variables);
        t.account = fact(account);
        t.grants = fact(grants);
        t.transactions = fact(transactions);
        t.databases = fact(schemas.clone().map(|all| all.into_iter().map(|s| s.name).collect()));
        t.schemas = fact(schemas.map(|all| all.into_iter().filter(|s| mapped.contains(&s.name.as_str())).collect()));
    });
    let checkpoint = sync::checkpoint(&mut ask, pipeline).await.map_err(|e| ask::unknown(&e));
    let synced = sync::synced(&mut ask, pipeline).await.map_err(|e| ask::unknown(&e));
    let exceptions = match &pipeline.dms {
        Some(_) => control::apply_exceptions(&mut ask).await,
        None => Ok(None),
    };
    let tables = catalog::tables(&mut ask, &mapped).await.map_err(|e| ask::unknown(&e));
    let asked = ask.asked();
    board.target(|t| {
        t.checkpoint = fact(checkpoint);
        t.synced = fact(synced);
        t.apply_exceptions = fact(exceptions);
        t.tables = fact(tables);
        t.queries += asked;
    });
}
