//! What a run tells while it runs.

use std::time::Instant;

use super::prepare::{Fill, Job};
use crate::pipeline::SyncMode;
use crate::sync::{Event, Phase, Progress, Reporter, TableProgress, TableState};

/// The tables of the run, none of them begun, and what a person should know of them.
pub(super) async fn begun(reporter: &Reporter, mode: SyncMode, jobs: &[Job]) {
    reporter.event(Event::Started { engine: "direct".into(), mode: mode.as_str().into(), tables: jobs.len() }).await;
    let tables = jobs.iter().map(|job| TableProgress {
        schema: job.source.schema.clone(),
        table: job.source.name.clone(),
        rows_total: u64::try_from(job.source.estimated_rows).ok(),
        state: if job.fill == Fill::Keep { TableState::Loaded } else { TableState::Waiting },
        ..TableProgress::default()
    });
    let kept = jobs.iter().filter(|j| j.fill == Fill::Keep).count();
    reporter.progress(|p| {
        p.tables = tables.collect();
        p.totals.tables = kept;
    });
    for job in jobs {
        for message in warnings(job) {
            reporter.event(Event::Warning { table: Some(job.source.label()), message }).await;
        }
    }
}

fn warnings(job: &Job) -> Vec<String> {
    let mut all = Vec::new();
    if !job.layout.columns.iter().any(|c| c.key) {
        all.push("it has no key: its rows are copied, but changes to them could not be followed".to_owned());
    }
    if job.have.foreign_keys {
        all.push(
            "its foreign keys on the target are not checked while it is loaded: the source has checked them".into(),
        );
    }
    if !job.have.triggers.is_empty() {
        all.push(format!(
            "triggers on the target fire on every row and may change data: {}",
            crate::text::safe(&job.have.triggers.join(", "))
        ));
    }
    all
}

/// Another phase.
pub(super) async fn phase(reporter: &Reporter, phase: Phase) {
    reporter.progress(|p| p.phase = phase);
    reporter.event(Event::Phase { phase }).await;
}

/// The stop was asked for.
pub(super) async fn stopping(reporter: &Reporter) {
    phase(reporter, Phase::Stopping).await;
}

/// A table's new state.
pub(super) async fn table(reporter: &Reporter, place: usize, state: TableState) {
    let mut now = None;
    reporter.progress(|p| {
        p.totals.tables += usize::from(state == TableState::Loaded);
        if let Some(table) = p.tables.get_mut(place) {
            table.state = state;
            if state == TableState::Loaded {
                table.rows_total = Some(table.rows_done);
            }
            now = Some(table.clone());
        }
    });
    if let Some(table) = now {
        reporter.event(Event::Table(table)).await;
    }
}

/// Rows and bytes on their way to the target.
pub(super) fn sent(reporter: &Reporter, place: usize, rows: u64, bytes: u64, began: Instant) {
    reporter.progress(|p| {
        count(p, place, |n, by| n + by, rows, bytes);
        p.totals.seconds = began.elapsed().as_secs_f64();
    });
}

/// Rows and bytes that were rolled back.
pub(super) fn taken_back(reporter: &Reporter, place: usize, rows: u64, bytes: u64) {
    reporter.progress(|p| count(p, place, u64::saturating_sub, rows, bytes));
}

fn count(p: &mut Progress, place: usize, change: fn(u64, u64) -> u64, rows: u64, bytes: u64) {
    p.totals.rows = change(p.totals.rows, rows);
    p.totals.bytes = change(p.totals.bytes, bytes);
    if let Some(table) = p.tables.get_mut(place) {
        table.rows_done = change(table.rows_done, rows);
        table.bytes = change(table.bytes, bytes);
    }
}
