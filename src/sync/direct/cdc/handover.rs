//! From the load to the changes without a gap: tables are copied as of the starting point of a slot, and changes to a
//! table are applied from there on. The slot that is followed serves for the first load; a table that is loaded later,
//! or again, gets the starting point of a slot that lives only for its load.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::checkpoint::{Checkpoint, TableRow};
use super::slot::{self, Made, Plan};
use super::start::{Asked, Started};
use crate::connect;
use crate::connect::mysql::Like;
use crate::connect::replication::Replication;
use crate::facts::PgTable;
use crate::sync::direct::load::Load;
use crate::sync::direct::prepare::{Fill, Job};
use crate::sync::direct::snapshot::{self, Snapshot};
use crate::sync::error::{Outcome, SyncError};
use crate::sync::{Lsn, Reporter, Stop};

/// From where on changes are followed.
pub(super) struct HandedOver {
    /// For each table of the run: from where on its changes are applied.
    pub(super) tables: Vec<Lsn>,
    /// From where on the stream is asked for.
    pub(super) start: Lsn,
}

/// Makes the slot where it is missing, and loads what is not loaded.
pub(super) async fn hand_over(
    started: &mut Started,
    asked: &Asked<'_>,
    reporter: &Reporter,
    stop: &Stop,
    began: Instant,
) -> Result<HandedOver, SyncError> {
    let loads = started.jobs.iter().any(|j| j.fill != Fill::Keep);
    let mut tables = known(started);
    let start = match started.plan {
        Plan::Use(start) => start,
        Plan::Create => Lsn(0),
    };
    if !loads && started.plan != Plan::Create {
        record(started, &tables, false, start).await?;
        return Ok(HandedOver { tables, start });
    }
    let prepared = async {
        let locks = connect::postgres::open(&asked.pipeline.source, asked.passwords.source.as_ref()).await?;
        let all: Vec<&PgTable> = started.jobs.iter().filter(|j| j.fill != Fill::Keep).map(|j| &j.source).collect();
        snapshot::lock(&locks, &all).await?;
        let (session, made) = make_slot(started, asked, reporter).await?;
        Ok::<_, SyncError>((session, made, locks))
    };
    let (session, made, locks) = tokio::select! {
        biased;
        () = stop.wait() => return Err(SyncError::Stopped(Box::new(Outcome { resumes: true, ..Outcome::default() }))),
        prepared = prepared => prepared?,
    };
    let start = if started.plan == Plan::Create { made.from } else { start };
    for (place, job) in started.jobs.iter().enumerate() {
        if job.fill != Fill::Keep || started.plan == Plan::Create {
            tables[place] = made.from;
        }
    }
    record(started, &tables, false, start).await?;
    if loads {
        let snapshot = Snapshot { client: locks, id: made.snapshot };
        load(started, asked, &snapshot, &tables, reporter, stop, began).await?;
    }
    // The snapshot lived as long as this session.
    drop(session);
    Ok(HandedOver { tables, start })
}

/// What earlier runs have written down; a table that they did not know has changes from the beginning.
fn known(started: &Started) -> Vec<Lsn> {
    let of = |job: &Job| {
        let key = (job.source.schema.clone(), job.source.name.clone());
        started.stored.tables.get(&key).map_or(Lsn(0), |row| row.from)
    };
    started.jobs.iter().map(of).collect()
}

/// The slot that is followed, where it is missing, else one for this load only.
async fn make_slot(
    started: &Started,
    asked: &Asked<'_>,
    reporter: &Reporter,
) -> Result<(Replication, Made), SyncError> {
    let pipeline = asked.pipeline;
    let mut session = connect::postgres::open_replication(&pipeline.source, asked.passwords.source.as_ref()).await?;
    let name = &pipeline.sync.slot;
    let followed = started.plan == Plan::Create;
    let temporary;
    let name = if followed {
        name
    } else {
        temporary = format!("{}_load", name.chars().take(58).collect::<String>());
        // That of a run which was killed in its load lives until the source notices that the session is gone.
        slot::wait_until_free(&started.client, &temporary).await?;
        &temporary
    };
    let made = slot::create(&mut session, &started.client, name, !followed, started.version, reporter).await?;
    Ok((session, made))
}

/// Writes down where every table stands: `loaded` says whether those of this load are.
async fn record(started: &mut Started, tables: &[Lsn], loaded: bool, start: Lsn) -> Result<(), SyncError> {
    let jobs = Arc::clone(&started.jobs);
    let rows = jobs.iter().zip(tables).map(|(job, from)| {
        let row = TableRow { loaded: loaded || job.fill == Fill::Keep, from: *from };
        (job.source.schema.as_str(), job.source.name.as_str(), row)
    });
    started.checkpoint.record(&mut started.conn, rows, Some(start)).await
}

/// Copies, and writes down each table that is complete.
async fn load(
    started: &mut Started,
    asked: &Asked<'_>,
    snapshot: &Snapshot,
    tables: &[Lsn],
    reporter: &Reporter,
    stop: &Stop,
    began: Instant,
) -> Result<(), SyncError> {
    let jobs = Arc::clone(&started.jobs);
    let load = Load {
        pipeline: asked.pipeline,
        passwords: asked.passwords,
        server: started.server,
        target: Like::session(&started.conn, &asked.pipeline.target, asked.passwords.target.as_ref()),
        jobs: Arc::clone(&jobs),
        reporter,
        began,
        resumes: true,
    };
    let (tell, mut loaded) = mpsc::unbounded_channel::<usize>();
    let (checkpoint, conn): (&Checkpoint, _) = (&started.checkpoint, &mut started.conn);
    let recording = async {
        while let Some(place) = loaded.recv().await {
            let source = &jobs[place].source;
            let row = TableRow { loaded: true, from: tables[place] };
            checkpoint.record(conn, [(source.schema.as_str(), source.name.as_str(), row)], None).await?;
        }
        Ok(())
    };
    let (copied, recorded) = tokio::join!(load.run(snapshot, stop, Some(tell)), recording);
    copied.and(recorded)
}
