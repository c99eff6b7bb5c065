//! What one test works on: a source and a target database, and a project between them.

use std::sync::OnceLock;

use cdc_doctor::lab::servers::{Postgres, PostgresOptions};
use cdc_doctor::quote::{pg_ident, pg_literal};

use super::child::Sync;
use super::compare;
use super::model::Table;
use crate::support::{self, Project, Source, Target};

/// Databases and a pipeline of their own. Its slot and publication go when it goes, also when the test fails.
pub struct Field {
    pub source: Source,
    pub target: Target,
    pub project: Project,
    /// Of the slot and the publication.
    name: String,
}

/// A PostgreSQL whose decoder keeps little in memory, so that transactions of some hundred rows are streamed before
/// they end.
pub fn small_memory() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| start_small_memory(&[]))
}

/// Another one of those, for a test that stops it.
pub fn start_small_memory(more: &[(&str, &str)]) -> Postgres {
    let settings = [("logical_decoding_work_mem", "64kB"), ("max_replication_slots", "50"), ("max_wal_senders", "50")];
    // The writers get in each other's way.
    let settings = settings.iter().chain(&[("deadlock_timeout", "50ms"), ("log_min_messages", "fatal")]).chain(more);
    let settings = settings.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Postgres::start(&PostgresOptions { settings, ..Default::default() }).unwrap_or_else(|why| panic!("{why}"))
}

impl Field {
    /// Fresh databases on these servers, and no tables yet.
    pub fn new(server: &'static Postgres, target: Target) -> Self {
        let database = support::unique("source");
        server.run("postgres", &format!("CREATE DATABASE {}", pg_ident(&database))).unwrap();
        let source = Source { server, endpoint: server.endpoint(&database), password: server.password().clone() };
        Self::between(source, target)
    }

    fn between(source: Source, target: Target) -> Self {
        let name = support::unique("field");
        let project = Project::new(&source, &target);
        project.edit("name = \"test\"", &format!("name = {name:?}"));
        let sync = format!("\n[sync]\nslot = {name:?}\npublication = {name:?}\n");
        std::fs::write(project.path(), project.text() + &sync).unwrap();
        Self { source, target, project, name }
    }

    /// The program reaches the servers by these ports.
    pub fn through(&self, source: u16, target: u16) {
        for (from, to) in [(self.source.endpoint.port, source), (self.target.endpoint.port, target)] {
            self.project.edit(&format!("port = {from}\n"), &format!("port = {to}\n"));
        }
    }

    /// Runs the program until all that is on the source now is on the target, and compares.
    pub fn catch_up_and_compare(&self, tables: &[Table]) {
        let ended = Sync::start(&self.project, &["--until-caught-up"]).finish();
        assert_eq!(ended.status, Some(0), "{ended}");
        compare::assert_equal(&self.source, &self.target, tables);
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        // Best effort: the test may have failed because a server is down.
        let slot = pg_literal(&self.name);
        let end = format!(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = {slot} AND active; \
             DO $$ BEGIN FOR i IN 1..100 LOOP \
               EXIT WHEN NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = {slot} AND active); \
               PERFORM pg_sleep(0.05); \
             END LOOP; END $$"
        );
        let drop =
            format!("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {slot}");
        for sql in [end, drop] {
            if let Err(error) = self.source.server.run(&self.source.endpoint.database, &sql) {
                eprintln!("the slot {} stays: {error}", self.name);
            }
        }
        let database = pg_ident(&self.source.endpoint.database);
        let _ = self.source.server.run("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"));
    }
}
