//! The source and the target, both of which keep what they commit, and what is asked of them.

use std::fs;
use std::path::PathBuf;

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{MySqlServer, Postgres};
use mysql_async::prelude::Queryable;

use crate::support::{self, Outcome};

/// The database on every server.
pub const DATABASE: &str = "bench";

/// The settings of every PostgreSQL here.
const POSTGRES: [(&str, &str); 5] = [
    ("fsync", "on"),
    ("full_page_writes", "on"),
    // No checkpoint falls into a measurement by the amount of WAL.
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
    // Tells when a row was committed.
    ("track_commit_timestamp", "on"),
];

/// The source and the target.
pub struct Servers {
    pub source: Postgres,
    pub target: MySqlServer,
    pub folder: tempfile::TempDir,
}

/// A PostgreSQL with an empty database.
pub fn postgres() -> Outcome<Postgres> {
    let server = support::postgres(&POSTGRES)?;
    server.run("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    Ok(server)
}

impl Servers {
    pub fn start(flavor: MyFlavor) -> Outcome<Self> {
        let source = postgres()?;
        let target = support::target(flavor)?;
        target.run(None, &format!("CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4"))?;
        Ok(Self { source, target, folder: tempfile::tempdir()? })
    }

    /// Says what is measured on, as the servers themselves tell it.
    pub async fn describe(&self) -> Outcome<()> {
        let source = self.source.client(DATABASE).await?;
        let ask = "SELECT 'PostgreSQL ' || string_agg(name || ' ' || current_setting(name), ', ' ORDER BY place) \
                   FROM unnest($1::text[]) WITH ORDINALITY AS s (name, place)";
        let names = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers"];
        let names: Vec<&str> = [&names[..], &["logical_decoding_work_mem"]].concat();
        println!("source: {}", source.query_one(ask, &[&names]).await?.get::<_, &str>(0));
        let ask = "SELECT CONCAT(@@version, ', innodb_flush_log_at_trx_commit ', @@innodb_flush_log_at_trx_commit, \
                   ', doublewrite ', @@innodb_doublewrite, ', buffer pool ', @@innodb_buffer_pool_size DIV 1048576, \
                   ' MiB, log_bin ', @@log_bin)";
        let said: Option<String> = self.target.conn(None).await?.query_first(ask).await?;
        println!("target: {:?} {}", self.target.flavor(), said.unwrap_or_default());
        println!("cores: {}; no TLS anywhere", std::thread::available_parallelism()?);
        Ok(())
    }

    /// A pipeline of one table, with a slot and a publication of its name.
    pub fn pipeline(&self, name: &str, table: &str) -> Outcome<PathBuf> {
        let file = self.folder.path().join(format!("{name}.toml"));
        let text = support::pipeline_file(name, (&self.source, DATABASE), (&self.target, DATABASE), table);
        fs::write(&file, format!("{text}[sync]\nslot = \"{name}\"\npublication = \"{name}\"\n"))?;
        Ok(file)
    }

    /// The first column of the target's answer, as text.
    pub async fn on_target(&self, sql: &str) -> Outcome<String> {
        let said: Option<String> = self.target.conn(Some(DATABASE)).await?.query_first(sql).await?;
        said.ok_or_else(|| format!("no answer to {sql}").into())
    }

    /// The number of the target's process.
    pub async fn target_process(&self) -> Outcome<String> {
        let folder = self.on_target("SELECT @@datadir").await?;
        // MariaDB tells the whole path, MySQL the one that was asked for.
        let file = PathBuf::from(folder).join(self.on_target("SELECT @@pid_file").await?);
        Ok(fs::read_to_string(file)?.trim().to_owned())
    }
}

/// The number of a PostgreSQL's first process.
pub async fn postgres_process(server: &Postgres) -> Outcome<String> {
    let folder = on_postgres(server, "SELECT current_setting('data_directory')").await?;
    let text = fs::read_to_string(PathBuf::from(folder).join("postmaster.pid"))?;
    text.lines().next().map(str::to_owned).ok_or_else(|| "an empty postmaster.pid".into())
}

/// The first column of a PostgreSQL's answer, as text.
pub async fn on_postgres(server: &Postgres, sql: &str) -> Outcome<String> {
    Ok(server.client(DATABASE).await?.query_one(sql, &[]).await?.get(0))
}
