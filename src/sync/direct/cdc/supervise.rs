//! Trying, and trying again: a server that goes away for a while does not end a run, a fault that stays does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql_async::Conn;
use tokio::sync::{mpsc, watch};
use tokio_postgres::Client;

use super::apply::Applier;
use super::handover::{self, HandedOver};
use super::relation::{Begin, Router};
use super::start::{self, Asked, Started};
use super::stream::{Ended, Follower, Handed};
use super::workers::{Applied, Workers};
use super::{lag, publication, slot};
use crate::connect;
use crate::connect::mysql::Like;
use crate::connect::replication::Stream;
use crate::facts::Stage;
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{Origin, Pipeline};
use crate::quote::{pg_ident, pg_literal};
use crate::sync::direct::{SyncOptions, report};
use crate::sync::error::{Cause, Outcome, SyncError};
use crate::sync::{Event, Lsn, Phase, RESUME, Reporter, Stop};
use crate::text::safe;

/// How a run ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sync::direct) enum Done {
    /// With its work done.
    Finished,
    /// On request, with the target at this position.
    Stopped(Lsn),
}

/// The first wait before another try, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Sessions that apply changes; each has a batch in memory.
const MOST_SESSIONS: usize = 4;
/// For so long nothing but failures ends the run.
const PATIENCE: Duration = Duration::from_secs(600);

const NOT_DURABLE: &str = "the target may lose its last commits when its machine fails (innodb_flush_log_at_trx_commit \
    is not 1), after the source was told that they are safe: sync would then find the gap, and ask for a new load";

/// One run, of as many tries as it takes.
struct Run<'a> {
    pipeline: &'a Pipeline,
    passwords: &'a Passwords,
    options: SyncOptions,
    reporter: &'a Reporter,
    stop: &'a Stop,
    began: Instant,
    /// The writing sessions of the last try.
    earlier: Vec<u32>,
    /// Both servers have let this run in: what keeps it out later may pass.
    let_in: bool,
    /// The slot is there, and is this pipeline's.
    slot_stays: bool,
    /// Where the target stands.
    position: Lsn,
}

/// Loads what is not loaded, and follows changes until the end that was asked for.
pub(in crate::sync::direct) async fn replicate(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: &SyncOptions,
    reporter: &Reporter,
    stop: &Stop,
    began: Instant,
) -> Result<Done, SyncError> {
    let mut run = Run {
        pipeline,
        passwords,
        options: options.clone(),
        reporter,
        stop,
        began,
        earlier: Vec::new(),
        let_in: false,
        slot_stays: false,
        position: Lsn(0),
    };
    let done = run.patiently().await;
    if run.slot_stays {
        run.tell_of_the_slot().await;
    }
    done
}

impl Run<'_> {
    async fn patiently(&mut self) -> Result<Done, SyncError> {
        let (mut failing_since, mut wait, mut tries) = (None::<Instant>, FIRST_WAIT, 0_u32);
        loop {
            let (tried_at, before) = (Instant::now(), self.position);
            let error = match self.attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if !self.let_in || !passing(&error) {
                return Err(error);
            }
            if self.stop.requested() {
                return Ok(Done::Stopped(self.position));
            }
            if self.position > before || tried_at.elapsed() > LONGEST_WAIT {
                (failing_since, wait, tries) = (None, FIRST_WAIT, 0);
            }
            let since = *failing_since.get_or_insert(tried_at);
            if since.elapsed() >= PATIENCE {
                let minutes = since.elapsed().as_secs() / 60;
                return Err(SyncError::GaveUp { minutes, last: Box::new(error) });
            }
            tries += 1;
            let pause = jittered(wait);
            let message = format!("{error}. Trying again in {:.1} s (try {tries})", pause.as_secs_f64());
            self.reporter.event(Event::Warning { table: None, message }).await;
            tokio::select! {
                () = self.stop.wait() => return Ok(Done::Stopped(self.position)),
                () = tokio::time::sleep(pause) => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn attempt(&mut self) -> Result<Done, SyncError> {
        report::phase(self.reporter, Phase::Prepare).await;
        let first = !self.let_in;
        let (options, earlier) = (self.options.clone(), self.earlier.clone());
        let asked = Asked { pipeline: self.pipeline, passwords: self.passwords, options: &options, earlier: &earlier };
        let mut started = tokio::select! {
            biased;
            () = self.stop.wait() => {
                return Err(SyncError::Stopped(Box::new(Outcome { resumes: self.slot_stays, ..Outcome::default() })));
            }
            started = start::start(&asked) => started?,
        };
        self.let_in = true;
        self.slot_stays = true;
        self.earlier.push(started.conn.id());
        if first {
            report::begun(self.reporter, self.pipeline.sync.mode, &started.jobs).await;
            if !started.durable {
                self.reporter.event(Event::Warning { table: None, message: NOT_DURABLE.to_owned() }).await;
            }
        }
        let handed = handover::hand_over(&mut started, &asked, self.reporter, self.stop, self.began).await?;
        // What was asked for once has been done, or is written down to be done.
        self.options.truncate_target = false;
        self.options.reload.clear();
        let client = Arc::clone(&started.client);
        match self.follow(started, handed).await? {
            Ended::CaughtUp => self.give_up_slot(&client).await.map(|()| Done::Finished),
            Ended::Stopped => {
                report::stopping(self.reporter).await;
                self.give_up_slot(&client).await.map(|()| Done::Stopped(self.position))
            }
        }
    }

    async fn follow(&mut self, started: Started, handed: HandedOver) -> Result<Ended, SyncError> {
        report::phase(self.reporter, Phase::CatchUp).await;
        let Started { client, version, conn, server, jobs, oids, checkpoint, .. } = started;
        let at_start = current_position(&client).await?;
        let stream = self.stream(version, handed.start).await?;
        let router = Router::new(Begin {
            pipeline: self.pipeline,
            client: Arc::clone(&client),
            server,
            target: Like::session(&conn, &self.pipeline.target, self.passwords.target.as_ref()),
            jobs: jobs.to_vec(),
            from: handed.tables,
            oids: oids.clone(),
            reporter: self.reporter.clone(),
        })
        .await?;
        let sessions = self.sessions(conn).await?;
        let (batches, incoming) = mpsc::channel(1);
        let (tell, applied) = watch::channel(Applied { lsn: handed.start, ..Applied::default() });
        let watcher = applied.clone();
        let at_once = sessions.len();
        let policy = self.pipeline.sync.on_unrepresentable;
        let applier = |conn| {
            let (jobs, checkpoint) = (Arc::clone(&jobs), checkpoint.clone());
            Applier { conn, server, jobs, checkpoint, policy, infile: true, open: false, nulled: 0 }
        };
        let appliers = sessions.into_iter().map(applier).collect();
        let workers = Workers::new(appliers, Arc::clone(&jobs), tell, self.reporter.clone(), self.began);
        let workers = tokio::spawn(workers.work(incoming));
        let watched = lag::Watched {
            client,
            version,
            slot: self.pipeline.sync.slot.clone(),
            publication: self.pipeline.sync.publication.clone(),
            oids,
            applied: applied.clone(),
            reporter: self.reporter.clone(),
            at_start,
        };
        let to = Handed { batches, at_once, applied, workers };
        let follower = Follower::new(stream, router, to, self.stop.clone(), at_start, self.options.until_caught_up);
        let ended = follower.run(lag::watch(watched)).await;
        self.position = watcher.borrow().lsn;
        ended
    }

    /// The sessions that write, of which the first is there.
    async fn sessions(&mut self, mut first: Conn) -> Result<Vec<Conn>, SyncError> {
        let most = self.pipeline.sync.parallel.min(MOST_SESSIONS);
        let more = start::more_sessions(&mut first, self.pipeline, self.passwords, most, &self.earlier).await?;
        let all: Vec<Conn> = std::iter::once(first).chain(more).collect();
        self.earlier = all.iter().map(Conn::id).collect();
        Ok(all)
    }

    async fn stream(&self, version: i32, from: Lsn) -> Result<Stream, SyncError> {
        let failed = |e| SyncError::Prepare { doing: "starting the stream of changes".into(), cause: Cause::from(&e) };
        let mut session =
            connect::postgres::open_replication(&self.pipeline.source, self.passwords.source.as_ref()).await?;
        session.set_up().await.map_err(failed)?;
        session.start(&start_command(self.pipeline, version, from)).await.map_err(failed)
    }

    async fn give_up_slot(&mut self, client: &Client) -> Result<(), SyncError> {
        if !self.options.drop_slot {
            return Ok(());
        }
        slot::drop_slot(client, &self.pipeline.sync.slot).await?;
        self.slot_stays = false;
        publication::drop_own(client, &self.pipeline.sync.publication).await?;
        let mut conn = connect::mysql::open(&self.pipeline.target, self.passwords.target.as_ref(), None).await?;
        super::checkpoint::forget(&mut conn, self.pipeline).await?;
        let _ = conn.disconnect().await;
        Ok(())
    }

    /// Every end says that the slot stays, and what that costs.
    async fn tell_of_the_slot(&self) {
        let name = safe(&self.pipeline.sync.slot);
        let kept = tokio::time::timeout(Duration::from_secs(3), self.retained()).await.ok().flatten();
        let now = kept.map_or_else(String::new, |bytes| format!(", {:.1} MB now", bytes / 1e6));
        let message = format!(
            "the replication slot {name} stays on the source, which keeps all WAL for it{now} and more with every \
             write. Go on: {RESUME}. Give it up: {RESUME} --until-caught-up --drop-slot"
        );
        self.reporter.event(Event::Warning { table: None, message }).await;
    }

    async fn retained(&self) -> Option<f64> {
        let client = connect::postgres::open(&self.pipeline.source, self.passwords.source.as_ref()).await.ok()?;
        let ask = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 \
                   FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
        client.query_opt(ask, &[&self.pipeline.sync.slot]).await.ok()??.get(0)
    }
}

async fn current_position(client: &Client) -> Result<Lsn, SyncError> {
    let failed = |e: tokio_postgres::Error| SyncError::Prepare {
        doing: "asking the source for its position".to_owned(),
        cause: Cause::from(&e),
    };
    let row = client.query_one("SELECT pg_current_wal_lsn()::text", &[]).await.map_err(failed)?;
    Ok(row.get::<_, &str>(0).parse().unwrap_or_default())
}

/// The newest protocol that the server speaks; transactions in progress are sent where it can, so that a large one is
/// not kept in files there and does not come all at once.
fn start_command(pipeline: &Pipeline, version: i32, from: Lsn) -> String {
    let (protocol, streaming) = match version {
        ..140_000 => (1, ""),
        140_000..150_000 => (2, ", streaming 'on'"),
        150_000..160_000 => (3, ", streaming 'on'"),
        _ => (4, ", streaming 'on'"),
    };
    let origin = if pipeline.sync.origin == Origin::None && version >= 160_000 { ", origin 'none'" } else { "" };
    format!(
        "START_REPLICATION SLOT {} LOGICAL {from} (proto_version '{protocol}', publication_names {}{streaming}{origin})",
        pg_ident(&pipeline.sync.slot),
        pg_literal(&pg_ident(&pipeline.sync.publication)),
    )
}

/// A fault that may go by itself: a server that restarts, a network that heals, a writer that became a reader.
fn passing(error: &SyncError) -> bool {
    match error {
        SyncError::Connect(refused) => {
            matches!(refused.refusal.stage, Stage::Resolve | Stage::Tcp)
                || refused.refusal.code.as_deref().is_none_or(passing_code)
        }
        SyncError::Prepare { cause, .. } => passing_cause(cause),
        SyncError::Changes { cause, .. } | SyncError::Table { cause, .. } => passing_cause(cause),
        _ => false,
    }
}

fn passing_cause(cause: &Cause) -> bool {
    match cause {
        Cause::Lost { .. } => true,
        Cause::Connect(refused) => refused.refusal.code.as_deref().is_none_or(passing_code),
        Cause::Server { code, .. } => passing_code(code),
        _ => false,
    }
}

/// PostgreSQL: shutting down, starting, too many sessions, connection failures, serialization. MySQL: too many
/// sessions, shutting down, killed, deadlock and lock wait, read-only (after a failover the name still leads there).
fn passing_code(code: &str) -> bool {
    code.starts_with("57P")
        || code.starts_with("08")
        || matches!(code, "53300" | "40001" | "40P01" | "55006")
        || matches!(
            code,
            "1040" | "1053" | "1152" | "1184" | "1203" | "1205" | "1213" | "1290" | "1317" | "1836" | "1927"
        )
}

/// Between half and the whole, so that many programs do not come back at one moment.
fn jittered(wait: Duration) -> Duration {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    wait / 2 + wait / 2 * (nanos / 1000 % 1000) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::pipeline;
    use crate::sync::error::Side;

    #[test]
    fn the_stream_is_asked_for_as_the_server_can() {
        let mut pipeline = pipeline();
        pipeline.sync.slot = "s".into();
        pipeline.sync.publication = "p'\"q".into();
        assert_eq!(
            start_command(&pipeline, 130_023, Lsn(258)),
            r#"START_REPLICATION SLOT "s" LOGICAL 0/102 (proto_version '1', publication_names '"p''""q"')"#
        );
        assert!(start_command(&pipeline, 140_000, Lsn(0)).contains("proto_version '2'"));
        pipeline.sync.origin = Origin::None;
        assert!(!start_command(&pipeline, 150_000, Lsn(0)).contains("origin"));
        assert!(start_command(&pipeline, 180_000, Lsn(0)).ends_with("streaming 'on', origin 'none')"));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let server = |side, code: &str| Cause::Server { side, code: code.into(), message: String::new(), hint: None };
        let changes = |cause| SyncError::Changes { table: None, cause: Box::new(cause), position: Lsn(0) };
        assert!(passing(&changes(Cause::Lost { side: Side::Source, message: String::new() })));
        assert!(passing(&changes(server(Side::Target, "1213"))));
        assert!(passing(&changes(server(Side::Source, "57P01"))));
        assert!(!passing(&changes(server(Side::Target, "1062"))));
        assert!(!passing(&changes(Cause::NoKey)));
        assert!(!passing(&SyncError::Fenced));
        let wait = Duration::from_secs(4);
        assert!((wait / 2..=wait).contains(&jittered(wait)));
    }
}
