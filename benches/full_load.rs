//! Rows a second of the full load, beside `psql COPY | mysql LOAD DATA LOCAL` and beside the limit: `LOAD DATA LOCAL`
//! of ready files. See `benches/README.md`.

mod support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{MySqlServer, Postgres};
use cdc_doctor::pipeline::Pipeline;
use cdc_doctor::sync::direct::{SyncOptions, full_load};
use cdc_doctor::sync::{self, Stop};
use mysql_async::prelude::Queryable;
use secrecy::ExposeSecret;

use support::{Outcome, ended, program, verdict};

/// The table of the figures: numbers, text with everything that must be escaped, bytes, times, JSON, NULLs.
const TABLE: &str = "
CREATE TABLE mixed (
  id bigint PRIMARY KEY, k int NOT NULL, name text NOT NULL, note varchar(200), raw bytea, amount numeric(12,2),
  ratio double precision, at timestamptz NOT NULL, day date, flag boolean, doc jsonb
);
INSERT INTO mixed
SELECT i, i % 1000, 'name ' || i || CASE i % 7 WHEN 0 THEN E'\\t tab' WHEN 1 THEN E'\\n line'
    WHEN 2 THEN E' back\\\\slash' WHEN 3 THEN ' 😀 ü' ELSE '' END,
  CASE WHEN i % 5 <> 0 THEN md5(i::text) END, CASE WHEN i % 3 = 0 THEN decode('00' || md5(i::text), 'hex') END,
  (i % 1000003) / 100.0, sqrt(i), '2020-01-01 00:00:00+02'::timestamptz + i * interval '1.000001 second',
  date '1900-01-01' + (i % 50000)::int, CASE WHEN i % 11 <> 0 THEN i % 2 = 0 END,
  CASE WHEN i % 4 = 0 THEN jsonb_build_object('i', i, 't', 'x') END
FROM generate_series(1, {rows}) i;
VACUUM ANALYZE mixed;";

/// What somebody types who knows both servers well.
const BY_HAND: &str =
    "id, k, name, note, encode(raw, 'hex'), amount, ratio, at AT TIME ZONE 'UTC', day, flag::int, doc";
const COLUMNS: &str = "(id, k, name, note, @raw, amount, ratio, at, day, flag, doc) SET raw = UNHEX(@raw)";

/// The place of `raw` in a row.
const RAW: usize = 4;
/// Sessions of the full load, as in a pipeline file without `parallel`.
const PARALLEL: usize = 4;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut rows, mut rounds, mut flavor) = (1_000_000_u64, 3, MyFlavor::MariaDb);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rows" => rows = arguments.next().ok_or("--rows takes a number")?.parse()?,
            "--rounds" => rounds = arguments.next().ok_or("--rounds takes a number")?.parse()?,
            "--mysql" => flavor = MyFlavor::MySql,
            // Cargo's own.
            "--bench" => {}
            other => return Err(format!("unknown argument {other}; it takes --rows N, --rounds N, --mysql").into()),
        }
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(Bench::new(flavor, rows)?.run(rounds))
}

struct Bench {
    postgres: Postgres,
    mysql: MySqlServer,
    psql: &'static str,
    client: &'static str,
    folder: tempfile::TempDir,
    rows: u64,
}

impl Bench {
    fn new(flavor: MyFlavor, rows: u64) -> Outcome<Self> {
        let psql = program(&["psql"], "postgresql-client")?;
        let client = program(&["mariadb", "mysql"], "mariadb-client or mysql-client")?;
        // TLS off for everybody, and every commit of the target on disk.
        let postgres = support::postgres(&[])?;
        let mysql = support::target(flavor)?;
        Ok(Self { postgres, mysql, psql, client, folder: tempfile::tempdir()?, rows })
    }

    async fn run(&self, rounds: usize) -> Outcome<()> {
        println!("{} rows of 11 columns, {:?}, best of {rounds}", self.rows, self.mysql.flavor());
        let source = self.postgres.client("postgres").await?;
        for statement in TABLE.replace("{rows}", &self.rows.to_string()).split_inclusive(';') {
            source.batch_execute(statement).await?;
        }
        self.mysql.conn(None).await?.query_drop("CREATE DATABASE bench CHARACTER SET utf8mb4").await?;
        // The first run creates the table, for all.
        self.ours().await?;
        let pages: i64 = source
            .query_one("SELECT pg_relation_size('mixed') / current_setting('block_size')::int8", &[])
            .await?
            .get(0);

        let mut best = vec![Duration::MAX; 7];
        for _ in 0..rounds {
            let mut times = vec![self.ours().await?];
            for streams in [1, 2, 4] {
                times.push(self.timed(|| self.by_hand(pages, streams)).await?);
            }
            for sessions in [1, 2, 4] {
                let files = self.ready_files(pages, sessions)?;
                times.push(self.timed(|| self.load_files(&files)).await?);
            }
            for (best, time) in best.iter_mut().zip(times) {
                *best = time.min(*best);
            }
        }
        self.print(&best);
        Ok(())
    }

    fn print(&self, best: &[Duration]) {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = |time: &Duration| self.rows as f64 / time.as_secs_f64();
        let ours = rate(&best[0]);
        println!("{:<52} {:>12}", "", "rows/s");
        println!("{:<52} {ours:>12.0}", format!("cdc-doctor, parallel = {PARALLEL}"));
        for (n, time) in [1, 2, 4].iter().zip(&best[1..4]) {
            println!("{:<52} {:>12.0}", format!("psql COPY | LOAD DATA LOCAL, {n} streams"), rate(time));
        }
        for (n, time) in [1, 2, 4].iter().zip(&best[4..7]) {
            println!("{:<52} {:>12.0}", format!("the limit: LOAD DATA LOCAL of ready files, {n} sessions"), rate(time));
        }
        let by_hand = best[1..4].iter().map(rate).fold(0.0, f64::max);
        let (hand, limit) = (ours / by_hand, ours / rate(&best[6]));
        println!("beside psql | mysql, its best   {hand:.2}   at least 1.00: {}", verdict(hand, 1.0));
        println!("beside the limit, {PARALLEL} sessions   {limit:.2}   at least 0.90: {}", verdict(limit, 0.9));
        if let Some(peak) = support::peak_memory("self") {
            println!("memory of this process at its peak: {} MiB", peak / 1024);
        }
    }

    /// Empties the target, runs, and counts what arrived.
    async fn timed(&self, work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
        let mut conn = self.mysql.conn(Some("bench")).await?;
        conn.query_drop("TRUNCATE TABLE mixed").await?;
        let began = Instant::now();
        work()?;
        let time = began.elapsed();
        self.counted(&mut conn).await?;
        Ok(time)
    }

    async fn counted(&self, conn: &mut mysql_async::Conn) -> Outcome<()> {
        let count: Option<u64> = conn.query_first("SELECT count(*) FROM mixed").await?;
        if count == Some(self.rows) { Ok(()) } else { Err(format!("{count:?} of {} rows arrived", self.rows).into()) }
    }

    async fn ours(&self) -> Outcome<Duration> {
        let file = self.folder.path().join("cdc-doctor.toml");
        let text = support::pipeline_file("bench", (&self.postgres, "postgres"), (&self.mysql, "bench"), "mixed");
        let text = format!("{text}[sync]\nparallel = {PARALLEL}\n");
        fs::write(&file, text)?;
        let pipeline = Pipeline::load(&file)?;
        let passwords = support::passwords(&self.postgres, &self.mysql);
        let mut conn = self.mysql.conn(Some("bench")).await?;
        let _ = conn.query_drop("TRUNCATE TABLE mixed").await;
        let (reporter, mut feed) = sync::channel();
        let began = Instant::now();
        let load = full_load(&pipeline, &passwords, SyncOptions::default(), reporter, Stop::default());
        let (done, ()) = tokio::join!(load, async { while feed.events.recv().await.is_some() {} });
        done?;
        let time = began.elapsed();
        self.counted(&mut conn).await?;
        Ok(time)
    }

    fn psql(&self, select: &str, range: &str) -> Command {
        let mut command = Command::new(self.psql);
        command.args(["-X", "-q", "-h", "127.0.0.1", "-p", &self.postgres.port().to_string()]);
        command.args(["-U", self.postgres.superuser(), "-d", "postgres"]);
        command.args(["-c", &format!("COPY (SELECT {select} FROM mixed WHERE {range}) TO STDOUT")]);
        command.env("PGPASSWORD", self.postgres.password().expose_secret()).env("PGSSLMODE", "disable");
        command
    }

    fn client(&self, file: &Path, options: &str) -> Command {
        let statement = format!("LOAD DATA LOCAL INFILE '{}' INTO TABLE mixed {options}", file.display());
        let mut command = Command::new(self.client);
        command.args(["--no-defaults", "--local-infile=1", "--skip-ssl", "-h", "127.0.0.1"]);
        command.args(["-P", &self.mysql.port().to_string(), "-u", self.mysql.superuser(), "bench", "-e", &statement]);
        command.env("MYSQL_PWD", self.mysql.password().expose_secret());
        command
    }

    fn by_hand(&self, pages: i64, streams: i64) -> Outcome<()> {
        let mut running = Vec::new();
        for range in ranges(pages, streams) {
            let mut copy = self.psql(BY_HAND, &range).stdout(Stdio::piped()).spawn()?;
            let out = copy.stdout.take().ok_or("psql has no output")?;
            let options = format!("CHARACTER SET utf8mb4 {COLUMNS}");
            running.push(self.client(Path::new("/dev/stdin"), &options).stdin(out).spawn()?);
            running.push(copy);
        }
        ended(running)
    }

    /// The bytes that the server has the least work with: what `full_load` sends.
    fn ready_files(&self, pages: i64, sessions: i64) -> Outcome<Vec<PathBuf>> {
        let mut files = Vec::new();
        for (i, range) in ranges(pages, sessions).into_iter().enumerate() {
            let path = self.folder.path().join(format!("{sessions}-{i}.txt"));
            if !path.exists() {
                let mut copy = self.psql(BY_HAND, &range).stdout(Stdio::piped()).spawn()?;
                let out = copy.stdout.take().ok_or("psql has no output")?;
                with_raw_bytes(BufReader::new(out), BufWriter::new(File::create(&path)?))?;
                ended(vec![copy])?;
            }
            files.push(path);
        }
        Ok(files)
    }

    fn load_files(&self, files: &[PathBuf]) -> Outcome<()> {
        let options = match self.mysql.flavor() {
            MyFlavor::MySql => {
                "CHARACTER SET binary (id, k, name, note, raw, amount, ratio, at, day, flag, @doc) SET doc = CONVERT(@doc USING utf8mb4)"
            }
            MyFlavor::MariaDb => "CHARACTER SET binary (id, k, name, note, raw, amount, ratio, at, day, flag, doc)",
        };
        let running: Result<Vec<Child>, _> = files.iter().map(|f| self.client(f, options).spawn()).collect();
        ended(running?)
    }
}

fn ranges(pages: i64, count: i64) -> Vec<String> {
    let at = |i: i64| pages * i / count;
    let range = |i| {
        let end = if i == count - 1 { String::new() } else { format!(" AND ctid < '({},0)'::tid", at(i + 1)) };
        format!("ctid >= '({},0)'::tid{end}", at(i))
    };
    (0..count).map(range).collect()
}

/// Writes the hexadecimal field as bytes.
fn with_raw_bytes(mut from: impl BufRead, mut to: impl Write) -> Outcome<()> {
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        for (i, field) in line.split(|b| *b == b'\t').enumerate() {
            if i > 0 {
                to.write_all(b"\t")?;
            }
            if i != RAW || field == br"\N" {
                to.write_all(field)?;
                continue;
            }
            for pair in field.chunks_exact(2) {
                match u8::from_str_radix(std::str::from_utf8(pair)?, 16)? {
                    b'\\' => to.write_all(br"\\")?,
                    b'\t' => to.write_all(br"\t")?,
                    b'\n' => to.write_all(br"\n")?,
                    byte => to.write_all(&[byte])?,
                }
            }
        }
        line.clear();
    }
    Ok(to.flush()?)
}
