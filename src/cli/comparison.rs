//! The rows of all selected tables compared, for the check that is asked for by its own name (RUN-019).

use tokio::sync::watch;

use crate::checks::registry;
use crate::facts::{Fact, Facts, TableComparison, Unknown, UnknownKind};
use crate::pipeline::secrets::Passwords;
use crate::sync::Stop;
use crate::verify::{self, Progress, TableResult, VerifyOptions};

/// The check that comparing is for.
const CHECK: &str = "RUN-019";

/// The word of `--only` is the code or the name of that very check; an area is not enough.
pub(super) fn named_by(word: &str) -> bool {
    registry::find(word).is_some_and(|check| check.code == CHECK)
}

/// Compares the selected tables that are on both sides.
pub(super) async fn of(facts: &Facts, passwords: &Passwords) -> Fact<Vec<TableComparison>> {
    let there = match facts.target.tables.known() {
        Ok(tables) => tables,
        Err(why) => return Fact::Unknown(why),
    };
    let (progress, _) = watch::channel(Progress::default());
    // The check says whether rows differ; which, is the command's.
    let options = VerifyOptions { rows: 1, ..VerifyOptions::default() };
    match verify::run(&facts.pipeline, passwords, &options, progress, &Stop::default()).await {
        Ok(comparison) => {
            // What is not there yet is told by TSC-021.
            let on_both = |t: &TableResult| there.iter().any(|have| have.label().eq_ignore_ascii_case(&t.target));
            Fact::Known(comparison.tables.into_iter().filter(on_both).map(one).collect())
        }
        Err(error) => Fact::Unknown(Unknown::new(UnknownKind::Failed, error.to_string())),
    }
}

fn one(result: TableResult) -> TableComparison {
    TableComparison {
        table: result.table,
        source_rows: result.source_rows,
        target_rows: result.target_rows,
        equal: result.equal,
        failed: result.error,
    }
}
