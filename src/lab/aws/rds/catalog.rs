//! Which parameters an instance's engine has, asked from the real server.

use mysql_async::prelude::Queryable;

use crate::connect;
use crate::facts::MyFlavor;
use crate::lab::aws::simulator::SimulatorError;
use crate::lab::servers::{MySqlServer, Postgres, ServerError, blocking};

/// One parameter, as `DescribeDBParameters` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) data_type: &'static str,
    /// `0-100`, or words with commas.
    pub(super) allowed: Option<String>,
    /// Applied without a restart.
    pub(super) dynamic: bool,
    pub(super) modifiable: bool,
    /// What RDS itself sets; without it the engine's default holds.
    pub(super) system: Option<String>,
}

/// Variables of MySQL that need a restart, as far as pipelines care.
const MYSQL_STATIC: [&str; 6] = [
    "innodb_buffer_pool_instances",
    "innodb_log_file_size",
    "lower_case_table_names",
    "performance_schema",
    "skip_name_resolve",
    "tls_version",
];

/// The parameters of PostgreSQL, with those that RDS adds. `wal_level` is none of them: `rds.logical_replication` sets
/// it.
pub(super) fn postgres(server: &Postgres) -> Result<Vec<Parameter>, SimulatorError> {
    let sql = "SELECT name, short_desc, vartype, context, min_val || '-' || max_val, array_to_string(enumvals, ','), \
               CASE WHEN source = 'configuration file' THEN setting END \
               FROM pg_settings WHERE name NOT LIKE '%.%' AND name <> 'wal_level'";
    let rows = blocking(async {
        let client = server.client("postgres").await?;
        let refused = |e| ServerError::from(connect::postgres::refused(&server.endpoint("postgres"), &e));
        client.query(sql, &[]).await.map_err(refused)
    })?;
    let mut all: Vec<Parameter> = rows.iter().map(of_postgres).collect();
    all.extend(of_rds(server.major()));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn of_postgres(row: &tokio_postgres::Row) -> Parameter {
    let text = |place: usize| row.get::<_, Option<String>>(place);
    let (name, context) = (text(0).unwrap_or_default(), text(3).unwrap_or_default());
    let modifiable = context != "internal" && !is_protected(&name);
    let (data_type, allowed) = match text(2).as_deref() {
        Some("bool") => ("boolean", Some("0,1".to_owned())),
        Some("integer") => ("integer", text(4)),
        Some("real") => ("float", text(4)),
        Some("enum") => ("string", text(5)),
        _ => ("string", None),
    };
    Parameter {
        name,
        description: text(1).unwrap_or_default(),
        data_type,
        allowed,
        dynamic: context != "postmaster",
        modifiable,
        system: text(6).filter(|_| modifiable),
    }
}

/// Users have no say about files, addresses and TLS on RDS.
fn is_protected(name: &str) -> bool {
    const BEGIN: [&str; 14] = [
        "archive_",
        "bonjour",
        "config_",
        "data_",
        "dynamic_",
        "external_",
        "fsync",
        "full_page",
        "hba_",
        "ident_",
        "listen_",
        "port",
        "ssl",
        "unix_",
    ];
    BEGIN.iter().any(|begin| name.starts_with(begin))
}

fn of_rds(major: u32) -> [Parameter; 2] {
    let one = |name: &str, description: &str, dynamic, value: &str| Parameter {
        name: name.to_owned(),
        description: description.to_owned(),
        data_type: "boolean",
        allowed: Some("0,1".to_owned()),
        dynamic,
        modifiable: true,
        system: Some(value.to_owned()),
    };
    let force_ssl = if major >= 15 { "1" } else { "0" };
    [
        one("rds.force_ssl", "Force SSL connections.", true, force_ssl),
        one("rds.logical_replication", "Enables logical decoding.", false, "0"),
    ]
}

/// The variables of MariaDB or MySQL.
pub(super) fn mysql(server: &MySqlServer) -> Result<Vec<Parameter>, SimulatorError> {
    let mariadb = server.flavor() == MyFlavor::MariaDb;
    let sql = if mariadb {
        "SELECT LOWER(VARIABLE_NAME), VARIABLE_COMMENT, VARIABLE_TYPE, READ_ONLY = 'NO', \
         COALESCE(ENUM_VALUE_LIST, CONCAT(NUMERIC_MIN_VALUE, '-', NUMERIC_MAX_VALUE)) \
         FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_SCOPE <> 'SESSION ONLY' ORDER BY 1"
    } else {
        "SELECT LOWER(VARIABLE_NAME), '', '', 1, IF(MAX_VALUE > 0, CONCAT(MIN_VALUE, '-', MAX_VALUE), NULL) \
         FROM performance_schema.variables_info ORDER BY 1"
    };
    type Row = (String, Option<String>, Option<String>, i64, Option<String>);
    let rows: Vec<Row> = blocking(async {
        let mut conn = server.conn(None).await?;
        let rows = conn.query(sql).await;
        let _ = conn.disconnect().await;
        rows.map_err(|e| ServerError::from(connect::mysql::refused(&server.endpoint(""), &e)))
    })?;
    let all = rows.into_iter().map(|(name, description, kind, changeable, allowed)| Parameter {
        data_type: match kind.as_deref() {
            Some("BOOLEAN") => "boolean",
            Some(kind) if kind.contains("INT") => "integer",
            Some("DOUBLE") => "float",
            _ if allowed.as_deref().is_some_and(|a| a.bytes().all(|b| b.is_ascii_digit() || b == b'-')) => "integer",
            _ => "string",
        },
        dynamic: changeable != 0 && !MYSQL_STATIC.contains(&name.as_str()),
        modifiable: !["dir", "_file", "port", "socket", "ssl", "version"].iter().any(|part| name.contains(part)),
        description: description.unwrap_or_default(),
        system: None,
        allowed,
        name,
    });
    Ok(all.collect())
}

impl Parameter {
    /// Whether the engine would take the value, as far as `allowed` says.
    pub(super) fn takes(&self, value: &str) -> bool {
        let Some(allowed) = &self.allowed else { return true };
        match (self.data_type, allowed.rsplit_once('-')) {
            ("boolean", _) => ["0", "1", "on", "off", "true", "false"].contains(&value.to_lowercase().as_str()),
            ("integer" | "float", Some((min, max))) => {
                match (value.parse::<f64>(), min.parse::<f64>(), max.parse::<f64>()) {
                    (Ok(value), Ok(min), Ok(max)) => (min..=max).contains(&value),
                    // RDS takes formulas such as {DBInstanceClassMemory/8}.
                    (Err(_), ..) => value.starts_with('{'),
                    _ => true,
                }
            }
            _ if allowed.contains(',') => allowed.split(',').any(|word| word.eq_ignore_ascii_case(value)),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(data_type: &'static str, allowed: &str) -> Parameter {
        let [force_ssl, _] = of_rds(15);
        Parameter { data_type, allowed: Some(allowed.to_owned()), ..force_ssl }
    }

    #[test]
    fn values_are_held_against_what_is_allowed() {
        assert_eq!(of_rds(15)[0].system.as_deref(), Some("1"));
        assert_eq!(of_rds(14)[0].system.as_deref(), Some("0"));
        assert!(of_rds(15)[0].takes("0") && !of_rds(15)[0].takes("2"));
        let keep = parameter("integer", "-1-2147483647");
        assert!(keep.takes("-1") && keep.takes("4096") && !keep.takes("-2") && !keep.takes("much"));
        assert!(keep.takes("{DBInstanceClassMemory/8}"));
        let words = parameter("string", "replica,logical");
        assert!(words.takes("Logical") && !words.takes("physical"));
    }
}
