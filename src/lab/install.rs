//! How missing servers get onto this machine.

use std::path::Path;

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
