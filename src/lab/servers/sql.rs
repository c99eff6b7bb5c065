//! Statements for our own servers.

use std::path::Path;
use std::sync::Arc;

use mysql_async::prelude::Queryable;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};

use super::error::ServerError;

/// A PostgreSQL session over TLS, verified against `ca_file`.
pub(super) async fn postgres(
    port: u16,
    ca_file: &Path,
    user: &str,
    password: &SecretString,
    database: &str,
) -> Result<tokio_postgres::Client, ServerError> {
    let tls = tokio_postgres_rustls::MakeRustlsConnect::new(client_config(ca_file)?);
    let mut config = tokio_postgres::Config::new();
    config.host("localhost").port(port).user(user).password(password.expose_secret()).dbname(database);
    config.application_name("cdc-doctor").ssl_mode(tokio_postgres::config::SslMode::Require);
    let (client, connection) = config.connect(tls).await.map_err(|e| postgres_error(port, &e, None))?;
    // Ends with the client; what went wrong is told by the client's next call.
    tokio::spawn(connection);
    Ok(client)
}

/// Runs statements; several in one string are one transaction.
pub(super) async fn batch(client: &tokio_postgres::Client, port: u16, statements: &str) -> Result<(), ServerError> {
    client.batch_execute(statements).await.map_err(|e| postgres_error(port, &e, Some(statements)))
}

fn postgres_error(port: u16, error: &tokio_postgres::Error, statement: Option<&str>) -> ServerError {
    let message = match error.as_db_error() {
        Some(db) => format!("{} {}", db.code().code(), db.message()),
        None => chain(error),
    };
    sql_error("PostgreSQL", port, message, statement)
}

/// A MySQL or MariaDB session over TLS, verified against `ca_file`.
pub(super) async fn mysql(
    server: &'static str,
    port: u16,
    ca_file: &Path,
    user: &str,
    password: &SecretString,
    database: Option<&str>,
) -> Result<mysql_async::Conn, ServerError> {
    install_provider();
    let roots = vec![ca_file.to_owned().into()];
    let tls = mysql_async::SslOpts::default().with_root_certs(roots).with_disable_built_in_roots(true);
    let options = mysql_async::OptsBuilder::default()
        .ip_or_hostname("localhost")
        .tcp_port(port)
        .user(Some(user))
        .pass(Some(password.expose_secret()))
        .db_name(database)
        .prefer_socket(false)
        .ssl_opts(tls);
    mysql_async::Conn::new(options).await.map_err(|e| sql_error(server, port, e.to_string(), None))
}

/// Runs statements that are separated by semicolons.
pub(super) async fn script(
    conn: &mut mysql_async::Conn,
    server: &'static str,
    port: u16,
    statements: &str,
) -> Result<(), ServerError> {
    conn.query_drop(statements).await.map_err(|e| sql_error(server, port, e.to_string(), Some(statements)))
}

fn sql_error(server: &'static str, port: u16, message: String, statement: Option<&str>) -> ServerError {
    let message = match statement {
        Some(statement) => format!("{message}, in: {}", crate::text::fit(statement, 200)),
        None => message,
    };
    ServerError::Sql { server, port, message }
}

/// Runs a future to its end on a thread of its own, so that it works inside and outside of async code.
pub(super) fn blocking<T: Send>(future: impl Future<Output = Result<T, ServerError>> + Send) -> Result<T, ServerError> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(ServerError::io("start a runtime"))?.block_on(future)
        });
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn client_config(ca_file: &Path) -> Result<rustls::ClientConfig, ServerError> {
    install_provider();
    let wrong = |e: &dyn std::error::Error| ServerError::Certificate(format!("{}: {e}", ca_file.display()));
    let mut roots = rustls::RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(ca_file).map_err(|e| wrong(&e))?;
    roots.add(certificate).map_err(|e| wrong(&e))?;
    Ok(rustls::ClientConfig::builder().with_root_certificates(Arc::new(roots)).with_no_client_auth())
}

/// rustls takes the process's provider; the first to install one wins, and all install the same.
fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
