//! The target as a run needs it: which server, the lock that keeps a second run away, and its tables.

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::connect::mysql::Like;
use crate::facts::MyFlavor;
use crate::quote::{my_ident, my_table};
use crate::schema::{Dialect, TargetTable};
use crate::sync::error::{Cause, Side, SyncError};

/// What is asked of the server once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    /// Flavour and version.
    pub(super) dialect: Dialect,
    /// `max_allowed_packet`.
    pub(super) max_packet: u64,
    /// Table names are compared without regard to case (`lower_case_table_names`).
    pub(super) folds_names: bool,
}

/// A statement's failure before rows are moved.
fn failed(doing: impl Into<String>) -> impl FnOnce(mysql_async::Error) -> SyncError {
    let doing = doing.into();
    move |e| SyncError::Prepare { doing, cause: Cause::from(&e) }
}

impl Server {
    /// Asks, and sets the session up for a long wait.
    pub(super) async fn of(conn: &mut Conn) -> Result<Self, SyncError> {
        conn.query_drop(SESSION).await.map_err(failed("setting up the target session"))?;
        let row: Option<(String, u64, u64)> = conn
            .query_first("SELECT version(), @@max_allowed_packet, @@lower_case_table_names")
            .await
            .map_err(failed("asking the target for its version"))?;
        let (version, max_packet, case) = row.unwrap_or_default();
        let flavor = if version.to_lowercase().contains("mariadb") { MyFlavor::MariaDb } else { MyFlavor::MySql };
        Ok(Self { dialect: Dialect { flavor, version: parts(&version) }, max_packet, folds_names: case != 0 })
    }
}

/// A source that is slow for a while must not end the target's session, and a lock on a target table must not hold
/// a run for ever.
pub(super) const SESSION: &str = "SET SESSION net_read_timeout = 3600, SESSION net_write_timeout = 3600, \
    SESSION wait_timeout = 604800, SESSION lock_wait_timeout = 60";

fn parts(version: &str) -> (u16, u16, u16) {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

/// Further sessions with the options of one that stands.
pub(super) async fn another(like: &Like) -> Result<Conn, Cause> {
    let mut conn =
        Conn::new(like.options().await.map_err(|e| Cause::Connect(Box::new(e)))?).await.map_err(|e| Cause::from(&e))?;
    conn.query_drop(SESSION).await.map_err(|e| Cause::from(&e))?;
    Ok(conn)
}

/// Keeps a second run of the pipeline away from the databases for as long as the session lives.
pub(super) async fn lock(conn: &mut Conn, pipeline: &str, databases: &[&str]) -> Result<(), SyncError> {
    for database in databases {
        let lock = lock_name(pipeline, database);
        let got: Option<Option<i64>> = conn
            .exec_first("SELECT GET_LOCK(?, 0)", (&lock,))
            .await
            .map_err(failed("locking the target against a second run"))?;
        if got.flatten() == Some(1) {
            continue;
        }
        let holder: Option<Option<u64>> = conn
            .exec_first("SELECT IS_USED_LOCK(?)", (&lock,))
            .await
            .map_err(failed("looking who holds the lock on the target"))?;
        let connection = holder.flatten().unwrap_or(0);
        return Err(SyncError::Busy { database: (*database).to_owned(), lock, connection });
    }
    Ok(())
}

/// At most 64 characters, which is what MySQL takes; long names are told apart by a hash.
fn lock_name(pipeline: &str, database: &str) -> String {
    let name = format!("cdc-doctor {pipeline}/{database}");
    if name.chars().count() <= 64 {
        return name;
    }
    // FNV-1a: the same in every version of this program.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    format!("{}~{hash:016x}", name.chars().take(47).collect::<String>())
}

/// Creates a table, and its database where that is missing.
pub(super) async fn create(conn: &mut Conn, table: &TargetTable, with_database: bool) -> Result<(), SyncError> {
    if with_database {
        let sql = format!("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4", my_ident(&table.database));
        conn.query_drop(sql).await.map_err(failed(format!("creating the target database {}", table.database)))?;
    }
    let sql = table.create_sql();
    let name = format!("{}.{}", table.database, table.name);
    conn.query_drop(&sql).await.map_err(failed(format!("creating the target table {name} ({sql})")))
}

/// The places of those tables that have rows, in one query for many.
pub(super) async fn with_rows(conn: &mut Conn, tables: &[(usize, String, String)]) -> Result<Vec<usize>, SyncError> {
    let mut found = Vec::new();
    for some in tables.chunks(200) {
        let asks: Vec<String> = some
            .iter()
            .map(|(place, database, name)| {
                format!("SELECT {place} FROM DUAL WHERE EXISTS (SELECT 1 FROM {})", my_table(database, name))
            })
            .collect();
        let rows: Vec<usize> = conn
            .query(asks.join(" UNION ALL "))
            .await
            .map_err(failed("looking whether the target tables have rows"))?;
        found.extend(rows);
    }
    Ok(found)
}

/// Empties a table. TRUNCATE gives the space back at once; who may not truncate deletes.
pub(super) async fn empty(conn: &mut Conn, database: &str, name: &str) -> Result<(), Cause> {
    let table = my_table(database, name);
    // A table that another one refers to can only be truncated so; its rows come back from the same snapshot.
    conn.query_drop("SET SESSION foreign_key_checks = 0").await.map_err(|e| Cause::from(&e))?;
    let emptied = match conn.query_drop(format!("TRUNCATE TABLE {table}")).await {
        Err(mysql_async::Error::Server(e)) if matches!(e.code, 1142 | 1227 | 1701) => {
            conn.query_drop(format!("DELETE FROM {table}")).await
        }
        other => other,
    };
    emptied.map_err(|e| Cause::from(&e))?;
    conn.query_drop("SET SESSION foreign_key_checks = 1").await.map_err(|e| Cause::from(&e))
}

/// True for errors after which the same transaction may succeed: deadlock and lock wait.
pub(super) fn worth_another_try(cause: &Cause) -> bool {
    matches!(cause, Cause::Server { side: Side::Target, code, .. } if code == "1213" || code == "1205")
}

/// True when a server has as many sessions as it takes.
pub(super) fn no_more_sessions(cause: &Cause) -> bool {
    let code = match cause {
        Cause::Connect(error) => error.refusal.code.as_deref(),
        Cause::Server { code, .. } => Some(code.as_str()),
        _ => None,
    };
    matches!(code, Some("53300" | "1040" | "1203" | "1226"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_either_server() {
        assert_eq!(parts("10.11.19-MariaDB-0+deb12u1"), (10, 11, 19));
        assert_eq!(parts("9.7.4-2"), (9, 7, 4));
        assert_eq!(parts("8.0"), (8, 0, 0));
    }

    #[test]
    fn lock_names_fit_and_differ() {
        assert_eq!(lock_name("charts", "db"), "cdc-doctor charts/db");
        let (a, b) = (lock_name(&"x".repeat(80), "a"), lock_name(&"x".repeat(80), "b"));
        assert_eq!((a.chars().count(), a == b), (64, false));
    }
}
