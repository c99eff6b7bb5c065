//! The engine in this process: PostgreSQL `COPY` into MySQL's `LOAD DATA LOCAL`, and logical replication after it.
//!
//! A load ([`load`]) looks at both sides ([`prepare`]), takes one snapshot of the source ([`snapshot`]), cuts the tables
//! into parts ([`plan`]) and lets workers copy them ([`supervise`], [`part`]). What is selected of a column is in
//! [`projection`], what MySQL can hold in [`rules`], and the one pass over the bytes in [`encode`]. Changes are followed
//! by [`cdc`].
//!
//! Foreign keys are not checked on the target while a table that has them, or that others point at, is loaded:
//! tables are loaded in any order, and all rows come from one snapshot, in which the source has checked them.

mod cdc;
mod encode;
mod layout;
mod load;
mod part;
pub mod pgoutput;
mod plan;
mod prepare;
mod projection;
mod report;
mod rules;
mod snapshot;
mod supervise;
mod target;
pub mod tuple;

use self::cdc::Done;
use self::prepare::Fill;
use super::error::SyncError;
use super::{Engine, Event, RESUME, Reporter, Stop, Totals};
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{Pipeline, SyncMode, pattern_matches};

pub use self::cdc::{CHECKPOINT_TABLE, TABLES_TABLE};

/// What the user asked for beside the pipeline file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncOptions {
    /// Remove the rows of target tables that have some, and forget what earlier runs left; without it such a table is
    /// refused.
    pub truncate_target: bool,
    /// Tables (`schema.table` patterns) that are loaded again before changes are followed.
    pub reload: Vec<String>,
    /// End when the target holds all that had committed as following began.
    pub until_caught_up: bool,
    /// Drop the slot at the end: nothing is to follow.
    pub drop_slot: bool,
}

/// The engine in this process.
#[derive(Debug, Clone)]
pub struct Direct {
    /// The pipeline; its mode says what is moved.
    pub pipeline: Pipeline,
    /// Both sides' passwords.
    pub passwords: Passwords,
    /// What is asked for beside.
    pub options: SyncOptions,
}

impl Engine for Direct {
    async fn run(self, reporter: Reporter, stop: Stop) -> Result<Totals, SyncError> {
        run(&self.pipeline, &self.passwords, self.options, reporter, stop).await
    }
}

/// Moves what the pipeline's mode says.
///
/// # Errors
/// What went wrong, where, what is on the target now and what to type next. Events say the same.
pub async fn run(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: SyncOptions,
    reporter: Reporter,
    stop: Stop,
) -> Result<Totals, SyncError> {
    let began = std::time::Instant::now();
    let moved = match pipeline.sync.mode {
        SyncMode::FullLoad => {
            load::only(pipeline, passwords, &options, &reporter, &stop, began).await.map(|()| Done::Finished)
        }
        SyncMode::Cdc | SyncMode::FullLoadAndCdc => {
            cdc::replicate(pipeline, passwords, &options, &reporter, &stop, began).await
        }
    };
    match moved {
        Ok(done) => {
            let mut totals = Totals::default();
            reporter.progress(|p| {
                p.totals.seconds = began.elapsed().as_secs_f64();
                totals = p.totals;
            });
            let event = match done {
                Done::Finished => Event::Finished { totals },
                Done::Stopped(position) => Event::Stopped {
                    reason: format!("on request; the target holds every change before {position}"),
                    resume: Some(RESUME.to_owned()),
                },
            };
            reporter.event(event).await;
            Ok(totals)
        }
        Err(error) => {
            reporter.event(Event::Stopped { reason: error.to_string(), resume: error.resume() }).await;
            Err(error)
        }
    }
}

/// Copies the rows of all selected tables as one snapshot of the source has them, whatever the pipeline's mode.
///
/// A table arrives whole or the run fails: every part of it is one transaction, and a part of which the target stored
/// anything else than what was sent is rolled back.
///
/// # Errors
/// As [`run`].
pub async fn full_load(
    pipeline: &Pipeline,
    passwords: &Passwords,
    options: SyncOptions,
    reporter: Reporter,
    stop: Stop,
) -> Result<Totals, SyncError> {
    let mut pipeline = pipeline.clone();
    pipeline.sync.mode = SyncMode::FullLoad;
    run(&pipeline, passwords, options, reporter, stop).await
}

impl SyncOptions {
    /// The table is to be loaded again.
    fn reloads(&self, schema: &str, table: &str) -> bool {
        self.reload.iter().any(|pattern| pattern_matches(pattern, schema, table))
    }

    /// What a load does with a table of which nothing is known.
    fn fill(&self) -> Fill {
        Fill::Load { truncate: self.truncate_target }
    }
}
