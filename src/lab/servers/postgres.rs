//! A throw-away PostgreSQL that refuses and accepts as RDS does.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::binaries::{self, PostgresBinaries};
use super::error::ServerError;
use super::home::Home;
use super::process::{Account, Process, random_password, with_free_port};
use super::sql;
use crate::connect;
use crate::pipeline::{Endpoint, TlsMode};
use crate::quote::{pg_ident, pg_literal};

/// How a [`Postgres`] is to be.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// Major version; the newest on this machine when none is asked for.
    pub version: Option<u32>,
    /// Lets clients in without TLS too. Off, as on RDS since version 15.
    pub plaintext: bool,
    /// More settings for `postgresql.conf`, over the defaults.
    pub settings: Vec<(String, String)>,
}

/// A running PostgreSQL of our own. It is stopped when dropped.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    binaries: PostgresBinaries,
    port: u16,
    password: SecretString,
    // Below the process: a server is stopped before its folder goes.
    home: Arc<Home>,
}

impl Postgres {
    /// Starts one in a home of its own.
    ///
    /// # Errors
    /// It is not installed, or does not come up.
    pub fn start(options: &PostgresOptions) -> Result<Self, ServerError> {
        Self::start_in(&Arc::new(Home::new()?), options)
    }

    /// Starts one in a home that other servers share.
    ///
    /// # Errors
    /// It is not installed, or does not come up.
    pub fn start_in(home: &Arc<Home>, options: &PostgresOptions) -> Result<Self, ServerError> {
        let mut binaries = binaries::postgres(options.version)?;
        let account = Account::first_of(&["postgres"], "PostgreSQL")?;
        if !account.reaches(&binaries.folder) {
            // Unpacked below root's own home, say. PostgreSQL never runs as root, and it finds its files wherever it is.
            let name = format!("postgresql-{}", binaries.major);
            binaries.folder = home.copy_of(&binaries.folder, &name)?;
        }
        let process = Process::new("PostgreSQL", home.room("postgres", &account)?, account);
        let password = random_password()?;
        initialise(&process, &binaries, &password)?;
        configure(&process, home, options)?;
        let port = with_free_port(|port| launch(&process, &binaries, port).map(|()| port))?;
        Ok(Self { process, binaries, port, password, home: Arc::clone(home) })
    }

    /// `localhost`, the name in its certificate.
    #[must_use]
    pub fn host(&self) -> &'static str {
        "localhost"
    }

    /// The port, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Major version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.binaries.major
    }

    /// The superuser's name.
    #[must_use]
    pub fn superuser(&self) -> &'static str {
        "postgres"
    }

    /// The superuser's password.
    #[must_use]
    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// The certificate authority to trust.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.home.ca_file()
    }

    /// The folder it lives in.
    #[must_use]
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// How the superuser reaches a database, TLS verified.
    #[must_use]
    pub fn endpoint(&self, database: &str) -> Endpoint {
        Endpoint {
            host: self.host().to_owned(),
            port: self.port,
            database: database.to_owned(),
            user: self.superuser().to_owned(),
            password: None,
            tls: TlsMode::VerifyFull,
            ca_file: Some(self.ca_file().to_owned()),
            rds_instance: None,
        }
    }

    /// A superuser session.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn client(&self, database: &str) -> Result<tokio_postgres::Client, ServerError> {
        Ok(connect::postgres::open(&self.endpoint(database), Some(&self.password.clone().into())).await?)
    }

    /// Runs statements as superuser, from any thread, inside or outside of async code. One string of several
    /// statements is one transaction.
    ///
    /// # Errors
    /// The server's words and the statement.
    pub fn run(&self, database: &str, statements: &str) -> Result<(), ServerError> {
        sql::blocking(async {
            let client = self.client(database).await?;
            sql::postgres(&client, &self.endpoint(database), statements).await
        })
    }

    /// Refuses clients without TLS from now on, or lets them in, as `rds.force_ssl` does.
    ///
    /// # Errors
    /// The rules cannot be written, or the server does not take them.
    pub fn demand_tls(&self, demanded: bool) -> Result<(), ServerError> {
        write_rules(&self.process, !demanded)?;
        self.set("rds.force_ssl", Some(if demanded { "1" } else { "0" }))
    }

    /// Sets a parameter of the whole server, or takes it back to what it was started with. It holds at once, or from
    /// the next start on where the parameter is one of those.
    ///
    /// # Errors
    /// The server's words.
    pub fn set(&self, parameter: &str, value: Option<&str>) -> Result<(), ServerError> {
        let name = parameter.split('.').map(pg_ident).collect::<Vec<_>>().join(".");
        let statement = match value {
            Some(value) => format!("ALTER SYSTEM SET {name} = {}", pg_literal(value)),
            None => format!("ALTER SYSTEM RESET {name}"),
        };
        self.run("postgres", &statement)?;
        self.run("postgres", "SELECT pg_reload_conf()")
    }

    /// Ends it in good order; clients are cut off.
    pub fn stop(&self) {
        self.process.stop("INT", Duration::from_secs(20));
    }

    /// Ends it as a crash does.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Starts it again, stopped or not, on the same port with the same data.
    ///
    /// # Errors
    /// It does not come up.
    pub fn restart(&self) -> Result<(), ServerError> {
        self.stop();
        launch(&self.process, &self.binaries, self.port)
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log_tail()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if !self.home.is_kept() {
            // Immediate: nothing is worth flushing, but shared memory is freed.
            self.process.stop("QUIT", Duration::from_secs(5));
        }
    }
}

fn initialise(process: &Process, binaries: &PostgresBinaries, password: &SecretString) -> Result<(), ServerError> {
    let pwfile = process.room().join("superuser-password");
    process.account().write_private(&pwfile, password.expose_secret())?;
    process.run(&[
        binaries.folder.join("initdb").into_os_string(),
        option("--pgdata=", &process.room().join("data")),
        option("--pwfile=", &pwfile),
        "--username=postgres".into(),
        "--auth=scram-sha-256".into(),
        "--encoding=UTF8".into(),
        "--locale=C".into(),
        "--no-sync".into(),
    ])?;
    let _ = fs::remove_file(&pwfile);
    Ok(())
}

fn configure(process: &Process, home: &Home, options: &PostgresOptions) -> Result<(), ServerError> {
    let pair = home.issue()?;
    let (certificate, key) = (process.room().join("server.crt"), process.room().join("server.key"));
    process.account().write_private(&certificate, &pair.certificate)?;
    process.account().write_private(&key, &pair.key)?;

    let defaults = [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("ssl", "on"),
        ("ssl_cert_file", &certificate.to_string_lossy()),
        ("ssl_key_file", &key.to_string_lossy()),
        ("password_encryption", "scram-sha-256"),
        ("wal_level", "logical"),
        ("max_replication_slots", "40"),
        ("max_wal_senders", "40"),
        ("max_connections", "200"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        // A commit survives a killed server; that it does not survive the machine's crash matters to nobody.
        ("fsync", "off"),
        ("full_page_writes", "off"),
        // A killed server leaves these files in its folder, not in /dev/shm.
        ("dynamic_shared_memory_type", "mmap"),
        ("rds.force_ssl", if options.plaintext { "0" } else { "1" }),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let lines: String =
        defaults.iter().chain(&options.settings).map(|(k, v)| format!("{k} = {}\n", pg_literal(v))).collect();
    let data = process.room().join("data");
    process.account().write_private(&data.join("postgresql.conf"), &lines)?;

    write_rules(process, options.plaintext)
}

/// `hostssl` alone: a plaintext client gets the same refusal as from RDS with rds.force_ssl = 1.
fn write_rules(process: &Process, plaintext: bool) -> Result<(), ServerError> {
    let kind = if plaintext { "host" } else { "hostssl" };
    let rules: String =
        ["all", "replication"].map(|what| format!("{kind} {what} all 127.0.0.1/32 scram-sha-256\n")).concat();
    process.account().write_private(&process.room().join("data/pg_hba.conf"), &rules)
}

fn launch(process: &Process, binaries: &PostgresBinaries, port: u16) -> Result<(), ServerError> {
    let data = process.room().join("data");
    let lock = data.join("postmaster.pid");
    let words: [OsString; 5] = [
        binaries.folder.join("postgres").into_os_string(),
        "-D".into(),
        data.into_os_string(),
        "-p".into(),
        port.to_string().into(),
    ];
    // The server writes its process id in the first line of its lock file and its state in the last. After a crash
    // the old file is still there.
    let ready = |id: u32| {
        let text = fs::read_to_string(&lock).unwrap_or_default();
        text.lines().next() == Some(&id.to_string()) && text.trim_end().ends_with("ready")
    };
    let begun = Instant::now();
    loop {
        match process.start(&words, ready) {
            // Sessions of a killed server end a moment after it, and hold its memory until then.
            Err(ServerError::NotUp { log, .. })
                if log.contains("still in use") && begun.elapsed() < Duration::from_secs(10) => {}
            result => return result,
        }
    }
}

fn option(name: &str, path: &Path) -> OsString {
    let mut word = OsString::from(name);
    word.push(path);
    word
}
