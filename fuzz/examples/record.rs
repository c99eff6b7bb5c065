//! Records the seeds: messages of every kind that PostgreSQL sends for a few transactions, one a file.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example record`

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use cdc_doctor::lab::servers::{Postgres, PostgresOptions};

/// A table of many types with a stored-out column, one that tells its old rows, one with a key of two columns.
const TABLES: &str = "
CREATE TABLE mixed (id bigint PRIMARY KEY, flag boolean, amount numeric(12,2), at timestamptz, name varchar(20) NOT NULL,
                    raw bytea, doc jsonb, list int[], note text);
ALTER TABLE mixed ALTER note SET STORAGE EXTERNAL;
CREATE TABLE \"Grüße, Welt\" (a int, b text, PRIMARY KEY (a, b));
CREATE TABLE whole (a int, b text);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE feeling (id int PRIMARY KEY, mood mood);
CREATE PUBLICATION seeds FOR ALL TABLES;";

/// Each is a transaction.
const CHANGES: [&str; 11] = [
    "INSERT INTO mixed VALUES (1, true, 12.34, '2024-02-29 12:00:00+02', 'ü 😀', '\\x00ff', '{\"a\": [1]}', '{1,NULL}',
       repeat('long ', 600)), (2, NULL, 'NaN', 'infinity', '', '', 'null', '{}', NULL)",
    "UPDATE mixed SET flag = false WHERE id = 1; UPDATE mixed SET id = 3 WHERE id = 1; DELETE FROM mixed WHERE id = 2",
    "INSERT INTO whole VALUES (1, 'x'), (NULL, NULL); UPDATE whole SET b = 'y' WHERE a = 1; DELETE FROM whole",
    "INSERT INTO \"Grüße, Welt\" VALUES (1, 'k'); UPDATE \"Grüße, Welt\" SET b = 'l'; DELETE FROM \"Grüße, Welt\"",
    "INSERT INTO feeling VALUES (1, 'glad')",
    "TRUNCATE mixed, whole",
    "SELECT pg_logical_emit_message(true, 'prefix', 'text')",
    "SELECT pg_replication_origin_create('far away')",
    "SELECT pg_replication_origin_session_setup('far away')",
    "INSERT INTO feeling VALUES (2, 'sad')",
    "SELECT pg_replication_origin_session_reset()",
];

/// A transaction too large to be kept, with subtransactions of which one is rolled back, and one that is given up.
const LARGE: [&str; 2] = [
    "BEGIN; SELECT pg_logical_emit_message(true, 'p', 't');
     INSERT INTO mixed (id, name) SELECT i, repeat('s', 20) FROM generate_series(1, 900) i;
     SAVEPOINT one; INSERT INTO feeling SELECT i, 'sad' FROM generate_series(10, 900) i; ROLLBACK TO one;
     UPDATE mixed SET flag = true; DELETE FROM mixed; TRUNCATE mixed; COMMIT",
    "BEGIN; INSERT INTO mixed (id, name) SELECT i, repeat('s', 20) FROM generate_series(1, 2000) i; ROLLBACK",
];

/// So many messages of a kind that differ in length.
const OF_A_KIND: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let settings = vec![("logical_decoding_work_mem".to_owned(), "64kB".to_owned())];
    let server = Postgres::start(&PostgresOptions { settings, ..PostgresOptions::default() })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let messages = runtime.block_on(messages(&server))?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/pgoutput");
    fs::create_dir_all(&folder)?;
    let mut kept: HashMap<u8, Vec<usize>> = HashMap::new();
    for message in messages {
        let Some(kind) = message.first() else { continue };
        let lengths = kept.entry(*kind).or_default();
        if lengths.len() < OF_A_KIND && !lengths.contains(&message.len()) {
            lengths.push(message.len());
            fs::write(folder.join(format!("{}-{}", name(*kind), lengths.len())), message)?;
        }
    }
    println!("{} kinds of message in {}", kept.len(), folder.display());
    Ok(())
}

/// All that the output plug-in says, in protocol versions 1 and 2.
async fn messages(server: &Postgres) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let client = server.client("postgres").await?;
    client.batch_execute(TABLES).await?;
    client.batch_execute("SELECT pg_create_logical_replication_slot('seeds', 'pgoutput')").await?;
    for sql in CHANGES {
        client.batch_execute(sql).await?;
    }
    let mut all = said(&client, "'proto_version', '1', 'messages', 'true'").await?;
    for sql in LARGE {
        client.batch_execute(sql).await?;
    }
    all.extend(said(&client, "'proto_version', '2', 'streaming', 'on', 'messages', 'true'").await?);
    Ok(all)
}

async fn said(client: &tokio_postgres::Client, options: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let ask = format!(
        "SELECT data FROM pg_logical_slot_get_binary_changes('seeds', NULL, NULL, 'publication_names', 'seeds', {options})"
    );
    Ok(client.query(&ask, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// Of a kind of message.
fn name(kind: u8) -> String {
    let name = match kind {
        b'B' => "begin",
        b'C' => "commit",
        b'O' => "origin",
        b'R' => "relation",
        b'Y' => "type",
        b'I' => "insert",
        b'U' => "update",
        b'D' => "delete",
        b'T' => "truncate",
        b'M' => "message",
        b'S' => "stream-start",
        b'E' => "stream-stop",
        b'c' => "stream-commit",
        b'A' => "stream-abort",
        other => return format!("kind-{other}"),
    };
    name.to_owned()
}
