//! `cdc-doctor schema --keep`: writes the definitions of the target's tables down.

use std::collections::HashMap;

use jiff::Timestamp;

use super::tables::Tables;
use super::{Answer, Failure};
use crate::connect;
use crate::facts::{self, CANARY_TABLE, Kept, KeptTable, MyTable, kept};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::schema::{SchemaReport, TableState, TargetTable};
use crate::text::{safe, short_list};

/// Keeps the tables that are there as they are, and says what is odd about them.
pub(super) async fn run(
    pipeline: &Pipeline,
    passwords: &Passwords,
    seen: &Tables,
    report: &SchemaReport,
) -> Result<Answer, Failure> {
    let before = kept::read(&pipeline.path).map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
    let there = seen.facts.target.tables.known().map_err(|why| {
        Failure::job(format!("the target's tables cannot be seen: {}", why.reason)).hint("cdc-doctor check")
    })?;
    let tables = pipelines_own(report, there);
    if tables.is_empty() {
        return Err(Failure::job("none of the selected tables is on the target yet: there is nothing to keep")
            .hint("cdc-doctor sync makes them"));
    }
    let kept_at = Timestamp::now();
    let there: Vec<&MyTable> = tables.iter().map(|(table, _)| *table).collect();
    let definitions = definitions(pipeline, passwords, &there).await?;
    let tables = tables.into_iter().zip(definitions);
    let tables = tables.map(|((table, want), text)| KeptTable::new(table.clone(), want.wanted(), &text));
    let kept = Kept::new(kept_at, tables);
    let path = kept::write(&pipeline.path, &kept).map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
    eprintln!(
        "Kept the definitions of {} in {}. check compares the target with them (RUN-020); commit the file beside the \
         pipeline file.",
        counted(kept.tables.len()),
        safe(&path.display().to_string())
    );
    if let Some(before) = before {
        let at = before.kept_at.strftime("%Y-%m-%d %H:%M UTC");
        eprintln!("It replaces the definitions of {} that were kept {at}.", counted(before.tables.len()));
    }
    warn(report);
    Ok(Answer::Done)
}

fn counted(tables: usize) -> String {
    format!("{tables} table{}", if tables == 1 { "" } else { "s" })
}

/// The target tables of the selected source tables; the canary's own comes and goes.
fn pipelines_own<'a>(report: &'a SchemaReport, there: &'a [MyTable]) -> Vec<(&'a MyTable, &'a TargetTable)> {
    let wanted: HashMap<(&str, &str), &TargetTable> =
        report.tables.iter().map(|t| ((t.want.database.as_str(), t.want.name.as_str()), &t.want)).collect();
    let there = there.iter().filter(|t| t.name != CANARY_TABLE);
    there.filter_map(|t| Some((t, *wanted.get(&(t.schema.as_str(), t.name.as_str()))?))).collect()
}

async fn definitions(pipeline: &Pipeline, passwords: &Passwords, tables: &[&MyTable]) -> Result<Vec<String>, Failure> {
    let target = &pipeline.target;
    let mut conn = connect::mysql::open(target, passwords.target.as_ref(), Some(&target.database))
        .await
        .map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
    let definitions = facts::mysql::definitions(&mut conn, tables)
        .await
        .map_err(|e| Failure::job(format!("cannot read the definitions of the target's tables: {e}")))?;
    // All is read; that the session ends is no news.
    let _ = conn.disconnect().await;
    Ok(definitions)
}

/// Says which tables are kept although the source wants them otherwise, and which are not there to be kept.
fn warn(report: &SchemaReport) {
    let labels = |wanted: fn(&TableState) -> bool| -> Vec<String> {
        report.tables.iter().filter(|t| wanted(&t.state)).map(|t| safe(&t.want.label())).collect()
    };
    let differing = labels(|state| matches!(state, TableState::Differs { .. }));
    if !differing.is_empty() {
        let (verb, list) = (if differing.len() == 1 { "differs" } else { "differ" }, short_list(&differing));
        eprintln!(
            "{} {verb} from what the source wants, kept all the same: {list}. See how: cdc-doctor schema --format diff",
            counted(differing.len())
        );
    }
    let missing = labels(|state| *state == TableState::Missing);
    if !missing.is_empty() {
        let verb = if missing.len() == 1 { "is" } else { "are" };
        eprintln!("{} {verb} not on the target, and not kept: {}.", counted(missing.len()), short_list(&missing));
    }
}
