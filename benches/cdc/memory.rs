//! The most memory that the program takes while it drains, as the system counts it, its own code included.

use crate::child::{Run, Took};
use crate::drain;
use crate::servers::{DATABASE, Servers, on_postgres};
use crate::support::Outcome;

/// MiB.
const LIMIT: u64 = 128;
const AIM: u64 = 64;

/// Rows of the wide table, 1 MiB each.
const WIDE: u64 = 200;
/// PostgreSQL's default of `logical_decoding_work_mem`: transactions that take more are sent before they commit.
const IN_PROGRESS: &str = "64MB";
/// No transaction takes more: each is sent when it has committed, as by servers before version 14.
const AT_ONCE: &str = "16GB";

/// A backlog.
struct Case {
    what: String,
    /// Of the table, the pipeline, the slot and the publication.
    name: &'static str,
    create: String,
    /// Each is a transaction, or a `DO` that commits by itself.
    work: Vec<String>,
    work_mem: &'static str,
    changes: u64,
}

pub async fn run(servers: &Servers, rows: u64) -> Outcome<()> {
    println!("memory at its peak while a backlog is drained; at most {LIMIT} MiB, the aim is {AIM}");
    println!("{:<52} {:>10} {:>8} {:>11} {:>6}", "", "changes", "seconds", "changes/s", "MiB");
    for case in [many(), large("memory_streamed", IN_PROGRESS, rows), large("memory_whole", AT_ONCE, rows), wide()] {
        let took = measure(servers, &case).await?;
        print(&case, &took);
    }
    Ok(())
}

fn many() -> Case {
    let named = |sql: &str| sql.replace("drained", "memory_many");
    Case {
        what: "many transactions of 100 rows".to_owned(),
        name: "memory_many",
        create: named(drain::TABLE),
        work: vec![named(drain::WORKLOAD), named(drain::LAST)],
        work_mem: IN_PROGRESS,
        changes: u64::from(drain::CHANGES),
    }
}

fn large(name: &'static str, work_mem: &'static str, rows: u64) -> Case {
    let how = if work_mem == IN_PROGRESS { "sent in progress" } else { "sent at its commit" };
    Case {
        what: format!("one transaction of small rows, {how}"),
        name,
        create: format!("CREATE TABLE {name} (id bigint PRIMARY KEY, k int NOT NULL, word varchar(40))"),
        work: vec![format!(
            "INSERT INTO {name} SELECT i, i % 1000, 'row ' || md5(i::text) FROM generate_series(1, {rows}) i"
        )],
        work_mem,
        changes: rows,
    }
}

/// Inserted, changed elsewhere, changed as a whole, each in one transaction.
fn wide() -> Case {
    let text = "repeat(md5((id + k)::text), 32768)";
    Case {
        what: "rows of 1 MiB".to_owned(),
        name: "memory_wide",
        create: "CREATE TABLE memory_wide (id bigint PRIMARY KEY, k int NOT NULL, doc text);
                 ALTER TABLE memory_wide ALTER doc SET STORAGE EXTERNAL"
            .to_owned(),
        work: vec![
            format!("INSERT INTO memory_wide SELECT id, k, {text} FROM generate_series(1, {WIDE}) id, (SELECT 0 k) k"),
            "UPDATE memory_wide SET k = 1".to_owned(),
            format!("UPDATE memory_wide SET k = 2, doc = {text}"),
        ],
        work_mem: IN_PROGRESS,
        changes: 3 * WIDE,
    }
}

/// Begins to follow an empty table, stops, fills the backlog, and watches it being drained.
async fn measure(servers: &Servers, case: &Case) -> Outcome<Took> {
    let source = &servers.source;
    source.run(DATABASE, &case.create)?;
    source.run(DATABASE, &format!("ALTER SYSTEM SET logical_decoding_work_mem = '{}'", case.work_mem))?;
    source.run(DATABASE, "SELECT pg_reload_conf()")?;
    let pipeline = servers.pipeline(case.name, case.name)?;
    Run::start(servers, &pipeline, &["--until-caught-up"])?.ended()?;
    let client = source.client(DATABASE).await?;
    for sql in &case.work {
        client.batch_execute(sql).await?;
    }
    let took = Run::start(servers, &pipeline, &["--until-caught-up", "--drop-slot"])?.ended()?;
    let sums = |text: &str| format!("SELECT CONCAT(count(*), ' ', sum(id), ' ', sum(k)){text} FROM {}", case.name);
    let (here, there) = (on_postgres(source, &sums("::text")).await?, servers.on_target(&sums("")).await?);
    if here == there { Ok(took) } else { Err(format!("{}: {there} arrived of {here}", case.what).into()) }
}

fn print(case: &Case, took: &Took) {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = case.changes as f64 / took.wall.as_secs_f64();
    let (peak, verdict) = match took.peak.map(|kib| kib.div_ceil(1024)) {
        None => ("?".to_owned(), "this system does not tell"),
        Some(peak) if peak <= AIM => (peak.to_string(), "holds, the aim too"),
        Some(peak) if peak <= LIMIT => (peak.to_string(), "holds"),
        Some(peak) => (peak.to_string(), "missed"),
    };
    println!(
        "{:<52} {:>10} {:>8.1} {rate:>11.0} {peak:>6} {verdict}",
        case.what,
        case.changes,
        took.wall.as_secs_f64()
    );
}
