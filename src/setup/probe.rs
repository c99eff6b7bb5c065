//! Looking at servers for the setup: which way in they take, what there is to choose from. Nothing is kept open.

use mysql_async::prelude::Queryable;

use super::steps::Side;
use crate::connect::{self, ConnectError};
use crate::facts::Stage;
use crate::pipeline::secrets::Password;
use crate::pipeline::{Endpoint, TlsMode};
use crate::quote::my_ident;

/// One way of connecting, tried.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The way.
    pub tls: TlsMode,
    /// What the server said, where it did not let us in.
    pub refused: Option<ConnectError>,
}

impl Tried {
    /// It leads to a session.
    pub fn works(&self) -> bool {
        self.refused.is_none()
    }
}

/// The ways that are tried, the safest first; the first that works ends it.
const WAYS: [TlsMode; 4] = [TlsMode::VerifyFull, TlsMode::VerifyCa, TlsMode::Require, TlsMode::Disable];

/// Tries the ways in to a side.
pub async fn ways(side: Side, endpoint: &Endpoint, password: Option<&Password>) -> Vec<Tried> {
    let mut all = Vec::new();
    for tls in WAYS {
        let there = Endpoint { tls, ..endpoint.clone() };
        let refused = match side {
            Side::Source => postgres(&there, password).await.err(),
            Side::Target => match connect::mysql::open(&there, password, None).await {
                Ok(conn) => {
                    // It was opened to see that it can be.
                    let _ = conn.disconnect().await;
                    None
                }
                Err(why) => Some(why),
            },
        };
        all.push(Tried { tls, refused });
        if enough(&all) {
            break;
        }
    }
    all
}

/// The last way works; or nothing answers there, or the password is wrong: then the others would only wait as long, or
/// lock the login.
fn enough(tried: &[Tried]) -> bool {
    match tried.last().map(|t| &t.refused) {
        None => false,
        Some(None) => true,
        Some(Some(why)) => {
            matches!(why.refusal.stage, Stage::Resolve | Stage::Tcp)
                || matches!(why.refusal.code.as_deref(), Some("28P01" | "1045"))
        }
    }
}

/// A session on the first database that lets us in: the named one, or one that most servers have.
async fn postgres(endpoint: &Endpoint, password: Option<&Password>) -> Result<tokio_postgres::Client, ConnectError> {
    let mut first = None;
    for database in [endpoint.database.as_str(), "postgres", endpoint.user.as_str(), "template1"] {
        if database.is_empty() {
            continue;
        }
        let there = Endpoint { database: database.to_owned(), ..endpoint.clone() };
        match connect::postgres::open(&there, password).await {
            Ok(client) => return Ok(client),
            // What is refused before a database is looked for is refused for all of them.
            Err(why) if why.refusal.stage != Stage::Login || why.refusal.code.as_deref() == Some("28P01") => {
                return Err(why);
            }
            Err(why) => first = first.or(Some(why)),
        }
    }
    // The list above is never empty of names: a user has one.
    match first {
        Some(why) => Err(why),
        None => connect::postgres::open(endpoint, password).await,
    }
}

/// A database of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Name.
    pub name: String,
    /// Size in bytes, where it is told.
    pub bytes: Option<i64>,
}

/// The databases of a PostgreSQL server that this login may connect to, as libpq has them: no templates, none of RDS's own.
pub async fn postgres_databases(endpoint: &Endpoint, password: Option<&Password>) -> Result<Vec<Database>, String> {
    let client = postgres(endpoint, password).await.map_err(|e| e.to_string())?;
    let sql = "SELECT datname::text, pg_database_size(oid)
                 FROM pg_catalog.pg_database
                WHERE datallowconn AND NOT datistemplate AND datname <> 'rdsadmin'
                  AND has_database_privilege(oid, 'CONNECT')
                ORDER BY 1";
    let rows = client.query(sql, &[]).await.map_err(|e| e.to_string())?;
    Ok(rows.iter().map(|row| Database { name: row.get(0), bytes: Some(row.get(1)) }).collect())
}

/// The databases of a MySQL or MariaDB server that this login sees, without the server's own.
pub async fn mysql_databases(endpoint: &Endpoint, password: Option<&Password>) -> Result<Vec<Database>, String> {
    let mut conn = connect::mysql::open(endpoint, password, None).await.map_err(|e| e.to_string())?;
    let sql = "SELECT schema_name FROM information_schema.schemata
                WHERE schema_name NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys', 'ndbinfo', 'rdsadmin')
                ORDER BY 1";
    let names: Result<Vec<String>, _> = conn.query(sql).await;
    let _ = conn.disconnect().await;
    Ok(names.map_err(|e| e.to_string())?.into_iter().map(|name| Database { name, bytes: None }).collect())
}

/// The statement that makes a database for every character.
pub fn create_database_sql(name: &str) -> String {
    format!("CREATE DATABASE {} CHARACTER SET utf8mb4", my_ident(name))
}

/// Makes it.
pub async fn create_database(endpoint: &Endpoint, password: Option<&Password>, name: &str) -> Result<(), String> {
    let mut conn = connect::mysql::open(endpoint, password, None).await.map_err(|e| e.to_string())?;
    let made = conn.query_drop(create_database_sql(name)).await;
    let _ = conn.disconnect().await;
    made.map_err(|e| e.to_string())
}

/// A table of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Size with indexes, bytes.
    pub bytes: i64,
    /// It has a primary key.
    pub key: bool,
}

/// The tables of the source's database, without the server's own; partitions are part of their table.
pub async fn tables(endpoint: &Endpoint, password: Option<&Password>) -> Result<Vec<Table>, String> {
    let client = connect::postgres::open(endpoint, password).await.map_err(|e| e.to_string())?;
    // A table that somebody has locked must not keep a person waiting.
    client.batch_execute("SET lock_timeout = '2s'; SET statement_timeout = '20s'").await.map_err(|e| e.to_string())?;
    let sql = "SELECT n.nspname::text, c.relname::text,
                      coalesce(pg_total_relation_size(c.oid), 0)
                        + coalesce((SELECT sum(pg_total_relation_size(i.inhrelid))
                                      FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid), 0)::int8,
                      EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
                  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
                ORDER BY 1, 2";
    let rows = client.query(sql, &[]).await.map_err(|e| e.to_string())?;
    let table =
        |row: &tokio_postgres::Row| Table { schema: row.get(0), name: row.get(1), bytes: row.get(2), key: row.get(3) };
    Ok(rows.iter().map(table).collect())
}
