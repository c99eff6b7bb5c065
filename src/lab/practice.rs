//! Starts and fills the servers of the practice pipeline and writes its pipeline file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::aws::{Simulator, SimulatorError, Stage};
use super::kept::{self, Kept};
use super::servers::{
    Home, MySqlOptions, MySqlServer, Postgres, PostgresOptions, ServerError, has_mysql, random_password,
};
use crate::facts::MyFlavor;
use crate::quote::{my_literal, pg_literal};

const SOURCE: &str = include_str!("../../assets/lab/source.sql");
const TARGET: &str = include_str!("../../assets/lab/target.sql");

/// How the practice pipeline is to be.
#[derive(Debug, Clone, Copy, Default)]
pub struct LabOptions {
    /// The target; without a wish MariaDB, or MySQL where only that is installed.
    pub target: Option<MyFlavor>,
}

/// Why there is no practice pipeline.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A server did not start or refused what the pipeline begins with.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A file could not be written or removed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done, with the path.
        doing: String,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no place to remember a kept practice pipeline in.
    #[error("set HOME or XDG_STATE_HOME, so that a practice pipeline that goes on running can be found again")]
    NoStateFolder,
}

impl LabError {
    pub(super) fn io(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let doing = format!("{verb} {}", path.display());
        move |source| Self::Io { doing, source }
    }
}

/// The running practice pipeline. Dropped, it stops and leaves nothing behind.
#[derive(Debug)]
pub struct Lab {
    source: Arc<Postgres>,
    target: Arc<MySqlServer>,
    home: Arc<Home>,
    pipeline_path: PathBuf,
}

impl Lab {
    /// Starts both servers, fills them and writes the pipeline file. Blocks for some seconds; `tell` hears each step.
    ///
    /// # Errors
    /// A server is missing or does not come up.
    pub fn start(options: LabOptions, mut tell: impl FnMut(&str)) -> Result<Self, LabError> {
        let flavor = options.target.unwrap_or_else(default_target);
        let home = Arc::new(Home::new()?);
        tell(match flavor {
            MyFlavor::MariaDb => "starting and filling PostgreSQL and MariaDB",
            MyFlavor::MySql => "starting and filling PostgreSQL and MySQL",
        });
        let (source, target) = std::thread::scope(|scope| {
            let target = scope.spawn(|| start_target(&home, flavor));
            let source = start_source(&home);
            let target = target.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (source, target)
        });
        let ((source, source_password), (target, target_password)) = (source?, target?);
        let pipeline_path = write_pipeline(&home, &source, &source_password, &target, &target_password)?;
        Ok(Self { source: Arc::new(source), target: Arc::new(target), home, pipeline_path })
    }

    /// The pipeline file, with the story's faults in it.
    #[must_use]
    pub fn pipeline_path(&self) -> &Path {
        &self.pipeline_path
    }

    /// The PostgreSQL server.
    #[must_use]
    pub fn source(&self) -> &Postgres {
        &self.source
    }

    /// The MariaDB or MySQL server.
    #[must_use]
    pub fn target(&self) -> &MySqlServer {
        &self.target
    }

    /// A simulated AWS account in which both servers are RDS instances, as RDS creates them: the source is restarted
    /// with `wal_level = replica`. Blocks for some seconds.
    ///
    /// # Errors
    /// No port, or a server does not answer.
    pub fn aws(&self) -> Result<Simulator, SimulatorError> {
        Simulator::start(Stage::new(Arc::clone(&self.source), Arc::clone(&self.target)))
    }

    /// Gives the pipeline file an AWS side: the engine `dms` in that account.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn use_dms(&self, simulator: &Simulator) -> Result<(), LabError> {
        let path = &self.pipeline_path;
        let text = fs::read_to_string(path).map_err(LabError::io("read", path))?;
        let text = text.replace("engine = \"direct\"", "engine = \"dms\"");
        let text = text.replace(
            "include = [\"public.*\"]",
            // What DMS itself makes on the source.
            "include = [\"public.*\"]\nexclude = [\"public.awsdms_*\"]",
        );
        let text = text.replace("[tables]", "rds_instance = \"charts-target\"\n\n[tables]");
        let more = format!(
            "\n# A simulation of AWS on this machine.\n[aws]\nregion = {:?}\nendpoint_url = {:?}\n\n[dms]\n\
             instance_class = \"dms.c6i.large\"\nassessment_bucket = \"charts-assessments\"\n",
            simulator.region(),
            simulator.url()
        );
        write_private(path, &(text + &more))
    }

    /// Lets the servers run on when this program ends, until [`super::down`].
    ///
    /// # Errors
    /// What is needed to find them again cannot be written.
    pub fn keep(&self) -> Result<Kept, LabError> {
        let kept = self.announce(None)?;
        self.home.keep()?;
        Ok(kept)
    }

    /// Lets [`super::status`] and [`super::down`] in other programs find it while this one runs; `aws` is the address
    /// of the simulation beside it.
    ///
    /// # Errors
    /// What is needed to find it cannot be written.
    pub fn announce(&self, aws: Option<String>) -> Result<Kept, LabError> {
        let kept = Kept {
            folder: self.home.path().to_owned(),
            pipeline: self.pipeline_path.clone(),
            source_port: self.source.port(),
            target_port: self.target.port(),
            target: self.target.flavor(),
            aws,
        };
        kept::remember(&kept)?;
        Ok(kept)
    }
}

fn default_target() -> MyFlavor {
    if !has_mysql(MyFlavor::MariaDb) && has_mysql(MyFlavor::MySql) { MyFlavor::MySql } else { MyFlavor::MariaDb }
}

/// The server and the password of its `dms`.
fn start_source(home: &Arc<Home>) -> Result<(Postgres, SecretString), ServerError> {
    let server = Postgres::start_in(home, &PostgresOptions::default())?;
    server.run("postgres", SOURCE)?;
    let password = random_password()?;
    server.run("postgres", &format!("ALTER ROLE dms PASSWORD {}", pg_literal(password.expose_secret())))?;
    Ok((server, password))
}

/// The server and the password of its `dms`.
fn start_target(home: &Arc<Home>, flavor: MyFlavor) -> Result<(MySqlServer, SecretString), ServerError> {
    let mut options = MySqlOptions::new(flavor);
    options.settings.push(("character-set-server".to_owned(), "utf8mb4".to_owned()));
    let server = MySqlServer::start_in(home, &options)?;
    server.run(None, TARGET)?;
    let password = random_password()?;
    server.run(None, &format!("ALTER USER 'dms'@'%' IDENTIFIED BY {}", my_literal(password.expose_secret())))?;
    if flavor == MyFlavor::MySql {
        // For sql_require_primary_key, which MariaDB does not have.
        server.run(None, "GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO 'dms'@'%'")?;
    }
    Ok((server, password))
}

fn write_pipeline(
    home: &Home,
    source: &Postgres,
    source_password: &SecretString,
    target: &MySqlServer,
    target_password: &SecretString,
) -> Result<PathBuf, LabError> {
    let source_file = home.path().join("source-password");
    let target_file = home.path().join("target-password");
    write_private(&source_file, source_password.expose_secret())?;
    write_private(&target_file, target_password.expose_secret())?;
    let ca_file = toml_string(home.ca_file());
    let text = format!(
        r#"# The practice pipeline: a weekly music chart, from PostgreSQL to {target_name}, with the faults of a real one.
# Both servers are private to this program and go when it ends.
name = "charts"

[source]
host = "localhost"
port = {source_port}
database = "charts-source"     # the name that the RDS console shows in large letters
user = "dms"
password = {{ file = {source_file} }}
tls = "disable"
ca_file = {ca_file}
rds_instance = "charts-source"

[target]
host = "localhost"
port = {target_port}
database = "charts"
user = "dms"
password = {{ file = {target_file} }}
tls = "verify-full"
ca_file = {ca_file}

[tables]
include = ["public.*"]

[sync]
engine = "direct"
mode = "full-load-and-cdc"
"#,
        target_name = match target.flavor() {
            MyFlavor::MariaDb => "MariaDB",
            MyFlavor::MySql => "MySQL",
        },
        source_port = source.port(),
        target_port = target.port(),
        source_file = toml_string(&source_file),
        target_file = toml_string(&target_file),
    );
    let path = home.path().join("cdc-doctor.toml");
    write_private(&path, &text)?;
    Ok(path)
}

fn toml_string(path: &Path) -> String {
    toml::Value::String(path.to_string_lossy().into_owned()).to_string()
}

fn write_private(path: &Path, text: &str) -> Result<(), LabError> {
    // What is there already would keep its own mode.
    let _ = fs::remove_file(path);
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(text.as_bytes())).map_err(LabError::io("write", path))
}
