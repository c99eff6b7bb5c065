//! The PostgreSQL collector: one session asks a fixed number of set-based queries, however many tables there are.

mod ask;
mod catalog;
mod logins;
mod measure;
mod replication;
mod server;
mod types;

use super::board::{Board, Settle, fact};
use super::{Fact, PgTable, Unknown, UnknownKind, host};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Password;
use ask::Ask;

pub use measure::measure;

/// The selected tables with their columns and keys, by a fixed number of queries.
///
/// # Errors
/// The driver's error.
pub async fn tables(
    client: &tokio_postgres::Client,
    pipeline: &Pipeline,
) -> Result<Vec<PgTable>, tokio_postgres::Error> {
    let ask = Ask::new(client);
    let relations = catalog::relations(&ask).await?;
    catalog::tables(&ask, &relations, pipeline).await
}

/// Fills the source's facts.
pub(super) async fn collect(board: &Board<'_>, pipeline: &Pipeline, password: Option<&Password>) {
    let endpoint = &pipeline.source;
    let (addresses, found) = host::addresses(endpoint).await;
    if found.is_empty() {
        let why = Unknown::new(UnknownKind::NotReachable, format!("the host name {} does not resolve", endpoint.host));
        board.source(|s| {
            s.host.addresses = addresses;
            s.settle(&why);
        });
        return;
    }
    let tcp = host::tcp(&found).await;
    board.source(|s| {
        s.host.addresses = addresses;
        s.host.tcp = Fact::Known(tcp.clone());
        if let Some(why) = &tcp {
            s.settle(&Unknown::new(UnknownKind::NotReachable, format!("the source does not answer: {why}")));
        }
    });
    if tcp.is_some() {
        return;
    }
    let (configured, session) = logins::log_in(endpoint, password).await;
    board.source(|s| {
        s.queries += 1;
        s.configured = configured.clone();
    });
    let probes = async {
        logins::probe(board, endpoint, password, &configured).await;
        if session.is_none() {
            logins::databases_otherwise(board, endpoint, password, &configured).await;
        }
    };
    match &session {
        Some(client) => {
            let work = async {
                server::prepare(client).await;
                questions(board, pipeline, &Ask::new(client)).await;
            };
            tokio::join!(probes, logins::replication(board, endpoint, password), work);
        }
        None => probes.await,
    }
    let why = configured.refusal().map_or_else(|| "not asked".to_string(), |r| r.message.clone());
    let why = Unknown::new(UnknownKind::NotReachable, format!("the source refused the login: {why}"));
    board.source(|s| s.settle(&why));
}

/// Asks everything of an open session; the answers that take long come last.
async fn questions(board: &Board<'_>, pipeline: &Pipeline, ask: &Ask<'_>) {
    let (session, settings, role, rights, databases) = tokio::join!(
        server::session(ask),
        server::settings(ask),
        server::role(ask),
        server::rights(ask),
        server::databases(ask)
    );
    let version = session.as_ref().map_or(0, |s| s.version_num);
    board.source(|s| {
        s.session = fact(session);
        s.settings = fact(settings);
        s.role = fact(role);
        s.rights = fact(rights);
        s.databases = fact(databases);
    });
    let (wal, slots, senders, publication, transactions, prepared, installed, written) = tokio::join!(
        replication::look(ask, version),
        replication::slots(ask, version),
        replication::wal_senders_used(ask),
        replication::publication(ask, &pipeline.sync.publication),
        server::transactions(ask),
        server::prepared(ask),
        server::installed(ask),
        server::written(ask, version)
    );
    board.source(|s| {
        s.slots = fact(slots);
        s.wal_senders_used = fact(senders);
        s.publication = fact(publication);
        s.transactions = fact(transactions);
        s.prepared = fact(prepared);
        s.installed = fact(installed);
        s.written = fact(written);
    });
    match ask.limited(catalog::relations(ask)).await {
        Ok(relations) => {
            board.source(|s| s.relations = Fact::Known(relations.iter().map(|r| r.name.clone()).collect()));
            let mut tables = ask.limited(catalog::tables(ask, &relations, pipeline)).await;
            if let Ok(tables) = &mut tables {
                measure::briefly(ask, tables).await;
            }
            board.source(|s| s.tables = fact(tables));
        }
        Err(why) => board.source(|s| {
            s.relations = Fact::Unknown(why.clone());
            s.tables = Fact::Unknown(why);
        }),
    }
    let wal = replication::between(wal, replication::look(ask, version).await);
    board.source(|s| {
        s.wal = fact(wal);
        s.queries += ask.asked();
    });
}
