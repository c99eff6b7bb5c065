//! Opening sessions: TLS modes, passwords, time limits, and session settings that every other module relies on.

mod error;
mod gather;
pub mod mysql;
pub mod postgres;
pub mod replication;
mod startup;
pub mod tls;

pub use error::ConnectError;
pub(crate) use error::io_words;

use std::time::Duration;

/// How long one try to connect and log in may take.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How sessions of this program call themselves on a server.
pub const APPLICATION_NAME: &str = "cdc-doctor";
