//! Does one action: sessions are opened when first needed, and again after the pipeline file was edited.

use std::error::Error;

use mysql_async::prelude::Queryable;

use super::{Action, AwsCall, execute_aws};
use crate::aws::Session;
use crate::connect;
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{Pipeline, edit};

/// A statement that waits longer for a lock gives up: while it waits, every later query on the table waits behind it.
const LOCK_WAIT_SECONDS: u32 = 10;

/// The sessions of one run.
pub(super) struct Executor<'a> {
    pipeline: Pipeline,
    passwords: &'a Passwords,
    source: Option<tokio_postgres::Client>,
    target: Option<mysql_async::Conn>,
    aws: Option<Session>,
}

impl<'a> Executor<'a> {
    pub fn new(pipeline: Pipeline, passwords: &'a Passwords) -> Self {
        Self { pipeline, passwords, source: None, target: None, aws: None }
    }

    /// The pipeline as it is after the edits so far.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Does one action; a failure is in words that follow its description.
    pub async fn run(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::SourceSql { sql } => self.source(sql).await,
            Action::TargetSql { sql } => self.target(sql).await,
            Action::EditPipeline { key, value, .. } => self.set_key(key, Some(value)).await,
            Action::Aws(call) => self.aws(call).await,
            Action::Note(_) => Err("it is to be done by hand".to_owned()),
        }
    }

    async fn aws(&mut self, call: &AwsCall) -> Result<(), String> {
        let Some(aws) = &self.pipeline.aws else { return Err("the pipeline file has no section [aws]".to_owned()) };
        let session = match &mut self.aws {
            Some(session) => session,
            none => none.insert(Session::open(aws).await),
        };
        Box::pin(execute_aws::run(session, call)).await
    }

    /// Sets a key of the pipeline file, or takes it out, and reads the file again.
    pub async fn set_key(&mut self, key: &str, value: Option<&str>) -> Result<(), String> {
        let path = self.pipeline.path.clone();
        let edited = match value {
            Some(value) => edit::set(&path, key, value),
            None => edit::unset(&path, key),
        };
        edited.map_err(|error| error.to_string())?;
        self.pipeline = Pipeline::load(&path).map_err(|error| error.to_string())?;
        self.close().await;
        Ok(())
    }

    async fn source(&mut self, sql: &str) -> Result<(), String> {
        if self.source.as_ref().is_none_or(tokio_postgres::Client::is_closed) {
            let opened = connect::postgres::open(&self.pipeline.source, self.passwords.source.as_ref()).await;
            let client = opened.map_err(|error| error.to_string())?;
            let wait = format!("SET lock_timeout = '{LOCK_WAIT_SECONDS}s'");
            client.batch_execute(&wait).await.map_err(|error| postgres_words(&error))?;
            self.source = Some(client);
        }
        let Some(client) = &self.source else { return Err("there is no session".to_owned()) };
        client.batch_execute(sql).await.map_err(|error| postgres_words(&error))
    }

    async fn target(&mut self, sql: &str) -> Result<(), String> {
        let mut conn = match self.target.take() {
            Some(conn) => conn,
            None => self.open_target().await?,
        };
        let outcome = conn.query_drop(sql).await.map_err(|error| mysql_words(&error));
        self.target = Some(conn);
        outcome
    }

    async fn open_target(&self) -> Result<mysql_async::Conn, String> {
        const UNKNOWN_DATABASE: &str = "1049";
        let (endpoint, password) = (&self.pipeline.target, self.passwords.target.as_ref());
        let opened = match connect::mysql::open(endpoint, password, Some(&endpoint.database)).await {
            // The very statement may be the one that makes the database.
            Err(error) if error.refusal.code.as_deref() == Some(UNKNOWN_DATABASE) => {
                connect::mysql::open(endpoint, password, None).await
            }
            other => other,
        };
        let mut conn = opened.map_err(|error| error.to_string())?;
        let wait = format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}");
        conn.query_drop(wait).await.map_err(|error| mysql_words(&error))?;
        Ok(conn)
    }

    /// Ends the sessions.
    pub async fn close(&mut self) {
        (self.source, self.aws) = (None, None);
        if let Some(conn) = self.target.take() {
            // It is going away either way.
            let _ = conn.disconnect().await;
        }
    }
}

fn postgres_words(error: &tokio_postgres::Error) -> String {
    let Some(db) = error.as_db_error() else {
        return error.source().map_or_else(|| error.to_string(), ToString::to_string);
    };
    let mut out = format!("{} ({})", db.message(), db.code().code());
    for more in [db.detail(), db.hint()].into_iter().flatten() {
        out += &format!(". {more}");
    }
    if *db.code() == tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE {
        out += &format!(". Another session has held the table for {LOCK_WAIT_SECONDS} s; try again when it is done");
    }
    out
}

fn mysql_words(error: &mysql_async::Error) -> String {
    const LOCK_WAIT_TIMEOUT: u16 = 1205;
    match error {
        mysql_async::Error::Server(server) => {
            let mut out = format!("{} ({})", server.message, server.code);
            if server.code == LOCK_WAIT_TIMEOUT {
                out += &format!(
                    ". Another session has held the table for {LOCK_WAIT_SECONDS} s; try again when it is done"
                );
            }
            out
        }
        other => other.to_string(),
    }
}
