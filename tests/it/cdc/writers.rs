//! Sessions that write random transactions while the program works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cdc_doctor::lab::servers::Postgres;
use cdc_doctor::text::fit;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::generate::Schema;
use super::random::Random;
use super::transactions::Script;
use crate::support::{self, Source};

/// How much is written.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub sessions: u64,
    /// Of each session; without a number they go on until they are stopped.
    pub transactions: Option<u64>,
    /// The longest pause between two transactions.
    pub pause: Duration,
    /// Rows of the largest transactions.
    pub large: u64,
}

/// What became of the transactions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub committed: u64,
    /// Taken back on purpose.
    pub rolled_back: u64,
    /// Refused by the server: two sessions were in each other's way, or it went down.
    pub refused: u64,
}

/// Sessions that write.
pub struct Writers {
    stop: Arc<AtomicBool>,
    sessions: Vec<JoinHandle<Tally>>,
}

impl Writers {
    pub fn start(source: &Source, schema: &Schema, r: &mut Random, pace: Pace) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let sessions = (0..pace.sessions).map(|number| {
            let session = Session {
                server: source.server,
                database: source.endpoint.database.clone(),
                schema: schema.clone(),
                r: r.fork(),
                number,
                pace,
                stop: Arc::clone(&stop),
            };
            thread::spawn(move || support::block_on(session.run()))
        });
        Self { sessions: sessions.collect(), stop }
    }

    /// Waits for the last transaction.
    pub fn finish(self) -> Tally {
        let mut sum = Tally::default();
        for session in self.sessions {
            let tally = session.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            sum.committed += tally.committed;
            sum.rolled_back += tally.rolled_back;
            sum.refused += tally.refused;
        }
        sum
    }

    /// Lets each session end the transaction that it is in.
    pub fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Release);
        self.finish()
    }
}

struct Session {
    server: &'static Postgres,
    database: String,
    schema: Schema,
    r: Random,
    number: u64,
    pace: Pace,
    stop: Arc<AtomicBool>,
}

impl Session {
    async fn run(mut self) -> Tally {
        let mut tally = Tally::default();
        let schema = self.schema.clone();
        let mut script = Script::new(&schema, self.r.fork(), self.number, self.pace.large);
        let mut client = self.connect().await;
        let mut done = 0;
        while self.pace.transactions.is_none_or(|all| done < all) && !self.stop.load(Ordering::Acquire) {
            let transaction = script.transaction();
            match self.write(&client, &transaction).await {
                Outcome::Committed => tally.committed += 1,
                Outcome::RolledBack => tally.rolled_back += 1,
                Outcome::Refused => tally.refused += 1,
                Outcome::Lost => {
                    tally.refused += 1;
                    client = self.connect().await;
                }
            }
            done += 1;
            let pause = self.r.below(self.pace.pause.as_millis().try_into().unwrap());
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        tally
    }

    async fn write(&mut self, client: &Client, transaction: &[String]) -> Outcome {
        for statement in transaction {
            let Err(error) = client.batch_execute(statement).await else { continue };
            let Some(code) = error.code() else { return Outcome::Lost };
            if [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code) {
                return Outcome::Lost;
            }
            let told = || transaction.iter().map(|s| fit(s, 400) + "\n").collect::<String>();
            assert!(is_conflict(code), "{error:?}, at {}\nin the transaction\n{}", fit(statement, 400), told());
            return if client.batch_execute("ROLLBACK").await.is_ok() { Outcome::Refused } else { Outcome::Lost };
        }
        if transaction.last().is_some_and(|last| last == "COMMIT") { Outcome::Committed } else { Outcome::RolledBack }
    }

    /// A session, as soon as the server lets one in.
    async fn connect(&self) -> Client {
        let begun = Instant::now();
        loop {
            match self.server.client(&self.database).await {
                Ok(client) => {
                    let settings = "SET lock_timeout = '3s'; SET application_name = 'writer'";
                    if client.batch_execute(settings).await.is_ok() {
                        return client;
                    }
                }
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(90), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

enum Outcome {
    Committed,
    RolledBack,
    Refused,
    Lost,
}

/// Sessions may be in each other's way; anything else is a fault of the generator.
fn is_conflict(code: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
        SqlState::FOREIGN_KEY_VIOLATION,
        SqlState::LOCK_NOT_AVAILABLE,
    ]
    .contains(code)
}
