//! Runs an engine and passes on what it tells.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::super::message::{Message, SyncFailure};
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{EngineKind, Pipeline};
use crate::sync::direct::{Direct, SyncOptions};
use crate::sync::dms::{Dms, DmsOptions};
use crate::sync::{self, Engine as _, Feed, Reporter, Stop, SyncError, Totals};

/// How often the engine's counters are passed on.
const COUNTERS: Duration = Duration::from_millis(66);
/// How often the memory is looked at.
const MEMORY: Duration = Duration::from_secs(1);

/// Runs the engine and passes on what it tells, until it has ended and everything was told.
pub async fn run(
    pipeline: Box<Pipeline>,
    passwords: Passwords,
    options: SyncOptions,
    stop: Stop,
    out: mpsc::Sender<Message>,
) {
    let (reporter, Feed { mut events, mut progress }) = sync::channel();
    let engine = move_rows(*pipeline, passwords, options, reporter, stop);
    let told = async {
        while let Some(event) = events.recv().await {
            let _ = out.send(Message::SyncEvent(jiff::Timestamp::now(), event)).await;
        }
    };
    let counted = async {
        let mut looked = None;
        while progress.changed().await.is_ok() {
            let now = progress.borrow_and_update().clone();
            let _ = out.send(Message::SyncProgress(now)).await;
            if looked.is_none_or(|at: Instant| at.elapsed() >= MEMORY) {
                looked = Some(Instant::now());
                if let Some(bytes) = memory() {
                    let _ = out.send(Message::Memory(bytes)).await;
                }
            }
            tokio::time::sleep(COUNTERS).await;
        }
    };
    let (result, (), ()) = tokio::join!(engine, told, counted);
    let result = result.map_err(|why| {
        let resume = why.resume();
        SyncFailure {
            reason: why.to_string(),
            truncate_helps: resume.as_deref().is_some_and(|r| r.contains("--truncate-target")),
            resume,
        }
    });
    let _ = out.send(Message::SyncEnded(jiff::Timestamp::now(), result)).await;
}

async fn move_rows(
    pipeline: Pipeline,
    passwords: Passwords,
    options: SyncOptions,
    reporter: Reporter,
    stop: Stop,
) -> Result<Totals, SyncError> {
    if pipeline.sync.engine == EngineKind::Dms {
        let SyncOptions { truncate_target, reload, .. } = options;
        let options = DmsOptions { truncate_target, reload, ..DmsOptions::default() };
        return Dms { pipeline, passwords, options }.run(reporter, stop).await;
    }
    Direct { pipeline, passwords, options }.run(reporter, stop).await
}

/// Memory that this process holds, bytes; none where the system does not tell it so.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb * 1024)
}
