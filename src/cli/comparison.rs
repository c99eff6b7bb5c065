//! The rows of all selected tables compared, for the check that is asked for by its own name (RUN-019).

use tokio_postgres::Client;

use crate::checks::registry;
use crate::facts::{self, Fact, Facts, TableComparison, Unknown, UnknownKind};
use crate::pipeline::secrets::Passwords;
use crate::schema::{self, Dialect, TargetTable};
use crate::{connect, verify};

/// The check that comparing is for.
const CHECK: &str = "RUN-019";

/// The word of `--only` is the code or the name of that very check; an area is not enough.
pub(super) fn named_by(word: &str) -> bool {
    registry::find(word).is_some_and(|check| check.code == CHECK)
}

/// Compares the selected tables that are on both sides.
pub(super) async fn of(facts: &Facts, passwords: &Passwords) -> Fact<Vec<TableComparison>> {
    match compare(facts, passwords).await {
        Ok(tables) => Fact::Known(tables),
        Err(why) => Fact::Unknown(why),
    }
}

async fn compare(facts: &Facts, passwords: &Passwords) -> Result<Vec<TableComparison>, Unknown> {
    let pipeline = &facts.pipeline;
    let mut selected = facts.source.tables.known()?.clone();
    let there = facts.target.tables.known()?;
    let dialect = Dialect::from(facts.target.session.known()?);
    let opened = connect::postgres::open(&pipeline.source, passwords.source.as_ref()).await;
    let source = opened.map_err(|e| Unknown::new(UnknownKind::NotReachable, e.to_string()))?;
    let opened = connect::mysql::open(&pipeline.target, passwords.target.as_ref(), None).await;
    let mut target = opened.map_err(|e| Unknown::new(UnknownKind::NotReachable, e.to_string()))?;
    measure(&source, &mut selected).await?;
    let mut tables = Vec::with_capacity(selected.len());
    for table in &selected {
        let wanted = schema::target_table(table, pipeline, dialect);
        // What is not there yet is told by TSC-021.
        if there.iter().any(|t| t.schema == wanted.database && t.name.eq_ignore_ascii_case(&wanted.name)) {
            tables.push(one(&source, &mut target, &wanted).await);
        }
    }
    Ok(tables)
}

async fn measure(source: &Client, tables: &mut [facts::PgTable]) -> Result<(), Unknown> {
    let measured = facts::postgres::measure(source, tables).await;
    measured.map_err(|e| Unknown::new(UnknownKind::Failed, format!("cannot measure the source's text keys: {e}")))
}

async fn one(source: &Client, target: &mut mysql_async::Conn, wanted: &TargetTable) -> TableComparison {
    let table = format!("{}.{}", wanted.source_schema, wanted.source_name);
    match verify::compare(source, target, wanted).await {
        Ok(both) => TableComparison {
            equal: both.equal(),
            source_rows: both.source.rows,
            target_rows: both.target.rows,
            table,
            failed: None,
        },
        Err(error) => {
            TableComparison { table, source_rows: 0, target_rows: 0, equal: false, failed: Some(error.to_string()) }
        }
    }
}
