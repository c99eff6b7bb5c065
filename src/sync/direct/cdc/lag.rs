//! How far the target is behind, asked of the source every second and reported; and whether the source still sends
//! everything.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::Client;

use super::publication::{Oids, still_has};
use super::workers::Applied;
use crate::connect::replication::postgres_now;
use crate::sync::direct::report;
use crate::sync::error::SyncError;
use crate::sync::{Lag, Lsn, Phase, Reporter, TableState};

/// What is watched.
pub(super) struct Watched {
    pub(super) client: Arc<Client>,
    /// `server_version_num`.
    pub(super) version: i32,
    pub(super) slot: String,
    pub(super) publication: String,
    pub(super) oids: Oids,
    pub(super) applied: watch::Receiver<Applied>,
    pub(super) reporter: Reporter,
    /// Where the source was as following began.
    pub(super) at_start: Lsn,
}

/// The publication is looked at every so many seconds.
const LOOK: u32 = 5;

/// Reports the lag, and the change of phase once the target is where the source was at the start. Ends when the source
/// does not answer, or no longer sends everything: with what is wrong.
pub(super) async fn watch(watched: Watched) -> Option<SyncError> {
    let Watched { client, version, slot, publication, oids, mut applied, reporter, at_start } = watched;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut catching_up = true;
    let mut ticks = 0_u32;
    loop {
        tokio::select! {
            _ = tick.tick() => {
                // A source that does not answer is noticed by whoever follows it.
                let (end, retained) = ask(&client, &slot).await?;
                ticks = ticks.wrapping_add(1);
                let look = ticks.is_multiple_of(LOOK);
                if look && let Err(error @ SyncError::Slot { .. }) = still_has(&client, &publication, &oids, version).await {
                    return Some(error);
                }
                let now = *applied.borrow();
                reporter.progress(|p| p.lag = Some(lag(now, end, retained)));
            }
            changed = applied.changed() => if changed.is_err() { return None },
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
