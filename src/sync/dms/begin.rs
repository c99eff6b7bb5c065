//! How the task is started: never in a way that deletes what nobody agreed to.

use super::source::Source;
use super::task::{Stand, Task};
use super::{Run, assess, target, words};
use crate::pipeline::SyncMode;
use crate::sync::SyncError;

/// What to do with a task that stands so.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// It runs already.
    Watch,
    /// Started like this.
    Start(&'static str),
    /// It has done its work, and a new start would delete rows.
    Done,
    /// It cannot go on where it was, and a new start would delete rows.
    Again,
    /// Nothing can be done with it.
    Stuck,
}

/// Decides. A first start is `start-replication`; DMS refuses it later on. `resume-processing` goes on; `reload-target`
/// begins anew.
/// A serverless load that broke off cannot be resumed: DMS says so of `resume-processing`.
fn way(stand: &Stand, truncate: bool, mode: SyncMode, serverless: bool) -> Way {
    match stand.status.as_str() {
        "running" | "starting" => Way::Watch,
        "ready" | "stopped" | "failed" if !stand.started => Way::Start("start-replication"),
        "ready" | "stopped" | "failed" if truncate => Way::Start("reload-target"),
        "stopped" if !mode.has_cdc() && words::is_done(&stand.stop_reason) => Way::Done,
        "ready" | "stopped" | "failed" if serverless && !mode.has_cdc() => Way::Again,
        "ready" | "stopped" | "failed" => Way::Start("resume-processing"),
        _ => Way::Stuck,
    }
}

/// Starts the task, or leaves it running.
pub(super) async fn begin(run: &Run, task: &Task, source: Option<&Source>) -> Result<(), SyncError> {
    let managed =
        |why: String, next: Option<&str>| SyncError::Managed { what: task.label(), why, next: next.map(str::to_owned) };
    let mode = run.pipeline.sync.mode;
    if task.mode != mode.as_str() {
        let why = format!("it is of the type {}, and [sync] mode is {}", task.mode, mode.as_str());
        return Err(managed(why, Some("cdc-doctor provision plan")));
    }
    let mut stand = settled(run, task).await?;
    let way = way(&stand, run.options.truncate_target, mode, task.serverless);
    match way {
        Way::Watch if run.options.truncate_target => {
            return Err(managed("it runs; stop it before it begins anew".to_owned(), Some("cdc-doctor sync --stop")));
        }
        Way::Watch => run.warn(None, format!("the {} runs already; this only watches it", task.label())).await,
        Way::Done => {
            let why = "its full load is done; a new one deletes the rows on the target first".to_owned();
            return Err(managed(why, Some("cdc-doctor sync --truncate-target")));
        }
        Way::Again => {
            let why = "its full load broke off, which a serverless replication does not go on with; a new one deletes \
                       the rows on the target first";
            return Err(managed(why.to_owned(), Some("cdc-doctor sync --truncate-target")));
        }
        Way::Stuck => return Err(managed(format!("it is {} and cannot be started", stand.status), None)),
        Way::Start(how) => {
            if how == "start-replication" {
                nothing_is_lost(run, source, &managed).await?;
            }
            let assess = !run.options.skip_assessment && !stand.started;
            if assess && !task.serverless {
                assess::assess(run, task).await?;
            }
            task.start(&run.session, how, assess).await?;
            if task.serverless {
                let why = "DMS provides capacity for the replication first, which takes ten minutes and more";
                run.warn(None, why.to_owned()).await;
            }
            stand.status = "starting".to_owned();
        }
    }
    reload(run, task, source).await
}

/// Waits while something else is done with the task.
async fn settled(run: &Run, task: &Task) -> Result<Stand, SyncError> {
    loop {
        let stand = task.stand(&run.session).await?;
        if !stand.moves() || matches!(stand.status.as_str(), "running" | "starting") {
            return Ok(stand);
        }
        tokio::select! {
            () = run.pause() => {}
            () = run.stop.wait() => return Ok(Stand { status: "no longer waited for".to_owned(), ..stand }),
        }
    }
}

/// A load empties the tables; rows that are there go only where that was asked for.
async fn nothing_is_lost(
    run: &Run,
    source: Option<&Source>,
    managed: &impl Fn(String, Option<&str>) -> SyncError,
) -> Result<(), SyncError> {
    let loads = run.pipeline.sync.mode != SyncMode::Cdc;
    if run.options.truncate_target || !loads || run.pipeline.s3.is_some() {
        return Ok(());
    }
    let truncate = Some("cdc-doctor sync --truncate-target");
    let unseen = |why: &str| {
        managed(
            format!(
                "whether the target's tables hold rows cannot be seen from here ({why}), and the load would delete them"
            ),
            truncate,
        )
    };
    let Some(source) = source else { return Err(unseen("the source cannot be asked for its tables")) };
    let filled = target::filled(&run.pipeline, &run.passwords, &source.tables).await.map_err(|why| unseen(&why))?;
    if filled.is_empty() { Ok(()) } else { Err(SyncError::Refused(filled)) }
}

/// Loads the tables again that were asked for.
async fn reload(run: &Run, task: &Task, source: Option<&Source>) -> Result<(), SyncError> {
    if run.options.reload.is_empty() {
        return Ok(());
    }
    let managed = |why: String| SyncError::Managed { what: task.label(), why, next: None };
    // DMS takes it only while the task runs.
    loop {
        let stand = task.stand(&run.session).await?;
        match stand.status.as_str() {
            "running" => break,
            "starting" => run.pause().await,
            status => return Err(managed(format!("tables are loaded again only while it runs, and it is {status}"))),
        }
    }
    let hit = |schema: &str, table: &str| {
        run.options.reload.iter().any(|p| crate::pipeline::pattern_matches(p, schema, table))
    };
    let known: Vec<(String, String)> = match source {
        Some(source) => source.tables.iter().map(|t| (t.schema.clone(), t.name.clone())).collect(),
        None => {
            let tables = task.tables(&run.session).await?;
            tables.into_iter().map(|t| (t.progress.schema, t.progress.table)).collect()
        }
    };
    let chosen: Vec<(String, String)> = known.into_iter().filter(|(s, t)| hit(s, t)).collect();
    if chosen.is_empty() {
        return Err(managed(format!("no table matches --reload {}", run.options.reload.join(","))));
    }
    task.reload(&run.session, &chosen).await.map_err(SyncError::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(status: &str, started: bool, stop_reason: &str) -> Stand {
        Stand { status: status.into(), started, stop_reason: stop_reason.into(), ..Stand::default() }
    }

    #[test]
    fn a_start_is_the_one_that_the_task_takes() {
        let both = SyncMode::FullLoadAndCdc;
        for (stand, truncate, mode, expected) in [
            (at("ready", false, ""), false, both, Way::Start("start-replication")),
            (at("ready", false, ""), true, both, Way::Start("start-replication")),
            (at("stopped", true, "Stop Reason NORMAL"), false, both, Way::Start("resume-processing")),
            (at("failed", true, "Stop Reason FATAL_ERROR"), false, both, Way::Start("resume-processing")),
            (at("failed", true, "Stop Reason FATAL_ERROR"), true, both, Way::Start("reload-target")),
            (at("stopped", true, "Stop Reason FULL_LOAD_ONLY_FINISHED"), false, SyncMode::FullLoad, Way::Done),
            (at("running", true, ""), false, both, Way::Watch),
            (at("deleting", true, ""), false, both, Way::Stuck),
            (at("failed-move", true, ""), false, both, Way::Stuck),
        ] {
            assert_eq!(way(&stand, truncate, mode, false), expected, "{stand:?}");
        }
        let broken_off = at("failed", true, "Stop Reason FATAL_ERROR");
        assert_eq!(way(&broken_off, false, SyncMode::FullLoad, true), Way::Again);
        assert_eq!(way(&broken_off, true, SyncMode::FullLoad, true), Way::Start("reload-target"));
        assert_eq!(way(&broken_off, false, both, true), Way::Start("resume-processing"));
    }
}
