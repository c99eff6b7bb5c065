//! The rule book on real servers: a fault is seeded, the check that knows it speaks and no other, and where the fix is
//! automatic it heals.

use std::net::TcpListener;

use cdc_doctor::checks::{Area, Finding, registry};
use cdc_doctor::diagnose::{Judgement, Outcome, judge};
use cdc_doctor::facts::{self, Facts, MyFlavor};
use cdc_doctor::fixes::{Mode, Permits, Plan, apply};
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use cdc_doctor::pipeline::secrets::Passwords;
use cdc_doctor::pipeline::{Pipeline, edit};
use cdc_doctor::quote::{my_ident, pg_ident, pg_literal};
use secrecy::SecretString;

use crate::support::{self, Project, Source, Target, unique};

const PASSWORD: &str = "s3cret";

/// A pipeline file and the passwords that belong to it.
pub struct Case {
    pub project: Project,
    pub passwords: Passwords,
}

impl Case {
    /// A sound pipeline as the servers' superusers.
    pub fn new(source: &Source, target: &Target) -> Self {
        let passwords =
            Passwords { source: Some(source.password.clone().into()), target: Some(target.password.clone().into()) };
        Self { project: Project::new(source, target), passwords }
    }

    /// A sound pipeline between shared servers, MariaDB for a target.
    fn sound() -> (Self, Source) {
        let source = support::source();
        source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
        let target = support::target(MyFlavor::MariaDb);
        (Self::new(&source, &target), source)
    }

    pub fn set(&self, key: &str, value: &str) -> &Self {
        edit::set(&self.project.path(), key, value).unwrap();
        self
    }

    /// Logs in to the source as a role of its own, with what `statements` (`{role}`) give it.
    pub fn source_role(&mut self, source: &Source, statements: &str) -> String {
        let role = unique("role");
        source.run(&format!("CREATE ROLE {role} LOGIN REPLICATION PASSWORD '{PASSWORD}'"));
        // Later tables are another matter, AUT-011's.
        source.run(&format!("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}"));
        for statement in statements.split(';').filter(|s| !s.trim().is_empty()) {
            source.run(&statement.replace("{role}", &role));
        }
        self.set("source.user", &role);
        self.passwords.source = Some(SecretString::from(PASSWORD).into());
        role
    }

    /// Logs in to the target as an account of its own.
    pub fn target_account(&mut self, target: &Target, options: &str) -> String {
        let account = unique("account");
        target.run(&format!("CREATE USER '{account}'@'%' IDENTIFIED BY '{PASSWORD}' {options}"));
        self.set("target.user", &account);
        self.passwords.target = Some(SecretString::from(PASSWORD).into());
        account
    }

    pub fn pipeline(&self) -> Pipeline {
        Pipeline::load(&self.project.path()).unwrap()
    }

    pub fn look(&self) -> Seen {
        let pipeline = self.pipeline();
        let mut facts = support::block_on(facts::collect(&pipeline, &self.passwords, &|_| {}));
        // Slots are the whole server's: those of other tests say nothing about this one.
        if let facts::Fact::Known(slots) = &mut facts.source.slots {
            slots.retain(|s| s.database.as_ref().is_none_or(|d| *d == pipeline.source.database));
        }
        Seen::of(facts)
    }

    /// Applies the fix of a finding that this program can apply.
    #[track_caller]
    pub fn apply(&self, code: &str, finding: &Finding) {
        let fix = finding.fix.clone().unwrap();
        assert_ne!(fix.mode, Mode::Manual, "{code} has no fix to apply: {fix:?}");
        let plan = Plan::new([(code.to_owned(), fix)]);
        let pipeline = self.pipeline();
        support::block_on(apply::run(&plan, &pipeline, &self.passwords, Permits::default(), &mut |_| {})).unwrap();
    }
}

/// Facts and what the whole rule book says of them.
pub struct Seen {
    pub facts: Facts,
    judgements: Vec<Judgement>,
}

impl Seen {
    pub fn of(facts: Facts) -> Self {
        let judgements = judge(registry::ALL, &facts);
        Self { facts, judgements }
    }

    /// What fails on the way to the rows: network, TLS, logins, the source's readiness.
    pub fn causes(&self) -> Vec<&'static str> {
        let way = |area| matches!(area, Area::Net | Area::Tls | Area::Aut | Area::Src);
        let failed = |j: &&Judgement| matches!(j.outcome, Outcome::Fail(_)) && way(j.check.area);
        self.judgements.iter().filter(failed).map(|j| j.check.code).collect()
    }

    #[track_caller]
    pub fn outcome(&self, code: &str) -> &Outcome {
        &self.judgements.iter().find(|j| j.check.code == code).unwrap().outcome
    }

    /// The one finding of a check that must fail.
    #[track_caller]
    pub fn finding(&self, code: &str) -> Finding {
        match self.outcome(code) {
            Outcome::Fail(findings) if findings.len() == 1 => findings[0].clone(),
            other => panic!("{code} should have one finding: {other:?}"),
        }
    }

    /// These are the only causes, and what stands behind the last of them is silent.
    #[track_caller]
    pub fn assert_causes(&self, codes: &[&str], silent: &[&str]) -> &Self {
        assert_eq!(self.causes(), codes, "{:#?}", self.facts);
        for code in silent {
            assert!(matches!(self.outcome(code), Outcome::Blocked(_)), "{code}: {:?}", self.outcome(code));
        }
        self
    }
}

#[track_caller]
pub fn notes(finding: &Finding) -> Vec<String> {
    finding.fix.as_ref().unwrap().steps.iter().map(|s| s.action.describe()).collect()
}

/// A port on which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

const BEHIND_SOURCE_LOGIN: &[&str] = &["AUT-024", "AUT-009", "AUT-010", "SRC-001", "SRC-005", "TBL-001"];
const BEHIND_TARGET_LOGIN: &[&str] = &["AUT-025", "TCF-001", "TCF-012"];

#[test]
fn a_sound_pipeline_has_no_fault_on_the_way_to_the_rows() {
    support::both_targets(|target| {
        let source = support::source();
        source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
        let seen = Case::new(&source, target).look();
        seen.assert_causes(&[], &[]);
        for j in &seen.judgements {
            let way = matches!(j.check.area, Area::Net | Area::Tls | Area::Aut | Area::Src);
            let fine = matches!(j.outcome, Outcome::Pass | Outcome::NotApplicable(_));
            assert!(!way || fine, "{}: {:?}", j.check.code, j.outcome);
        }
    });
}

#[test]
fn names_that_do_not_resolve_are_the_only_causes() {
    let (case, _) = Case::sound();
    case.set("source.host", "pg.invalid").set("target.host", "my.invalid");
    let silent = [BEHIND_SOURCE_LOGIN, BEHIND_TARGET_LOGIN, &["NET-020", "NET-022"]].concat();
    case.look().assert_causes(&["NET-019", "NET-021"], &silent);
}

#[test]
fn closed_ports_are_the_only_causes() {
    let (case, source) = Case::sound();
    let text = case.project.text();
    let target_port = case.pipeline().target.port;
    assert!(text.contains(&format!("port = {target_port}")));
    case.project.edit(&format!("port = {}", source.endpoint.port), &format!("port = {}", closed_port()));
    case.project.edit(&format!("port = {target_port}"), &format!("port = {}", closed_port()));
    let silent = [BEHIND_SOURCE_LOGIN, BEHIND_TARGET_LOGIN].concat();
    let seen = case.look();
    seen.assert_causes(&["NET-020", "NET-022"], &silent);
    assert!(seen.finding("NET-020").message.contains("refused"), "{}", seen.finding("NET-020").message);
}

#[test]
fn plaintext_to_a_tls_only_source_is_healed_by_tls() {
    let (case, _) = Case::sound();
    case.set("source.tls", "disable");
    let seen = case.look();
    seen.assert_causes(&["TLS-001"], BEHIND_SOURCE_LOGIN);
    assert_eq!(seen.outcome("SRC-001"), &Outcome::Blocked(vec!["TLS-001"]));
    let finding = seen.finding("TLS-001");
    assert!(finding.evidence[0].1.contains("28000 no pg_hba.conf entry"), "{:?}", finding.evidence);
    assert!(finding.evidence[1].1.starts_with("accepted TLSv1"), "{:?}", finding.evidence);
    case.apply("TLS-001", &finding);
    case.look().assert_causes(&[], &[]);
}

#[test]
fn prefer_is_told_that_it_hides_the_demand_for_tls() {
    let (case, _) = Case::sound();
    case.set("source.tls", "prefer");
    let seen = case.look();
    seen.assert_causes(&["TLS-002"], &[]);
    case.apply("TLS-002", &seen.finding("TLS-002"));
    case.look().assert_causes(&[], &[]);
}

#[test]
fn the_storys_two_login_faults_are_seen_at_once_and_healed() {
    let (case, _) = Case::sound();
    case.set("source.tls", "disable")
        .set("source.database", "charts-source")
        .set("source.rds_instance", "charts-source");
    let seen = case.look();
    seen.assert_causes(&["TLS-001", "AUT-005"], BEHIND_SOURCE_LOGIN);
    let finding = seen.finding("AUT-005");
    assert!(finding.message.contains("is rds_instance"), "{}", finding.message);
    let databases = &finding.evidence.iter().find(|(what, _)| what == "databases").unwrap().1;
    assert!(databases.split(", ").any(|d| d == "postgres"), "{databases}");
    case.apply("TLS-001", &seen.finding("TLS-001"));
    case.apply("AUT-005", &finding);
    assert_eq!(case.pipeline().source.database, "postgres");
    case.look().assert_causes(&[], &[]);
}

#[test]
fn a_wrong_source_password_is_the_only_cause() {
    let (mut case, source) = Case::sound();
    case.source_role(&source, "");
    case.passwords.source = Some(SecretString::from("wrong").into());
    for tls in ["verify-full", "prefer"] {
        case.set("source.tls", tls);
        let seen = case.look();
        seen.assert_causes(&["AUT-001"], BEHIND_SOURCE_LOGIN);
        assert!(seen.finding("AUT-001").evidence[0].1.starts_with("28P01 password authentication failed"));
    }
}

#[test]
fn the_users_name_for_a_database_is_told_from_an_identifier() {
    let (mut case, source) = Case::sound();
    let role = case.source_role(&source, "");
    case.set("source.database", &role);
    let seen = case.look();
    seen.assert_causes(&["AUT-006"], BEHIND_SOURCE_LOGIN);
    case.apply("AUT-006", &seen.finding("AUT-006"));
    case.look().assert_causes(&[], &[]);
}

#[test]
fn a_database_in_other_capitals_is_healed_by_its_exact_name() {
    let (case, source) = Case::sound();
    let exact = source.endpoint.database.clone();
    case.set("source.database", &exact.to_uppercase());
    let seen = case.look();
    seen.assert_causes(&["AUT-007"], BEHIND_SOURCE_LOGIN);
    case.apply("AUT-007", &seen.finding("AUT-007"));
    assert_eq!(case.pipeline().source.database, exact);
    case.look().assert_causes(&[], &[]);
}

#[test]
fn a_role_without_connect_is_told_the_grant_that_heals() {
    let (mut case, source) = Case::sound();
    let database = pg_ident(&source.endpoint.database);
    let role = case.source_role(&source, &format!("REVOKE CONNECT ON DATABASE {database} FROM PUBLIC"));
    let seen = case.look();
    seen.assert_causes(&["AUT-008"], BEHIND_SOURCE_LOGIN);
    let grant = seen.finding("AUT-008").fix.unwrap().summary;
    assert!(grant.ends_with(&pg_ident(&role)), "{grant}");
    source.run(&format!("{grant}; GRANT SELECT ON weekly_chart TO {role}"));
    case.look().assert_causes(&[], &[]);
}

#[test]
fn a_role_that_may_not_replicate_is_told_the_statement_that_heals() {
    let (mut case, source) = Case::sound();
    case.source_role(&source, "ALTER ROLE {role} NOREPLICATION; GRANT SELECT ON weekly_chart TO {role}");
    let seen = case.look();
    seen.assert_causes(&["AUT-009"], &[]);
    let finding = seen.finding("AUT-009");
    assert!(finding.evidence[0].1.starts_with("refused 42501"), "{:?}", finding.evidence);
    source.run(&finding.fix.unwrap().summary);
    case.look().assert_causes(&[], &[]);
}

#[test]
fn unreadable_tables_are_told_schema_by_schema_with_the_grants_that_heal() {
    let (mut case, source) = Case::sound();
    source.run(r#"CREATE SCHEMA "odd Schema"; CREATE TABLE "odd Schema"."t ""x""" (id int PRIMARY KEY)"#);
    case.project.edit(r#"include = ["public.*"]"#, r#"include = ["*.*"]"#);
    case.source_role(&source, "");
    let seen = case.look();
    seen.assert_causes(&["AUT-010"], &[]);
    let Outcome::Fail(findings) = seen.outcome("AUT-010") else { panic!("{:?}", seen.outcome("AUT-010")) };
    let subjects: Vec<&str> = findings.iter().map(|f| f.subject.as_str()).collect();
    assert_eq!(subjects, ["odd Schema", "public"]);
    for note in findings.iter().flat_map(notes) {
        source.run(note.split_once(": ").unwrap().1);
    }
    case.look().assert_causes(&[], &[]);
}

#[test]
fn a_statement_timeout_is_healed_wherever_it_was_set() {
    let set_by: [(&str, &str); 3] = [
        ("role", "ALTER ROLE {role} SET statement_timeout = '30s'"),
        ("database", "ALTER DATABASE {database} SET statement_timeout = '30s'"),
        ("role in database", "ALTER ROLE {role} IN DATABASE {database} SET statement_timeout = '30s'"),
    ];
    for (who, statement) in set_by {
        let (mut case, source) = Case::sound();
        let statement = statement.replace("{database}", &pg_ident(&source.endpoint.database));
        case.source_role(&source, &format!("GRANT SELECT ON weekly_chart TO {{role}}; {statement}"));
        let seen = case.look();
        assert_eq!(seen.causes(), ["SRC-010"], "set by {who}");
        case.apply("SRC-010", &seen.finding("SRC-010"));
        assert_eq!(case.look().causes(), [""; 0], "set by {who}");
    }
}

#[test]
fn a_full_or_busy_source_is_told_what_stands_in_the_way() {
    let settings = [("max_prepared_transactions", "5"), ("max_replication_slots", "1")];
    let server = Postgres::start(&PostgresOptions {
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..PostgresOptions::default()
    })
    .unwrap();
    // A `Source` borrows its server for ever; `stop` at the end, or the end of the process, ends it all the same.
    let server: &'static Postgres = Box::leak(Box::new(server));
    let source = Source { server, endpoint: server.endpoint("postgres"), password: server.password().clone() };
    source.run("CREATE TABLE weekly_chart (id int PRIMARY KEY)");
    let case = Case::new(&source, &support::target(MyFlavor::MariaDb));
    case.look().assert_causes(&[], &[]);

    support::block_on(async {
        let client = source.client().await;
        client
            .batch_execute("BEGIN; INSERT INTO weekly_chart VALUES (1); PREPARE TRANSACTION 'it''s left'")
            .await
            .unwrap();
    });
    let seen = case.look();
    seen.assert_causes(&["SRC-013"], &[]);
    let way_out = notes(&seen.finding("SRC-013"));
    support::block_on(async {
        let statement = way_out[1].split_once(": ").unwrap().1;
        source.client().await.batch_execute(statement).await.unwrap();
    });

    source.run("SELECT pg_create_physical_replication_slot('orphan', true)");
    let seen = case.look();
    seen.assert_causes(&["SRC-005"], &[]);
    source.run(notes(&seen.finding("SRC-005"))[0].split_once(": ").unwrap().1);

    let busy = support::block_on(async {
        let client = source.client().await;
        client.batch_execute("BEGIN; INSERT INTO weekly_chart VALUES (2)").await.unwrap();
        facts::collect(&case.pipeline(), &case.passwords, &|_| {}).await
    });
    assert_eq!(Seen::of(busy.clone()).causes(), [""; 0], "it has only just begun");
    let seen = Seen::of(minutes_later(busy));
    seen.assert_causes(&["SRC-012"], &[]);
    assert!(notes(&seen.finding("SRC-012"))[1].contains("pg_terminate_backend("));
    case.look().assert_causes(&[], &[]);

    support::block_on(async {
        let client = source.client().await;
        client.batch_execute("ALTER SYSTEM SET wal_level = 'replica'").await.unwrap();
    });
    server.restart().unwrap();
    let seen = case.look();
    seen.assert_causes(&["SRC-001"], &["SRC-005"]);
    case.apply("SRC-001", &seen.finding("SRC-001"));
    server.restart().unwrap();
    case.look().assert_causes(&[], &[]);

    lock_out(&source);
    let seen = case.look();
    seen.assert_causes(&["AUT-002"], BEHIND_SOURCE_LOGIN);
    assert!(notes(&seen.finding("AUT-002"))[0].contains(r#"hostssl "postgres" "postgres" "#));
    server.stop();
}

/// The same facts, had they been looked at five minutes later.
fn minutes_later(mut facts: Facts) -> Facts {
    if let facts::Fact::Known(transactions) = &mut facts.source.transactions {
        for transaction in transactions.iter_mut() {
            transaction.age_seconds += 300.0;
        }
    }
    facts
}

/// Leaves a `pg_hba.conf` that admits nobody over TCP.
fn lock_out(source: &Source) {
    support::block_on(async {
        let client = source.client().await;
        let path: String = client.query_one("SHOW hba_file", &[]).await.unwrap().get(0);
        let copy = format!("COPY (SELECT 'local all all reject') TO {}", pg_literal(&path));
        client.batch_execute(&copy).await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        // The server reads the file when it gets the signal; until then it lets sessions in.
        while server_lets_in(source).await {
            tokio::task::yield_now().await;
        }
    });
}

async fn server_lets_in(source: &Source) -> bool {
    source.server.client("postgres").await.is_ok()
}

#[test]
fn an_account_that_demands_tls_is_not_blamed_for_its_password() {
    support::both_targets(|target| {
        let mut case = Case::new(&support::source(), target);
        let account = case.target_account(target, "REQUIRE SSL");
        target.run(&format!("GRANT ALL ON {}.* TO '{account}'@'%'", my_ident(&target.endpoint.database)));
        case.set("target.tls", "disable");
        let seen = case.look();
        seen.assert_causes(&["TLS-004"], BEHIND_TARGET_LOGIN);
        assert!(seen.finding("TLS-004").evidence[0].1.contains("1045"), "{:?}", seen.finding("TLS-004"));
        case.apply("TLS-004", &seen.finding("TLS-004"));
        assert_eq!(case.look().causes(), [""; 0]);
    });
}

#[test]
fn a_target_that_demands_tls_is_healed_by_tls() {
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let server = MySqlServer::start(&MySqlOptions { plaintext: false, ..MySqlOptions::new(flavor) }).unwrap();
        let server: &'static MySqlServer = Box::leak(Box::new(server));
        server.run(None, "CREATE DATABASE charts CHARACTER SET utf8mb4").unwrap();
        let target = Target { server, endpoint: server.endpoint("charts"), password: server.password().clone() };
        let case = Case::new(&support::source(), &target);
        case.set("target.tls", "disable");
        let seen = case.look();
        seen.assert_causes(&["TLS-004"], BEHIND_TARGET_LOGIN);
        let words = &seen.finding("TLS-004").evidence[0].1;
        let code = if flavor == MyFlavor::MySql { "3159" } else { "1045" };
        assert!(words.contains(code), "{flavor:?}: {words}");
        case.apply("TLS-004", &seen.finding("TLS-004"));
        assert_eq!(case.look().causes(), [""; 0], "{flavor:?}");
        server.stop();
    }
}

#[test]
fn a_wrong_target_password_is_the_only_cause_with_and_without_tls() {
    support::both_targets(|target| {
        let mut case = Case::new(&support::source(), target);
        case.target_account(target, "");
        case.passwords.target = Some(SecretString::from("wrong").into());
        for tls in ["verify-full", "disable"] {
            case.set("target.tls", tls);
            let seen = case.look();
            seen.assert_causes(&["AUT-016"], BEHIND_TARGET_LOGIN);
            assert!(seen.finding("AUT-016").evidence[0].1.contains("Access denied for user"));
        }
    });
}

#[test]
fn a_missing_target_database_is_made() {
    support::both_targets(|target| {
        let case = Case::new(&support::source(), target);
        let database = unique("zz_not_there");
        case.set("target.database", &database);
        let seen = case.look();
        seen.assert_causes(&["AUT-017"], BEHIND_TARGET_LOGIN);
        assert!(seen.finding("AUT-017").evidence[0].1.starts_with("1049"));
        case.apply("AUT-017", &seen.finding("AUT-017"));
        assert_eq!(case.look().causes(), [""; 0]);
    });
}

#[test]
fn a_forbidden_target_database_is_told_the_grant_that_heals() {
    support::both_targets(|target| {
        let mut case = Case::new(&support::source(), target);
        case.target_account(target, "");
        let seen = case.look();
        seen.assert_causes(&["AUT-017"], BEHIND_TARGET_LOGIN);
        let finding = seen.finding("AUT-017");
        assert!(finding.evidence[0].1.starts_with("1044"), "{:?}", finding.evidence);
        target.run(notes(&finding)[0].split_once(": ").unwrap().1);
        assert_eq!(case.look().causes(), [""; 0]);
    });
}
