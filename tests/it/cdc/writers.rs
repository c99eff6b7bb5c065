//! Sessions that write random transactions while the program works.

use std::time::{Duration, Instant};

use cdc_doctor::text::fit;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::generate::Schema;
use super::random::Random;
use super::transactions::Script;
use super::worker::{Stop, Worker};
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
pub struct Writers(Vec<Worker<Tally>>);

impl Writers {
    pub fn start(source: &Source, schema: &Schema, r: &mut Random, pace: Pace) -> Self {
        let sessions = (0..pace.sessions).map(|number| {
            let (source, schema, mut r) = (source.clone(), schema.clone(), r.fork());
            Worker::start(move |stop| {
                let mut script = Script::new(&schema, r.fork(), number, pace.large);
                support::block_on(Session { source, pace, stop }.run(&mut script, r))
            })
        });
        Self(sessions.collect())
    }

    /// Waits for the last transaction.
    pub fn finish(self) -> Tally {
        let mut sum = Tally::default();
        for session in self.0 {
            let tally = session.finish();
            sum.committed += tally.committed;
            sum.rolled_back += tally.rolled_back;
            sum.refused += tally.refused;
        }
        sum
    }

    /// Lets each session end the transaction that it is in.
    pub fn stop(self) -> Tally {
        self.0.iter().for_each(Worker::ask_to_stop);
        self.finish()
    }
}

struct Session {
    source: Source,
    pace: Pace,
    stop: Stop,
}

impl Session {
    async fn run(self, script: &mut Script<'_>, mut r: Random) -> Tally {
        let mut tally = Tally::default();
        let mut client = None;
        let mut done = 0;
        while self.pace.transactions.is_none_or(|all| done < all) && !self.stop.is_asked() {
            let there = match client.take() {
                Some(client) => client,
                None => self.connect().await,
            };
            match write(&there, &script.transaction()).await {
                Outcome::Committed => tally.committed += 1,
                Outcome::RolledBack => tally.rolled_back += 1,
                Outcome::Refused => tally.refused += 1,
            }
            client = (!there.is_closed()).then_some(there);
            done += 1;
            let pause = r.below(self.pace.pause.as_millis().try_into().unwrap());
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        tally
    }

    /// A session, as soon as the server lets one in.
    async fn connect(&self) -> Client {
        let begun = Instant::now();
        loop {
            match self.source.server.client(&self.source.endpoint.database).await {
                Ok(client) => {
                    if client.batch_execute("SET lock_timeout = '3s'").await.is_ok() {
                        return client;
                    }
                }
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(90) && !self.stop.is_asked(), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Runs a transaction's statements one by one, as an application does.
async fn write(client: &Client, transaction: &[String]) -> Outcome {
    for statement in transaction {
        let Err(error) = client.batch_execute(statement).await else { continue };
        let told = || transaction.iter().map(|s| fit(s, 400) + "\n").collect::<String>();
        assert!(is_expected(&error), "{error:?}, at {}\nin the transaction\n{}", fit(statement, 400), told());
        // A session that is lost has rolled back already.
        let _ = client.batch_execute("ROLLBACK").await;
        return Outcome::Refused;
    }
    if transaction.last().is_some_and(|last| last == "COMMIT") { Outcome::Committed } else { Outcome::RolledBack }
}

enum Outcome {
    Committed,
    RolledBack,
    Refused,
}

/// Sessions may be in each other's way, and the server may go down; anything else is a fault of the generator.
fn is_expected(error: &tokio_postgres::Error) -> bool {
    error.code().is_none_or(|code| {
        [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::UNIQUE_VIOLATION,
            SqlState::FOREIGN_KEY_VIOLATION,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
        ]
        .contains(code)
    })
}
