//! The order of things: what must stand before a row is sent, then the three changes, each followed to the target.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::compare::{Arrived, changed, same};
use super::row::{self, Cell, STEP};
use super::source::Source;
use super::target::{Seen, Target};
use crate::facts::{CANARY_TABLE, CanaryChange, CanaryEnd, CanaryLeg, CanaryRun};
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{EngineKind, Pipeline};

/// How often the target is looked at: what the delays are exact to.
const LOOK: Duration = Duration::from_millis(20);

/// Sends one row through the pipeline as it runs: writes, changes and deletes it on the source, and waits at most `limit`
/// for each to show on the target. Makes the table where it is not there; leaves no row behind.
///
/// It never fails: what stands in the way is how the run ended.
pub async fn run(pipeline: &Pipeline, passwords: &Passwords, limit: Duration) -> CanaryRun {
    let schema = schema(pipeline);
    let end = match send(pipeline, passwords, schema, limit).await {
        Ok(legs) => CanaryEnd::Followed(legs),
        Err(end) => end,
    };
    CanaryRun {
        source: format!("{schema}.{CANARY_TABLE}"),
        target: format!("{}.{CANARY_TABLE}", pipeline.target_database(schema)),
        limit_seconds: limit.as_secs(),
        end,
    }
}

/// The first schema that the patterns name; `public` where they name none.
fn schema(pipeline: &Pipeline) -> &str {
    let schemas =
        pipeline.tables.include.iter().filter_map(|pattern| pattern.split_once('.')).map(|(schema, _)| schema);
    schemas.into_iter().find(|schema| !schema.contains('*')).unwrap_or("public")
}

async fn send(
    pipeline: &Pipeline,
    passwords: &Passwords,
    schema: &str,
    limit: Duration,
) -> Result<Vec<CanaryLeg>, CanaryEnd> {
    if !pipeline.selects(schema, CANARY_TABLE) {
        return Err(CanaryEnd::NotSelected);
    }
    let source = Source::open(pipeline, passwords, schema).await?;
    let mut target = Target::open(pipeline, passwords, schema).await?;
    source.make_table().await?;
    // Only of the engine in this process is it known how it runs and what it carries.
    if pipeline.sync.engine == EngineKind::Direct {
        source.publish().await?;
        source.is_read().await?;
        target.is_carried().await?;
    }
    source.clear().await?;
    let id = source.new_id().await?;
    let legs = follow_all(&source, &mut target, id, limit).await;
    // Whatever became of it; after the deletion there is nothing left to do.
    let cleared = source.clear().await;
    let legs = legs?;
    cleared.map(|()| legs)
}

async fn follow_all(
    source: &Source<'_>,
    target: &mut Target<'_>,
    id: i64,
    limit: Duration,
) -> Result<Vec<CanaryLeg>, CanaryEnd> {
    let mut legs = Vec::new();
    for change in [CanaryChange::Insert, CanaryChange::Update, CanaryChange::Delete] {
        match change {
            CanaryChange::Insert => source.insert(id).await?,
            CanaryChange::Update => source.update(id).await?,
            CanaryChange::Delete => source.clear().await?,
        }
        let leg = follow(target, id, change, limit).await;
        let arrived = leg.delay_ms.is_some();
        legs.push(leg);
        if !arrived {
            break;
        }
    }
    Ok(legs)
}

/// Looks until the change is there as it was sent, or it is time to give up. Values that are wrong at first are given
/// a moment: some pipelines write large ones in a second step.
async fn follow(target: &mut Target<'_>, id: i64, change: CanaryChange, limit: Duration) -> CanaryLeg {
    let committed = Instant::now();
    let sent = match change {
        CanaryChange::Insert => row::inserted(id),
        CanaryChange::Update => row::updated(id),
        CanaryChange::Delete => Vec::new(),
    };
    let mut leg = CanaryLeg { change, delay_ms: None, changed: Vec::new(), said: None };
    let mut until = limit;
    loop {
        let seen = target.look(id).await;
        let waited = committed.elapsed();
        if let Some(arrived) = arrived(change, &sent, &seen) {
            leg.changed = changed(&sent, arrived);
            if leg.delay_ms.is_none() || leg.changed.is_empty() {
                leg.delay_ms = u64::try_from(waited.as_millis()).ok();
            }
            if leg.changed.is_empty() {
                return CanaryLeg { said: None, ..leg };
            }
            until = until.min(waited + limit / 6);
        }
        if let Seen::Said(why) = seen {
            leg.said = Some(why);
        }
        if waited >= until {
            return leg;
        }
        sleep(LOOK).await;
    }
}

/// The values that arrived with this change; `None` while it has not.
fn arrived<'a>(change: CanaryChange, sent: &[Cell], seen: &'a Seen) -> Option<&'a [Arrived]> {
    match (change, seen) {
        (CanaryChange::Insert, Seen::Row(values)) => Some(values),
        (CanaryChange::Update, Seen::Row(values)) => {
            let mut cells = sent.iter().zip(values);
            cells.any(|(cell, value)| cell.column == STEP && same(&cell.value, value)).then_some(values)
        }
        (CanaryChange::Delete, Seen::Nothing) => Some(&[]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::schema;
    use crate::checks::testing::healthy;

    #[test]
    fn the_first_schema_that_is_named_is_taken() {
        for (include, expected) in [
            (&["music.*", "public.*"][..], "music"),
            (&["*.*", "charts.weekly"], "charts"),
            (&["*.*"], "public"),
            (&["tmp_*.x"], "public"),
        ] {
            let mut pipeline = healthy().pipeline;
            pipeline.tables.include = include.iter().map(|p| (*p).to_owned()).collect();
            assert_eq!(schema(&pipeline), expected);
        }
    }
}
