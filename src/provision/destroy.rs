//! Deletes what carries the pipeline's tag, and nothing else.

use std::time::{Duration, Instant};

use super::ProvisionError;
use super::apply::{State, Tell, Told, pause, status, wait};
use super::calls;
use super::model::{Item, Kind};
use super::plan::{Plan, Step, Verb, deletion};
use crate::aws::Session;
use crate::facts::aws::REPLICATION_STARTS;
use crate::pipeline::Pipeline;

/// How long a deletion may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// The plan that removes everything of this pipeline.
pub(super) fn plan(pipeline: &Pipeline, items: &[Item]) -> Plan {
    let mut steps: Vec<Step> = items.iter().filter(|i| i.ours).map(deletion).collect();
    steps.sort_by_key(|s| std::cmp::Reverse(s.kind));
    let left = items.iter().filter(|i| !i.ours);
    let notes = left.map(|i| format!("{} {} stays: it does not carry this pipeline's tag", i.kind.label(), i.name));
    Plan { pipeline: pipeline.name.clone(), steps, notes: notes.collect(), cost: None }
}

/// Removes what the plan lists.
///
/// # Errors
/// The first thing that could not be removed; run again, it goes on with what is left.
pub async fn destroy(session: &Session, plan: &Plan, tell: Tell<'_>) -> Result<(), ProvisionError> {
    for step in &plan.steps {
        remove(session, step, tell).await?;
    }
    Ok(())
}

/// Removes one resource and waits until it is gone. A task that runs is stopped first.
pub(super) async fn remove(session: &Session, step: &Step, tell: Tell<'_>) -> Result<(), ProvisionError> {
    let Some(item) = &step.item else { return Ok(()) };
    stop(session, step, tell).await?;
    let began = Instant::now();
    let what = format!("{} {}", step.kind.label(), step.name);
    let told = |state: &str| Told {
        verb: Verb::Delete,
        what: what.clone(),
        state: state.to_owned(),
        elapsed: began.elapsed(),
    };
    tell(&told("deleting"));
    if item.status != "deleting" {
        // What it hangs on may still be going away.
        loop {
            match calls::delete(session, item).await {
                Ok(()) => break,
                Err(error) if error.is_not_found() => break,
                Err(error) if began.elapsed() < LIMIT && in_use(error.code.as_deref()) => pause(session).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
    if matches!(step.kind, Kind::Instance | Kind::Endpoint | Kind::Task | Kind::Config) {
        wait(session, step, LIMIT, tell, async || {
            let left = status(session, step.kind, &item.arn).await?;
            Ok(left.map_or_else(
                || State::Reached("gone".to_owned()),
                |s| State::Passing(if s == "deleting" { s } else { "deleting".to_owned() }),
            ))
        })
        .await
    } else {
        tell(&told("gone"));
        Ok(())
    }
}

fn in_use(code: Option<&str>) -> bool {
    code.is_some_and(|c| c.contains("InvalidResourceState"))
}

/// It runs, or is on its way there.
fn moves(status: &str) -> bool {
    matches!(status, "running" | "starting" | "stopping") || REPLICATION_STARTS.contains(&status)
}

/// Stops a task or a serverless replication that runs.
async fn stop(session: &Session, step: &Step, tell: Tell<'_>) -> Result<(), ProvisionError> {
    let Some(item) = step.item.as_ref().filter(|i| matches!(i.kind, Kind::Task | Kind::Config)) else { return Ok(()) };
    if !moves(&item.status) {
        return Ok(());
    }
    if item.status != "stopping" {
        let dms = session.dms();
        match item.kind {
            Kind::Task => {
                let send = dms.stop_replication_task().replication_task_arn(&item.arn).send();
                session.call("dms:StopReplicationTask", send).await.map(drop)?;
            }
            _ => {
                let send = dms.stop_replication().replication_config_arn(&item.arn).send();
                session.call("dms:StopReplication", send).await.map(drop)?;
            }
        }
    }
    wait(session, step, LIMIT, tell, async || {
        let status = status(session, item.kind, &item.arn).await?.unwrap_or_default();
        Ok(if moves(&status) { State::Passing("stopping".to_owned()) } else { State::Reached(status) })
    })
    .await
}
