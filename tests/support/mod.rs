//! The harness: one PostgreSQL, one MariaDB and one MySQL for all tests of this process, a fresh database for each
//! test, and a project folder in which the built program runs.
//!
//! A test that needs a server which is not installed fails and says how to get it.
//!
//! ```ignore
//! #[test]
//! fn rows_arrive() {
//!     let source = support::source();
//!     source.run("CREATE TABLE t (id int PRIMARY KEY)");
//!     support::both_targets(|target| {
//!         let project = support::Project::new(&source, target);
//!         let ran = project.run(&["sync", "--mode", "full-load"]);
//!         assert_eq!(ran.status, 0, "{ran}");
//!     });
//! }
//! ```

mod moto;
mod project;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres, PostgresOptions, ServerError};
use cdc_doctor::pipeline::Endpoint;
use cdc_doctor::quote::{my_ident, pg_ident};
use secrecy::SecretString;

pub use moto::{moto, moto_session};
pub use project::{Project, Ran};

/// The PostgreSQL that all tests share. Roles and slots are the whole server's: name them with [`unique`].
pub fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Result<Postgres, String>> = OnceLock::new();
    started(SERVER.get_or_init(|| Postgres::start(&PostgresOptions::default()).map_err(words)))
}

/// The MariaDB or MySQL that all tests share. Accounts are the whole server's: name them with [`unique`].
pub fn mysql(flavor: MyFlavor) -> &'static MySqlServer {
    static MARIADB: OnceLock<Result<MySqlServer, String>> = OnceLock::new();
    static MYSQL: OnceLock<Result<MySqlServer, String>> = OnceLock::new();
    let slot = match flavor {
        MyFlavor::MariaDb => &MARIADB,
        MyFlavor::MySql => &MYSQL,
    };
    started(slot.get_or_init(|| MySqlServer::start(&MySqlOptions::new(flavor)).map_err(words)))
}

/// A name that no other test of this process gets.
pub fn unique(stem: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{stem}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A fresh database on the shared PostgreSQL, as its superuser sees it.
pub fn source() -> Source {
    let server = postgres();
    let database = unique("source");
    must(server.run("postgres", &format!("CREATE DATABASE {}", pg_ident(&database))));
    Source { server, endpoint: server.endpoint(&database), password: server.password().clone() }
}

/// A fresh database on the shared server of that flavour, as its `root` sees it.
pub fn target(flavor: MyFlavor) -> Target {
    let server = mysql(flavor);
    let database = unique("target");
    must(server.run(None, &format!("CREATE DATABASE {} CHARACTER SET utf8mb4", my_ident(&database))));
    Target { server, endpoint: server.endpoint(&database), password: server.password().clone() }
}

/// Runs the test on MariaDB, then on MySQL; the test's output says which.
pub fn both_targets(test: impl Fn(&Target)) {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let target = target(flavor);
        eprintln!("on {target}");
        test(&target);
    }
}

/// A database to copy from.
#[derive(Clone)]
pub struct Source {
    pub server: &'static Postgres,
    pub endpoint: Endpoint,
    pub password: SecretString,
}

impl Source {
    /// Runs statements, from any thread; several in one string are one transaction.
    pub fn run(&self, statements: &str) {
        must(self.server.run(&self.endpoint.database, statements));
    }

    /// A superuser session.
    pub async fn client(&self) -> tokio_postgres::Client {
        must(self.server.client(&self.endpoint.database).await)
    }
}

/// A database to copy into.
#[derive(Clone)]
pub struct Target {
    pub server: &'static MySqlServer,
    pub endpoint: Endpoint,
    pub password: SecretString,
}

impl Target {
    /// Runs statements, separated by semicolons, from any thread.
    pub fn run(&self, statements: &str) {
        must(self.server.run(Some(&self.endpoint.database), statements));
    }

    /// A session of `root`.
    pub async fn conn(&self) -> mysql_async::Conn {
        must(self.server.conn(Some(&self.endpoint.database)).await)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, database {}", self.server.flavor(), self.endpoint.database)
    }
}

/// Runs async code to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands the error over by value")]
fn words(error: ServerError) -> String {
    error.to_string()
}

fn started<T>(server: &'static Result<T, String>) -> &'static T {
    server.as_ref().unwrap_or_else(|why| panic!("this test needs a database server: {why}"))
}

fn must<T>(result: Result<T, ServerError>) -> T {
    result.unwrap_or_else(|why| panic!("{why}"))
}
