//! Target tables on real servers: what is created is what was wanted, what is narrower is found, and what differs is
//! mended by one statement.

use std::collections::BTreeSet;

use cdc_doctor::facts::{self, MyTable, PgTable};
use cdc_doctor::pipeline::{
    Endpoint, EngineKind, OnSchemaChange, OnUnrepresentable, Origin, Pipeline, SyncMode, SyncSettings, TableSelection,
};
use cdc_doctor::schema::{self, Dialect, Difference, Planned, TargetTable};
use mysql_async::prelude::Queryable;

use crate::support::{self, Source, Target};

/// Every type of `pg_catalog` that a column can have and the arrays and row types of a user.
const EVERY_TYPE: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'it''s 😀');
    CREATE TYPE pair AS (a int, b text);
    CREATE DOMAIN price AS numeric(9,2) NOT NULL CHECK (VALUE >= 0);
    CREATE TABLE every_type (
        id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        c_mood mood, c_moods mood[], c_pair pair, c_price price,
        c_varchar20 varchar(20), c_varchar16384 varchar(16384), c_char5 char(5), c_char300 char(300),
        c_numeric12_2 numeric(12,2), c_numeric66 numeric(66,0), c_numeric5_30 numeric(30,30),
        c_bit8 bit(8), c_varbit8 varbit(8), c_time0 time(0), c_timestamp3 timestamp(3), c_timestamptz0 timestamptz(0),
        c_twice int4 GENERATED ALWAYS AS (2) STORED";

fn pipeline(source: &Endpoint, target: &Endpoint) -> Pipeline {
    Pipeline {
        path: "cdc-doctor.toml".into(),
        name: "schema".into(),
        source: source.clone(),
        target: target.clone(),
        tables: TableSelection { include: vec!["*.*".into()], exclude: vec![], schema_map: Default::default() },
        sync: SyncSettings {
            engine: EngineKind::Direct,
            mode: SyncMode::FullLoad,
            slot: "s".into(),
            publication: "p".into(),
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

fn dialect(target: &Target) -> Dialect {
    let version: String = support::block_on(async {
        let mut conn = target.conn().await;
        let version = conn.query_first("SELECT version()").await.unwrap().unwrap();
        conn.disconnect().await.unwrap();
        version
    });
    let mut parts = version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    Dialect { flavor: target.server.flavor(), version: (next(), next(), next()) }
}

fn source_tables(source: &Source) -> Vec<PgTable> {
    support::block_on(async {
        let client = source.client().await;
        let pipeline = pipeline(&source.endpoint, &source.endpoint);
        let mut tables = facts::postgres::tables(&client, &pipeline).await.unwrap();
        facts::postgres::measure(&client, &mut tables).await.unwrap();
        tables
    })
}

fn planned(source: &Source, target: &Target) -> Vec<Planned> {
    let dialect = dialect(target);
    schema::plan_all(&source_tables(source), &pipeline(&source.endpoint, &target.endpoint), dialect)
}

fn there(target: &Target, name: &str) -> MyTable {
    support::block_on(async {
        let mut conn = target.conn().await;
        let tables = facts::mysql::tables(&mut conn, &[&target.endpoint.database]).await.unwrap();
        conn.disconnect().await.unwrap();
        tables.into_iter().find(|t| t.name == name).unwrap_or_else(|| panic!("there is no table {name}"))
    })
}

/// One statement, with the session that the program itself uses.
fn run(target: &Target, sql: &str) -> Result<(), String> {
    support::block_on(async {
        let mut conn = cdc_doctor::connect::mysql::open(
            &target.endpoint,
            Some(&target.password.clone().into()),
            Some(&target.endpoint.database),
        )
        .await
        .unwrap();
        let ran = conn.query_drop(sql).await.map_err(|why| format!("{why}\n{sql}"));
        conn.disconnect().await.unwrap();
        ran
    })
}

fn describe(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(Difference::describe).collect()
}

/// Creates the table as wanted; it must not differ from what was wanted.
fn create(target: &Target, want: &TargetTable) {
    run(target, &want.create_sql()).unwrap();
    assert_eq!(describe(&schema::drift(want, &there(target, &want.name))), [""; 0], "{}", want.create_sql());
}

/// Mends the table by the one statement; afterwards it must not differ.
fn mend(target: &Target, want: &TargetTable) -> String {
    let before = there(target, &want.name);
    let sql = schema::repair_sql(want, &before)
        .unwrap_or_else(|| panic!("nothing mends {:?}", describe(&schema::drift(want, &before))));
    run(target, &sql).unwrap();
    assert_eq!(describe(&schema::drift(want, &there(target, &want.name))), [""; 0], "{sql}");
    sql
}

#[test]
fn a_table_of_every_type_is_created_and_does_not_differ() {
    let source = support::source();
    let scalars = support::block_on(async {
        let client = source.client().await;
        let sql = "SELECT t.oid::regtype::text, t.typname::text FROM pg_type t
                   WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm')
                     AND t.typname NOT IN ('gtsvector', '_gtsvector', '_cstring') AND NOT (t.typcategory = 'A' AND t.typname LIKE '\\_pg\\_%')";
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get::<_, String>(0), row.get::<_, String>(1))).collect::<BTreeSet<_>>()
    });
    assert!(scalars.len() > 100);
    // Arrays are in a table of their own: InnoDB takes fewer than 200 long texts in one.
    let (arrays, scalars): (Vec<_>, Vec<_>) = scalars.into_iter().partition(|(_, name)| name.starts_with('_'));
    let columns = |types: &[(String, String)]| -> String {
        types.iter().map(|(ty, name)| format!(", \"b_{name}\" {ty}")).collect()
    };
    source.run(&format!(
        "{EVERY_TYPE}{}); CREATE TABLE arrays (id int PRIMARY KEY{})",
        columns(&scalars),
        columns(&arrays)
    ));
    support::both_targets(|target| {
        for planned in planned(&source, target) {
            assert_eq!(planned.problems, [], "{}", planned.table.label());
            create(target, &planned.table);
        }
    });
}

#[test]
fn every_scalar_type_of_the_server_is_in_the_map() {
    let source = support::source();
    let unknown = support::block_on(async {
        let client = source.client().await;
        let sql = "SELECT string_agg(t.typname, ' ') FROM pg_type t
                   WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typname NOT LIKE '\\_%'
                     AND NOT t.typname::text = ANY ($1)";
        let page = include_str!("../../docs/types.md");
        let mut named: Vec<String> = page.split('`').map(|name| name.trim_matches('"').to_owned()).collect();
        for (sql, catalog) in [
            ("boolean", "bool"),
            ("smallint", "int2"),
            ("integer", "int4"),
            ("bigint", "int8"),
            ("real", "float4"),
            ("double precision", "float8"),
            ("char(n)", "bpchar"),
            ("varchar(n)", "varchar"),
            ("numeric(p,s)", "numeric"),
            ("bit(n)", "bit"),
            ("bit varying(n)", "varbit"),
        ] {
            assert!(named.iter().any(|n| n == sql), "{sql}");
            named.push(catalog.into());
        }
        client.query_one(sql, &[&named]).await.unwrap().get::<_, Option<String>>(0)
    });
    assert_eq!(unknown, None, "types that docs/types.md does not name");
}

#[test]
fn narrower_columns_are_found_and_widened() {
    let source = support::source();
    source.run(
        "CREATE TABLE narrow (id int8 PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, o oid, f float8, n numeric(12,2), nn numeric,
         v varchar(200), t text, c char(5), u uuid, y bytea, d date, ti time, ts timestamp, tz timestamptz, j json, jb jsonb)",
    );
    // Types that lose, change or refuse some value of the column, each to be found and mended.
    let cases = [
        ("b", "BIT(1)"),
        ("i2", "TINYINT"),
        ("i4", "SMALLINT"),
        ("i4", "INT UNSIGNED"),
        ("i4", "MEDIUMINT"),
        ("i4", "FLOAT"),
        ("i4", "DECIMAL(9,0)"),
        ("i8", "INT"),
        ("i8", "BIGINT UNSIGNED"),
        ("i8", "DOUBLE"),
        ("i8", "VARCHAR(10)"),
        ("o", "INT"),
        ("f", "FLOAT"),
        ("f", "DECIMAL(20,5)"),
        ("f", "DOUBLE(10,2)"),
        ("n", "DECIMAL(12,1)"),
        ("n", "DECIMAL(12,3)"),
        ("n", "DOUBLE"),
        ("n", "INT"),
        ("nn", "DECIMAL(30,10)"),
        ("v", "VARCHAR(100)"),
        ("v", "TINYTEXT"),
        ("v", "CHAR(200)"),
        ("v", "VARCHAR(200) CHARACTER SET latin1"),
        ("v", "VARCHAR(200) CHARACTER SET utf8mb3"),
        ("v", "ENUM('a','B')"),
        ("v", "SET('a','b')"),
        ("v", "VARBINARY(100)"),
        ("t", "TEXT"),
        ("t", "MEDIUMTEXT"),
        ("t", "LONGTEXT CHARACTER SET latin1"),
        ("c", "CHAR(4)"),
        ("u", "VARCHAR(30)"),
        ("u", "CHAR(32)"),
        ("y", "BLOB"),
        ("y", "VARBINARY(255)"),
        ("y", "BINARY(200)"),
        ("y", "LONGTEXT"),
        ("d", "TIMESTAMP"),
        ("ti", "TIME"),
        ("ti", "TIME(3)"),
        ("ts", "DATE"),
        ("ts", "DATETIME"),
        ("ts", "DATETIME(3)"),
        ("ts", "TIMESTAMP(6)"),
        ("tz", "TIMESTAMP(6)"),
        ("tz", "VARCHAR(19)"),
        ("jb", "TEXT"),
        ("jb", "VARCHAR(1000)"),
    ];
    support::both_targets(|target| {
        let want = planned(&source, target).remove(0).table;
        create(target, &want);
        // One table for each of a column's narrower types, all columns at once.
        let most = cases.iter().map(|(c, _)| cases.iter().filter(|(d, _)| d == c).count()).max().unwrap();
        for round in 0..most {
            run(target, "DROP TABLE narrow").unwrap();
            run(target, &want.create_sql()).unwrap();
            let mut seeded: Vec<&str> = Vec::new();
            for column in &want.columns {
                let Some((name, narrow)) = cases.iter().filter(|(c, _)| *c == column.name).nth(round) else { continue };
                run(target, &format!("ALTER TABLE narrow MODIFY COLUMN {name} {narrow} NULL")).unwrap();
                seeded.push(name);
            }
            let differences = schema::drift(&want, &there(target, "narrow"));
            let found: Vec<&str> = differences.iter().filter_map(Difference::column).collect();
            assert_eq!(found, seeded, "{:?}", describe(&differences));
            assert!(differences.iter().all(|d| matches!(d, Difference::NarrowerType { .. })));
            mend(target, &want);
        }
    });
}

#[test]
fn values_survive_a_repair() {
    let source = support::source();
    source.run("CREATE TABLE kept (id int4 PRIMARY KEY, n numeric(12,2), v varchar(20), at timestamp)");
    support::both_targets(|target| {
        let want = planned(&source, target).remove(0).table;
        run(target, "CREATE TABLE kept (id SMALLINT UNSIGNED NULL, n DOUBLE NULL, v VARCHAR(5) CHARACTER SET latin1 NULL, at TIMESTAMP NULL)").unwrap();
        run(target, "INSERT INTO kept VALUES (65535, 12.35, 'é', '2026-11-22 10:00:00'), (1, -0.01, 'B', NULL)")
            .unwrap();
        mend(target, &want);
        let rows: Vec<String> = support::block_on(async {
            let mut conn = target.conn().await;
            let sql = "SELECT concat_ws('|', id, n, v, ifnull(at, '-')) FROM kept ORDER BY id";
            let rows = conn.query(sql).await.unwrap();
            conn.disconnect().await.unwrap();
            rows
        });
        assert_eq!(rows, ["1|-0.01|B|-", "65535|12.35|é|2026-11-22 10:00:00.000000"]);
    });
}

#[test]
fn a_repair_refuses_to_cut_a_value() {
    let source = support::source();
    source.run("CREATE TABLE cut (code text PRIMARY KEY)");
    support::both_targets(|target| {
        let want = planned(&source, target).remove(0).table;
        run(target, "CREATE TABLE cut (code LONGTEXT CHARACTER SET utf8mb4)").unwrap();
        run(target, "INSERT INTO cut VALUES (repeat('x', 300))").unwrap();
        let sql = schema::repair_sql(&want, &there(target, "cut")).unwrap();
        let refused = run(target, &sql).unwrap_err();
        assert!(refused.contains("1406"), "{refused}");
    });
}

#[test]
fn a_table_that_spark_rewrote_is_known_and_mended() {
    let source = support::source();
    source.run(
        r#"CREATE TABLE weekly ("ChartDate_WeekEnding" date PRIMARY KEY, title varchar(200) NOT NULL, score numeric(10,2), hit bool, ts timestamp)"#,
    );
    support::both_targets(|target| {
        let want = planned(&source, target).remove(0).table;
        run(target, "CREATE TABLE weekly (`ChartDate_WeekEnding` DATE, title LONGTEXT, score DOUBLE, hit BIT(1)) CHARACTER SET latin1").unwrap();
        run(target, "INSERT INTO weekly VALUES ('2026-11-20', 'Für Elise', 9.95, 1)").unwrap();
        let have = there(target, "weekly");
        assert!(schema::spark_fingerprint(&have));
        assert!(
            schema::drift(&want, &have).contains(&Difference::MissingPrimaryKey { want: want.primary_key.clone() })
        );
        mend(target, &want);
        assert!(!schema::spark_fingerprint(&there(target, "weekly")));
    });
}

#[test]
fn keys_engines_and_columns_are_mended() {
    let source = support::source();
    source.run("CREATE TABLE k (a int, b text, c varchar(10), d int, PRIMARY KEY (a, b)); INSERT INTO k VALUES (1, 'x', 'y', 2)");
    let columns = "a INT NOT NULL, b VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";
    // MyISAM takes keys of 1,000 bytes; the longest value seen is what counts.
    let short = columns.replace("300", "20");
    let rest = "c LONGTEXT CHARACTER SET utf8mb4, d INT";
    let cases = [
        ("no key", format!("CREATE TABLE k ({columns}, {rest})")),
        ("another key", format!("CREATE TABLE k ({columns}, {rest}, PRIMARY KEY (a))")),
        ("a counter as key", format!("CREATE TABLE k (id INT AUTO_INCREMENT PRIMARY KEY, {columns}, {rest})")),
        ("an indexed counter as key", format!("CREATE TABLE k (id INT AUTO_INCREMENT PRIMARY KEY, {columns}, {rest}, UNIQUE (id))")),
        ("a column that must have a value", format!("CREATE TABLE k ({columns}, {rest}, owner VARCHAR(10) NOT NULL, PRIMARY KEY (a, b))")),
        ("an extra unique key", format!("CREATE TABLE k ({columns}, {rest}, PRIMARY KEY (b, a), UNIQUE KEY `d``d` (d))")),
        ("no NULL", format!("CREATE TABLE k ({columns}, c LONGTEXT CHARACTER SET utf8mb4 NOT NULL, d INT NOT NULL, PRIMARY KEY (a, b))")),
        ("another engine", format!("CREATE TABLE k ({short}, {rest}, PRIMARY KEY (a, b)) ENGINE=MyISAM")),
        ("a stored column", format!("CREATE TABLE k ({columns}, c LONGTEXT CHARACTER SET utf8mb4, d INT AS (a + 1) STORED, PRIMARY KEY (a, b))")),
        ("a merging collation", "CREATE TABLE k (a INT NOT NULL, b VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL, c LONGTEXT CHARACTER SET utf8mb4, d INT, PRIMARY KEY (a, b))".into()),
        ("the start of a text as key", format!("CREATE TABLE k (a INT NOT NULL, b LONGTEXT CHARACTER SET utf8mb4 NOT NULL, {rest}, PRIMARY KEY (a, b(20)))")),
        ("a missing key column", format!("CREATE TABLE k (a INT NOT NULL PRIMARY KEY, {rest})")),
        ("missing columns", format!("CREATE TABLE k ({columns}, PRIMARY KEY (a, b))")),
    ];
    support::both_targets(|target| {
        let want = planned(&source, target).remove(0).table;
        for (what, sql) in &cases {
            run(target, "DROP TABLE IF EXISTS k").unwrap();
            run(target, sql).unwrap();
            assert_ne!(schema::drift(&want, &there(target, "k")), [], "{what}");
            eprintln!("{what}");
            mend(target, &want);
        }
        run(target, "DROP TABLE k").unwrap();
        run(target, &format!("CREATE TABLE k ({columns}, c LONGTEXT CHARACTER SET utf8mb4, d INT AS (a + 1) VIRTUAL, PRIMARY KEY (a, b))")).unwrap();
        assert_eq!(
            schema::repair_sql(&want, &there(target, "k")),
            None,
            "neither server makes a virtual column an ordinary one"
        );
    });
}

#[test]
fn wide_tables_are_created_within_the_limits() {
    let source = support::source();
    let texts: String = (0..170).map(|n| format!(", t{n} text")).collect();
    let varchars: String = (0..180).map(|n| format!(", v{n} varchar(200)")).collect();
    let longest =
        "CREATE TABLE longest (id int PRIMARY KEY, a varchar(16383), b varchar(16000), c varchar(20), d char(255))";
    let ints: String = (0..1000).map(|n| format!(", i{n} int2")).collect();
    let key = "CREATE TABLE key (a varchar(1000), b text, c bytea, d uuid, e numeric, f varchar(30) UNIQUE, g text UNIQUE, PRIMARY KEY (a, b, c, d, e))";
    source.run(&format!(
        "CREATE TABLE texts (id int PRIMARY KEY{texts}); CREATE TABLE varchars (id int PRIMARY KEY{varchars}); {longest};
         CREATE TABLE ints (id int PRIMARY KEY{ints}); {key}"
    ));
    support::both_targets(|target| {
        for planned in planned(&source, target) {
            assert_eq!(planned.problems, [], "{}", planned.table.label());
            create(target, &planned.table);
        }
    });
}

#[test]
fn awkward_names_are_created_or_refused_with_a_reason() {
    let source = support::source();
    source.run(
        "CREATE TABLE \"se`lect; DROP \"\"x\"\"\" (\"a`b\" int PRIMARY KEY, \"order by\" text UNIQUE, \" blank\" int, \"é.ü\tñ\n_\" int, \"1\" int, \"PRIMARY\" int UNIQUE);
         CREATE TABLE \"refused\" (\"Id\" int, \"id\" int, \"end \" int, \"🎵\" int, \"line\n\" int)",
    );
    support::both_targets(|target| {
        let all = planned(&source, target);
        let (fine, refused) = all.iter().partition::<Vec<_>, _>(|p| p.problems.is_empty());
        assert_eq!((fine.len(), refused.len()), (1, 1));
        create(target, &fine[0].table);
        assert_eq!(refused[0].problems.len(), 4, "{:?}", refused[0].problems);
        assert!(run(target, &refused[0].table.create_sql()).is_err());
    });
}
