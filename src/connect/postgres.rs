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
use super::gather::Gathering;
use super::replication::{Replication, Wire};
use super::startup::{Lent, ReplicationTls, Startup};
use super::{APPLICATION_NAME, ConnectError, LIMIT, tls};
use crate::facts::{Refusal, Stage};
use crate::pipeline::secrets::{Password, SecretError};
use crate::pipeline::{Endpoint, PasswordSource, TlsMode};

/// What every session of this program relies on, whatever server, database or role have as defaults: one text form
/// for every value, no time limits (two of them are unknown to PostgreSQL before 14 and 17), and row-level security that
/// refuses rather than hides rows.
pub(super) const SETTINGS: &str = "\
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1; \
    SET bytea_output = 'hex'; SET xmloption = 'content'; SET client_encoding = 'UTF8'; SET statement_timeout = 0; \
    SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = off; \
    SET default_transaction_read_only = off; \
    SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings \
     WHERE name IN ('idle_session_timeout', 'transaction_timeout')";

/// A session as the pipeline file says, with the settings of this program.
///
/// # Errors
/// The refusal, in the server's own words where it has any.
pub async fn open(endpoint: &Endpoint, password: Option<&Password>) -> Result<Client, ConnectError> {
    let client = log_in::<Sql>(endpoint, password).await?;
    client.batch_execute(SETTINGS).await.map_err(|e| refused(endpoint, &e))?;
    Ok(client)
}

/// A session in replication mode (`replication=database`): it takes SQL and replication commands by the simple
/// protocol, and streams changes.
///
/// # Errors
/// The refusal, in the server's own words where it has any.
pub async fn open_replication(endpoint: &Endpoint, password: Option<&Password>) -> Result<Replication, ConnectError> {
    log_in::<InReplication>(endpoint, password).await
}

/// A kind of session, and how it is opened at one address, with TLS where there is a connector.
trait Login {
    type Session;

    async fn open(
        endpoint: &Endpoint,
        config: &Config,
        connector: Option<MakeRustlsConnect>,
        address: SocketAddr,
    ) -> Result<Self::Session, Failure>;
}

struct Sql;

impl Login for Sql {
    type Session = Client;

    async fn open(
        endpoint: &Endpoint,
        config: &Config,
        connector: Option<MakeRustlsConnect>,
        _: SocketAddr,
    ) -> Result<Client, Failure> {
        let opened = match connector {
            Some(connector) => connect(config, connector).await,
            None => connect(config, NoTls).await,
        };
        opened.map_err(|e| classify(endpoint, &e))
    }
}

/// Connects, and lets the connection work in the background; what ends it is told to whoever uses the client.
async fn connect<T>(config: &Config, tls: T) -> Result<Client, tokio_postgres::Error>
where
    T: MakeTlsConnect<tokio_postgres::Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("postgres connection ended: {error}");
        }
    });
    Ok(client)
}

struct InReplication;

impl Login for InReplication {
    type Session = Replication;

    async fn open(
        endpoint: &Endpoint,
        config: &Config,
        connector: Option<MakeRustlsConnect>,
        address: SocketAddr,
    ) -> Result<Replication, Failure> {
        let tcp = |e: &io::Error| Failure::Tcp(ConnectError::at(endpoint, Stage::Tcp, io_words(e), None::<String>));
        let stream = TcpStream::connect(address).await.map_err(|e| tcp(&e))?;
        stream.set_nodelay(true).map_err(|e| tcp(&e))?;
        let stream = Gathering::new(stream);
        let failed = |e: tokio_postgres::Error| classify(endpoint, &e);
        let wire: Option<Box<dyn Wire>> = match connector {
            Some(mut connector) => {
                let Ok(tls) = MakeTlsConnect::<Gathering>::make_tls_connect(&mut connector, &endpoint.host);
                let (tls, owner) = ReplicationTls::new(tls);
                drop(config.connect_raw(stream, tls).await.map_err(failed)?);
                owner.take_back().map(|wire| Box::new(wire) as _)
            }
            None => {
                let (lent, owner) = Lent::new(stream);
                drop(config.connect_raw(Startup::new(lent), NoTls).await.map_err(failed)?);
                owner.take_back().map(|wire| Box::new(wire) as _)
            }
        };
        let kept = "the driver kept the connection to itself";
        let wire = wire.ok_or_else(|| Failure::Refused(ConnectError::at(endpoint, Stage::Local, kept, None::<String>)));
        Ok(Replication::new(wire?))
    }
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

async fn log_in<L: Login>(endpoint: &Endpoint, password: Option<&Password>) -> Result<L::Session, ConnectError> {
    let deadline = Instant::now() + LIMIT;
    let connector = match endpoint.tls {
        TlsMode::Disable => None,
        _ => Some(MakeRustlsConnect::new(tls::client_config(endpoint)?)),
    };
    let mut failure = ConnectError::at(endpoint, Stage::Resolve, "the host name has no address", None::<String>);
    let password = self::password(endpoint, password).await?;
    let password = password.as_ref();
    for address in resolve(endpoint, deadline).await? {
        let mut outcome = at::<L>(endpoint, password, connector.clone(), address, deadline).await;
        if matches!(outcome, Err(Failure::NoTls)) && endpoint.tls == TlsMode::Prefer {
            // Only a server without TLS is asked again in clear: after any other error the first words are the cause.
            outcome = at::<L>(endpoint, password, None, address, deadline).await;
        }
        match outcome {
            Ok(session) => return Ok(session),
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

/// The password for a login there, now.
pub(super) async fn password(
    endpoint: &Endpoint,
    password: Option<&Password>,
) -> Result<Option<SecretString>, ConnectError> {
    let Some(password) = password else { return Ok(None) };
    let failed = |why: SecretError| ConnectError::at(endpoint, Stage::Local, why.to_string(), None::<String>);
    password.get(endpoint).await.map(Some).map_err(failed)
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

async fn at<L: Login>(
    endpoint: &Endpoint,
    password: Option<&SecretString>,
    connector: Option<MakeRustlsConnect>,
    address: SocketAddr,
    deadline: Instant,
) -> Result<L::Session, Failure> {
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
    // A token would go over the wire as it is.
    let in_clear = connector.is_none() && endpoint.password == Some(PasswordSource::RdsIam);
    if let Some(password) = password.filter(|_| !in_clear) {
        config.password(password.expose_secret());
    }
    // The driver limits the TCP connection; when time is up here, the silence came later.
    let connecting = L::open(endpoint, &config, connector, address);
    match timeout_at(deadline + Duration::from_millis(200), connecting).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::Refused(ConnectError::timeout(endpoint, Stage::Login))),
    }
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
        "invalid configuration" if cause == "password missing" && endpoint.password.is_some() => ConnectError::at(
            endpoint,
            Stage::Local,
            "the server asks for the password over a connection in clear, and a token goes over TLS only",
            Some("Set tls = \"verify-full\"."),
        ),
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
