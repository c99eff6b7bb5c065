//! MySQL and MariaDB sessions.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, SslOpts};
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::io_words;
use super::{APPLICATION_NAME, ConnectError, LIMIT, postgres, tls};
use crate::facts::{Refusal, Stage};
use crate::pipeline::secrets::Password;
use crate::pipeline::{Endpoint, PasswordSource, TlsMode};

/// What every session of this program relies on, whatever server and account have as defaults: strict, so that a
/// value is refused rather than bent; zero kept in AUTO_INCREMENT columns; UTC; four-byte UTF-8; and backslash escapes
/// and plain quotes as the quoting module writes them.
const SETTINGS: &str = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
    ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO', SESSION time_zone = '+00:00', \
    SESSION character_set_client = 'utf8mb4', SESSION character_set_results = 'utf8mb4', \
    SESSION character_set_connection = 'utf8mb4'";

/// Connection options as the pipeline file says, with the settings of this program, which also come back after a
/// connection is reset.
///
/// Two modes need a look at the server, which only [`open`] takes: `prefer` asks for TLS here, and `verify-ca`
/// checks the name too. Whoever needs many connections opens one and then others like it: [`Like`].
///
/// # Errors
/// The `ca_file` cannot be used, or the password cannot be had.
async fn opts(
    endpoint: &Endpoint,
    password: Option<&Password>,
    database: Option<&str>,
) -> Result<OptsBuilder, ConnectError> {
    tls::install_provider();
    let password = postgres::password(endpoint, password).await?;
    // RDS takes a token by this plugin only, and it sends what it is given as it is.
    let cleartext = endpoint.password == Some(PasswordSource::RdsIam)
        && !matches!(endpoint.tls, TlsMode::Disable | TlsMode::Prefer);
    Ok(OptsBuilder::default()
        .ip_or_hostname(&endpoint.host)
        .tcp_port(endpoint.port)
        .user(Some(&endpoint.user))
        .pass(password.as_ref().map(ExposeSecret::expose_secret))
        .enable_cleartext_plugin(cleartext)
        .db_name(database)
        // Otherwise the driver leaves TCP for the server's local socket, and with it the TLS that was asked for.
        .prefer_socket(false)
        .tcp_keepalive(Some(Duration::from_secs(60)))
        .connect_attribute("program_name", APPLICATION_NAME)
        .setup(vec![SETTINGS])
        .ssl_opts(ssl_opts(endpoint)?))
}

/// How to open further sessions like one that stands, each with the password of its time.
#[derive(Clone)]
pub struct Like {
    options: OptsBuilder,
    endpoint: Endpoint,
    password: Option<Password>,
}

impl Like {
    /// Sessions like this one, which was opened with this endpoint and password.
    #[must_use]
    pub fn session(conn: &Conn, endpoint: &Endpoint, password: Option<&Password>) -> Self {
        let options = OptsBuilder::from_opts(conn.opts().clone());
        Self { options, endpoint: endpoint.clone(), password: password.cloned() }
    }

    /// Statements count the rows that they met, not those that they changed.
    #[must_use]
    pub fn counting_found_rows(mut self) -> Self {
        self.options = self.options.client_found_rows(true);
        self
    }

    /// Options for one login, now.
    ///
    /// # Errors
    /// The password cannot be had.
    pub async fn options(&self) -> Result<OptsBuilder, ConnectError> {
        let password = postgres::password(&self.endpoint, self.password.as_ref()).await?;
        Ok(self.options.clone().pass(password.as_ref().map(ExposeSecret::expose_secret)))
    }
}

fn ssl_opts(endpoint: &Endpoint) -> Result<Option<SslOpts>, ConnectError> {
    match endpoint.tls {
        TlsMode::Disable => Ok(None),
        TlsMode::Prefer | TlsMode::Require => Ok(Some(SslOpts::default().with_danger_accept_invalid_certs(true))),
        TlsMode::VerifyCa | TlsMode::VerifyFull => {
            let roots = tls::extra_roots(endpoint)?;
            let roots = roots.into_iter().map(|der| der.to_vec().into()).collect();
            Ok(Some(SslOpts::default().with_root_certs(roots)))
        }
    }
}

/// A session as the pipeline file says, with the settings of this program.
///
/// # Errors
/// The refusal, in the server's own words where it has any.
pub async fn open(
    endpoint: &Endpoint,
    password: Option<&Password>,
    database: Option<&str>,
) -> Result<Conn, ConnectError> {
    let deadline = Instant::now() + LIMIT;
    let addresses = postgres::resolve(endpoint, deadline).await?;
    let ips: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
    let options = opts(endpoint, password, database).await?.resolved_ips(Some(ips));
    let error = match connect(options.clone(), deadline).await {
        Ok(conn) => return Ok(conn),
        Err(Some(error)) => error,
        Err(None) => return Err(ConnectError::timeout(endpoint, silent_stage(&addresses).await)),
    };
    let retry = match endpoint.tls {
        // Only a server without TLS is asked again in clear.
        TlsMode::Prefer if matches!(error, Error::Driver(DriverError::NoClientSslFlagFromServer)) => {
            options.ssl_opts(None)
        }
        TlsMode::VerifyCa => {
            // The driver cannot leave the name alone, but it can be told which name to expect. The name is looked at
            // last, so the chain held, and it is verified again for the second connection.
            let names = tls::find(&error).and_then(tls::presented_names);
            let Some(name) = names.and_then(|names| names.into_iter().next()) else {
                return Err(refused(endpoint, &error));
            };
            let name = name.replacen('*', "any", 1);
            options.ssl_opts(ssl_opts(endpoint)?.map(|ssl| ssl.with_danger_tls_hostname_override(Some(name))))
        }
        _ => return Err(refused(endpoint, &error)),
    };
    match connect(retry, deadline).await {
        Ok(conn) => Ok(conn),
        Err(Some(error)) => Err(refused(endpoint, &error)),
        Err(None) => Err(ConnectError::timeout(endpoint, Stage::Login)),
    }
}

/// `None` is silence until the deadline.
async fn connect(options: OptsBuilder, deadline: Instant) -> Result<Conn, Option<Error>> {
    match timeout_at(deadline, Conn::new(Opts::from(options))).await {
        Ok(outcome) => outcome.map_err(Some),
        Err(_) => Err(None),
    }
}

/// Where a server that said nothing lost its tongue. A bare connection is made only now: each counts as a fault with
/// the server (`max_connect_errors`).
async fn silent_stage(addresses: &[SocketAddr]) -> Stage {
    match timeout(Duration::from_secs(2), TcpStream::connect(addresses)).await {
        Ok(Ok(_)) => Stage::Login,
        _ => Stage::Tcp,
    }
}

/// A driver's error as a refusal.
pub(crate) fn refused(endpoint: &Endpoint, error: &Error) -> ConnectError {
    if let Some(error) = tls::find(error) {
        return tls::refusal(endpoint, error);
    }
    match error {
        Error::Server(server) => ConnectError::new(
            endpoint,
            Refusal {
                stage: Stage::Login,
                code: Some(server.code.to_string()),
                message: server.message.clone(),
                detail: None,
            },
        ),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => ConnectError::at(
            endpoint,
            Stage::Tls,
            "the server does not offer TLS",
            Some(
                "Give it a certificate (ssl_cert, ssl_key), or set tls = \"disable\": passwords and rows then travel in clear.",
            ),
        ),
        Error::Io(IoError::Io(io)) => ConnectError::at(endpoint, io_stage(io), io_words(io), None::<String>),
        Error::Io(IoError::Tls(tls)) => {
            ConnectError::at(endpoint, Stage::Tls, format!("the TLS handshake failed: {tls}"), None::<String>)
        }
        Error::Driver(driver) => ConnectError::at(endpoint, Stage::Login, driver.to_string(), None::<String>),
        other => ConnectError::at(endpoint, Stage::Login, other.to_string(), None::<String>),
    }
}

/// Errors of the connection itself, against those of a connection that stood.
fn io_stage(error: &io::Error) -> Stage {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Stage::Login,
        io::ErrorKind::UnexpectedEof if error.to_string().contains("tls") => Stage::Tls,
        io::ErrorKind::UnexpectedEof => Stage::Login,
        _ => Stage::Tcp,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use secrecy::SecretString;

    use super::*;
    use crate::pipeline::secrets::{KeepPassword, SecretError};

    /// Another password each time.
    struct Counter(AtomicU32);

    impl KeepPassword for Counter {
        fn password<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, Result<SecretString, SecretError>> {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            async move { Ok(SecretString::from(format!("token {number}"))) }.boxed()
        }
    }

    fn endpoint(tls: TlsMode) -> Endpoint {
        Endpoint {
            host: "db.example.com".into(),
            port: 3306,
            database: "charts".into(),
            user: "dms".into(),
            password: Some(PasswordSource::RdsIam),
            tls,
            ca_file: None,
            rds_instance: None,
        }
    }

    #[tokio::test]
    async fn a_token_is_sent_as_it_is_over_tls_only() {
        let token = Password::Kept(Arc::new(Counter(AtomicU32::new(0))));
        for (tls, sent) in [
            (TlsMode::Disable, false),
            (TlsMode::Prefer, false),
            (TlsMode::Require, true),
            (TlsMode::VerifyCa, true),
            (TlsMode::VerifyFull, true),
        ] {
            let options = Opts::from(opts(&endpoint(tls), Some(&token), None).await.unwrap());
            assert_eq!(options.enable_cleartext_plugin(), sent, "{tls:?}");
        }
        let password = Endpoint { password: Some(PasswordSource::Prompt), ..endpoint(TlsMode::VerifyFull) };
        assert!(!Opts::from(opts(&password, Some(&token), None).await.unwrap()).enable_cleartext_plugin());
    }

    #[tokio::test]
    async fn each_further_session_asks_for_its_own_password() {
        let password = Some(Password::Kept(Arc::new(Counter(AtomicU32::new(7)))));
        let like = Like { options: OptsBuilder::default(), endpoint: endpoint(TlsMode::Require), password };
        for number in [7, 8] {
            let options = Opts::from(like.options().await.unwrap());
            assert_eq!(options.pass(), Some(format!("token {number}").as_str()));
        }
    }
}
