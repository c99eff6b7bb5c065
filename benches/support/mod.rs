//! What the benchmarks share: servers that keep what they commit, the pipeline file, programs, `/proc`.

use std::error::Error;
use std::fs;
use std::process::{Child, Command, Stdio};

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres, PostgresOptions, ServerError};
use cdc_doctor::pipeline::secrets::Passwords;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A PostgreSQL that takes clients without TLS.
pub fn postgres(more: &[(&str, &str)]) -> Result<Postgres, ServerError> {
    let mut all = settings(&[("shared_buffers", "512MB")]);
    all.extend(settings(more));
    Postgres::start(&PostgresOptions { plaintext: true, settings: all, ..PostgresOptions::default() })
}

/// A target with every commit on disk.
pub fn target(flavor: MyFlavor) -> Result<MySqlServer, ServerError> {
    let log = if flavor == MyFlavor::MySql { "innodb-redo-log-capacity" } else { "innodb-log-file-size" };
    let durable = [
        ("innodb-flush-log-at-trx-commit", "1"),
        ("innodb-doublewrite", "1"),
        ("innodb-buffer-pool-size", "1G"),
        (log, "1G"),
    ];
    MySqlServer::start(&MySqlOptions { settings: settings(&durable), ..MySqlOptions::new(flavor) })
}

fn settings(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A pipeline file without TLS, from one database to the other, of one table. Passwords are in the variables
/// `BENCH_SOURCE` and `BENCH_TARGET`.
pub fn pipeline_file(name: &str, source: (&Postgres, &str), target: (&MySqlServer, &str), table: &str) -> String {
    let side = |side: &str, port: u16, database: &str, user: &str| {
        format!(
            "[{side}]\nhost = \"127.0.0.1\"\nport = {port}\ndatabase = \"{database}\"\nuser = \"{user}\"\n\
             tls = \"disable\"\npassword = {{ env = \"BENCH_{}\" }}\n",
            side.to_uppercase()
        )
    };
    format!(
        "name = \"{name}\"\n{}{}[tables]\ninclude = [\"public.{table}\"]\n",
        side("source", source.0.port(), source.1, source.0.superuser()),
        side("target", target.0.port(), target.1, target.0.superuser()),
    )
}

/// The superusers' passwords.
pub fn passwords(source: &Postgres, target: &MySqlServer) -> Passwords {
    Passwords { source: Some(source.password().clone().into()), target: Some(target.password().clone().into()) }
}

/// The first of the programs that is there.
pub fn program(names: &[&'static str], package: &str) -> Outcome<&'static str> {
    let there = |name: &&&str| Command::new(name).arg("--version").stdout(Stdio::null()).status().is_ok();
    let found = names.iter().find(there);
    found.copied().ok_or_else(|| format!("{} is not installed: apt-get install {package}", names.join(" or ")).into())
}

/// Waits for programs that must end well.
pub fn ended(running: Vec<Child>) -> Outcome<()> {
    for mut child in running {
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("a client ended with {status}").into());
        }
    }
    Ok(())
}

/// What a ratio comes to.
pub fn verdict(ratio: f64, least: f64) -> &'static str {
    if ratio >= least { "reached" } else { "missed" }
}

/// `VmHWM` of a process (`self`, or its number), in KiB.
pub fn peak_memory(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
