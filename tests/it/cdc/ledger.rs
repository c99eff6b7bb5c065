//! Transfers between accounts: on the target their sum must be right at every moment, not only in the end, and no
//! state may come back that was left.

use std::time::Duration;

use mysql_async::prelude::Queryable;

use super::field::Field;
use super::worker::{Stop, Worker};
use crate::support::{self, Source, Target};

/// Account 0 counts the transfers.
const SCHEMA: &str = "CREATE TABLE ballast (id int PRIMARY KEY, v text);
    CREATE TABLE ledger (id int PRIMARY KEY, balance bigint NOT NULL);
    INSERT INTO ledger SELECT i, CASE WHEN i > 0 THEN 100 ELSE 0 END FROM generate_series(0, 50) i";

/// What all accounts but that one hold together.
const SUM: i64 = 5000;

/// Between the halves of some transfers: more than the program writes at one go.
const BALLAST: &str =
    "INSERT INTO ballast SELECT i, repeat(md5(i::text), 3000) FROM generate_series(1, 70) i; DELETE FROM ballast;";

/// No row before the table is loaded: its copy is not one transaction.
const LOOK: &str = "SELECT CAST(SUM(IF(id > 0, balance, 0)) AS SIGNED), CAST(MAX(IF(id = 0, balance, 0)) AS SIGNED) \
    FROM ledger WHERE (SELECT state FROM cdc_doctor_tables WHERE source_table = 'ledger') = 'loaded' HAVING COUNT(*) > 0";

/// A session that transfers on the source, and one that looks on at the target.
pub struct Ledger {
    writing: Worker<()>,
    looking: Worker<Seen>,
}

/// What was seen on the target.
#[derive(Debug, Default)]
struct Seen {
    looks: u64,
    /// The newest transfer.
    transfer: i64,
}

impl Ledger {
    pub fn open(field: &Field) -> Self {
        field.source.run(SCHEMA);
        let (source, target) = (field.source.clone(), field.target.clone());
        Self {
            writing: Worker::start(move |stop| support::block_on(transfer(&source, &stop))),
            looking: Worker::start(move |stop| support::block_on(look(&target, &stop))),
        }
    }

    /// Ends the transfers and goes on looking while `catch_up` brings the last of them over.
    pub fn close(self, field: &Field, catch_up: impl FnOnce()) {
        self.writing.ask_to_stop();
        self.writing.finish();
        catch_up();
        self.looking.ask_to_stop();
        let seen = self.looking.finish();
        assert!(seen.looks > 0, "the ledger was never loaded");
        let transfers = support::block_on(async {
            let client = field.source.client().await;
            client.query_one("SELECT balance FROM ledger WHERE id = 0", &[]).await.unwrap().get::<_, i64>(0)
        });
        assert_eq!(seen.transfer, transfers, "transfers on {}", field.target);
    }
}

/// Moves an amount from one account to another, again and again, whatever becomes of the server.
async fn transfer(source: &Source, stop: &Stop) {
    let mut n: i64 = 0;
    while !stop.is_asked() {
        // The server may be down just now.
        if let Ok(client) = source.server.client(&source.endpoint.database).await {
            while !stop.is_asked() {
                n += 1;
                let (from, to) = (1 + n % 50, 1 + n * 7 % 50);
                let between = if n % 300 == 50 { BALLAST } else { "" };
                let sql = format!(
                    "UPDATE ledger SET balance = balance - 3 WHERE id = {from}; {between} \
                     UPDATE ledger SET balance = balance + 3 WHERE id = {to}; \
                     UPDATE ledger SET balance = balance + 1 WHERE id = 0"
                );
                if client.batch_execute(&sql).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Looks on until it is stopped, and once after that.
async fn look(target: &Target, stop: &Stop) -> Seen {
    let mut seen = Seen::default();
    loop {
        let last = stop.is_asked();
        if let Ok(mut conn) = target.server.conn(Some(&target.endpoint.database)).await {
            // An error: the server went down, or the tables are not there yet.
            while let Ok(row) = conn.query_first::<(i64, i64), _>(LOOK).await {
                if let Some((sum, transfer)) = row {
                    assert_eq!(sum, SUM, "half a transfer on {target}, after {seen:?}");
                    assert!(transfer >= seen.transfer, "transfer {transfer} on {target}, after {seen:?}");
                    seen = Seen { looks: seen.looks + 1, transfer };
                }
                if last {
                    return seen;
                }
                if stop.is_asked() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert!(!last, "the ledger cannot be read on {target}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
