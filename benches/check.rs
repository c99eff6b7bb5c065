//! `cargo bench --bench check`: how long `check` takes on a source with many tables, beside the limit, and how many
//! queries; with few tables beside it, to show that the number of queries is the same.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cdc_doctor::facts::{self, Facts, MyFlavor};
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use cdc_doctor::pipeline::secrets::Passwords;
use cdc_doctor::pipeline::{
    Endpoint, EngineKind, OnSchemaChange, OnUnrepresentable, Origin, Pipeline, SyncMode, SyncSettings, TableSelection,
};
use cdc_doctor::{checks, diagnose};

const LIMIT: Duration = Duration::from_secs(3);
const MANY: u32 = 10_000;
const FEW: u32 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let source = Postgres::start(&PostgresOptions::default())?;
    let target = MySqlServer::start(&MySqlOptions::new(MyFlavor::MariaDb))?;
    let runtime = tokio::runtime::Runtime::new()?;
    println!(
        "{:>8} {:>10} {:>10} {:>9} {:>16} {:>16}",
        "tables", "check", "limit", "of limit", "source queries", "target queries"
    );
    for tables in [FEW, MANY] {
        let database = format!("with_{tables}");
        source.run("postgres", &format!("CREATE DATABASE {database}"))?;
        fill(&source, &database, tables)?;
        target.run(None, &format!("CREATE DATABASE {database}"))?;
        let pipeline = pipeline(&source.endpoint(&database), &target.endpoint(&database));
        let passwords = Passwords {
            source: Some(source.password().clone().into()),
            target: Some(target.password().clone().into()),
        };
        for _ in 0..3 {
            let begun = Instant::now();
            let facts = runtime.block_on(facts::collect(&pipeline, &passwords, &|_| {}));
            let judged = diagnose::judge(checks::registry::ALL, &facts);
            let took = begun.elapsed();
            assert_eq!(judged.len(), checks::registry::ALL.len());
            assert_eq!(seen(&facts), Some(usize::try_from(tables)?), "{:?}", facts.source.tables.known().err());
            println!(
                "{tables:>8} {:>8.2} s {:>8.2} s {:>7.0} % {:>16} {:>16}",
                took.as_secs_f64(),
                LIMIT.as_secs_f64(),
                100.0 * took.as_secs_f64() / LIMIT.as_secs_f64(),
                facts.source.queries,
                facts.target.queries,
            );
        }
    }
    Ok(())
}

fn seen(facts: &Facts) -> Option<usize> {
    facts.source.tables.value().map(Vec::len)
}

/// Tables of six columns with a row each; every tenth has no primary key.
fn fill(source: &Postgres, database: &str, tables: u32) -> Result<(), Box<dyn Error>> {
    let mut from = 1;
    while from <= tables {
        // A transaction locks what it creates, and locks are limited.
        let to = tables.min(from + 499);
        source.run(
            database,
            &format!(
                "DO $$ BEGIN FOR i IN {from}..{to} LOOP
                   EXECUTE format('CREATE TABLE t%s (id bigint GENERATED ALWAYS AS IDENTITY %s, code varchar(20) UNIQUE,
                     name text, price numeric(12,2), at timestamptz DEFAULT now(), data jsonb)',
                     i, CASE WHEN i % 10 > 0 THEN 'PRIMARY KEY' END);
                   EXECUTE format('INSERT INTO t%s (code, name) VALUES (''a'', ''b'')', i);
                 END LOOP; END $$"
            ),
        )?;
        from = to + 1;
    }
    source.run(database, "VACUUM ANALYZE")?;
    Ok(())
}

fn pipeline(source: &Endpoint, target: &Endpoint) -> Pipeline {
    Pipeline {
        path: PathBuf::from("cdc-doctor.toml"),
        name: "bench".into(),
        source: source.clone(),
        target: target.clone(),
        tables: TableSelection { include: vec!["public.*".into()], exclude: Vec::new(), schema_map: BTreeMap::new() },
        sync: SyncSettings {
            engine: EngineKind::Direct,
            mode: SyncMode::FullLoadAndCdc,
            slot: "cdc_doctor_bench".into(),
            publication: "cdc_doctor_bench".into(),
            parallel: 4,
            on_schema_change: OnSchemaChange::Stop,
            on_unrepresentable: OnUnrepresentable::Stop,
            origin: Origin::Any,
        },
        aws: None,
        dms: None,
        s3: None,
        glue: None,
    }
}
