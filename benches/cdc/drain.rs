//! The same backlog, drained by each contender in turn: ours, PostgreSQL's own subscription into a second PostgreSQL,
//! and `pg_recvlogical`, which decodes and throws away.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cdc_doctor::lab::servers::Postgres;
use cdc_doctor::pipeline::Pipeline;
use cdc_doctor::sync::direct::{self, SyncOptions};
use cdc_doctor::sync::{self, Event, Phase, Stop};
use secrecy::ExposeSecret;

use crate::servers::{DATABASE, Servers, on_postgres, postgres, postgres_process};
use crate::support::{self, Outcome, verdict};

/// The table of the figures.
pub const TABLE: &str = "CREATE TABLE drained (id bigint PRIMARY KEY, k int, code varchar(120), pad varchar(60), \
                         amt numeric(12,2), ts timestamptz, flag boolean) WITH (autovacuum_enabled = false)";

/// 1,000 transactions of 100 inserts, 500 of 100 updates, 199 of 100 deletes.
pub const WORKLOAD: &str = "DO $$ BEGIN
    FOR t IN 0..999 LOOP
      INSERT INTO drained SELECT t * 100 + i, i, 'code ' || md5((t * 100 + i)::text), repeat('x', 20 + i % 40),
        (t * 100 + i) / 100.0, '2024-01-01 00:00:00+02'::timestamptz + i * interval '1.000001 second', i % 2 = 0
        FROM generate_series(1, 100) i;
      COMMIT;
    END LOOP;
    FOR t IN 0..499 LOOP
      UPDATE drained SET k = k + 1, amt = amt + 1, flag = NOT flag WHERE id BETWEEN t * 100 + 1 AND t * 100 + 100;
      COMMIT;
    END LOOP;
    FOR t IN 800..998 LOOP
      DELETE FROM drained WHERE id BETWEEN t * 100 + 1 AND t * 100 + 100;
      COMMIT;
    END LOOP;
  END $$";
/// The 200th of the deletes.
pub const LAST: &str = "DELETE FROM drained WHERE id BETWEEN 99901 AND 100000";
pub const CHANGES: u32 = 170_000;

const OURS: usize = 0;
const SUBSCRIPTION: usize = 1;
const DECODING: usize = 2;
const NAMES: [&str; 3] = ["cdc-doctor", "PostgreSQL's subscription", "pg_recvlogical to /dev/null"];

/// How long a subscription may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a contender took.
#[derive(Clone, Copy)]
struct Took {
    /// The whole command.
    wall: Duration,
    /// Of it, from when the stream is asked for.
    streaming: Duration,
    /// CPU seconds of the source, of the receiving server and of the program between them.
    cpu: [f64; 3],
}

struct Drain<'a> {
    servers: &'a Servers,
    /// Where PostgreSQL's own subscription leads.
    second: Postgres,
    recvlogical: PathBuf,
    pipeline: Pipeline,
    /// Processes of source, target and second PostgreSQL.
    processes: [String; 3],
}

pub async fn run(servers: &Servers, rounds: usize) -> Outcome<()> {
    let second = postgres()?;
    servers.source.run(DATABASE, TABLE)?;
    servers.source.run(DATABASE, "CREATE PUBLICATION others FOR TABLE drained")?;
    second.run(DATABASE, TABLE)?;
    let processes =
        [postgres_process(&servers.source).await?, servers.target_process().await?, postgres_process(&second).await?];
    let pipeline = Pipeline::load(&servers.pipeline("drain", "drained")?)?;
    let drain = Drain { servers, second, recvlogical: recvlogical()?, pipeline, processes };
    println!("CDC drain: {CHANGES} row changes in 1700 transactions, {rounds} rounds");
    let mut took: [Vec<Took>; 3] = Default::default();
    for round in 0..rounds {
        drain.prepare().await?;
        let (last, end) = drain.workload().await?;
        for turn in 0..3 {
            let who = (round + turn) % 3;
            let this = drain.timed(who, &last, &end).await?;
            println!("  round {}: {:<28} {:>9.0} changes/s", round + 1, NAMES[who], rate(this.wall));
            took[who].push(this);
        }
    }
    print(&took);
    Ok(())
}

impl Drain<'_> {
    /// Empty tables everywhere, and a slot for each contender.
    async fn prepare(&self) -> Outcome<()> {
        let source = &self.servers.source;
        if on_postgres(&self.second, "SELECT count(*)::text FROM pg_subscription").await? != "0" {
            // It drops its slot on the source.
            self.second.run(DATABASE, "DROP SUBSCRIPTION bench")?;
            source.run(DATABASE, "SELECT pg_drop_replication_slot('decoding')")?;
        }
        source.run(DATABASE, "TRUNCATE drained")?;
        self.second.run(DATABASE, "TRUNCATE drained")?;
        self.ours(SyncOptions { truncate_target: true, until_caught_up: true, ..SyncOptions::default() }).await?;
        let connection = format!(
            "host=127.0.0.1 port={} dbname={DATABASE} user={} password={} sslmode=disable",
            source.port(),
            source.superuser(),
            source.password().expose_secret()
        );
        self.second.run(
            DATABASE,
            &format!(
                "CREATE SUBSCRIPTION bench CONNECTION '{connection}' PUBLICATION others \
                 WITH (copy_data = false, enabled = false)"
            ),
        )?;
        source.run(DATABASE, "SELECT pg_create_logical_replication_slot('decoding', 'pgoutput')")?;
        Ok(())
    }

    /// Fills the backlog. A position within the last transaction, and one behind it.
    async fn workload(&self) -> Outcome<(String, String)> {
        let source = self.servers.source.client(DATABASE).await?;
        source.batch_execute(WORKLOAD).await?;
        source.batch_execute("BEGIN").await?;
        source.batch_execute(LAST).await?;
        let within = source.query_one("SELECT pg_current_wal_insert_lsn()::text", &[]).await?.get(0);
        source.batch_execute("COMMIT").await?;
        let behind = source.query_one("SELECT pg_current_wal_flush_lsn()::text", &[]).await?.get(0);
        source.batch_execute("CHECKPOINT").await?;
        Ok((within, behind))
    }

    async fn timed(&self, who: usize, last: &str, end: &str) -> Outcome<Took> {
        let receiver = if who == SUBSCRIPTION { &self.processes[2] } else { &self.processes[1] };
        let of = [self.processes[0].as_str(), receiver, "self"];
        let before = of.map(cpu_seconds);
        let (wall, streaming) = match who {
            OURS => self.ours(SyncOptions { until_caught_up: true, ..SyncOptions::default() }).await?,
            SUBSCRIPTION => self.subscription(last).await?,
            _ => self.decoding(end)?,
        };
        self.idle().await?;
        let cpu = [0, 1, 2].map(|i| cpu_seconds(of[i]) - before[i]);
        self.arrived(who).await?;
        Ok(Took { wall, streaming, cpu })
    }

    async fn ours(&self, options: SyncOptions) -> Outcome<(Duration, Duration)> {
        let passwords = support::passwords(&self.servers.source, &self.servers.target);
        let (reporter, mut feed) = sync::channel();
        let began = Instant::now();
        let mut asked = began;
        let watching = async {
            while let Some(event) = feed.events.recv().await {
                if event == (Event::Phase { phase: Phase::CatchUp }) {
                    asked = Instant::now();
                }
            }
        };
        let running = direct::run(&self.pipeline, &passwords, options, reporter, Stop::default());
        let (done, ()) = tokio::join!(running, watching);
        done?;
        Ok((began.elapsed(), asked.elapsed()))
    }

    /// Caught up when a position within the last transaction is behind: its end is the next that is written down.
    async fn subscription(&self, last: &str) -> Outcome<(Duration, Duration)> {
        let client = self.second.client(DATABASE).await?;
        let ask = format!("SELECT coalesce(max(remote_lsn) > '{last}', false) FROM pg_replication_origin_status");
        let ask = client.prepare(&ask).await?;
        let began = Instant::now();
        client.batch_execute("ALTER SUBSCRIPTION bench ENABLE").await?;
        while !client.query_one(&ask, &[]).await?.get::<_, bool>(0) {
            if began.elapsed() > PATIENCE {
                return Err(format!("the subscription does not get on: {}", self.second.log()).into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let took = began.elapsed();
        client.batch_execute("ALTER SUBSCRIPTION bench DISABLE").await?;
        Ok((took, took))
    }

    fn decoding(&self, end: &str) -> Outcome<(Duration, Duration)> {
        let source = &self.servers.source;
        let mut command = Command::new(&self.recvlogical);
        command.args(["-h", "127.0.0.1", "-p", &source.port().to_string(), "-U", source.superuser(), "-d", DATABASE]);
        command.args(["--slot", "decoding", "--start", "--no-loop", "--endpos", end, "-f", "/dev/null"]);
        command.args(["-o", "proto_version=1", "-o", "publication_names=others"]);
        command.env("PGPASSWORD", source.password().expose_secret()).env("PGSSLMODE", "disable");
        let began = Instant::now();
        support::ended(vec![command.stdin(Stdio::null()).spawn()?])?;
        Ok((began.elapsed(), began.elapsed()))
    }

    /// The processes that sent and applied have ended: only then does their server count their CPU seconds as its own.
    async fn idle(&self) -> Outcome<()> {
        let sessions =
            "pg_stat_activity WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()";
        let workers = "pg_stat_subscription WHERE pid IS NOT NULL";
        for (server, what) in [(&self.servers.source, sessions), (&self.second, workers)] {
            while on_postgres(server, &format!("SELECT count(*)::text FROM {what}")).await? != "0" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// The same rows are on the source and where the contender wrote.
    async fn arrived(&self, who: usize) -> Outcome<()> {
        let sums = |text: &str| {
            format!("SELECT CONCAT(count(*), ' ', sum(id), ' ', sum(k), ' ', sum(amt)){text} FROM drained")
        };
        let there = match who {
            OURS => self.servers.on_target(&sums("")).await?,
            SUBSCRIPTION => on_postgres(&self.second, &sums("::text")).await?,
            _ => return Ok(()),
        };
        let here = on_postgres(&self.servers.source, &sums("::text")).await?;
        if here == there { Ok(()) } else { Err(format!("{}: {there} arrived of {here}", NAMES[who]).into()) }
    }
}

fn rate(time: Duration) -> f64 {
    f64::from(CHANGES) / time.as_secs_f64()
}

fn print(took: &[Vec<Took>; 3]) {
    println!("{:<40} {:>10} {:>10}   CPU s: {:>7} {:>9} {:>8}", "", "best", "median", "source", "receiver", "between");
    for (who, name) in NAMES.iter().enumerate() {
        let whole = sorted(&took[who], |t| t.wall);
        let cpu = [0, 1, 2].map(|i| median(&sorted(&took[who], |t| t.cpu[i])));
        println!(
            "{:<40} {:>10.0} {:>10.0} {:>16.2} {:>9.2} {:>8.2}",
            format!("{name}, changes/s"),
            rate(whole[0]),
            rate(median(&whole)),
            cpu[0],
            cpu[1],
            cpu[2]
        );
        if who == OURS {
            let stream = sorted(&took[who], |t| t.streaming);
            println!(
                "{:<40} {:>10.0} {:>10.0}",
                "  of it from the start of the stream",
                rate(stream[0]),
                rate(median(&stream))
            );
        }
    }
    for (beside, least) in [(SUBSCRIPTION, 1.0), (DECODING, 0.3)] {
        let other = sorted(&took[beside], |t| t.wall);
        for (what, ours) in
            [("whole command", sorted(&took[OURS], |t| t.wall)), ("stream", sorted(&took[OURS], |t| t.streaming))]
        {
            let best = other[0].as_secs_f64() / ours[0].as_secs_f64();
            let middle = median(&other).as_secs_f64() / median(&ours).as_secs_f64();
            println!(
                "beside {:<30} {what:<14} best {best:.2}, median {middle:.2}; at least {least:.2}: {}",
                NAMES[beside],
                verdict(best, least)
            );
        }
    }
}

fn sorted<T: PartialOrd>(took: &[Took], what: impl Fn(&Took) -> T) -> Vec<T> {
    let mut all: Vec<T> = took.iter().map(what).collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    all
}

fn median<T: Copy>(sorted: &[T]) -> T {
    sorted[sorted.len() / 2]
}

/// CPU seconds of a process and of those that it has waited for, where the system tells them.
fn cpu_seconds(process: &str) -> f64 {
    // Of user and system; 100 a second on every Linux.
    let read = || {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields = text.rsplit_once(')')?.1.split_whitespace();
        Some(fields.skip(11).take(4).filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / 100.0)
    };
    read().unwrap_or(f64::NAN)
}

/// The program itself: what Debian has on the path is a script that looks for it.
fn recvlogical() -> Outcome<PathBuf> {
    let folder = |path: PathBuf| path.join("bin/pg_recvlogical");
    let mut found: Vec<PathBuf> = match fs::read_dir("/usr/lib/postgresql") {
        Ok(folders) => folders.flatten().map(|f| folder(f.path())).filter(|p| p.exists()).collect(),
        Err(_) => Vec::new(),
    };
    found.sort();
    match found.pop() {
        Some(path) => Ok(path),
        None => Ok(Path::new(support::program(&["pg_recvlogical"], "postgresql-client")?).to_owned()),
    }
}
