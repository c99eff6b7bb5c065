//! From an endpoint of DMS to a session on a real server.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{certificates, endpoints, words};
use crate::connect::{self, ConnectError};
use crate::lab::aws::account::{Account, State};
use crate::lab::aws::errors::AwsError;
use crate::lab::aws::records::text;
use crate::pipeline::secrets::Password;
use crate::pipeline::{Endpoint, TlsMode};

/// Everything that a login needs.
#[derive(Debug, Clone)]
pub(super) struct Login {
    pub(super) engine: Engine,
    pub(super) endpoint: Endpoint,
    pub(super) password: Option<SecretString>,
    /// A MySQL target that has one database for all schemas.
    pub(super) one_database: bool,
    /// One of the lab's servers listens there.
    known: bool,
    /// The replication slot that the endpoint names.
    pub(super) slot: Option<String>,
}

/// What an endpoint's server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Postgres,
    MySql,
    Other,
}

/// Reads an endpoint: its own members, those of its settings, and those of its secret.
pub(super) fn read(account: &Account, state: &State, arn: &str) -> Result<Login, AwsError> {
    let record = state.dms.endpoint(arn)?;
    let engine = match text(record, "EngineName") {
        "postgres" | "aurora-postgresql" => Engine::Postgres,
        "mysql" | "mariadb" | "aurora" => Engine::MySql,
        _ => Engine::Other,
    };
    let settings = &record[endpoints::settings_member(text(record, "EngineName"))];
    let secret = secret(state, text(settings, "SecretsManagerSecretId"));
    let member = |name: &str, in_secret: &str| -> String {
        let own = [text(record, name), text(settings, name), text(&secret, in_secret)];
        own.into_iter().find(|word| !word.is_empty()).unwrap_or_default().to_owned()
    };
    let number = |record: &Value, name: &str| match record.get(name) {
        Some(Value::String(text)) => text.parse().ok(),
        other => other.and_then(Value::as_i64),
    };
    let port = number(record, "Port").or(number(settings, "Port")).or(number(&secret, "port"));
    let fallback = if engine == Engine::Postgres { 5432 } else { 3306 };
    let in_secret = secret.get("password").and_then(Value::as_str).map(|p| p.to_owned().into());
    let port = port.and_then(|p| u16::try_from(p).ok()).unwrap_or(fallback);
    Ok(Login {
        engine,
        known: [account.stage.source.port(), account.stage.target.port()].contains(&port),
        password: state.dms.passwords.get(arn).cloned().or(in_secret),
        endpoint: Endpoint {
            host: member("ServerName", "host"),
            port,
            database: member("DatabaseName", "dbname"),
            user: member("Username", "username"),
            password: None,
            tls: mode(text(record, "SslMode")),
            ca_file: authority(account, state, text(record, certificates::ARN))?,
            rds_instance: None,
        },
        one_database: text(settings, "TargetDbType") == "specific-database",
        slot: settings.get("SlotName").and_then(Value::as_str).map(str::to_owned),
    })
}

fn mode(name: &str) -> TlsMode {
    match name {
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        _ => TlsMode::Disable,
    }
}

/// What a secret of the form that RDS writes holds.
fn secret(state: &State, id: &str) -> Value {
    let value = state.secrets.value(id).map(ExposeSecret::expose_secret);
    value.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The certificate in a file, as sessions take it.
fn authority(account: &Account, state: &State, arn: &str) -> Result<Option<std::path::PathBuf>, AwsError> {
    if arn.is_empty() {
        return Ok(None);
    }
    let mut pem = text(certificates::find(&state.dms, arn)?, "CertificatePem").to_owned();
    if certificates::is_of_rds(&pem) {
        // On AWS, RDS's authorities have signed what the instances show. Here it is the lab's.
        pem.push('\n');
        pem.push_str(&std::fs::read_to_string(account.stage.source.ca_file()).unwrap_or_default());
        pem.push_str(&std::fs::read_to_string(account.stage.target.ca_file()).unwrap_or_default());
    }
    let file = account.folder.join(format!("{}.pem", arn.rsplit(':').next().unwrap_or_default()));
    std::fs::write(&file, pem)
        .map_err(|e| AwsError::new(500, "InternalFailure", format!("{}: {e}", file.display())))?;
    Ok(Some(file))
}

/// A session that came about.
pub(super) enum Session {
    Postgres(tokio_postgres::Client),
    MySql(mysql_async::Conn),
}

/// Logs in as the endpoint says; a refusal is in DMS's words, with the server's in them.
pub(super) async fn open(login: &Login) -> Result<Session, String> {
    let at = &login.endpoint;
    let words = |error: ConnectError| words::no_connection(login.engine, at, &error.refusal);
    if login.engine == Engine::Other {
        return Err("This is a simulation: it has no S3 and no other engines than PostgreSQL and MySQL.".to_owned());
    }
    if !is_this_machine(&at.host) {
        return Err(words::unknown_host(login.engine, &at.host));
    }
    if !login.known {
        return Err(words::nobody_listens(login.engine, at));
    }
    let password = login.password.clone().map(Password::from);
    let password = password.as_ref();
    match login.engine {
        Engine::Postgres => connect::postgres::open(at, password).await.map(Session::Postgres).map_err(words),
        _ => {
            let database = Some(at.database.as_str()).filter(|name| !name.is_empty());
            connect::mysql::open(at, password, database).await.map(Session::MySql).map_err(words)
        }
    }
}

/// The simulated network has the lab's two servers in it and nothing else: no password leaves this machine, and nobody's
/// own database is touched.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
