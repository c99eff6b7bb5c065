//! What can go wrong with a throw-away server, in words that say what to do.

use std::io;
use std::path::PathBuf;

use crate::connect::ConnectError;

/// Why a server is not there.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program is not on this machine.
    #[error("{what} is not installed (looked in {looked}); {install}")]
    Missing {
        /// The server, as a person calls it.
        what: &'static str,
        /// Where it was looked for.
        looked: String,
        /// What to type.
        install: String,
    },
    /// A set-up step failed.
    #[error("{program} failed with {status}; its last words:\n{log}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// The server ended while starting, or never got ready.
    #[error("{server} did not come up: {why}; its log {log_path} ends with:\n{log}", log_path = log_path.display())]
    NotUp {
        /// The server.
        server: &'static str,
        /// It ended, or time is up.
        why: String,
        /// The whole log, where it still is.
        log_path: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// A file or process operation failed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done, with the path.
        doing: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The certificate could not be made.
    #[error("cannot make a TLS certificate: {0}")]
    Certificate(String),
    /// A login failed.
    #[error("cannot log in to our own server: {0}")]
    Connect(#[from] ConnectError),
    /// A statement failed.
    #[error("{server} at port {port}: {message}, in: {statement}")]
    Sql {
        /// The server.
        server: &'static str,
        /// Its port.
        port: u16,
        /// The server's words.
        message: String,
        /// The statement, or its beginning.
        statement: String,
    },
}

impl ServerError {
    /// For `map_err`: says what was being done.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
