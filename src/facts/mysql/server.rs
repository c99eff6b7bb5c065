//! What the target server says of itself: session, variables, account, grants, databases.

use std::collections::BTreeMap;

use mysql_async::Row;

use super::super::{MyAccount, MyFlavor, MySchema, MySession, MyTransaction, Unknown, UnknownKind};
use super::ask::{Ask, get};
use crate::quote::my_literal;

/// Databases that belong to the server itself.
const SYSTEM: &[&str] = &["information_schema", "mysql", "performance_schema", "sys", "ndbinfo", "rdsadmin"];

/// What the checks read; a variable that a server does not have is not in its answer.
const VARIABLES: &[&str] = &[
    "auto_increment_increment",
    "auto_increment_offset",
    "autocommit",
    "binlog_format",
    "binlog_row_image",
    "character_set_database",
    "character_set_server",
    "collation_database",
    "collation_server",
    "connect_timeout",
    "default_storage_engine",
    "default_authentication_plugin",
    "event_scheduler",
    "explicit_defaults_for_timestamp",
    "foreign_key_checks",
    "have_ssl",
    "hostname",
    "init_connect",
    "innodb_autoinc_lock_mode",
    "innodb_buffer_pool_size",
    "innodb_default_row_format",
    "innodb_flush_log_at_trx_commit",
    "innodb_force_primary_key",
    "innodb_lock_wait_timeout",
    "innodb_page_size",
    "innodb_read_only",
    "innodb_strict_mode",
    "interactive_timeout",
    "local_infile",
    "lock_wait_timeout",
    "log_bin",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_connections",
    "max_execution_time",
    "max_statement_time",
    "max_user_connections",
    "net_read_timeout",
    "net_write_timeout",
    "offline_mode",
    "port",
    "read_only",
    "require_secure_transport",
    "secure_file_priv",
    "sql_generate_invisible_primary_key",
    "sql_mode",
    "sql_require_primary_key",
    "super_read_only",
    "sync_binlog",
    "system_time_zone",
    "time_zone",
    "tls_version",
    "transaction_isolation",
    "tx_isolation",
    "tx_read_only",
    "transaction_read_only",
    "unique_checks",
    "version",
    "version_comment",
    "wait_timeout",
    "aurora_version",
    "basedir",
];

pub(super) async fn session(ask: &mut Ask<'_>) -> Result<MySession, Unknown> {
    let rows = ask.fact("SELECT version(), current_user(), @@version_comment").await?;
    let row = rows.first().ok_or_else(|| Unknown::new(UnknownKind::Failed, "the server returned no row"))?;
    let (version, comment): (String, String) = (get(row, 0), get(row, 2));
    let maria = [&version, &comment].iter().any(|text| text.to_lowercase().contains("mariadb"));
    let user = get(row, 1);
    let status = ask.fact("SHOW SESSION STATUS LIKE 'Ssl_version'").await?;
    let tls = status.first().map(|row| get::<String>(row, 1)).filter(|version| !version.is_empty());
    Ok(MySession {
        flavor: if maria { MyFlavor::MariaDb } else { MyFlavor::MySql },
        version_parts: version_parts(&version),
        version,
        user,
        tls,
    })
}

/// `10.11.19-MariaDB-0+deb12u1` to (10, 11, 19).
fn version_parts(version: &str) -> (u16, u16, u16) {
    // Old MariaDB prefixes its version for replicas that would not know two digits.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut parts = version
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()
        .unwrap_or_default()
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

pub(super) async fn variables(ask: &mut Ask<'_>) -> Result<BTreeMap<String, String>, Unknown> {
    let names: Vec<String> = VARIABLES.iter().map(|name| my_literal(name)).collect();
    let sql = format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})", names.join(", "));
    let rows = ask.fact(&sql).await?;
    Ok(rows.iter().map(|row| (get::<String>(row, 0).to_lowercase(), get(row, 1))).collect())
}

pub(super) async fn account(ask: &mut Ask<'_>, user: &str) -> Result<MyAccount, Unknown> {
    // Host names have no @, user names may.
    let (name, host) = user.rsplit_once('@').unwrap_or((user, "%"));
    let sql = format!(
        "SELECT plugin, ssl_type FROM mysql.user WHERE user = {} AND host = {}",
        my_literal(name),
        my_literal(host)
    );
    let rows = ask.fact(&sql).await.map_err(|mut why| {
        if why.kind == UnknownKind::NoPermission {
            why.reason.push_str("; GRANT SELECT ON mysql.user TO the login would let it");
        }
        why
    })?;
    let row = rows.first().ok_or_else(|| {
        Unknown::new(UnknownKind::Failed, format!("the account {user} is not in mysql.user: a proxy or role logged in"))
    })?;
    Ok(MyAccount { plugin: get(row, 0), ssl_type: get(row, 1) })
}

pub(super) async fn grants(ask: &mut Ask<'_>) -> Result<Vec<String>, Unknown> {
    Ok(ask.fact("SHOW GRANTS").await?.iter().map(|row| without_hash(&get::<String>(row, 0))).collect())
}

/// The oldest transactions that hold locks or changes.
pub(super) async fn transactions(ask: &mut Ask<'_>) -> Result<Vec<MyTransaction>, Unknown> {
    // The view tells times in the server's own time zone, whatever the session's is.
    let sql = "SELECT t.trx_mysql_thread_id, p.user, \
                      TIMESTAMPDIFF(SECOND, t.trx_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), \
                      t.trx_rows_locked, t.trx_rows_modified \
                 FROM information_schema.innodb_trx t \
                 LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
                WHERE t.trx_rows_locked + t.trx_rows_modified > 0 ORDER BY t.trx_started LIMIT 100";
    let rows = ask.fact(sql).await.map_err(|mut why| {
        if why.kind == UnknownKind::NoPermission {
            why.reason.push_str("; GRANT PROCESS ON *.* TO the login would let it");
        }
        why
    })?;
    let one = |row: &Row| MyTransaction {
        session: get(row, 0),
        user: get(row, 1),
        age_seconds: u64::try_from(get::<i64>(row, 2)).unwrap_or(0),
        locked: get(row, 3),
        changed: get(row, 4),
    };
    Ok(rows.iter().map(one).collect())
}

/// MariaDB shows the password's hash in its first line; it has no business in a report.
fn without_hash(grant: &str) -> String {
    match grant.split_once(" IDENTIFIED ") {
        Some((before, after)) => {
            let rest = [" REQUIRE ", " WITH "].iter().filter_map(|word| after.find(word)).min();
            format!("{before}{}", rest.map_or("", |at| &after[at..]))
        }
        None => grant.to_string(),
    }
}

/// The databases that the login sees, without the server's own.
pub(super) async fn schemas(ask: &mut Ask<'_>) -> Result<Vec<MySchema>, Unknown> {
    let sql = "SELECT schema_name, default_character_set_name, default_collation_name \
               FROM information_schema.schemata ORDER BY 1";
    let rows = ask.fact(sql).await?;
    Ok(rows
        .iter()
        .map(|row| MySchema { name: get(row, 0), charset: get(row, 1), collation: get(row, 2) })
        .filter(|schema| !SYSTEM.contains(&schema.name.to_lowercase().as_str()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_both_kinds() {
        assert_eq!(version_parts("10.11.19-MariaDB-0+deb12u1"), (10, 11, 19));
        assert_eq!(version_parts("5.5.5-10.6.3-MariaDB-log"), (10, 6, 3));
        assert_eq!(version_parts("9.7.4-2"), (9, 7, 4));
        assert_eq!(version_parts("8.0.mysql_aurora.3.04.0"), (8, 0, 0));
        assert_eq!(version_parts(""), (0, 0, 0));
    }

    #[test]
    fn no_password_hash_in_grants() {
        assert_eq!(
            without_hash("GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*14E6' REQUIRE SSL"),
            "GRANT USAGE ON *.* TO `a`@`%` REQUIRE SSL"
        );
        assert_eq!(
            without_hash("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*14E6' WITH GRANT OPTION"),
            "GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION"
        );
        assert_eq!(without_hash("GRANT SELECT ON `c`.* TO `a`@`%`"), "GRANT SELECT ON `c`.* TO `a`@`%`");
    }
}
