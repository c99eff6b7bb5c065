//! Private, throw-away database servers on free loopback ports, for the practice pipeline and for tests.
//!
//! They live in a temporary folder of their own ([`Home`]) and stop, leaving nothing behind, however this program
//! ends. Starting one blocks; from async code call it through `tokio::task::spawn_blocking`.

mod binaries;
mod certificates;
mod error;
mod home;
mod mysql;
mod postgres;
mod process;
mod sql;

pub(super) use binaries::is_program;
pub use binaries::{has_mysql, has_postgres};
pub use error::ServerError;
pub use home::{Home, clean_up, is_running};
pub use mysql::{MySqlOptions, MySqlServer};
pub use postgres::{Postgres, PostgresOptions};
pub(super) use process::{is_root, random_password};
pub(super) use sql::blocking;
