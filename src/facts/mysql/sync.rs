//! How far the engine `direct` has come, by its own two tables in the target's database.

use mysql_async::{Error, Row};

use super::super::{Checkpoint, SyncedTable};
use super::ask::{Ask, get};
use crate::pipeline::Pipeline;
use crate::quote::{my_literal, my_table};

/// The database, or the table, is not there: nothing was ever replicated into it.
const ABSENT: [u16; 2] = [1049, 1146];

pub(super) async fn checkpoint(ask: &mut Ask<'_>, pipeline: &Pipeline) -> Result<Option<Checkpoint>, Error> {
    let sql = format!(
        "SELECT slot, source, lsn, TIMESTAMPDIFF(MICROSECOND, committed_at, UTC_TIMESTAMP(6)), \
                TIMESTAMPDIFF(MICROSECOND, updated_at, UTC_TIMESTAMP(6)) FROM {} WHERE pipeline = {}",
        my_table(&pipeline.target.database, "cdc_doctor_checkpoint"),
        my_literal(&pipeline.name)
    );
    let rows = where_there(ask.rows(&sql).await)?;
    Ok(rows.first().map(|row| Checkpoint {
        slot: get(row, 0),
        source: get(row, 1),
        lsn: get(row, 2),
        commit_age_seconds: get::<Option<i64>>(row, 3).map(seconds),
        age_seconds: seconds(get(row, 4)),
    }))
}

pub(super) async fn synced(ask: &mut Ask<'_>, pipeline: &Pipeline) -> Result<Vec<SyncedTable>, Error> {
    let sql = format!(
        "SELECT source_schema, source_table, state FROM {} WHERE pipeline = {} ORDER BY 1, 2",
        my_table(&pipeline.target.database, "cdc_doctor_tables"),
        my_literal(&pipeline.name)
    );
    let rows = where_there(ask.rows(&sql).await)?;
    Ok(rows
        .iter()
        .map(|row| SyncedTable { schema: get(row, 0), table: get(row, 1), loaded: get::<String>(row, 2) == "loaded" })
        .collect())
}

/// No rows where there is no table.
fn where_there(answer: Result<Vec<Row>, Error>) -> Result<Vec<Row>, Error> {
    match answer {
        Err(Error::Server(error)) if ABSENT.contains(&error.code) => Ok(Vec::new()),
        answer => answer,
    }
}

#[expect(clippy::cast_precision_loss, reason = "an age in microseconds, to be told in words")]
fn seconds(microseconds: i64) -> f64 {
    microseconds as f64 / 1e6
}
