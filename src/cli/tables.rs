//! What `schema` needs: the source's tables, measured, and what the target is.

use super::Failure;
use crate::connect;
use crate::facts::{self, Facts, PgTable, Unknown};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::schema::Dialect;

/// Both sides, seen.
pub(super) struct Tables {
    pub(super) facts: Facts,
    /// The selected source tables; text keys are measured.
    pub(super) source: Vec<PgTable>,
    pub(super) dialect: Dialect,
}

pub(super) async fn see(pipeline: &Pipeline, passwords: &Passwords) -> Result<Tables, Failure> {
    let facts = facts::collect(pipeline, passwords, &|_| {}).await;
    let mut source = facts.source.tables.known().map_err(|why| unseen("source", &why))?.clone();
    let dialect = Dialect::from(facts.target.session.known().map_err(|why| unseen("target", &why))?);
    let client = connect::postgres::open(&pipeline.source, passwords.source.as_ref())
        .await
        .map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
    facts::postgres::measure(&client, &mut source)
        .await
        .map_err(|e| Failure::job(format!("cannot measure the source's text keys: {e}")))?;
    Ok(Tables { facts, source, dialect })
}

fn unseen(side: &str, why: &Unknown) -> Failure {
    Failure::job(format!("the {side} cannot be seen: {}", why.reason)).hint("cdc-doctor check")
}
