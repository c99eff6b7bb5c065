//! A throw-away MariaDB or MySQL with TLS.

use std::ffi::OsString;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::binaries::{self, MySqlBinaries};
use super::error::ServerError;
use super::home::Home;
use super::process::{Account, Process, random_password, with_free_port};
use super::sql;
use crate::connect;
use crate::facts::MyFlavor;
use crate::pipeline::{Endpoint, TlsMode};
use crate::quote::my_literal;

/// How a [`MySqlServer`] is to be.
#[derive(Debug, Clone)]
pub struct MySqlOptions {
    /// Which of the two.
    pub flavor: MyFlavor,
    /// Lets clients in without TLS too. On, as on a fresh server.
    pub plaintext: bool,
    /// Whether `LOAD DATA LOCAL` is accepted. On here, though a fresh MySQL has it off.
    pub local_infile: bool,
    /// More options for the server, over the defaults, without the leading dashes.
    pub settings: Vec<(String, String)>,
}

impl MySqlOptions {
    /// The defaults for a flavour.
    #[must_use]
    pub fn new(flavor: MyFlavor) -> Self {
        Self { flavor, plaintext: true, local_infile: true, settings: Vec::new() }
    }
}

/// A running MariaDB or MySQL of our own. It is stopped when dropped.
#[derive(Debug)]
pub struct MySqlServer {
    process: Process,
    flavor: MyFlavor,
    words: Vec<OsString>,
    port: u16,
    password: SecretString,
    // Below the process: a server is stopped before its folder goes.
    home: Arc<Home>,
}

impl MySqlServer {
    /// Starts one in a home of its own.
    ///
    /// # Errors
    /// It is not installed, or does not come up.
    pub fn start(options: &MySqlOptions) -> Result<Self, ServerError> {
        Self::start_in(&Arc::new(Home::new()?), options)
    }

    /// Starts one in a home that other servers share.
    ///
    /// # Errors
    /// It is not installed, or does not come up.
    pub fn start_in(home: &Arc<Home>, options: &MySqlOptions) -> Result<Self, ServerError> {
        let flavor = options.flavor;
        let (what, folder) = names(flavor);
        let binaries = binaries::mysql(flavor)?;
        let mut account = Account::first_of(&["mysql", "nobody"], what)?;
        if !account.reaches(&binaries.root) {
            // A tree below root's own home: only root gets there.
            account = Account::own();
        }
        let process = Process::new(what, home.room(folder, &account)?, account);
        let password = random_password()?;
        initialise(&process, &binaries)?;
        let words = configure(&process, home, &binaries, options)?;
        let first_run = first_run(&process, flavor, &password)?;
        let port = with_free_port(|port| {
            let mut words = with_port(&words, port);
            words.push(first_run.clone());
            process.start(&words, |_| greets(port)).map(|()| port)
        })?;
        Ok(Self { process, flavor, words: with_port(&words, port), port, password, home: Arc::clone(home) })
    }

    /// Which of the two.
    #[must_use]
    pub fn flavor(&self) -> MyFlavor {
        self.flavor
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

    /// The account that may do everything.
    #[must_use]
    pub fn superuser(&self) -> &'static str {
        "root"
    }

    /// Its password.
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

    /// How `root` reaches a database, TLS verified.
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

    /// A session of `root`.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn conn(&self, database: Option<&str>) -> Result<mysql_async::Conn, ServerError> {
        Ok(connect::mysql::open(&self.endpoint(""), Some(&self.password.clone().into()), database).await?)
    }

    /// Runs statements (separated by semicolons) as `root`, from any thread, inside or outside of async code.
    ///
    /// # Errors
    /// The server's words.
    pub fn run(&self, database: Option<&str>, statements: &str) -> Result<(), ServerError> {
        sql::blocking(async {
            let mut conn = self.conn(database).await?;
            sql::mysql(&mut conn, names(self.flavor).0, &self.endpoint(""), statements).await?;
            let _ = conn.disconnect().await;
            Ok(())
        })
    }

    /// Ends it in good order.
    pub fn stop(&self) {
        self.process.stop("TERM", Duration::from_secs(30));
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
        self.process.start(&self.words, |_| greets(self.port))
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log_tail()
    }
}

impl Drop for MySqlServer {
    fn drop(&mut self) {
        if !self.home.is_kept() {
            self.process.kill();
        }
    }
}

fn names(flavor: MyFlavor) -> (&'static str, &'static str) {
    match flavor {
        MyFlavor::MariaDb => ("MariaDB", "mariadb"),
        MyFlavor::MySql => ("MySQL", "mysql"),
    }
}

fn initialise(process: &Process, binaries: &MySqlBinaries) -> Result<(), ServerError> {
    let data = option("datadir", process.room().join("data"));
    let mut words: Vec<OsString>;
    if let Some(install) = &binaries.install {
        words = vec![install.into(), "--no-defaults".into(), data, "--skip-test-db".into()];
        words.push("--auth-root-authentication-method=normal".into());
    } else {
        words = base_words(binaries);
        words.extend([data, "--initialize-insecure".into()]);
    }
    words.extend(user(process));
    process.run(&words)
}

/// The server's words without its port.
fn configure(
    process: &Process,
    home: &Home,
    binaries: &MySqlBinaries,
    options: &MySqlOptions,
) -> Result<Vec<OsString>, ServerError> {
    let room = process.room();
    let pair = home.issue()?;
    process.account().write_private(&room.join("server.crt"), &pair.certificate)?;
    process.account().write_private(&room.join("server.key"), &pair.key)?;

    let mut words = base_words(binaries);
    words.extend(user(process));
    words.push(option("datadir", room.join("data")));
    words.push(option("ssl-ca", home.ca_file()));
    words.push(option("ssl-cert", room.join("server.crt")));
    words.push(option("ssl-key", room.join("server.key")));
    let on = |yes: bool| if yes { "1" } else { "0" };
    let mut settings = vec![
        ("bind-address", "127.0.0.1"),
        // Below the data folder: a path from the root may be longer than a socket's name can be.
        ("socket", "server.sock"),
        ("pid-file", "server.pid"),
        ("secure-file-priv", ""),
        ("local-infile", on(options.local_infile)),
        ("require-secure-transport", on(!options.plaintext)),
        ("skip-name-resolve", "1"),
        ("max-connections", "300"),
        // A commit survives a killed server; that it does not survive the machine's crash matters to nobody.
        ("innodb-flush-log-at-trx-commit", "2"),
        ("innodb-doublewrite", "0"),
        // Many servers on one machine use up the kernel's slots for asynchronous requests.
        ("innodb-use-native-aio", "0"),
    ];
    if options.flavor == MyFlavor::MySql {
        settings.extend([("mysqlx", "OFF"), ("disable-log-bin", "1"), ("sync-binlog", "0")]);
    }
    words.extend(settings.iter().map(|(name, value)| option(name, value)));
    words.extend(options.settings.iter().map(|(name, value)| option(name, value)));
    Ok(words)
}

/// Accounts as they should be, set on the first start: nobody without a name or a password.
fn first_run(process: &Process, flavor: MyFlavor, password: &SecretString) -> Result<OsString, ServerError> {
    let password = my_literal(password.expose_secret());
    let mut lines = String::new();
    if flavor == MyFlavor::MariaDb {
        // A fresh folder has anonymous accounts, which shadow 'user'@'%' for clients on localhost, and several roots.
        lines.push_str("DELETE FROM mysql.global_priv WHERE User IN ('', 'root');\nFLUSH PRIVILEGES;\n");
    }
    for host in ["localhost", "%"] {
        lines.push_str(&format!("CREATE USER IF NOT EXISTS 'root'@'{host}';\n"));
        lines.push_str(&format!("ALTER USER 'root'@'{host}' IDENTIFIED BY {password};\n"));
        lines.push_str(&format!("GRANT ALL PRIVILEGES ON *.* TO 'root'@'{host}' WITH GRANT OPTION;\n"));
    }
    let file = process.room().join("first-run.sql");
    process.account().write_private(&file, &lines)?;
    Ok(option("init-file", file))
}

fn base_words(binaries: &MySqlBinaries) -> Vec<OsString> {
    let mut words = binaries.server.clone();
    // The unpacked tree's words have it already; it must stay the first option.
    if words.len() == 1 {
        words.push("--no-defaults".into());
    }
    words
}

/// MySQL and MariaDB run as root only when told so.
fn user(process: &Process) -> Option<OsString> {
    process.account().name().is_none().then(|| "--user=root".into())
}

fn with_port(words: &[OsString], port: u16) -> Vec<OsString> {
    let mut words = words.to_vec();
    words.push(option("port", port.to_string()));
    words
}

fn option(name: &str, value: impl AsRef<std::ffi::OsStr>) -> OsString {
    let mut word = OsString::from(format!("--{name}="));
    word.push(value);
    word
}

/// True once the server sends its greeting: it listens only when it is ready.
fn greets(port: u16) -> bool {
    let limit = Duration::from_millis(500);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, limit) else { return false };
    let mut head = [0_u8; 5];
    // Protocol version 10 follows the packet's header; an error packet would have 0xff there.
    stream.set_read_timeout(Some(limit)).is_ok() && stream.read_exact(&mut head).is_ok() && head[4] == 10
}
