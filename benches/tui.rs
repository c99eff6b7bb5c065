//! `cargo bench --bench tui`: the time of a frame of the interactive session with 10,000 tables, beside the limit of a
//! smooth picture, and the time from the start of the program to its first frame while no server answers.

use std::error::Error;
use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use cdc_doctor::facts::{self, MyFlavor};
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use cdc_doctor::pipeline::Pipeline;
use cdc_doctor::pipeline::secrets::Passwords;
use cdc_doctor::tui::measure;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// The session draws 30 frames a second at most.
const FRAME: Duration = Duration::from_millis(33);
const FIRST: Duration = Duration::from_millis(100);
const TABLES: u32 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    frames()?;
    first_frame()
}

fn frames() -> Result<(), Box<dyn Error>> {
    let source = Postgres::start(&PostgresOptions::default())?;
    let target = MySqlServer::start(&MySqlOptions::new(MyFlavor::MariaDb))?;
    let tables = "DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE (SELECT string_agg(format(\
        'CREATE TABLE table_with_a_longer_name_%s (id bigint PRIMARY KEY, title text, at timestamptz);', i * 1000 + j), '')
        FROM generate_series(1, 100) j); COMMIT; END LOOP; END $$";
    source.run("postgres", tables)?;
    target.run(None, "CREATE DATABASE charts CHARACTER SET utf8mb4")?;
    let folder = tempfile::tempdir()?;
    let pipeline = Pipeline {
        source: source.endpoint("postgres"),
        target: target.endpoint("charts"),
        ..pipeline(&folder, source.port(), target.port())?
    };
    let passwords =
        Passwords { source: Some(source.password().clone().into()), target: Some(target.password().clone().into()) };
    let facts = tokio::runtime::Runtime::new()?.block_on(facts::collect(&pipeline, &passwords, &|_| {}));
    let seen = facts.source.tables.known().map_err(|why| why.reason)?.len();
    assert_eq!(seen, usize::try_from(TABLES)?, "the session is to have all tables");
    println!("a frame with {seen} tables; at most {} ms, for 30 frames a second", FRAME.as_millis());
    println!("{:<10} {:<28} {:>10} {:>10} {:>10}", "screen", "before each", "median", "99 %", "worst");
    for size in [(80, 24), (160, 50)] {
        println!("{}×{}", size.0, size.1);
        for mut frames in measure::frames(&facts, size, 400) {
            frames.took.sort_unstable();
            let at = |percent: usize| frames.took[(frames.took.len() - 1) * percent / 100];
            let held = if at(99) <= FRAME { "holds" } else { "missed" };
            println!(
                "{:<10} {:<28} {:>7.2} ms {:>7.2} ms {:>7.2} ms  {held}",
                frames.screen,
                frames.what,
                millis(at(50)),
                millis(at(99)),
                millis(at(100))
            );
        }
    }
    Ok(())
}

/// Of the program in a pseudo-terminal, with servers that take connections and never say a word.
fn first_frame() -> Result<(), Box<dyn Error>> {
    let silent = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let ports = [silent[0].local_addr()?.port(), silent[1].local_addr()?.port()];
    let folder = tempfile::tempdir()?;
    pipeline(&folder, ports[0], ports[1])?;
    let mut took = Vec::new();
    for _ in 0..10 {
        let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 })?;
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_cdc-doctor"));
        command.cwd(folder.path());
        command.env("TERM", "xterm-256color");
        command.env("BENCH_PASSWORD", "unused");
        let mut reader = pair.master.try_clone_reader()?;
        let begun = Instant::now();
        let mut child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let (mut seen, mut buffer) = (String::new(), [0; 4096]);
        while !seen.contains("Overview") {
            let n = reader.read(&mut buffer)?;
            assert!(n > 0, "it ended before its first frame: {seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
        took.push(begun.elapsed());
        child.kill()?;
        child.wait()?;
    }
    took.sort_unstable();
    let worst = took[took.len() - 1];
    println!(
        "first frame, from the start of the program, no server answering, best {:.1} ms, median {:.1} ms, worst {:.1} ms; at \
         most {} ms: {}",
        millis(took[0]),
        millis(took[took.len() / 2]),
        millis(worst),
        FIRST.as_millis(),
        if worst <= FIRST { "holds" } else { "missed" }
    );
    Ok(())
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

fn pipeline(folder: &tempfile::TempDir, source: u16, target: u16) -> Result<Pipeline, Box<dyn Error>> {
    let path = folder.path().join("cdc-doctor.toml");
    let password = "password = { env = \"BENCH_PASSWORD\" }";
    let text = format!(
        "name = \"charts\"\n\n[source]\nhost = \"127.0.0.1\"\nport = {source}\ndatabase = \"postgres\"\nuser = \
         \"postgres\"\n{password}\ntls = \"disable\"\n\n[target]\nhost = \"127.0.0.1\"\nport = {target}\ndatabase = \
         \"charts\"\nuser = \"root\"\n{password}\ntls = \"disable\"\n\n[tables]\ninclude = [\"public.*\"]\n"
    );
    std::fs::write(&path, text)?;
    Ok(Pipeline::load(&path)?)
}
