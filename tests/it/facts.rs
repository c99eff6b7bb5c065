//! The collectors and the connections under them, on real servers.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use cdc_doctor::connect;
use cdc_doctor::facts::{
    self, Attempt, Fact, Facts, MyFlavor, MyTable, PgTable, ReplicaIdentity, Stage, TableKind, TypeClass, UnknownKind,
};
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use cdc_doctor::pipeline::secrets::Passwords;
use cdc_doctor::pipeline::{
    Endpoint, EngineKind, OnSchemaChange, OnUnrepresentable, Origin, Pipeline, SyncMode, SyncSettings, TableSelection,
    TlsMode,
};
use mysql_async::prelude::Queryable;
use secrecy::SecretString;

use crate::support::{self, Source, Target};

/// An address of this machine that is in no certificate; see [`forward`].
const OTHER_NAME: &str = "127.0.0.2";

fn pipeline(source: &Endpoint, target: &Endpoint) -> Pipeline {
    Pipeline {
        path: PathBuf::from("cdc-doctor.toml"),
        name: "test".into(),
        source: source.clone(),
        target: target.clone(),
        tables: TableSelection { include: vec!["*.*".into()], exclude: Vec::new(), schema_map: BTreeMap::new() },
        sync: SyncSettings {
            engine: EngineKind::Direct,
            mode: SyncMode::FullLoadAndCdc,
            slot: "slot".into(),
            publication: "publication".into(),
            parallel: 2,
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

/// A side that is not looked at.
fn nowhere(endpoint: &Endpoint) -> Endpoint {
    Endpoint { host: "127.0.0.1".into(), port: 1, ..endpoint.clone() }
}

/// The same server at [`OTHER_NAME`]; the port is returned.
fn forward(port: u16) -> u16 {
    let listener = TcpListener::bind((OTHER_NAME, 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for near in listener.incoming().map(Result::unwrap) {
            let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    own
}

fn collect(pipeline: &Pipeline, source: &SecretString, target: &SecretString) -> Facts {
    let passwords = Passwords { source: Some(source.clone().into()), target: Some(target.clone().into()) };
    let facts = support::block_on(facts::collect(pipeline, &passwords, &|_| {}));
    let text = serde_json::to_string(&facts).unwrap();
    assert!(!text.contains("\"pending\""), "something is still pending: {text}");
    facts
}

/// The facts of a source alone.
fn look_at(source: &Endpoint, password: &SecretString) -> Facts {
    collect(&pipeline(source, &nowhere(source)), password, password)
}

/// The facts of a target alone.
fn look_into(target: &Endpoint, password: &SecretString) -> Facts {
    collect(&pipeline(&nowhere(target), target), password, password)
}

fn as_user(endpoint: &Endpoint, user: &str) -> Endpoint {
    Endpoint { user: user.into(), ..endpoint.clone() }
}

fn secret() -> SecretString {
    SecretString::from("s3cret")
}

fn code(attempt: &Attempt) -> &str {
    attempt.refusal().and_then(|r| r.code.as_deref()).unwrap_or("none")
}

#[track_caller]
fn table<'a>(facts: &'a Facts, name: &str) -> &'a PgTable {
    let tables = facts.source.tables.known().unwrap();
    tables.iter().find(|t| t.label() == name).unwrap_or_else(|| panic!("no table {name}"))
}

fn type_of<'a>(table: &'a PgTable, column: &str) -> &'a facts::PgType {
    &table.column(column).unwrap().ty
}

const SCHEMA: &str = r#"
CREATE SCHEMA "odd Schema";
CREATE TYPE "odd Schema".mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE "odd Schema".pair AS (a int, b text);
CREATE DOMAIN "odd Schema".cents AS numeric(12,2);
CREATE DOMAIN "odd Schema".price AS "odd Schema".cents CHECK (VALUE >= 0);
CREATE DOMAIN tags AS text[];
CREATE TABLE weekly_chart ("ChartDate_WeekEnding" date NOT NULL, artist text, pos int);
INSERT INTO weekly_chart SELECT date '2000-01-01' + 7 * i, 'a' || i % 10, i % 40 FROM generate_series(1, 500) i;
ANALYZE weekly_chart;
CREATE TABLE keyed (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, twice int GENERATED ALWAYS AS (7 * 2) STORED);
CREATE TABLE serial_key (b int, id bigserial, a int NOT NULL DEFAULT 1, PRIMARY KEY (id, b));
CREATE TABLE uniques (a int NOT NULL, b int, c text NOT NULL UNIQUE DEFERRABLE, d text NOT NULL, e varchar(10), f bytea NOT NULL);
CREATE UNIQUE INDEX u_promotable ON uniques (d) INCLUDE (b);
CREATE UNIQUE INDEX u_partial ON uniques (a) WHERE a > 0;
CREATE UNIQUE INDEX u_expression ON uniques (a, lower(d));
CREATE UNIQUE INDEX u_nullable ON uniques (b, e);
CREATE UNIQUE INDEX u_bytes ON uniques (f);
INSERT INTO uniques VALUES (1, 1, 'c', 'eleven char', 'x', '\x010203');
CREATE TABLE typed (
  a int[], m "odd Schema".mood, p "odd Schema".price, t tags, r int4range, q "odd Schema".pair, n numeric(10,3),
  u numeric, v varchar(20), c char(7), ts timestamptz(3), j jsonb, o oid, dropped int, ms "odd Schema".mood[]);
ALTER TABLE typed DROP COLUMN dropped;
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
CREATE TABLE ri_nothing (id int PRIMARY KEY); ALTER TABLE ri_nothing REPLICA IDENTITY NOTHING;
CREATE TABLE ri_full (id int); ALTER TABLE ri_full REPLICA IDENTITY FULL;
CREATE TABLE ri_index (id int NOT NULL); CREATE UNIQUE INDEX ri_i ON ri_index (id);
ALTER TABLE ri_index REPLICA IDENTITY USING INDEX ri_i;
CREATE TABLE "odd Schema"."parts ""x""" (id int, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF "odd Schema"."parts ""x""" FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE parts_2 PARTITION OF "odd Schema"."parts ""x""" FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')
  PARTITION BY LIST (id);
CREATE TABLE parts_2a PARTITION OF parts_2 DEFAULT;
INSERT INTO "odd Schema"."parts ""x""" SELECT i, date '2020-06-01' + (i % 2) * 365 FROM generate_series(1, 1000) i;
ANALYZE parts_1; ANALYZE parts_2a;
CREATE TABLE secured (id int PRIMARY KEY); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE VIEW a_view AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW a_matview AS SELECT 1 AS one;
"#;

#[test]
fn a_source_is_read_back_as_it_was_made() {
    let source = support::source();
    source.run(SCHEMA);
    let facts = look_at(&source.endpoint, &source.password);
    let s = &facts.source;

    assert!(
        matches!(&s.configured, Attempt::Accepted { tls: Some(v) } if v.starts_with("TLSv1")),
        "{:?}",
        s.configured
    );
    assert!(s.encrypted.accepted() && s.replication.accepted(), "{:?}", s.replication);
    assert_eq!(code(&s.plaintext), "28000");
    assert_eq!(s.host.tcp, Fact::Known(None));
    let session = s.session.known().unwrap();
    assert_eq!(session.database, source.endpoint.database);
    assert_eq!(session.version_num / 10_000, source.server.major());
    assert!(session.is_rds && !session.in_recovery && session.encoding == "UTF8", "{session:?}");
    let settings = s.settings.known().unwrap();
    assert_eq!(settings["wal_level"].value, "logical");
    assert_eq!(settings["wal_level"].context, "postmaster");
    assert_eq!(settings["rds.force_ssl"].value, "1");
    assert_eq!(settings["statement_timeout"].value, "0", "the session's own limit is not the server's");
    let role = s.role.known().unwrap();
    assert!(role.superuser && !role.rds_superuser && !role.has_rds_replication_role, "{role:?}");
    assert!(s.databases.known().unwrap().contains(&source.endpoint.database));
    assert!(!s.databases.known().unwrap().contains(&"template1".to_string()));

    let relations = s.relations.known().unwrap();
    let kind = |name: &str| relations.iter().find(|r| r.name == name).map(|r| r.kind);
    assert_eq!(kind("a_view"), Some(TableKind::View));
    assert_eq!(kind("a_matview"), Some(TableKind::MaterializedView));
    assert_eq!(kind("parts_2"), Some(TableKind::Partitioned));
    let tables = s.tables.known().unwrap();
    assert!(!tables.iter().any(|t| t.name.starts_with("parts_") || t.name.starts_with("a_")), "only roots are listed");

    keys_and_columns(&facts);
    types(&facts);

    assert_eq!(table(&facts, "public.ri_nothing").replica_identity, ReplicaIdentity::Nothing);
    assert_eq!(table(&facts, "public.ri_full").replica_identity, ReplicaIdentity::Full);
    assert_eq!(table(&facts, "public.ri_index").replica_identity, ReplicaIdentity::Index);
    assert!(table(&facts, "public.unlogged").unlogged);
    assert!(table(&facts, "public.secured").row_security);
    let root = table(&facts, "odd Schema.parts \"x\"");
    assert_eq!((root.kind, root.estimated_rows), (TableKind::Partitioned, 1000));
    assert!(root.pages >= 4 && root.bytes == root.pages * 8192, "{} pages, {} bytes", root.pages, root.bytes);
}

fn keys_and_columns(facts: &Facts) {
    let chart = table(facts, "public.weekly_chart");
    assert_eq!((chart.primary_key.as_ref(), chart.estimated_rows), (None, 500));
    assert!(chart.pages > 0 && chart.can_select && chart.schema_usage && !chart.unlogged);
    let unique: Vec<&str> = chart.columns.iter().filter(|c| c.unique_by_statistics).map(|c| c.name.as_str()).collect();
    assert_eq!(unique, ["ChartDate_WeekEnding"]);

    let keyed = table(facts, "public.keyed");
    assert!(keyed.columns[0].identity && !keyed.columns[0].generated && keyed.columns[0].not_null);
    assert!(keyed.columns[1].generated && !keyed.columns[1].identity);
    assert!(keyed.primary_key.as_ref().unwrap().constraint);

    let serial = table(facts, "public.serial_key");
    assert_eq!(serial.primary_key.as_ref().unwrap().columns, ["id", "b"]);
    assert!(serial.column("id").unwrap().identity && !serial.column("a").unwrap().identity);

    let uniques = table(facts, "public.uniques");
    let key = |name: &str| uniques.unique_keys.iter().find(|k| k.name == name).unwrap();
    assert!(key("u_promotable").promotable() && !key("u_promotable").constraint);
    assert_eq!(key("u_promotable").columns, ["d"], "an included column is no part of the key");
    assert!(key("u_partial").partial && key("u_expression").expressions && !key("u_nullable").not_null);
    assert!(key("uniques_c_key").deferrable && key("uniques_c_key").constraint);
    let longest = |name: &str| uniques.column(name).unwrap().longest;
    assert_eq!((longest("c"), longest("d"), longest("e"), longest("f")), (Some(1), Some(11), None, Some(3)));
}

fn types(facts: &Facts) {
    let typed = table(facts, "public.typed");
    assert_eq!(typed.columns.len(), 14, "the dropped column is gone");
    assert_eq!(type_of(typed, "m").class, TypeClass::Enum(vec!["sad".into(), "ok".into(), "happy".into()]));
    let price = type_of(typed, "p");
    assert_eq!((price.name.as_str(), price.domain.as_deref()), ("numeric", Some("price")));
    assert_eq!(((price.modifier - 4) >> 16, (price.modifier - 4) & 0xffff), (12, 2), "the domain below has them");
    assert_eq!((type_of(typed, "t").name.as_str(), &type_of(typed, "t").class), ("_text", &TypeClass::Array));
    for (column, class) in [
        ("a", TypeClass::Array),
        ("ms", TypeClass::Array),
        ("r", TypeClass::Range),
        ("q", TypeClass::Composite),
        ("j", TypeClass::Base),
    ] {
        assert_eq!(type_of(typed, column).class, class, "{column}");
    }
    for (column, name, display) in [
        ("a", "_int4", "integer[]"),
        ("n", "numeric", "numeric(10,3)"),
        ("u", "numeric", "numeric"),
        ("v", "varchar", "character varying(20)"),
        ("c", "bpchar", "character(7)"),
        ("ts", "timestamptz", "timestamp(3) with time zone"),
        ("o", "oid", "oid"),
    ] {
        let ty = type_of(typed, column);
        assert_eq!((ty.name.as_str(), ty.display.as_str()), (name, display));
    }
    assert_eq!((type_of(typed, "u").modifier, type_of(typed, "v").modifier), (-1, 24));
}

#[test]
fn patterns_choose_the_tables_and_a_partition_can_stand_alone() {
    let source = support::source();
    source.run(SCHEMA);
    let mut pipeline = pipeline(&source.endpoint, &nowhere(&source.endpoint));
    pipeline.tables.include = vec!["public.*".into()];
    pipeline.tables.exclude = vec!["public.ri_*".into()];
    let facts = collect(&pipeline, &source.password, &source.password);
    let names: Vec<&str> = facts.source.tables.known().unwrap().iter().map(|t| t.name.as_str()).collect();
    // parts_2 is itself partitioned, so parts_2a belongs to it.
    let expected =
        ["keyed", "parts_1", "parts_2", "secured", "serial_key", "typed", "uniques", "unlogged", "weekly_chart"];
    assert_eq!(names, expected);
    let relations = facts.source.relations.known().unwrap();
    assert!(relations.iter().any(|r| r.name == "ri_full"), "what is not selected is still named");
}

#[test]
fn the_number_of_queries_does_not_depend_on_the_number_of_tables() {
    let few = queries_with(5);
    let many = queries_with(500);
    assert_eq!(few, many);
    assert!(few.0 < 30 && few.1 < 20, "{few:?}");
}

/// How many queries source and target take with that many tables each.
fn queries_with(tables: u32) -> (u32, u32) {
    let source = support::source();
    source.run(&format!(
        "DO $$ BEGIN FOR i IN 1..{tables} LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, k varchar(9) UNIQUE)', i);
         END LOOP; END $$"
    ));
    let target = support::target(MyFlavor::MariaDb);
    let creates: Vec<String> =
        (1..=tables).map(|i| format!("CREATE TABLE t{i} (id INT PRIMARY KEY, k VARCHAR(20) UNIQUE)")).collect();
    target.run(&creates.join(";"));
    let facts = collect(&pipeline(&source.endpoint, &target.endpoint), &source.password, &target.password);
    assert_eq!(facts.source.tables.known().unwrap().len(), usize::try_from(tables).unwrap());
    assert_eq!(facts.target.tables.known().unwrap().len(), usize::try_from(tables).unwrap());
    (facts.source.queries, facts.target.queries)
}

fn role(source: &Source, options: &str) -> String {
    let name = support::unique("login");
    source.run(&format!("CREATE ROLE {name} LOGIN PASSWORD 's3cret' {options}"));
    name
}

#[test]
fn a_wrong_password_is_the_first_thing_said_in_every_mode() {
    let source = support::source();
    for tls in [TlsMode::Prefer, TlsMode::Require, TlsMode::VerifyFull] {
        let endpoint = Endpoint { tls, ..source.endpoint.clone() };
        let facts = look_at(&endpoint, &SecretString::from("wrong"));
        let refusal = facts.source.configured.refusal().unwrap();
        assert_eq!((refusal.code.as_deref(), refusal.stage), (Some("28P01"), Stage::Login), "{tls:?}: {refusal:?}");
        let tables = facts.source.tables.known().unwrap_err();
        assert_eq!(tables.kind, UnknownKind::NotReachable);
        assert!(tables.reason.contains("password authentication failed"), "{}", tables.reason);
        assert!(!facts.source.replication.accepted());
    }
}

#[test]
fn an_unknown_database_still_yields_the_names_of_the_real_ones() {
    let source = support::source();
    for tls in [TlsMode::VerifyFull, TlsMode::Require, TlsMode::Disable] {
        let endpoint = Endpoint { database: "charts-source".into(), tls, ..source.endpoint.clone() };
        let facts = look_at(&endpoint, &source.password);
        // Without TLS the server does not get as far as the database; the names come over TLS.
        let expected = if tls == TlsMode::Disable { "28000" } else { "3D000" };
        assert_eq!(code(&facts.source.configured), expected);
        let databases = facts.source.databases.known().unwrap();
        assert!(databases.contains(&source.endpoint.database), "{tls:?}: {databases:?}");
    }
}

#[test]
fn a_login_without_connect_is_told_so() {
    let source = support::source();
    let name = role(&source, "");
    source.run(&format!("REVOKE CONNECT ON DATABASE {} FROM public", source.endpoint.database));
    let facts = look_at(&as_user(&source.endpoint, &name), &secret());
    let refusal = facts.source.configured.refusal().unwrap();
    assert_eq!(refusal.code.as_deref(), Some("42501"));
    assert!(refusal.detail.as_deref().unwrap_or_default().contains("CONNECT"), "{refusal:?}");
    assert!(!facts.source.databases.known().unwrap().contains(&source.endpoint.database));
}

#[test]
fn a_login_without_replication_is_refused_by_a_real_replication_session() {
    let source = support::source();
    let plain = look_at(&as_user(&source.endpoint, &role(&source, "")), &secret());
    assert!(plain.source.configured.accepted());
    assert_eq!(code(&plain.source.replication), "42501");
    let able = look_at(&as_user(&source.endpoint, &role(&source, "REPLICATION")), &secret());
    assert!(able.source.replication.accepted(), "{:?}", able.source.replication);
}

#[test]
fn what_a_poor_login_cannot_see_is_unknown() {
    let source = support::source();
    source.run(
        "CREATE TABLE closed (id int PRIMARY KEY, k text UNIQUE); CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int)",
    );
    let name = role(&source, "");
    let held = support::block_on(async {
        let client = source.client().await;
        client.batch_execute("BEGIN; CREATE TABLE in_progress (id int)").await.unwrap();
        let passwords = Passwords { source: Some(secret().into()), target: None };
        let endpoint = as_user(&source.endpoint, &name);
        facts::collect(&pipeline(&endpoint, &nowhere(&endpoint)), &passwords, &|_| {}).await
    });
    let why = held.source.transactions.known().unwrap_err();
    assert_eq!(why.kind, UnknownKind::NoPermission);
    assert!(why.reason.contains("pg_read_all_stats"), "{}", why.reason);
    assert!(!table(&held, "public.closed").can_select);
    assert!(table(&held, "public.closed").schema_usage && !table(&held, "hidden.t").schema_usage);
    assert_eq!(table(&held, "public.closed").column("k").unwrap().longest, None);
}

#[test]
fn open_and_prepared_transactions_and_slots_are_seen() {
    let server = Postgres::start(&PostgresOptions {
        settings: vec![("max_prepared_transactions".into(), "5".into())],
        ..PostgresOptions::default()
    })
    .unwrap();
    let endpoint = server.endpoint("postgres");
    let facts = support::block_on(async {
        let client = server.client("postgres").await.unwrap();
        client.batch_execute("CREATE TABLE t (id int)").await.unwrap();
        client.simple_query("SELECT pg_create_logical_replication_slot('kept', 'pgoutput')").await.unwrap();
        client.batch_execute("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left over'").await.unwrap();
        client.batch_execute("BEGIN; INSERT INTO t VALUES (2)").await.unwrap();
        let passwords = Passwords { source: Some(server.password().clone().into()), target: None };
        facts::collect(&pipeline(&endpoint, &nowhere(&endpoint)), &passwords, &|_| {}).await
    });
    let transactions = facts.source.transactions.known().unwrap();
    assert_eq!(transactions.iter().filter(|t| t.writing).count(), 1, "{transactions:?}");
    assert_eq!(transactions[0].state.as_deref(), Some("idle in transaction"));
    assert_eq!(facts.source.prepared.known().unwrap()[0].gid, "left over");
    let slot = &facts.source.slots.known().unwrap()[0];
    assert_eq!((slot.name.as_str(), slot.plugin.as_deref(), slot.active), ("kept", Some("pgoutput"), false));
    assert!(slot.retained_bytes.is_some_and(|bytes| bytes >= 0) && slot.wal_status.as_deref() == Some("reserved"));
    assert_eq!(facts.source.wal_senders_used, Fact::Known(0));
}

#[test]
fn a_locked_table_does_not_hold_the_collector_up() {
    let source = support::source();
    source.run("CREATE TABLE locked (id serial PRIMARY KEY, k text UNIQUE); CREATE TABLE free (id int PRIMARY KEY)");
    let (facts, took) = support::block_on(async {
        let client = source.client().await;
        client.batch_execute("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let passwords = Passwords { source: Some(source.password.clone().into()), target: None };
        let begun = Instant::now();
        let facts = facts::collect(&pipeline(&source.endpoint, &nowhere(&source.endpoint)), &passwords, &|_| {}).await;
        (facts, begun.elapsed())
    });
    assert_eq!(facts.source.tables.known().unwrap().len(), 2);
    assert!(table(&facts, "public.locked").column("id").unwrap().identity);
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn unreachable_hosts_are_told_from_unknown_names() {
    let source = support::source();
    let closed = nowhere(&source.endpoint);
    let unknown = Endpoint { host: "no such host".into(), ..closed.clone() };
    let facts = collect(&pipeline(&closed, &unknown), &secret(), &secret());
    assert!(facts.source.host.tcp.known().unwrap().as_deref().unwrap().contains("refused"));
    assert_eq!(facts.target.host.addresses, Fact::Known(Vec::new()));
    assert!(matches!(&facts.target.configured, Attempt::NotTried(why) if why.kind == UnknownKind::NotReachable));
    let facts = collect(&pipeline(&unknown, &closed), &secret(), &secret());
    assert!(facts.target.host.tcp.known().unwrap().as_deref().unwrap().contains("refused"));
    assert!(matches!(&facts.target.configured, Attempt::NotTried(why) if why.kind == UnknownKind::NotReachable));
}

#[test]
fn a_screen_sees_the_facts_arrive_stage_by_stage() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let seen = Mutex::new(Vec::new());
    let passwords =
        Passwords { source: Some(source.password.clone().into()), target: Some(target.password.clone().into()) };
    support::block_on(facts::collect(&pipeline(&source.endpoint, &target.endpoint), &passwords, &|facts| {
        let stage = (
            facts.source.configured.accepted(),
            facts.source.session.value().is_some(),
            facts.source.tables.value().is_some(),
        );
        seen.lock().unwrap().push(stage);
    }));
    let mut stages = seen.into_inner().unwrap();
    stages.dedup();
    assert_eq!(stages, [(false, false, false), (true, false, false), (true, true, false), (true, true, true)]);
}

#[test]
fn certificates_are_verified_as_the_mode_says() {
    let source = support::source();
    certificates(&source.endpoint, |endpoint| {
        support::block_on(connect::postgres::open(endpoint, Some(&source.password.clone().into()))).map(drop)
    });
    // The replication session goes the same way.
    certificates(&source.endpoint, |endpoint| {
        support::block_on(connect::postgres::open_replication(endpoint, Some(&source.password.clone().into())))
            .map(drop)
    });
    support::both_targets(|target| {
        certificates(&target.endpoint, |endpoint| {
            support::block_on(async {
                let conn = connect::mysql::open(endpoint, Some(&target.password.clone().into()), None).await?;
                conn.disconnect().await.unwrap();
                Ok(())
            })
        });
    });
}

fn certificates(good: &Endpoint, open: impl Fn(&Endpoint) -> Result<(), connect::ConnectError>) {
    let elsewhere = forward(good.port);
    let with = |tls: TlsMode, ca: bool, host: &str| Endpoint {
        tls,
        host: host.into(),
        port: if host == OTHER_NAME { elsewhere } else { good.port },
        ca_file: good.ca_file.clone().filter(|_| ca),
        ..good.clone()
    };
    use TlsMode::{Require, VerifyCa, VerifyFull};
    for (tls, ca, host) in [
        (VerifyFull, true, "localhost"),
        (VerifyFull, true, "127.0.0.1"),
        (VerifyCa, true, "localhost"),
        (VerifyCa, true, OTHER_NAME),
        (Require, false, OTHER_NAME),
    ] {
        let result = open(&with(tls, ca, host));
        assert!(result.is_ok(), "{tls:?}, authority known: {ca}, {host}: {result:?}");
    }
    for (tls, ca, host, says) in [
        (VerifyFull, false, "localhost", "an authority that is not trusted"),
        (VerifyCa, false, "localhost", "an authority that is not trusted"),
        (VerifyFull, true, OTHER_NAME, "it is for localhost, 127.0.0.1"),
    ] {
        let refusal = open(&with(tls, ca, host)).unwrap_err().refusal;
        assert_eq!(refusal.stage, Stage::Tls, "{refusal:?}");
        assert!(refusal.message.contains(says), "{tls:?}, authority known: {ca}, {host}: {refusal:?}");
    }
}

#[test]
fn prefer_takes_plaintext_only_where_the_server_has_no_tls() {
    let server = Postgres::start(&PostgresOptions {
        plaintext: true,
        settings: vec![("ssl".into(), "off".into())],
        ..PostgresOptions::default()
    })
    .unwrap();
    let with = |tls| Endpoint { tls, ..server.endpoint("postgres") };
    let facts = look_at(&with(TlsMode::Prefer), server.password());
    assert_eq!(facts.source.configured, Attempt::Accepted { tls: None });
    assert_eq!(facts.source.plaintext, Attempt::Accepted { tls: None });
    assert!(facts.source.replication.accepted(), "{:?}", facts.source.replication);
    let refusal = facts.source.encrypted.refusal().unwrap();
    assert!(refusal.stage == Stage::Tls && refusal.message.contains("does not offer TLS"), "{refusal:?}");

    let server = MySqlServer::start(&MySqlOptions {
        settings: vec![("ssl".into(), "0".into())],
        ..MySqlOptions::new(MyFlavor::MariaDb)
    })
    .unwrap();
    let with = |tls| Endpoint { tls, ..server.endpoint("mysql") };
    let facts = look_into(&with(TlsMode::Prefer), server.password());
    assert_eq!(facts.target.configured, Attempt::Accepted { tls: None });
    let refusal = facts.target.encrypted.refusal().unwrap();
    assert!(refusal.stage == Stage::Tls && refusal.message.contains("does not offer TLS"), "{refusal:?}");
}

const TARGET: &str = "
CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE `Wide One` (
  a INT UNSIGNED NOT NULL AUTO_INCREMENT, b VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'x',
  c DECIMAL(12,2), d DATETIME(6), e LONGTEXT, f ENUM('Rock','Pop'), g INT GENERATED ALWAYS AS (p + 1) VIRTUAL,
  h VARBINARY(16), p INT, PRIMARY KEY (b, a), UNIQUE KEY u (c, d), KEY (a), FOREIGN KEY (p) REFERENCES parent (id));
CREATE TABLE keyless (x LONGTEXT, y DOUBLE);
CREATE TRIGGER stamp BEFORE INSERT ON keyless FOR EACH ROW SET NEW.y = 1;
CREATE VIEW a_view AS SELECT 1 AS one;
INSERT INTO keyless VALUES ('a', 1), ('b', 2)";

#[test]
fn a_target_is_read_back_as_it_was_made() {
    support::both_targets(|target| {
        target.run(TARGET);
        let facts = look_into(&target.endpoint, &target.password);
        let t = &facts.target;
        assert!(
            matches!(&t.configured, Attempt::Accepted { tls: Some(v) } if v.starts_with("TLSv1")),
            "{:?}",
            t.configured
        );
        assert_eq!(t.plaintext, Attempt::Accepted { tls: None });
        assert_eq!(t.host.tcp, Fact::Known(None));
        let session = t.session.known().unwrap();
        assert_eq!(session.flavor, target.server.flavor());
        assert!(session.version_parts.0 >= 9 && session.user == "root@%", "{session:?}");
        let variables = t.variables.known().unwrap();
        assert_eq!(variables["local_infile"], "ON");
        assert_eq!(variables["require_secure_transport"], "OFF");
        assert_eq!(variables.contains_key("sql_require_primary_key"), session.flavor == MyFlavor::MySql);
        assert!(!t.account.known().unwrap().plugin.is_empty());
        assert!(t.grants.known().unwrap().iter().any(|g| g.starts_with("GRANT")), "{:?}", t.grants);
        let schema = &t.schemas.known().unwrap()[0];
        assert_eq!((schema.name.as_str(), schema.charset.as_str()), (target.endpoint.database.as_str(), "utf8mb4"));
        assert!(t.databases.known().unwrap().contains(&target.endpoint.database));
        target_tables(t.tables.known().unwrap());
    });
}

fn target_tables(tables: &[MyTable]) {
    let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["Wide One", "keyless", "parent"]);
    let (wide, keyless, parent) = (&tables[0], &tables[1], &tables[2]);
    assert_eq!(wide.primary_key, ["b", "a"]);
    assert_eq!((wide.unique_keys.len(), wide.unique_keys[0].name.as_str()), (1, "u"));
    assert_eq!(wide.unique_keys[0].columns, ["c", "d"]);
    assert!(wide.foreign_keys && parent.foreign_keys && !keyless.foreign_keys);
    assert_eq!(wide.engine.as_deref(), Some("InnoDB"));
    let column = |name: &str| wide.column(name).unwrap();
    assert!(column("a").column_type.ends_with("unsigned") && column("a").extra == "auto_increment");
    assert!(!column("a").nullable && column("a").default.is_none());
    let b = column("b");
    assert_eq!(
        (b.data_type.as_str(), b.char_length, b.collation.as_deref()),
        ("varchar", Some(20), Some("utf8mb4_bin"))
    );
    assert!(b.default.as_deref().is_some_and(|d| d.trim_matches('\'') == "x"), "{:?}", b.default);
    assert_eq!((column("c").numeric_precision, column("c").numeric_scale), (Some(12), Some(2)));
    assert!(column("c").nullable && column("c").default.is_none(), "MariaDB's NULL is no default");
    assert_eq!(column("d").datetime_precision, Some(6));
    assert_eq!(column("f").column_type, "enum('Rock','Pop')");
    assert!(column("g").generated && !column("a").generated);
    assert_eq!((column("h").char_length, column("h").charset.as_deref()), (Some(16), None));
    assert!(keyless.primary_key.is_empty());
    assert_eq!(keyless.triggers, ["stamp"]);
    assert_eq!(keyless.estimated_rows, 2);
}

#[test]
fn a_target_refuses_in_its_own_words() {
    support::both_targets(|target| {
        let facts = look_into(&target.endpoint, &SecretString::from("wrong"));
        assert_eq!(code(&facts.target.configured), "1045");
        assert_eq!(facts.target.variables.known().unwrap_err().kind, UnknownKind::NotReachable);

        let elsewhere = Endpoint { database: "no_such_database".into(), ..target.endpoint.clone() };
        let facts = look_into(&elsewhere, &target.password);
        assert_eq!(code(&facts.target.configured), "1049");
        assert!(facts.target.encrypted.accepted());
        assert!(facts.target.databases.known().unwrap().contains(&target.endpoint.database));
        assert_eq!(facts.target.schemas, Fact::Known(Vec::new()));
        assert_eq!(facts.target.tables, Fact::Known(Vec::new()));
    });
}

#[test]
fn a_poor_account_yields_unknown() {
    support::both_targets(|target| {
        let name = support::unique("app");
        target.run(&format!(
            "CREATE USER {name}@'%' IDENTIFIED BY 's3cret'; GRANT SELECT ON {}.* TO {name}@'%'",
            target.endpoint.database
        ));
        let facts = look_into(&as_user(&target.endpoint, &name), &secret());
        assert!(facts.target.configured.accepted(), "{:?}", facts.target.configured);
        let why = facts.target.account.known().unwrap_err();
        assert_eq!(why.kind, UnknownKind::NoPermission);
        assert!(why.reason.contains("mysql.user"), "{}", why.reason);
        let grants = facts.target.grants.known().unwrap().join("\n");
        assert!(grants.contains("SELECT") && !grants.contains("PASSWORD"), "{grants}");
    });
}

#[test]
fn plaintext_logins_work_with_either_password_method() {
    support::both_targets(|target| {
        let name = support::unique("app");
        target.run(&format!("CREATE USER {name}@'%' IDENTIFIED BY 's3cret'"));
        let endpoint = Endpoint { tls: TlsMode::Disable, ..as_user(&target.endpoint, &name) };
        support::block_on(async {
            let mut conn = connect::mysql::open(&endpoint, Some(&secret().into()), None).await.unwrap();
            let row: (String, String, String) =
                conn.query_first("SELECT @@sql_mode, @@time_zone, @@character_set_client").await.unwrap().unwrap();
            assert!(row.0.contains("STRICT_ALL_TABLES") && !row.0.contains("ANSI_QUOTES"), "{}", row.0);
            assert_eq!((row.1.as_str(), row.2.as_str()), ("+00:00", "utf8mb4"));
            conn.disconnect().await.unwrap();
        });
    });
}

#[test]
fn a_server_that_wants_tls_is_told_from_one_that_does_not() {
    support::both_targets(|target: &Target| {
        let server =
            MySqlServer::start(&MySqlOptions { plaintext: false, ..MySqlOptions::new(target.server.flavor()) })
                .unwrap();
        let endpoint = Endpoint { tls: TlsMode::Disable, ..server.endpoint("mysql") };
        let facts = look_into(&endpoint, server.password());
        let expected = if target.server.flavor() == MyFlavor::MySql { "3159" } else { "1045" };
        assert_eq!(code(&facts.target.configured), expected);
        assert!(facts.target.encrypted.accepted(), "{:?}", facts.target.encrypted);
    });
}

#[test]
fn a_session_has_the_settings_that_the_rest_relies_on() {
    let source = support::source();
    source.run(&format!(
        "ALTER DATABASE {0} SET DateStyle = 'German'; ALTER DATABASE {0} SET TimeZone = 'Asia/Tokyo';
         ALTER DATABASE {0} SET statement_timeout = '1min'; ALTER DATABASE {0} SET bytea_output = 'escape';
         ALTER DATABASE {0} SET idle_session_timeout = '1min'",
        source.endpoint.database
    ));
    support::block_on(async {
        let client = connect::postgres::open(&source.endpoint, Some(&source.password.clone().into())).await.unwrap();
        let sql = "SELECT '2024-02-03 04:05:06+00'::timestamptz::text, '\\x01ff'::bytea::text,
                          '1 mon 2 days 03:00'::interval::text, current_setting('statement_timeout'),
                          current_setting('row_security'), current_setting('application_name'),
                          current_setting('idle_session_timeout')";
        let row = client.query_one(sql, &[]).await.unwrap();
        let texts: Vec<String> = (0..7).map(|i| row.get(i)).collect();
        assert_eq!(texts, ["2024-02-03 04:05:06+00", "\\x01ff", "P1M2DT3H", "0", "off", "cdc-doctor", "0"]);
    });
}
