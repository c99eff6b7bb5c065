//! How long a small transaction takes from its commit on the source until it can be read on the target.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mysql_async::prelude::Queryable;

use crate::child::Run;
use crate::servers::{DATABASE, Servers};
use crate::support::Outcome;

/// Transactions a second.
const RATE: u64 = 500;
/// Sessions that make them: one alone would wait for its commits.
const WRITERS: u64 = 4;
/// The limit, milliseconds, of 99 in 100.
const LIMIT: f64 = 250.0;
/// Between two looks at the target.
const LOOK: Duration = Duration::from_millis(1);
/// How long the last rows are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const TABLES: &str = "CREATE TABLE lagged (id bigint PRIMARY KEY, word varchar(60));
    CREATE TABLE lagged_counters (id bigint PRIMARY KEY, n int NOT NULL);
    INSERT INTO lagged_counters SELECT i, 0 FROM generate_series(0, 999) i;";

/// A small transaction: a new row, and another one changed.
const SMALL: &str = "WITH counted AS (UPDATE lagged_counters SET n = n + 1 WHERE id = $1::int8 % 1000) \
                     INSERT INTO lagged VALUES ($1, 'word ' || $1)";

/// When rows were first seen on the target, microseconds since 1970.
type Seen = HashMap<i64, i64>;

pub async fn run(servers: &Servers, seconds: u64) -> Outcome<()> {
    servers.source.run(DATABASE, TABLES)?;
    let mut ours = Run::start(servers, &servers.pipeline("lag", "lagged*")?, &[])?;
    ours.has_told("\"streaming\"")?;
    let done = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch(servers.target.conn(Some(DATABASE)).await?, RATE * seconds, Arc::clone(&done)));
    let began = Instant::now();
    let mut writing = Vec::new();
    for first in 0..WRITERS {
        writing.push(tokio::spawn(write(servers.source.client(DATABASE).await?, first, RATE * seconds / WRITERS)));
    }
    for writer in writing {
        writer.await??;
    }
    let wrote = began.elapsed();
    done.store(true, Ordering::Relaxed);
    let seen = watching.await??;
    ours.stop()?;
    print(&lags(servers, &seen).await?, wrote);
    Ok(())
}

/// Commits at an even pace, and catches up with it when a commit was late.
async fn write(client: tokio_postgres::Client, first: u64, count: u64) -> Outcome<()> {
    let small = client.prepare(SMALL).await?;
    let mut tick = tokio::time::interval(Duration::from_secs(1) * u32::try_from(WRITERS)? / u32::try_from(RATE)?);
    for n in 0..count {
        tick.tick().await;
        client.execute(&small, &[&i64::try_from(n * WRITERS + first)?]).await?;
    }
    Ok(())
}

/// Looks for rows that were not there before, until all of them are.
async fn watch(mut conn: mysql_async::Conn, count: u64, done: Arc<AtomicBool>) -> Outcome<Seen> {
    let mut seen = Seen::new();
    // All below it have been seen: transactions need not arrive in the order of their numbers.
    let mut from = 0;
    let mut waited = None;
    while seen.len() as u64 != count {
        let ids: Vec<i64> = conn.query(format!("SELECT id FROM lagged WHERE id >= {from}")).await?;
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
        for id in ids {
            seen.entry(id).or_insert(now);
        }
        while seen.contains_key(&from) {
            from += 1;
        }
        if done.load(Ordering::Relaxed) && waited.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            return Err(format!("{} of {count} transactions arrived", seen.len()).into());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(seen)
}

/// Milliseconds from each commit on the source, as it noted the time itself, until the row was seen; sorted.
async fn lags(servers: &Servers, seen: &Seen) -> Outcome<Vec<f64>> {
    let ask = "SELECT id, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::int8 FROM lagged";
    let rows = servers.source.client(DATABASE).await?.query(ask, &[]).await?;
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a few seconds")]
    let lag = |row: &tokio_postgres::Row| Some((seen.get(&row.get(0))? - row.get::<_, i64>(1)) as f64 / 1000.0);
    let mut all: Vec<f64> = rows.iter().filter_map(lag).collect();
    all.sort_by(f64::total_cmp);
    Ok(all)
}

fn print(lags: &[f64], wrote: Duration) {
    let at = |hundredths: usize| lags[(lags.len() - 1) * hundredths / 100];
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = lags.len() as f64 / wrote.as_secs_f64();
    println!("lag: {} transactions of an insert and an update, {rate:.0} a second (wanted {RATE})", lags.len());
    println!("  commit on the source until readable on the target, looked for every {} ms:", LOOK.as_millis());
    println!(
        "  p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms; p99 under {LIMIT} ms: {}",
        at(50),
        at(90),
        at(99),
        at(100),
        if at(99) < LIMIT { "holds" } else { "missed" }
    );
}
