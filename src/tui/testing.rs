//! Values that the tests of this module share: a small rule book, a story, a drawn frame as text.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::message::{Effect, Judged, Message};
use super::model::Model;
use super::schema_list;
use super::theme::Look;
use super::{update, view};
use crate::checks::{Area, Check, Finding, Severity, Verdict};
use crate::diagnose::{Judgement, Outcome};
use crate::facts::{Attempt, Fact, Facts, MyFlavor, MySchema, MySession, PgColumn, PgSession, PgTable, Refusal, Stage};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::pipeline::{
    Aws, Dms, Endpoint, EngineKind, OnSchemaChange, OnUnrepresentable, Origin, PasswordSource, Pipeline, SyncMode,
    SyncSettings, TableSelection, TlsMode,
};
use crate::schema::testing::{column, created, table, there};
use crate::schema::{Dialect, target_table};

pub const CODES: [&str; 8] = ["TLS-001", "AUT-005", "SRC-001", "TSC-002", "TCF-012", "SRC-013", "NET-020", "DRI-001"];

const EXPLANATION: &str = " # What it looks at\n Whether a login without TLS is refused where\n one with TLS is taken.\n\n # Why it \
                           matters\n RDS for PostgreSQL 15 and later asks for TLS by default.\n\n - a list\n - of two\n";

macro_rules! rule {
    ($code:literal, $name:literal, $area:ident, $severity:ident, $title:literal) => {
        Check {
            code: $code,
            name: $name,
            area: Area::$area,
            severity: Severity::$severity,
            title: $title,
            after: &[],
            explanation: EXPLANATION,
            judge: |_| Ok(Verdict::Pass),
        }
    };
}

pub static CHECKS: [Check; 8] = [
    rule!("TLS-001", "plaintext-to-tls-only-source", Tls, Error, "The source takes only TLS connections"),
    rule!("AUT-005", "identifier-as-database", Aut, Error, "The database name is the identifier of the instance"),
    rule!("SRC-001", "wal-level", Src, Error, "The source does not write logical WAL"),
    rule!("TSC-002", "spark-made-target", Tsc, Error, "A target table looks as Spark leaves it"),
    rule!("TCF-012", "no-key-guard", Tcf, Warning, "Nothing stops a job from re-creating tables without a key"),
    rule!("SRC-013", "disk-headroom", Src, Warning, "The source may run out of disk"),
    rule!("NET-020", "source-unreachable", Net, Error, "The source does not answer on its host and port"),
    rule!("DRI-001", "instance-missing", Dri, Error, "The replication instance does not exist"),
];

pub fn judgement(index: usize, outcome: Outcome) -> Judgement {
    Judgement { check: &CHECKS[index], outcome }
}

pub fn fail(findings: usize) -> Outcome {
    Outcome::Fail((0..findings).map(|i| Finding::new(format!("subject {i}"), "It is wrong.")).collect())
}

pub fn edit_fix() -> Fix {
    Fix::new(
        Mode::Auto,
        "set tls = \"verify-full\" in [source]",
        vec![
            Step::new(Cost::None, Action::edit("source.tls", "verify-full"))
                .undo(Action::edit("source.tls", "disable")),
        ],
    )
    .or("set rds.force_ssl = 0 in the parameter group (passwords and rows then travel in clear)")
}

pub fn key_fix() -> Fix {
    let sql = "ALTER TABLE `charts`.`weekly_chart` MODIFY `ChartDate_WeekEnding` date NOT NULL, ADD PRIMARY KEY \
               (`ChartDate_WeekEnding`)";
    Fix::new(
        Mode::Confirm,
        "give the target table its key",
        vec![
            Step::new(
                Cost::Lock,
                Action::source("ALTER TABLE \"public\".\"weekly_chart\" ADD PRIMARY KEY (\"ChartDate_WeekEnding\")"),
            )
            .note("52,000 rows, about 0.3 s")
            .undo(Action::source("ALTER TABLE \"public\".\"weekly_chart\" DROP CONSTRAINT \"weekly_chart_pkey\"")),
            Step::new(Cost::Lock, Action::target(sql)),
        ],
    )
}

/// A first finding that hides others, one with several findings, a warning, an unknown.
pub fn story() -> Vec<Judgement> {
    let refused = "no pg_hba.conf entry for host \"10.0.3.9\", user \"dms\", database \"charts\", no encryption";
    let tls = Finding::new(
        "source",
        "The source takes only TLS connections, and this pipeline connects without TLS: nothing else can be looked at.",
    )
    .saw("without TLS", format!("refused 28000 {refused}"))
    .saw("with TLS", "accepted, TLSv1.3")
    .fix(edit_fix());
    let spark = Finding::new("charts.weekly_chart", "No key and every text column LONGTEXT: updates change nothing.")
        .silent_loss()
        .saw("primary key", "none")
        .fix(key_fix());
    let other = Finding::new("charts.artists", "No key and every text column LONGTEXT: updates change nothing.");
    let guard = Finding::new("sql_require_primary_key", "A job may drop and re-create a table without its key.");
    vec![
        judgement(0, Outcome::Fail(vec![tls])),
        judgement(1, Outcome::Blocked(vec!["TLS-001"])),
        judgement(2, Outcome::Blocked(vec!["TLS-001"])),
        judgement(3, Outcome::Fail(vec![spark, other])),
        judgement(4, Outcome::Fail(vec![guard])),
        judgement(5, Outcome::Unknown("needs the permission pg_read_all_stats".into())),
        judgement(6, Outcome::Pass),
        judgement(7, Outcome::NotApplicable("the pipeline has no [dms] section")),
    ]
}

pub fn healthy() -> Vec<Judgement> {
    (0..CHECKS.len()).map(|i| judgement(i, Outcome::Pass)).collect()
}

pub fn pipeline() -> Pipeline {
    let endpoint = |host: &str, port, tls| Endpoint {
        host: host.into(),
        port,
        database: "charts".into(),
        user: "dms".into(),
        password: Some(PasswordSource::Env("PASSWORD".into())),
        tls,
        ca_file: None,
        rds_instance: None,
    };
    Pipeline {
        path: "cdc-doctor.toml".into(),
        name: "charts".into(),
        source: endpoint("charts.abc.eu-west-2.rds.amazonaws.com", 5432, TlsMode::Disable),
        target: endpoint("10.0.3.7", 3306, TlsMode::Require),
        tables: TableSelection { include: vec!["public.*".into()], exclude: Vec::new(), schema_map: [].into() },
        sync: SyncSettings {
            engine: EngineKind::Direct,
            mode: SyncMode::FullLoad,
            slot: "cdc_doctor_charts".into(),
            publication: "cdc_doctor_charts".into(),
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

pub fn facts() -> Facts {
    let mut facts = Facts::pending(pipeline());
    facts.taken_at = start();
    facts.source.configured = Attempt::Refused(Refusal {
        stage: Stage::Login,
        code: Some("28000".into()),
        message: "no pg_hba.conf entry".into(),
        detail: None,
    });
    facts.target.configured = Attempt::Accepted { tls: Some("TLSv1.3".into()) };
    facts.target.session = Fact::Known(MySession {
        flavor: MyFlavor::MariaDb,
        version: "10.11.19-MariaDB".into(),
        version_parts: (10, 11, 19),
        user: "dms@%".into(),
        tls: Some("TLSv1.3".into()),
    });
    facts.target.tables = Fact::Known(Vec::new());
    facts
}

pub fn healthy_facts() -> Facts {
    let mut facts = facts();
    facts.source.configured = Attempt::Accepted { tls: Some("TLSv1.3".into()) };
    facts.source.session = Fact::Known(PgSession {
        version_num: 150_018,
        version: "15.18".into(),
        database: "charts".into(),
        user: "dms".into(),
        tls: Some("TLSv1.3".into()),
        in_recovery: false,
        encoding: "UTF8".into(),
        collation: "en_US.UTF-8".into(),
        is_rds: true,
    });
    facts.source.tables = Fact::Known(Vec::new());
    facts
}

pub fn start() -> jiff::Timestamp {
    "2026-11-22T12:04:31Z".parse().unwrap()
}

/// A session that has begun its first run.
pub fn model(width: u16, height: u16) -> Model {
    let zone = jiff::tz::TimeZone::UTC;
    let mut model = Model::new(PathBuf::from("cdc-doctor.toml"), Look::default(), (width, height), start(), zone);
    model.checks.judgements = (0..CHECKS.len()).map(|i| judgement(i, Outcome::Running)).collect();
    update::start(&mut model);
    update::update(&mut model, Message::Pipeline(1, Ok(Box::new(pipeline()))));
    model
}

/// A session whose run has ended with these outcomes.
pub fn judged(width: u16, height: u16, judgements: Vec<Judgement>, facts: Facts) -> Model {
    let mut model = model(width, height);
    let schema = schema_list::report(&facts).map(Arc::new);
    let elapsed = Duration::from_millis(812);
    let judged = Judged { run: 1, facts: Arc::new(facts), judgements, schema, elapsed, done: true };
    update::update(&mut model, Message::Judged(judged));
    model
}

/// A session that has seen three tables: one as it should be, one that a Spark job has overwritten, one that is missing.
pub fn with_tables(width: u16, height: u16) -> Model {
    judged(width, height, story(), facts_with_tables())
}

pub fn facts_with_tables() -> Facts {
    let key = |name| PgColumn { not_null: true, ..column(name, "int8", -1) };
    let title = || PgColumn { longest: Some(40), ..column("title", "text", -1) };
    let sources = vec![
        PgTable { bytes: 9_000_000, ..table("artists", vec![key("id"), title()], &["id"]) },
        table("plays", vec![key("id"), title(), column("at", "timestamptz", -1)], &["id"]),
        table("weekly_chart", vec![key("week"), key("place"), title()], &["week", "place"]),
    ];
    let mut facts = healthy_facts();
    let dialect = Dialect::from(facts.target.session.value().unwrap());
    let want = |i: usize| target_table(&sources[i], &facts.pipeline, dialect);
    let mut spark = created(&want(1));
    spark.primary_key = Vec::new();
    spark.estimated_rows = 12_000_000;
    for column in &mut spark.columns {
        let name = column.name.clone();
        *column = there(&name, if name == "id" { "BIGINT(20)" } else { "LONGTEXT" });
    }
    let there = vec![spark, created(&want(2))];
    facts.source.tables = Fact::Known(sources);
    facts.target.tables = Fact::Known(there);
    facts.target.schemas =
        Fact::Known(vec![MySchema { name: "charts".into(), charset: "utf8mb4".into(), collation: String::new() }]);
    facts
}

/// The same pipeline through DMS.
pub fn with_dms(model: &mut Model) {
    let Some(pipeline) = &mut model.pipeline else { return };
    pipeline.sync.engine = EngineKind::Dms;
    pipeline.aws = Some(Aws { region: "eu-west-2".into(), profile: None, endpoint_url: None });
    pipeline.dms = Some(Dms {
        serverless: false,
        instance: "charts-ri".into(),
        instance_class: "dms.t3.medium".into(),
        allocated_storage: 50,
        source_endpoint: "charts-src".into(),
        target_endpoint: "charts-tgt".into(),
        task: "charts-task".into(),
        assessment_bucket: None,
    });
}

pub fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    update::update(model, Message::Key(KeyEvent::from(code)))
}

/// Presses each character.
pub fn keys(model: &mut Model, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|c| press(model, KeyCode::Char(c))).collect()
}

/// The frame as lines of text.
pub fn screen(model: &Model) -> String {
    let mut terminal = Terminal::new(TestBackend::new(model.size.0, model.size.1)).unwrap();
    terminal.draw(|frame| view::draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for y in 0..model.size.1 {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..model.size.0 {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                line.push_str(symbol);
                skip = unicode_width::UnicodeWidthStr::width(symbol).max(1);
            }
            skip -= 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
