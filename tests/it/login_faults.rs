//! Logins that work today and not tomorrow, or not for one more session: seeded on real servers, told by the check that
//! knows them.

use aws_sdk_databasemigration::types::PostgreSqlSettings;
use cdc_doctor::diagnose::Outcome;
use cdc_doctor::facts::{Fact, MyFlavor};
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use cdc_doctor::quote::{my_ident, pg_ident};
use secrecy::SecretString;

use crate::aws_faults::seeded::{dms, fails, passes, provisioned_on};
use crate::checks::{Case, Seen, notes};
use crate::support::{self, Source, Target};

/// A pipeline whose source has one table that its role may read.
fn with_role() -> (Case, Source, String) {
    let source = support::source();
    source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
    let mut case = Case::new(&source, &support::target(MyFlavor::MariaDb));
    let role = case.source_role(&source, "GRANT SELECT ON weekly_chart TO {role}");
    (case, source, role)
}

#[test]
fn later_tables_are_told_with_the_statement_that_heals() {
    let (case, source, role) = with_role();
    assert_eq!(case.look().causes(), [""; 0]);
    let owner = support::unique("owner");
    source.run(&format!("ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM {role}; CREATE ROLE {owner}"));
    source.run(&format!("ALTER TABLE weekly_chart OWNER TO {owner}"));
    let seen = case.look();
    assert_eq!(seen.causes(), ["AUT-011"]);
    let finding = seen.finding("AUT-011");
    assert_eq!(finding.evidence[0].1, owner);
    source.run(notes(&finding)[0].split_once(": ").unwrap().1);
    assert_eq!(case.look().causes(), [""; 0]);

    source.run(&format!(
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public REVOKE SELECT ON TABLES FROM {role}"
    ));
    for (grant, revoke) in [
        (format!("GRANT {owner} TO {role}"), format!("REVOKE {owner} FROM {role}")),
        (format!("GRANT pg_read_all_data TO {role}"), format!("REVOKE pg_read_all_data FROM {role}")),
        (
            format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO PUBLIC"),
            format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE SELECT ON TABLES FROM PUBLIC"),
        ),
    ] {
        assert_eq!(case.look().causes(), ["AUT-011"], "before {grant}");
        source.run(&grant);
        assert_eq!(case.look().causes(), [""; 0], "{grant}");
        source.run(&revoke);
    }
}

#[test]
fn a_role_that_may_not_log_in_or_has_its_sessions_is_told_the_statement_that_heals() {
    let (case, source, role) = with_role();
    let database = pg_ident(&source.endpoint.database);
    for (limit, words) in [
        (format!("ALTER ROLE {role} NOLOGIN"), "is not permitted to log in"),
        (format!("ALTER ROLE {role} CONNECTION LIMIT 0"), "too many connections for role"),
        (format!("ALTER DATABASE {database} CONNECTION LIMIT 0"), "too many connections for database"),
    ] {
        source.run(&limit);
        let seen = case.look();
        seen.assert_causes(&["AUT-013"], &["AUT-024", "SRC-001"]);
        assert!(seen.finding("AUT-013").message.contains(words), "{}", seen.finding("AUT-013").message);
        source.run(&seen.finding("AUT-013").fix.unwrap().summary);
        assert_eq!(case.look().causes(), [""; 0], "{limit}");
    }
    source.run(&format!("ALTER ROLE {role} VALID UNTIL 'infinity'"));
    assert_eq!(case.look().causes(), [""; 0]);
    let soon = "SELECT format('ALTER ROLE %I VALID UNTIL %L', '{role}', now() + '3 days 1 hour'::interval)";
    source.run(&format!("DO $$ BEGIN EXECUTE ({}); END $$", soon.replace("{role}", &role)));
    let finding = case.look().finding("AUT-013");
    assert!(finding.message.ends_with("ends in 3 days"), "{}", finding.message);
    source.run(&finding.fix.unwrap().summary);
    source.run(&format!("ALTER ROLE {role} CONNECTION LIMIT 5"));
    let seen = case.look();
    assert_eq!(seen.causes(), [""; 0]);
    let Fact::Known(rights) = &seen.facts.source.rights else { panic!("{:?}", seen.facts.source.rights) };
    assert_eq!(rights.role_sessions.limit, Some(5));
    assert!((1..5).contains(&rights.role_sessions.open), "{rights:?}");
}

#[test]
fn a_source_without_a_connection_left_is_told() {
    let settings = [("max_connections", "6"), ("superuser_reserved_connections", "3"), ("max_wal_senders", "2")];
    let server = Postgres::start(&PostgresOptions {
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..PostgresOptions::default()
    })
    .unwrap();
    let source = own(server);
    let mut case = Case::new(&source, &support::target(MyFlavor::MariaDb));
    case.source_role(&source, "");
    support::block_on(async {
        let mut held = Vec::new();
        while held.len() < 3 {
            held.push(source.client().await);
        }
        let facts = cdc_doctor::facts::collect(&case.pipeline(), &case.passwords, &|_| {}).await;
        let seen = Seen::of(facts);
        seen.assert_causes(&["AUT-015"], &["AUT-024", "SRC-001"]);
        let words = &seen.finding("AUT-015").evidence[0].1;
        assert!(words.starts_with("53300 remaining connection slots are reserved"), "{words}");
    });
    assert!(!case.look().causes().contains(&"AUT-015"));
    source.server.stop();
}

/// A source that nobody else leaves slots on. It borrows its server for ever; `stop`, or the end of the process, ends
/// that all the same.
fn own(server: Postgres) -> Source {
    let server: &'static Postgres = Box::leak(Box::new(server));
    Source { server, endpoint: server.endpoint("postgres"), password: server.password().clone() }
}

/// A line that rejects is another thing than no line, and may mean TLS only.
#[test]
fn a_line_that_rejects_is_told_from_one_that_is_missing() {
    let source = own(Postgres::start(&PostgresOptions::default()).unwrap());
    let mut case = Case::new(&source, &support::target(MyFlavor::MariaDb));
    case.source_role(&source, "");
    put_first(&source, "hostnossl all all all reject");
    let causes = case.look().causes().join(" ");
    assert!(!causes.contains("AUT-") && !causes.contains("TLS-"), "{causes}");
    case.set("source.tls", "disable");
    case.look().assert_causes(&["TLS-001"], &["AUT-024", "SRC-001"]);
    put_first(&source, "host all all all reject");
    let seen = case.look();
    seen.assert_causes(&["AUT-003"], &["AUT-024", "SRC-001"]);
    assert!(notes(&seen.finding("AUT-003"))[1].contains("hostssl \"postgres\""), "{:?}", seen.finding("AUT-003"));
    source.server.stop();
}

/// Puts a line before all others of `pg_hba.conf`, and waits until the server has read it.
fn put_first(source: &Source, line: &str) {
    support::block_on(async {
        let client = source.client().await;
        let path: String = client.query_one("SHOW hba_file", &[]).await.unwrap().get(0);
        let rest = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{line}\n{rest}")).unwrap();
        let loaded = "SELECT pg_conf_load_time()::text";
        let before: String = client.query_one(loaded, &[]).await.unwrap().get(0);
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        // Sessions are told by the server itself, which takes the next login only when it has read the file.
        while client.query_one(loaded, &[]).await.unwrap().get::<_, String>(0) == before {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn a_target_without_a_connection_left_is_told() {
    let source = own(Postgres::start(&PostgresOptions::default()).unwrap());
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let server = MySqlServer::start(&MySqlOptions::new(flavor)).unwrap();
        let server: &'static MySqlServer = Box::leak(Box::new(server));
        server.run(None, "CREATE DATABASE charts CHARACTER SET utf8mb4").unwrap();
        let target = Target { server, endpoint: server.endpoint("charts"), password: server.password().clone() };
        let mut case = Case::new(&source, &target);
        let account = case.target_account(&target, "WITH MAX_CONNECTIONS_PER_HOUR 1");
        target.run(&format!("GRANT ALL ON {}.* TO '{account}'@'%'", my_ident("charts")));
        let _ = case.look();
        let seen = case.look();
        seen.assert_causes(&["AUT-026"], &["AUT-025", "TCF-001"]);
        assert_eq!(seen.finding("AUT-026").subject, "max_user_connections");
        target.run(&format!("ALTER USER '{account}'@'%' WITH MAX_CONNECTIONS_PER_HOUR 0"));
        assert!(matches!(case.look().outcome("AUT-026"), Outcome::Pass), "{flavor:?}");

        server.run(None, "SET GLOBAL max_connections = 10").unwrap();
        let seen = support::block_on(async {
            let mut held = Vec::new();
            // One more than the limit is for an administrator.
            while let Ok(conn) = server.conn(None).await {
                held.push(conn);
            }
            Seen::of(cdc_doctor::facts::collect(&case.pipeline(), &case.passwords, &|_| {}).await)
        });
        seen.assert_causes(&["AUT-026"], &["AUT-025", "TCF-001"]);
        assert!(seen.finding("AUT-026").evidence[0].1.starts_with("1040"), "{flavor:?}");
        server.stop();
    }
    source.server.stop();
}

/// The schema of what captures DDL has to be open to a login that may make event triggers.
#[test]
fn the_schema_for_captured_ddl_is_told_until_the_login_may_create_there() {
    let mut account = provisioned_on(MyFlavor::MariaDb);
    let source = |sql: &str| account.source.run("postgres", sql).unwrap();
    source("DO $$ BEGIN CREATE ROLE rds_superuser; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    source("CREATE ROLE mover LOGIN REPLICATION PASSWORD 's3cret' IN ROLE rds_superuser, pg_read_all_data");
    let name = account.source.endpoint("postgres").user;
    let text = account.project.text().replacen(&format!("user = {name:?}"), "user = \"mover\"", 1);
    std::fs::write(account.project.path(), text).unwrap();
    account.project.set("SOURCE_PASSWORD", &SecretString::from("s3cret"));
    account.run(&["provision", "apply", "--yes"], 0);
    passes(&account, "AUT-012");
    let dms = dms(&account);
    support::block_on(async {
        let all = dms.describe_endpoints().send().await.unwrap();
        let found = all.endpoints().iter().find(|e| e.endpoint_identifier() == Some("charts-src")).unwrap();
        let ask = dms.modify_endpoint().endpoint_arn(found.endpoint_arn().unwrap());
        ask.postgre_sql_settings(PostgreSqlSettings::builder().capture_ddls(true).build()).send().await.unwrap();
    });
    fails(&account, "AUT-012", "may not create in \"public\"");
    account.source.run("postgres", "GRANT CREATE ON SCHEMA public TO mover").unwrap();
    passes(&account, "AUT-012");
    account.source.run("postgres", "REVOKE CREATE ON SCHEMA public FROM mover").unwrap();
    account.run(&["fix", "--yes", "AUT-012"], 0);
    passes(&account, "AUT-012");
}

#[test]
fn a_private_authority_is_told_until_it_is_named() {
    let (case, _, _) = with_role();
    case.set("source.tls", "verify-full");
    assert_eq!(case.look().causes(), [""; 0]);
    let text = case.project.text();
    let (source, target) = text.split_once("[target]").unwrap();
    let without: String = source.lines().filter(|l| !l.starts_with("ca_file")).map(|l| format!("{l}\n")).collect();
    std::fs::write(case.project.path(), format!("{without}[target]{target}")).unwrap();
    let seen = case.look();
    seen.assert_causes(&["TLS-012"], &["AUT-024", "SRC-001"]);
    assert!(seen.finding("TLS-012").evidence[1].1.starts_with("accepted"), "{:?}", seen.finding("TLS-012"));
    std::fs::write(case.project.path(), &text).unwrap();
    assert_eq!(case.look().causes(), [""; 0]);
}
