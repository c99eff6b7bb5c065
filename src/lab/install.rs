//! How missing servers get onto this machine.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::servers::{has_mysql, has_postgres};
use crate::facts::MyFlavor;

/// A server that can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// MySQL.
    MySql,
}

/// What to type to get a server, as the end of an error message.
#[must_use]
pub fn advice(server: Server) -> String {
    match server {
        Server::MySql => "get it with: tests/run --set-up-only".to_owned(),
        Server::Postgres | Server::MariaDb => match command(server) {
            Some(words) => format!("install it with: {}", words.join(" ")),
            None => "install it with your system's package manager".to_owned(),
        },
    }
}

/// The command that installs a server here.
#[must_use]
pub fn command(server: Server) -> Option<Vec<String>> {
    let managers: [(&str, &str, &str, &str); 4] = [
        ("/usr/bin/apt-get", "apt-get install -y --no-install-recommends", "postgresql", "mariadb-server"),
        ("/usr/bin/dnf", "dnf install -y", "postgresql-server", "mariadb-server"),
        ("/usr/bin/pacman", "pacman -S --noconfirm", "postgresql", "mariadb"),
        ("/opt/homebrew/bin/brew", "brew install", "postgresql@17", "mariadb"),
    ];
    let (_, install, postgres, mariadb) = managers.into_iter().find(|(program, ..)| Path::new(program).exists())?;
    let package = match server {
        Server::Postgres => postgres,
        Server::MariaDb | Server::MySql => mariadb,
    };
    Some(install.split(' ').chain([package]).map(str::to_owned).collect())
}

/// Runs on Debian and Ubuntu; other systems get the command to type.
const DEBIAN: &str = include_str!("../../assets/lab/install-debian.sh");

impl Server {
    /// As people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }

    /// As the script calls it; `None` where it cannot install it.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Postgres => Some("postgres"),
            Self::MariaDb => Some("mariadb"),
            Self::MySql => None,
        }
    }
}

/// The servers that the practice pipeline needs and that are not on this machine. Without a wish for the target
/// either kind will do, and MariaDB is what is missing when neither is there.
#[must_use]
pub fn missing(target: Option<MyFlavor>) -> Vec<Server> {
    let mut all = Vec::new();
    if !has_postgres() {
        all.push(Server::Postgres);
    }
    match target {
        Some(MyFlavor::MySql) if !has_mysql(MyFlavor::MySql) => all.push(Server::MySql),
        Some(MyFlavor::MariaDb) if !has_mysql(MyFlavor::MariaDb) => all.push(Server::MariaDb),
        None if !has_mysql(MyFlavor::MariaDb) && !has_mysql(MyFlavor::MySql) => all.push(Server::MariaDb),
        _ => {}
    }
    all
}

/// True where [`install`] can do it: Debian or Ubuntu, as root or with sudo, and packages for all of them.
#[must_use]
pub fn can_install(servers: &[Server]) -> bool {
    Path::new("/usr/bin/apt-get").exists()
        && (is_root() || Path::new("/usr/bin/sudo").exists())
        && servers.iter().all(|s| s.word().is_some())
}

/// Installs them with the system's package manager. Blocks; sudo may ask for a password.
///
/// # Errors
/// The package manager did not start, or failed; it has said why on standard error.
pub fn install(servers: &[Server]) -> io::Result<()> {
    let mut command = if is_root() { Command::new("sh") } else { Command::new("sudo") };
    if !is_root() {
        command.arg("sh");
    }
    command.args(["-c", DEBIAN, "install-debian.sh"]).args(servers.iter().filter_map(|s| s.word()));
    let status = command.stdin(Stdio::inherit()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("the package manager ended with {status}"))) }
}

fn is_root() -> bool {
    // The owner of this process's own entry is its effective user.
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}
