//! Where the servers' programs are on this machine.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::ServerError;
use super::process::output;
use crate::facts::MyFlavor;
use crate::lab::install;

/// A PostgreSQL installation.
#[derive(Debug, Clone)]
pub(super) struct PostgresBinaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

/// Finds PostgreSQL: the version asked for, else the newest.
pub(super) fn postgres(wanted: Option<u32>) -> Result<PostgresBinaries, ServerError> {
    let mut found: Vec<PostgresBinaries> = match env::var_os("CDC_DOCTOR_POSTGRES_BIN") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => postgres_folders(),
    }
    .into_iter()
    .filter(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
    .filter_map(|folder| Some(PostgresBinaries { major: postgres_major(&folder)?, folder }))
    .filter(|p| wanted.is_none_or(|major| major == p.major))
    .collect();
    found.sort_by_key(|p| p.major);
    found.pop().filter(|p| p.major >= 13).ok_or_else(|| ServerError::Missing {
        what: "PostgreSQL (13 or newer)",
        looked: "/usr/lib/postgresql/*/bin, PATH and CDC_DOCTOR_POSTGRES_BIN".to_owned(),
        install: install::advice(install::Server::Postgres),
    })
}

fn postgres_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    // Debian; Red Hat's own packages of postgresql.org; Homebrew on either processor.
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
    ] {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(|e| e.file_name().to_string_lossy().starts_with(prefix));
        folders.extend(named.map(|e| e.path().join(below)));
    }
    // `initdb` on the PATH may be a link to the real place, where `postgres` is beside it.
    let on_path = in_path("initdb").and_then(|p| fs::canonicalize(p).ok());
    folders.extend(on_path.and_then(|p| p.parent().map(Path::to_owned)));
    folders
}

fn postgres_major(folder: &Path) -> Option<u32> {
    // `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
    let version = output(folder.join("postgres"), &["--version"])?;
    version.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A MySQL or MariaDB installation.
#[derive(Debug, Clone)]
pub(super) struct MySqlBinaries {
    /// The words that start the server; the first is the program.
    pub(super) server: Vec<OsString>,
    /// The program that makes a data folder; MySQL's server does it by itself.
    pub(super) install: Option<PathBuf>,
    /// Where it is; the user that runs it must be able to reach it.
    pub(super) root: PathBuf,
}

/// Finds the server of the given flavour.
pub(super) fn mysql(flavor: MyFlavor) -> Result<MySqlBinaries, ServerError> {
    match flavor {
        MyFlavor::MariaDb => mariadb().ok_or_else(|| ServerError::Missing {
            what: "MariaDB",
            looked: "PATH and /usr/sbin for mariadbd and mariadb-install-db".to_owned(),
            install: install::advice(install::Server::MariaDb),
        }),
        MyFlavor::MySql => real_mysql().ok_or_else(|| ServerError::Missing {
            what: "MySQL",
            looked: "CDC_DOCTOR_MYSQL_ROOT, target/servers/mysql and PATH (MariaDB's mysqld is another server)"
                .to_owned(),
            install: install::advice(install::Server::MySql),
        }),
    }
}

/// True when a server of this flavour is on the machine.
pub fn has_mysql(flavor: MyFlavor) -> bool {
    mysql(flavor).is_ok()
}

/// True when a PostgreSQL server is on the machine.
pub fn has_postgres() -> bool {
    postgres(None).is_ok()
}

fn mariadb() -> Option<MySqlBinaries> {
    let server = in_path("mariadbd")?;
    let install = in_path("mariadb-install-db")?;
    Some(MySqlBinaries { root: server.clone(), server: vec![server.into()], install: Some(install) })
}

fn real_mysql() -> Option<MySqlBinaries> {
    unpacked_trees().iter().find_map(|root| in_tree(root)).or_else(|| {
        let server = in_path("mysqld")?;
        let version = output(&server, &["--no-defaults", "--version"])?;
        (!version.contains("MariaDB")).then(|| MySqlBinaries {
            root: server.clone(),
            server: vec![server.into()],
            install: None,
        })
    })
}

/// Where an unpacked Debian tree with MySQL may be: named, or below the `target` folder of the project.
fn unpacked_trees() -> Vec<PathBuf> {
    if let Some(root) = env::var_os("CDC_DOCTOR_MYSQL_ROOT") {
        return vec![root.into()];
    }
    let project = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).or_else(|| env::current_dir().ok());
    let program = env::current_exe().ok();
    let mut all: Vec<PathBuf> = project.into_iter().map(|p| p.join("target/servers/mysql")).collect();
    all.extend(program.iter().flat_map(|p| p.ancestors().skip(1).take(4)).map(|p| p.join("servers/mysql")));
    all
}

/// Runs the tree's server through the tree's own loader and libraries, which needs no chroot and no root.
fn in_tree(root: &Path) -> Option<MySqlBinaries> {
    let root = fs::canonicalize(root).ok()?;
    let mysqld = root.join("usr/sbin/mysqld");
    if !mysqld.is_file() {
        return None;
    }
    let (loader, libraries) = [
        ("lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu"),
        ("lib/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu"),
    ]
    .into_iter()
    .map(|(loader, libraries)| (root.join(loader), root.join(libraries)))
    .find(|(loader, _)| loader.is_file())?;
    let private = root.join("usr/lib/mysql/private");
    let mut path = libraries.into_os_string();
    path.push(":");
    path.push(private);
    let option = |name: &str, below: &str| {
        let mut word = OsString::from(name);
        word.push(root.join(below));
        word
    };
    let server = vec![
        loader.into(),
        "--library-path".into(),
        path,
        mysqld.into(),
        "--no-defaults".into(),
        option("--basedir=", "usr"),
        option("--lc-messages-dir=", "usr/share/mysql"),
        option("--plugin-dir=", "usr/lib/mysql/plugin"),
    ];
    Some(MySqlBinaries { server, install: None, root })
}

/// True when this program is on the machine.
pub(in crate::lab) fn is_program(name: &str) -> bool {
    in_path(name).is_some()
}

/// A program on the PATH, or in the folders for system programs, which are often not on it.
pub(super) fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
