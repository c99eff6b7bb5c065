//! From a task or a serverless replication to work for the engine, and from the engine's end to what comes next. Pure
//! but for asking the source for its schemas.

use std::collections::BTreeMap;

use serde_json::Value;

use super::login::{self, Login, Session};
use super::mappings::{self, Selection};
use super::settings::{self, Settings};
use super::{schemas, words};
use crate::lab::aws::account::{Account, State};
use crate::lab::aws::errors::AwsError;
use crate::lab::aws::records::text;
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{
    EngineKind, OnSchemaChange, OnUnrepresentable, Origin, Pipeline, SyncMode, SyncSettings, TableSelection,
};
use crate::sync::{SyncError, Totals};

/// Everything that a run needs to know.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// Of the task or the replication's configuration.
    pub(super) arn: String,
    pub(super) name: String,
    /// Where its log goes.
    pub(super) log: (String, String),
    pub(super) mode: SyncMode,
    pub(super) settings: Settings,
    pub(super) source: Login,
    target: Login,
    pub(super) selection: Selection,
    /// The name of slot and publication.
    pub(super) slot: String,
}

/// The members of a task that a replication's configuration names otherwise.
pub(super) struct Members {
    pub(super) arn: &'static str,
    pub(super) name: &'static str,
    pub(super) mode: &'static str,
    pub(super) settings: &'static str,
}

/// Reads a task or a configuration.
pub(super) fn work(
    account: &Account,
    state: &State,
    record: &Value,
    members: &Members,
    log: (String, String),
) -> Result<Work, AwsError> {
    let arn = text(record, members.arn).to_owned();
    let source = login::read(account, state, text(record, "SourceEndpointArn"))?;
    let target = login::read(account, state, text(record, "TargetEndpointArn"))?;
    let id = arn.rsplit(':').next().unwrap_or_default().to_lowercase();
    let own: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    Ok(Work {
        name: text(record, members.name).to_owned(),
        log,
        mode: mode(text(record, members.mode))?,
        settings: settings::read(text(record, members.settings)),
        slot: source.slot.clone().unwrap_or_else(|| format!("dms_{own}").chars().take(63).collect()),
        source,
        target,
        selection: mappings::read(text(record, "TableMappings"))?,
        arn,
    })
}

/// The migration type.
pub(super) fn mode(name: &str) -> Result<SyncMode, AwsError> {
    match name {
        "full-load" => Ok(SyncMode::FullLoad),
        "cdc" => Ok(SyncMode::Cdc),
        "full-load-and-cdc" => Ok(SyncMode::FullLoadAndCdc),
        other => Err(AwsError::value(format!("Invalid migration type: {other}"))),
    }
}

impl Work {
    /// The pipeline that the engine is given, and the databases that it writes to. Logs in to the source for the names
    /// of its schemas: each goes to the database of its own name, or of its rename.
    pub(super) async fn pipeline(&self) -> Result<(Pipeline, Vec<String>), String> {
        let names = schemas::names(&self.source).await?;
        let single = Some(&self.target.endpoint.database).filter(|name| self.target.one_database && !name.is_empty());
        let database = |schema: &str| single.cloned().unwrap_or_else(|| self.selection.database(schema).to_owned());
        let schema_map: BTreeMap<String, String> = names
            .into_iter()
            .filter(|schema| self.selection.reaches(schema))
            .map(|schema| (schema.clone(), database(&schema)))
            .collect();
        let mut databases: Vec<String> = schema_map.values().cloned().collect();
        databases.sort_unstable();
        databases.dedup();
        let Some(first) = databases.first() else { return Err(words::NO_TABLES.to_owned()) };
        let mut target = self.target.endpoint.clone();
        target.database.clone_from(first);
        let pipeline = Pipeline {
            path: std::path::PathBuf::new(),
            name: self.name.clone(),
            source: self.source.endpoint.clone(),
            target,
            tables: TableSelection {
                include: self.selection.include.clone(),
                exclude: self.selection.exclude.clone(),
                schema_map,
            },
            sync: SyncSettings {
                engine: EngineKind::Direct,
                mode: self.mode,
                slot: self.slot.clone(),
                publication: self.slot.clone(),
                parallel: self.settings.parallel,
                on_schema_change: OnSchemaChange::AddColumns,
                on_unrepresentable: OnUnrepresentable::Stop,
                origin: Origin::Any,
            },
            aws: None,
            dms: None,
            s3: None,
            glue: None,
        };
        Ok((pipeline, databases))
    }

    /// The target's database and table for each table that is selected.
    pub(super) async fn tables(&self, pipeline: &Pipeline) -> Result<Vec<(String, String)>, String> {
        let Session::Postgres(client) = login::open(&self.source).await? else { return Ok(Vec::new()) };
        let tables = crate::facts::postgres::tables(&client, pipeline).await.map_err(|e| e.to_string())?;
        Ok(tables.into_iter().map(|t| (pipeline.target_database(&t.schema).to_owned(), t.name)).collect())
    }

    /// Both passwords.
    pub(super) fn passwords(&self) -> Passwords {
        let password = |login: &Login| login.password.clone().map(Into::into);
        Passwords { source: password(&self.source), target: password(&self.target) }
    }

    /// The login that makes databases: into none of them.
    pub(super) fn target_login(&self) -> Login {
        let mut login = self.target.clone();
        login.endpoint.database.clear();
        login
    }
}

/// What follows the engine's end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It did its work.
    Finished,
    /// It was stopped.
    Stopped,
    /// These tables are given up, each for a reason; the others go on.
    Without(Vec<(String, String)>),
    /// No table is selected, or none is left.
    NothingLeft,
    /// Nothing goes on.
    Failed(String),
}

/// Tells what follows.
pub(super) fn next(ended: Result<Totals, SyncError>, stopped: bool, stop_on_table_error: bool) -> Next {
    let error = match ended {
        Ok(_) if stopped => return Next::Stopped,
        Ok(_) => return Next::Finished,
        Err(SyncError::Stopped(_)) => return Next::Stopped,
        Err(error) => error,
    };
    let tables = match &error {
        SyncError::Table { table, .. } | SyncError::Changes { table: Some(table), .. } => {
            vec![(table.clone(), words::table_failure(&error))]
        }
        SyncError::SchemaChanged { table, .. } => vec![(table.clone(), error.to_string())],
        SyncError::Refused(all) => all.iter().map(|r| (r.table.clone(), words::table_refused(r))).collect(),
        SyncError::NothingSelected { .. } => return Next::NothingLeft,
        other => return Next::Failed(other.to_string()),
    };
    match tables.first() {
        Some((table, why)) if stop_on_table_error => Next::Failed(format!("Table '{table}': {why}")),
        _ => Next::Without(tables),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Cause, Outcome, Refused, Side};

    fn table_error() -> SyncError {
        let (code, message) = ("1406".to_owned(), "Data too long for column 'v' at row 1".to_owned());
        SyncError::Table {
            table: "public.b".into(),
            part: None,
            cause: Box::new(Cause::Server { side: Side::Target, code, message, hint: None }),
            outcome: Box::new(Outcome::default()),
        }
    }

    #[test]
    fn the_end_of_the_engine_tells_what_follows() {
        let totals = Totals::default();
        assert_eq!(next(Ok(totals), false, false), Next::Finished);
        assert_eq!(next(Ok(totals), true, false), Next::Stopped);
        assert_eq!(next(Err(SyncError::Stopped(Box::default())), true, false), Next::Stopped);
        let Next::Without(tables) = next(Err(table_error()), false, false) else { panic!("the others go on") };
        assert_eq!(tables[0].0, "public.b");
        assert!(
            tables[0].1.contains("NativeError: 1406 Message: [MySQL][ODBC 8.0(w) Driver]Data too long"),
            "{tables:?}"
        );
        assert!(matches!(next(Err(table_error()), false, true), Next::Failed(_)), "the settings stop it");
        let refused = |table: &str| Refused { table: table.into(), why: "no".into(), command: None };
        let both = SyncError::Refused(vec![refused("a.b"), refused("c.d")]);
        assert!(matches!(next(Err(both), false, false), Next::Without(tables) if tables.len() == 2));
        assert!(matches!(next(Err(SyncError::Fenced), false, false), Next::Failed(_)));
    }
}
