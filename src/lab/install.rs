//! How missing servers get onto this machine. Nothing is installed unless the caller was agreed to.

use std::path::Path;
use std::process::{Command, Stdio};

use super::servers::{has_mysql, has_postgres};
use crate::facts::MyFlavor;

/// Installs without setting up or starting a service, which the plain packages would do.
const DEBIAN: &str = include_str!("../../assets/lab/install-debian.sh");

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

/// A system's package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
    Brew,
}

/// What is missing and how this machine gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    manager: Manager,
    packages: Vec<&'static str>,
}

/// Why a server cannot be installed from here.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// No package manager that this program knows.
    #[error("no package manager found here; install {0} by hand")]
    NoManager(String),
    /// MySQL is in no stable release.
    #[error("MySQL is not installed; {0}")]
    MySql(String),
    /// Not root, and no sudo.
    #[error("this needs root, and there is no sudo; as root, run: {0}")]
    NeedsRoot(String),
    /// The package manager failed; it has said why.
    #[error("{0} failed")]
    Failed(String),
}

/// The servers that the practice pipeline lacks.
#[must_use]
pub fn missing(target: Option<MyFlavor>) -> Vec<Server> {
    let (mariadb, mysql) = (has_mysql(MyFlavor::MariaDb), has_mysql(MyFlavor::MySql));
    let target = match target {
        None if mariadb || mysql => None,
        None | Some(MyFlavor::MariaDb) => (!mariadb).then_some(Server::MariaDb),
        Some(MyFlavor::MySql) => (!mysql).then_some(Server::MySql),
    };
    (!has_postgres()).then_some(Server::Postgres).into_iter().chain(target).collect()
}

/// What to type to get a server, as the end of an error message.
#[must_use]
pub fn advice(server: Server) -> String {
    match plan(&[server]) {
        Ok(installation) => format!("install it with: {}", installation.command()),
        Err(InstallError::MySql(how)) => how,
        Err(_) => "install it with your system's package manager".to_owned(),
    }
}

/// How this machine gets these servers.
///
/// # Errors
/// It cannot, from here.
pub fn plan(servers: &[Server]) -> Result<Installation, InstallError> {
    plan_with(Manager::find(), servers)
}

fn plan_with(manager: Option<Manager>, servers: &[Server]) -> Result<Installation, InstallError> {
    if servers.contains(&Server::MySql) {
        let how = "in the project's folder, tests/run --set-up-only fetches it; or take MariaDB as the target";
        return Err(InstallError::MySql(how.to_owned()));
    }
    let Some(manager) = manager else {
        let names: Vec<&str> = servers.iter().map(|s| s.name()).collect();
        return Err(InstallError::NoManager(names.join(" and ")));
    };
    Ok(Installation { manager, packages: servers.iter().flat_map(|s| manager.packages(*s)).copied().collect() })
}

impl Installation {
    /// The command as a person would type it.
    #[must_use]
    pub fn command(&self) -> String {
        let sudo = if self.manager == Manager::Brew { "" } else { "sudo " };
        format!("{sudo}{} {}", self.manager.install(), self.packages.join(" "))
    }

    /// Installs; the package manager's output goes to standard error. Ask before.
    ///
    /// # Errors
    /// It needs root, or the package manager failed.
    pub fn run(&self) -> Result<(), InstallError> {
        let mut words: Vec<&str> = match self.manager {
            Manager::Apt => vec!["sh", "-c", DEBIAN, "install-debian"],
            other => other.install().split(' ').collect(),
        };
        words.extend(&self.packages);
        let is_root = super::servers::is_root();
        if !is_root && self.manager != Manager::Brew {
            if !super::servers::is_program("sudo") {
                return Err(InstallError::NeedsRoot(self.command()));
            }
            words.insert(0, "sudo");
        }
        let (program, args) = words.split_first().unwrap_or((&"false", &[]));
        let status = Command::new(program).args(args).stdout(Stdio::null()).status();
        if status.is_ok_and(|s| s.success()) { Ok(()) } else { Err(InstallError::Failed(self.command())) }
    }
}

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
}

impl Manager {
    fn find() -> Option<Self> {
        [
            (Self::Apt, "/usr/bin/apt-get"),
            (Self::Dnf, "/usr/bin/dnf"),
            (Self::Pacman, "/usr/bin/pacman"),
            (Self::Brew, "/opt/homebrew/bin/brew"),
            (Self::Brew, "/usr/local/bin/brew"),
        ]
        .into_iter()
        .find(|(_, program)| Path::new(program).exists())
        .map(|(manager, _)| manager)
    }

    fn install(self) -> &'static str {
        match self {
            Self::Apt => "apt-get install --no-install-recommends",
            Self::Dnf => "dnf install -y",
            Self::Pacman => "pacman -S --noconfirm",
            Self::Brew => "brew install",
        }
    }

    fn packages(self, server: Server) -> &'static [&'static str] {
        match (self, server) {
            (Self::Dnf, Server::Postgres) => &["postgresql-server"],
            (Self::Brew, Server::Postgres) => &["postgresql@17"],
            (_, Server::Postgres) => &["postgresql"],
            (Self::Apt, _) => &["mariadb-server-core", "mariadb-client-core"],
            (Self::Dnf, _) => &["mariadb-server"],
            (_, _) => &["mariadb"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_all_packages_that_are_missing() {
        let both = [Server::Postgres, Server::MariaDb];
        for (manager, wanted) in [
            (
                Manager::Apt,
                "sudo apt-get install --no-install-recommends postgresql mariadb-server-core mariadb-client-core",
            ),
            (Manager::Dnf, "sudo dnf install -y postgresql-server mariadb-server"),
            (Manager::Brew, "brew install postgresql@17 mariadb"),
        ] {
            assert_eq!(plan_with(Some(manager), &both).unwrap().command(), wanted);
        }
        let by_hand = plan_with(None, &both).unwrap_err().to_string();
        assert_eq!(by_hand, "no package manager found here; install PostgreSQL and MariaDB by hand");
    }
}
