//! How far the target is behind, asked of the source every second and reported.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::Client;

use super::applier::Applied;
use crate::connect::replication::postgres_now;
use crate::sync::direct::report;
use crate::sync::{Lag, Lsn, Phase, Reporter, TableState};

/// Reports the lag until it is dropped, and the change of phase once the target is where the source was at the start.
pub(super) async fn watch(
    client: Arc<Client>,
    slot: String,
    mut applied: watch::Receiver<Applied>,
    reporter: Reporter,
    at_start: Lsn,
) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut catching_up = true;
    loop {
        tokio::select! {
            _ = tick.tick() => {
                // A source that does not answer is noticed by whoever follows it.
                let Some((end, retained)) = ask(&client, &slot).await else { return };
                let now = *applied.borrow();
                reporter.progress(|p| p.lag = Some(lag(now, end, retained)));
            }
            changed = applied.changed() => if changed.is_err() { return },
        }
        if catching_up && applied.borrow_and_update().lsn >= at_start {
            catching_up = false;
            streaming(&reporter).await;
        }
    }
}

async fn ask(client: &Client, slot: &str) -> Option<(Lsn, Option<u64>)> {
    let ask = "SELECT pg_current_wal_lsn()::text, (SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8 \
               FROM pg_catalog.pg_replication_slots WHERE slot_name = $1)";
    let row = client.query_one(ask, &[&slot]).await.ok()?;
    let end: &str = row.get(0);
    Some((end.parse().ok()?, row.get::<_, Option<i64>>(1).and_then(|n| u64::try_from(n).ok())))
}

#[expect(clippy::cast_precision_loss, reason = "microseconds for the eye")]
fn lag(now: Applied, end: Lsn, retained: Option<u64>) -> Lag {
    let bytes = end.0.saturating_sub(now.lsn.0);
    let age = now.time.filter(|_| bytes > 0).map_or(0, |time| (postgres_now() - time).max(0));
    Lag { bytes, seconds: age as f64 / 1e6, retained }
}

async fn streaming(reporter: &Reporter) {
    report::phase(reporter, Phase::Streaming).await;
    let mut tables = 0;
    reporter.progress(|p| tables = p.tables.len());
    for place in 0..tables {
        report::table(reporter, place, TableState::Streaming).await;
    }
}
