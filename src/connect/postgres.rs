//! PostgreSQL sessions.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::io_words;
use super::startup::{ReplicationTls, Startup};
use super::{APPLICATION_NAME, ConnectError, LIMIT, tls};
use crate::facts::{Refusal, Stage};
use crate::pipeline::{Endpoint, TlsMode};

/// What every session of this program relies on, whatever server, database or role have as defaults: one text form
/// for every value, no time limits, and row-level security that refuses rather than hides rows.
const SETTINGS: &str = "\
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1; \
    SET bytea_output = 'hex'; SET xmloption = 'content'; SET client_encoding = 'UTF8'; SET statement_timeout = 0; \
    SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = off; \
    SET default_transaction_read_only = off";

/// A session as the pipeline file says, with the settings of this program.
///
/// # Errors
/// The refusal, in the server's own words where it has any.
pub async fn open(endpoint: &Endpoint, password: Option<&SecretString>) -> Result<Client, ConnectError> {
    let client = log_in(endpoint, password, Session::Sql).await?;
    client.batch_execute(SETTINGS).await.map_err(|e| refused(endpoint, &e))?;
    Ok(client)
}

/// A session in replication mode (`replication=database`): it takes replication commands by the simple protocol.
///
/// # Errors
/// The refusal, in the server's own words where it has any.
pub async fn open_replication(endpoint: &Endpoint, password: Option<&SecretString>) -> Result<Client, ConnectError> {
    log_in(endpoint, password, Session::Replication).await
}

#[derive(Clone, Copy, PartialEq)]
enum Session {
    Sql,
    Replication,
}

/// The outcome of one try at one address.
enum Failure {
    /// The server answered that it has no TLS.
    NoTls,
    /// No TCP connection: another address of the same host may do.
    Tcp(ConnectError),
    /// Anything else is final.
    Refused(ConnectError),
}

async fn log_in(
    endpoint: &Endpoint,
    password: Option<&SecretString>,
    session: Session,
) -> Result<Client, ConnectError> {
    let deadline = Instant::now() + LIMIT;
    let connector = match endpoint.tls {
        TlsMode::Disable => None,
        _ => Some(MakeRustlsConnect::new(tls::client_config(endpoint)?)),
    };
    let mut failure = ConnectError::at(endpoint, Stage::Resolve, "the host name has no address", None::<String>);
    for address in resolve(endpoint, deadline).await? {
        let mut outcome = at(endpoint, password, session, connector.clone(), address, deadline).await;
        if matches!(outcome, Err(Failure::NoTls)) && endpoint.tls == TlsMode::Prefer {
            // Only a server without TLS is asked again in clear: after any other error the first words are the cause.
            outcome = at(endpoint, password, session, None, address, deadline).await;
        }
        match outcome {
            Ok(client) => return Ok(client),
            Err(Failure::Tcp(error)) => failure = error,
            Err(Failure::Refused(error)) => return Err(error),
            Err(Failure::NoTls) => {
                return Err(ConnectError::at(
                    endpoint,
                    Stage::Tls,
                    "the server does not offer TLS",
                    Some(
                        "Turn TLS on there (ssl = on), or set tls = \"disable\": passwords and rows then travel in clear.",
                    ),
                ));
            }
        }
    }
    Err(failure)
}

/// The addresses of the endpoint's host.
pub(super) async fn resolve(endpoint: &Endpoint, deadline: Instant) -> Result<Vec<SocketAddr>, ConnectError> {
    match timeout_at(deadline, tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port))).await {
        Err(_) => Err(ConnectError::timeout(endpoint, Stage::Resolve)),
        Ok(Err(error)) => Err(ConnectError::at(
            endpoint,
            Stage::Resolve,
            format!("the host name does not resolve: {error}"),
            None::<String>,
        )),
        Ok(Ok(addresses)) => Ok(addresses.collect()),
    }
}

async fn at(
    endpoint: &Endpoint,
    password: Option<&SecretString>,
    session: Session,
    connector: Option<MakeRustlsConnect>,
    address: SocketAddr,
    deadline: Instant,
) -> Result<Client, Failure> {
    let mut config = Config::new();
    config
        .user(&endpoint.user)
        .dbname(&endpoint.database)
        .application_name(APPLICATION_NAME)
        .ssl_mode(if connector.is_some() { SslMode::Require } else { SslMode::Disable })
        .host(&endpoint.host)
        .hostaddr(address.ip())
        .port(endpoint.port)
        .connect_timeout(deadline.saturating_duration_since(Instant::now()))
        .keepalives_idle(Duration::from_secs(60));
    if let Some(password) = password {
        config.password(password.expose_secret());
    }
    let connecting = async {
        match (session, connector) {
            (Session::Sql, Some(mut connector)) => connect(&config, &mut connector).await,
            (Session::Sql, None) => connect(&config, &mut NoTls).await,
            (Session::Replication, connector) => replicate(endpoint, &config, connector, address).await,
        }
    };
    // The driver limits the TCP connection; when time is up here, the silence came later.
    match timeout_at(deadline + Duration::from_millis(200), connecting).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(classify(endpoint, &error)),
        Err(_) => Err(Failure::Refused(ConnectError::timeout(endpoint, Stage::Login))),
    }
}

async fn connect<T>(config: &Config, tls: &mut T) -> Result<Client, tokio_postgres::Error>
where
    T: MakeTlsConnect<tokio_postgres::Socket> + Clone,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls.clone()).await?;
    run(connection);
    Ok(client)
}

async fn replicate(
    endpoint: &Endpoint,
    config: &Config,
    connector: Option<MakeRustlsConnect>,
    address: SocketAddr,
) -> Result<Client, tokio_postgres::Error> {
    let Ok(stream) = TcpStream::connect(address).await else {
        // The driver makes the same try, and words the failure.
        return connect(config, &mut NoTls).await;
    };
    let client = match connector {
        Some(mut connector) => {
            let Ok(tls) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut connector, &endpoint.host);
            let (client, connection) = config.connect_raw(stream, ReplicationTls(tls)).await?;
            run(connection);
            client
        }
        None => {
            let (client, connection) = config.connect_raw(Startup::new(stream), NoTls).await?;
            run(connection);
            client
        }
    };
    Ok(client)
}

/// Lets the connection work in the background; what ends it is told to whoever uses the client.
fn run(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("postgres connection ended: {error}");
        }
    });
}

/// The driver tells its kinds of error apart by their first words only.
fn classify(endpoint: &Endpoint, error: &tokio_postgres::Error) -> Failure {
    let kind = error.to_string();
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    if kind == "error performing TLS handshake" && cause == "server does not support TLS" {
        return Failure::NoTls;
    }
    let refusal = refused(endpoint, error);
    if refusal.refusal.stage == Stage::Tcp { Failure::Tcp(refusal) } else { Failure::Refused(refusal) }
}

/// A driver's error as a refusal.
pub(crate) fn refused(endpoint: &Endpoint, error: &tokio_postgres::Error) -> ConnectError {
    if let Some(db) = error.as_db_error() {
        let detail: Vec<&str> = db.detail().into_iter().chain(db.hint()).collect();
        return ConnectError::new(
            endpoint,
            Refusal {
                stage: Stage::Login,
                code: Some(db.code().code().to_string()),
                message: db.message().to_string(),
                detail: (!detail.is_empty()).then(|| detail.join(" ")),
            },
        );
    }
    if let Some(error) = tls::find(error) {
        return tls::refusal(endpoint, error);
    }
    let kind = error.to_string();
    let cause = error.source().map(|c| c.downcast_ref::<io::Error>().map_or_else(|| c.to_string(), io_words));
    let cause = cause.unwrap_or_default();
    match kind.as_str() {
        "error connecting to server" => ConnectError::at(endpoint, Stage::Tcp, cause, None::<String>),
        "error performing TLS handshake" => {
            ConnectError::at(endpoint, Stage::Tls, format!("the TLS handshake failed: {cause}"), None::<String>)
        }
        "invalid configuration" if cause == "password missing" => ConnectError::at(
            endpoint,
            Stage::Local,
            "the server asks for a password and the pipeline has none",
            Some("Say where it comes from, such as password = { env = \"NAME\" }."),
        ),
        _ if cause.is_empty() => ConnectError::at(endpoint, Stage::Login, kind, None::<String>),
        _ => ConnectError::at(endpoint, Stage::Login, format!("{kind}: {cause}"), None::<String>),
    }
}
