//! The control tables that AWS DMS keeps in the target.

use super::super::{ApplyException, Unknown};
use super::ask::{Ask, get};
use crate::quote::my_table;

/// DMS's table of the changes that it could not apply.
const TABLE: &str = "awsdms_apply_exceptions";
/// How many of the latest are looked at.
const KEPT: u32 = 100;

/// What DMS could not apply, the latest first; nothing where there is no such table. Which database has it is a setting
/// of the task (`ControlSchema`), so it is looked for in all.
pub(super) async fn apply_exceptions(ask: &mut Ask<'_>) -> Result<Option<Vec<ApplyException>>, Unknown> {
    let sql = format!("SELECT table_schema FROM information_schema.tables WHERE table_name = '{TABLE}' ORDER BY 1");
    let schemas: Vec<String> = ask.fact(&sql).await?.iter().map(|row| get(row, 0)).collect();
    if schemas.is_empty() {
        return Ok(None);
    }
    let mut all = Vec::new();
    for schema in schemas {
        let sql = format!(
            "SELECT TASK_NAME, TABLE_OWNER, TABLE_NAME, CAST(ERROR_TIME AS CHAR), CAST(ERROR AS CHAR(2000)) \
             FROM {} ORDER BY ERROR_TIME DESC LIMIT {KEPT}",
            my_table(&schema, TABLE)
        );
        all.extend(ask.fact(&sql).await?.iter().map(|row| ApplyException {
            task: get(row, 0),
            owner: get(row, 1),
            table: get(row, 2),
            at: get(row, 3),
            error: get(row, 4),
        }));
    }
    Ok(Some(all))
}
