//! Continuous sync: how fast a backlog is drained, beside PostgreSQL's own subscription and beside decoding alone; how
//! far the target is behind under load; and how much memory it takes. See `benches/README.md`.

mod child;
mod drain;
mod lag;
mod memory;
mod servers;
#[path = "../support/mod.rs"]
mod support;

use cdc_doctor::facts::MyFlavor;

use servers::Servers;
use support::Outcome;

const USAGE: &str = "it takes --only drain,lag,memory, --rounds N, --rows N, --seconds N, --mysql";

/// What is measured, and how much of it.
struct Arguments {
    parts: Vec<String>,
    flavor: MyFlavor,
    /// Of the drain.
    rounds: usize,
    /// Of the large transactions.
    rows: u64,
    /// Of the lag.
    seconds: u64,
}

fn main() -> Outcome<()> {
    let arguments = arguments()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run(&arguments))
}

async fn run(arguments: &Arguments) -> Outcome<()> {
    let servers = Servers::start(arguments.flavor)?;
    servers.describe().await?;
    for part in &arguments.parts {
        println!();
        match part.as_str() {
            "drain" => drain::run(&servers, arguments.rounds).await?,
            "lag" => lag::run(&servers, arguments.seconds).await?,
            _ => memory::run(&servers, arguments.rows).await?,
        }
    }
    Ok(())
}

fn arguments() -> Outcome<Arguments> {
    let mut read = Arguments {
        parts: ["drain", "lag", "memory"].map(str::to_owned).to_vec(),
        flavor: MyFlavor::MariaDb,
        rounds: 3,
        rows: 1_000_000,
        seconds: 20,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} takes a value; {USAGE}"));
        match argument.as_str() {
            "--only" => read.parts = value()?.split(',').map(str::to_owned).collect(),
            "--rounds" => read.rounds = value()?.parse()?,
            "--rows" => read.rows = value()?.parse()?,
            "--seconds" => read.seconds = value()?.parse()?,
            "--mysql" => read.flavor = MyFlavor::MySql,
            // Cargo's own.
            "--bench" => {}
            other => return Err(format!("unknown argument {other}; {USAGE}").into()),
        }
    }
    match read.parts.iter().find(|part| !["drain", "lag", "memory"].contains(&part.as_str())) {
        Some(other) => Err(format!("unknown part {other}; {USAGE}").into()),
        None => Ok(read),
    }
}
