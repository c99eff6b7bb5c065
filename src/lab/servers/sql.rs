//! Statements for our own servers, from any thread.

use mysql_async::prelude::Queryable;

use super::error::ServerError;
use crate::pipeline::Endpoint;

/// Runs statements; several in one string are one transaction.
pub(super) async fn postgres(
    client: &tokio_postgres::Client,
    at: &Endpoint,
    statements: &str,
) -> Result<(), ServerError> {
    client.batch_execute(statements).await.map_err(|error| {
        let message = match error.as_db_error() {
            Some(db) => format!("{} {}", db.code().code(), db.message()),
            None => error.to_string(),
        };
        failed("PostgreSQL", at, message, statements)
    })
}

/// Runs statements that are separated by semicolons.
pub(super) async fn mysql(
    conn: &mut mysql_async::Conn,
    server: &'static str,
    at: &Endpoint,
    statements: &str,
) -> Result<(), ServerError> {
    conn.query_drop(statements).await.map_err(|error| failed(server, at, error.to_string(), statements))
}

fn failed(server: &'static str, at: &Endpoint, message: String, statements: &str) -> ServerError {
    ServerError::Sql { server, port: at.port, message, statement: crate::text::fit(statements.trim(), 200) }
}

/// Runs a future to its end on a thread of its own, so that it works inside and outside of async code.
pub(in crate::lab) fn blocking<T: Send>(
    future: impl Future<Output = Result<T, ServerError>> + Send,
) -> Result<T, ServerError> {
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
