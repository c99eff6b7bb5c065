//! Facts for tests of checks: a healthy pipeline that every check passes on (or has nothing to say to), which a
//! test then breaks in one place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Check, Finding, Verdict, registry};
use crate::diagnose::{Outcome, judge};
use crate::facts::{
    Attempt, Checkpoint, Fact, Facts, HostFacts, Installed, MyAccount, MyColumn, MyFlavor, MySchema, MySession,
    MyTable, PgColumn, PgKey, PgRights, PgRole, PgSession, PgSetting, PgTable, PgType, Publication, Refusal,
    RelationName, ReplicaIdentity, Sessions, Slot, SourceFacts, Span, Stage, SyncedTable, TableKind, TargetFacts,
    TypeClass, Unknown, UnknownKind, Wal, WrittenTable,
};
use crate::pipeline::{
    Endpoint, EngineKind, OnSchemaChange, OnUnrepresentable, Origin, PasswordSource, Pipeline, SyncMode, SyncSettings,
    TableSelection, TlsMode,
};

/// A pipeline from self-managed PostgreSQL 15 to MySQL 8.4, engine direct, full load and changes: one table with
/// a two-column primary key, TLS everywhere and demanded by both servers. Every check passes or does not apply.
pub(crate) fn healthy() -> Facts {
    Facts {
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        pipeline: pipeline(),
        source: source(),
        target: target(),
        aws: None,
        canary: None,
        comparison: None,
        kept: Fact::Known(None),
    }
}

/// [`healthy`] while sync runs: its slot is read from, the target keeps its checkpoint.
pub(crate) fn healthy_sync() -> Facts {
    let mut facts = healthy();
    let own = Slot {
        active: true,
        active_pid: Some(812),
        retained_bytes: Some(1_000_000),
        ..slot(&facts.pipeline.sync.slot)
    };
    facts.source.slots = Fact::Known(vec![own]);
    facts.source.publication = Fact::Known(Some(Publication {
        all_tables: false,
        via_root: true,
        publishes: ["insert", "update", "delete", "truncate"].map(str::to_owned).into(),
        tables: vec![("public".into(), "weekly_chart".into())],
    }));
    facts.target.checkpoint = Fact::Known(Some(Checkpoint {
        slot: facts.pipeline.sync.slot.clone(),
        source: "7300000000000000001/music".into(),
        lsn: Some(0x1_0000_0000),
        commit_age_seconds: Some(7500.0),
        age_seconds: 4.2,
    }));
    facts.target.synced =
        Fact::Known(vec![SyncedTable { schema: "public".into(), table: "weekly_chart".into(), loaded: true }]);
    facts
}

/// A slot that nobody reads from and that holds back 84 MB of WAL.
pub(crate) fn slot(name: &str) -> Slot {
    Slot {
        name: name.into(),
        plugin: Some("pgoutput".into()),
        database: Some("music".into()),
        active: false,
        active_pid: None,
        temporary: false,
        wal_status: Some("reserved".into()),
        retained_bytes: Some(84_000_000),
        safe_bytes: None,
        restart_lsn: Some(0xFF00_0000),
        confirmed_lsn: Some(0x1_0000_0000),
        two_phase: Some(false),
        conflicting: None,
        invalidation_reason: None,
        inactive_seconds: None,
        spilled_bytes: Some(0),
    }
}

/// A WAL that so much was written to in the last hour.
pub(crate) fn wal(per_hour: u64) -> Wal {
    Wal {
        lsn: 0x1_0000_0000,
        look: Span { bytes: 0, seconds: 0.3 },
        total: Some(Span { bytes: per_hour, seconds: 3600.0 }),
    }
}

/// The rights of the source's login, to break.
pub(crate) fn rights(facts: &mut Facts) -> &mut PgRights {
    match &mut facts.source.rights {
        Fact::Known(rights) => rights,
        Fact::Unknown(why) => panic!("rights are unknown: {why:?}"),
    }
}

/// The pipeline's own slot, to break.
pub(crate) fn own_slot(facts: &mut Facts) -> &mut Slot {
    &mut tables_mut(&mut facts.source.slots)[0]
}

/// The target's checkpoint, to break.
pub(crate) fn checkpoint(facts: &mut Facts) -> &mut Checkpoint {
    there(&mut facts.target.checkpoint)
}

/// The pipeline's publication, to break.
pub(crate) fn publication(facts: &mut Facts) -> &mut Publication {
    there(&mut facts.source.publication)
}

fn there<T>(fact: &mut Fact<Option<T>>) -> &mut T {
    match fact {
        Fact::Known(Some(value)) => value,
        _ => panic!("it is not there to be broken"),
    }
}

/// [`healthy`] with MariaDB 10.11 as the target.
pub(crate) fn healthy_mariadb() -> Facts {
    let mut facts = healthy();
    facts.target.session = Fact::Known(MySession {
        flavor: MyFlavor::MariaDb,
        version: "10.11.19-MariaDB".into(),
        version_parts: (10, 11, 19),
        user: "cdc@%".into(),
        tls: Some("TLSv1.3".into()),
    });
    facts.target.plaintext = refused("1045", "Access denied for user 'cdc'@'10.0.0.9' (using password: YES)");
    if let Fact::Known(variables) = &mut facts.target.variables {
        variables.remove("sql_require_primary_key");
        variables.insert("collation_server".into(), "utf8mb4_general_ci".into());
    }
    if let Fact::Known(schemas) = &mut facts.target.schemas {
        for schema in schemas {
            schema.collation = "utf8mb4_general_ci".into();
        }
    }
    for table in tables_mut(&mut facts.target.tables) {
        table.collation = Some("utf8mb4_nopad_bin".into());
        for column in table.columns.iter_mut().filter(|c| c.collation.is_some()) {
            column.collation = Some("utf8mb4_nopad_bin".into());
        }
    }
    facts
}

/// [`healthy`] on Amazon RDS: TLS demanded by `rds.force_ssl`, replication by way of `rds_replication`.
pub(crate) fn healthy_rds() -> Facts {
    let mut facts = healthy();
    facts.pipeline.source.host = "charts.abc.eu-west-2.rds.amazonaws.com".into();
    facts.pipeline.source.rds_instance = Some("charts-source".into());
    if let Fact::Known(session) = &mut facts.source.session {
        session.is_rds = true;
    }
    if let Fact::Known(role) = &mut facts.source.role {
        role.replication = false;
        role.rds_replication = true;
        role.has_rds_replication_role = true;
    }
    set(&mut facts, "rds.force_ssl", "1");
    set(&mut facts, "rds.logical_replication", "on");
    facts
}

fn pipeline() -> Pipeline {
    let endpoint = |host: &str, port, database: &str| Endpoint {
        host: host.into(),
        port,
        database: database.into(),
        user: "cdc".into(),
        password: Some(PasswordSource::Env("PASSWORD".into())),
        tls: TlsMode::VerifyFull,
        ca_file: None,
        rds_instance: None,
    };
    Pipeline {
        path: PathBuf::from("cdc-doctor.toml"),
        name: "charts".into(),
        source: endpoint("pg.example.com", 5432, "music"),
        target: endpoint("my.example.com", 3306, "charts"),
        tables: TableSelection {
            include: vec!["public.*".into()],
            exclude: Vec::new(),
            schema_map: BTreeMap::from([("public".to_owned(), "charts".to_owned())]),
        },
        sync: SyncSettings {
            engine: EngineKind::Direct,
            mode: SyncMode::FullLoadAndCdc,
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

fn source() -> SourceFacts {
    SourceFacts {
        host: reachable("10.0.1.5"),
        plaintext: refused(
            "28000",
            r#"no pg_hba.conf entry for host "10.0.0.9", user "cdc", database "music", no encryption"#,
        ),
        encrypted: accepted(),
        configured: accepted(),
        replication: accepted(),
        databases: Fact::Known(vec!["music".into(), "postgres".into()]),
        session: Fact::Known(PgSession {
            version_num: 150_018,
            version: "15.18".into(),
            database: "music".into(),
            user: "cdc".into(),
            tls: Some("TLSv1.3".into()),
            in_recovery: false,
            encoding: "UTF8".into(),
            collation: "en_US.UTF-8".into(),
            is_rds: false,
        }),
        settings: Fact::Known(
            [
                ("wal_level", "logical", "postmaster"),
                ("max_replication_slots", "10", "postmaster"),
                ("max_wal_senders", "10", "postmaster"),
                ("wal_sender_timeout", "60000", "sighup"),
                ("max_connections", "100", "postmaster"),
                ("statement_timeout", "0", "user"),
                ("lock_timeout", "0", "user"),
                ("idle_in_transaction_session_timeout", "0", "user"),
                ("max_slot_wal_keep_size", "-1", "sighup"),
                ("idle_session_timeout", "0", "user"),
                ("max_prepared_transactions", "0", "postmaster"),
                ("max_worker_processes", "16", "postmaster"),
                ("max_logical_replication_workers", "4", "postmaster"),
                ("autovacuum_max_workers", "3", "postmaster"),
                ("max_parallel_workers", "8", "user"),
                ("logical_decoding_work_mem", "65536", "user"),
                ("shared_preload_libraries", "pg_stat_statements", "postmaster"),
                ("ssl", "on", "sighup"),
            ]
            .into_iter()
            .map(|(name, value, context)| (name.to_owned(), setting(value, context)))
            .collect(),
        ),
        role: Fact::Known(PgRole {
            name: "cdc".into(),
            superuser: false,
            replication: true,
            rds_superuser: false,
            rds_replication: false,
            has_rds_replication_role: false,
            bypass_rls: false,
            settings: Vec::new(),
        }),
        rights: Fact::Known(PgRights {
            role_sessions: Sessions { limit: None, open: 3 },
            database_sessions: Sessions { limit: None, open: 4 },
            ..PgRights::default()
        }),
        system_identifier: Fact::Known("7300000000000000001".into()),
        slots: Fact::Known(Vec::new()),
        publication: Fact::Known(None),
        wal: Fact::Known(wal(36_000_000)),
        wal_senders_used: Fact::Known(0),
        transactions: Fact::Known(Vec::new()),
        prepared: Fact::Known(Vec::new()),
        relations: Fact::Known(vec![RelationName {
            schema: "public".into(),
            name: "weekly_chart".into(),
            kind: TableKind::Table,
        }]),
        tables: Fact::Known(vec![pg_table("public", "weekly_chart")]),
        installed: Fact::Known(Installed { extensions: vec!["plpgsql".into()], ..Installed::default() }),
        written: Fact::Known(vec![WrittenTable {
            schema: "public".into(),
            table: "weekly_chart".into(),
            rows: 52_000,
        }]),
        queries: 12,
    }
}

fn target() -> TargetFacts {
    TargetFacts {
        host: reachable("10.0.3.7"),
        plaintext: refused(
            "3159",
            "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
        ),
        encrypted: accepted(),
        configured: accepted(),
        databases: Fact::Known(vec!["charts".into()]),
        session: Fact::Known(MySession {
            flavor: MyFlavor::MySql,
            version: "8.4.6".into(),
            version_parts: (8, 4, 6),
            user: "cdc@%".into(),
            tls: Some("TLSv1.3".into()),
        }),
        variables: Fact::Known(
            [
                ("local_infile", "ON"),
                ("require_secure_transport", "ON"),
                ("read_only", "OFF"),
                ("super_read_only", "OFF"),
                ("innodb_read_only", "OFF"),
                ("sql_require_primary_key", "ON"),
                ("character_set_server", "utf8mb4"),
                ("collation_server", "utf8mb4_0900_ai_ci"),
                ("max_allowed_packet", "67108864"),
                ("lower_case_table_names", "0"),
                ("sql_mode", "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"),
            ]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ),
        account: Fact::Known(MyAccount { plugin: "caching_sha2_password".into(), ssl_type: String::new() }),
        grants: Fact::Known(vec![
            "GRANT USAGE ON *.* TO `cdc`@`%`".into(),
            "GRANT ALL PRIVILEGES ON `charts`.* TO `cdc`@`%`".into(),
        ]),
        transactions: Fact::Known(Vec::new()),
        schemas: Fact::Known(vec![MySchema {
            name: "charts".into(),
            charset: "utf8mb4".into(),
            collation: "utf8mb4_0900_ai_ci".into(),
        }]),
        tables: Fact::Known(vec![my_table("charts", "weekly_chart")]),
        checkpoint: Fact::Known(None),
        synced: Fact::Known(Vec::new()),
        apply_exceptions: Fact::Known(None),
        queries: 8,
    }
}

/// A table `(chart_date date, position int, title varchar(200))` with the key `(chart_date, position)`.
pub(crate) fn pg_table(schema: &str, name: &str) -> PgTable {
    PgTable {
        schema: schema.into(),
        name: name.into(),
        kind: TableKind::Table,
        unlogged: false,
        replica_identity: ReplicaIdentity::Default,
        estimated_rows: 52_000,
        bytes: 5_000_000,
        pages: 610,
        schema_usage: true,
        can_select: true,
        row_security: false,
        rows_hidden: false,
        columns: vec![
            pg_column("chart_date", "date", "date", -1, true),
            pg_column("position", "int4", "integer", -1, true),
            pg_column("title", "varchar", "character varying(200)", 204, false),
        ],
        primary_key: Some(PgKey {
            name: format!("{name}_pkey"),
            columns: vec!["chart_date".into(), "position".into()],
            constraint: true,
            partial: false,
            expressions: false,
            deferrable: false,
            not_null: true,
            identity: false,
        }),
        unique_keys: Vec::new(),
    }
}

/// A plain column of a built-in type.
pub(crate) fn pg_column(name: &str, ty: &str, display: &str, modifier: i32, not_null: bool) -> PgColumn {
    PgColumn {
        name: name.into(),
        ty: PgType { name: ty.into(), display: display.into(), class: TypeClass::Base, modifier, domain: None },
        not_null,
        generated: false,
        identity: false,
        has_default: false,
        longest: None,
        unique_by_statistics: false,
    }
}

/// What [`pg_table`] becomes on MySQL.
pub(crate) fn my_table(schema: &str, name: &str) -> MyTable {
    let mut title = my_column("title", "varchar", "varchar(200)", true);
    title.charset = Some("utf8mb4".into());
    title.collation = Some("utf8mb4_0900_bin".into());
    title.char_length = Some(200);
    let mut position = my_column("position", "int", "int", false);
    position.numeric_precision = Some(10);
    position.numeric_scale = Some(0);
    MyTable {
        schema: schema.into(),
        name: name.into(),
        engine: Some("InnoDB".into()),
        collation: Some("utf8mb4_0900_bin".into()),
        estimated_rows: 0,
        created: None,
        comment: String::new(),
        columns: vec![my_column("chart_date", "date", "date", false), position, title],
        primary_key: vec!["chart_date".into(), "position".into()],
        unique_keys: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: false,
        triggers: Vec::new(),
    }
}

/// A column without any of the optional properties.
pub(crate) fn my_column(name: &str, data_type: &str, column_type: &str, nullable: bool) -> MyColumn {
    MyColumn {
        name: name.into(),
        data_type: data_type.into(),
        column_type: column_type.into(),
        nullable,
        default: None,
        extra: String::new(),
        charset: None,
        collation: None,
        char_length: None,
        numeric_precision: None,
        numeric_scale: None,
        datetime_precision: None,
        generated: false,
        comment: String::new(),
    }
}

fn reachable(address: &str) -> HostFacts {
    HostFacts { addresses: Fact::Known(vec![address.into()]), tcp: Fact::Known(None) }
}

/// A login that worked, over TLS.
pub(crate) fn accepted() -> Attempt {
    Attempt::Accepted { tls: Some("TLSv1.3".into()) }
}

/// A login that the server refused.
pub(crate) fn refused(code: &str, message: &str) -> Attempt {
    Attempt::Refused(Refusal { stage: Stage::Login, code: Some(code.into()), message: message.into(), detail: None })
}

/// A login that nobody tried, and why.
pub(crate) fn not_tried() -> Attempt {
    Attempt::NotTried(Unknown::new(UnknownKind::NotReachable, "not tried"))
}

fn setting(value: &str, context: &str) -> PgSetting {
    PgSetting {
        value: value.into(),
        unit: None,
        context: context.into(),
        pending_restart: false,
        source: "configuration file".into(),
    }
}

/// Gives a source setting a value.
pub(crate) fn set(facts: &mut Facts, name: &str, value: &str) {
    if let Fact::Known(settings) = &mut facts.source.settings {
        settings.entry(name.to_owned()).or_insert_with(|| setting("", "sighup")).value = value.into();
    }
}

/// Gives a target variable a value.
pub(crate) fn set_variable(facts: &mut Facts, name: &str, value: &str) {
    if let Fact::Known(variables) = &mut facts.target.variables {
        variables.insert(name.into(), value.into());
    }
}

/// The first source table, to break.
pub(crate) fn source_table(facts: &mut Facts) -> &mut PgTable {
    &mut tables_mut(&mut facts.source.tables)[0]
}

/// The first target table, to break.
pub(crate) fn target_table(facts: &mut Facts) -> &mut MyTable {
    &mut tables_mut(&mut facts.target.tables)[0]
}

fn tables_mut<T>(fact: &mut Fact<Vec<T>>) -> &mut [T] {
    match fact {
        Fact::Known(tables) => tables,
        Fact::Unknown(why) => panic!("tables are unknown: {why:?}"),
    }
}

/// An unknown fact, as a login without the permission leaves it.
pub(crate) fn unseen<T>() -> Fact<T> {
    Fact::unknown(UnknownKind::NoPermission, "no permission to look")
}

/// The findings of a check that must fail.
#[track_caller]
pub(crate) fn findings(check: &Check, facts: &Facts) -> Vec<Finding> {
    match (check.judge)(facts) {
        Ok(Verdict::Fail(findings)) => {
            assert!(!findings.is_empty(), "{} fails without a finding", check.code);
            findings
        }
        other => panic!("{} should fail, and says {other:?}", check.code),
    }
}

/// The one finding of a check that must fail.
#[track_caller]
pub(crate) fn finding(check: &Check, facts: &Facts) -> Finding {
    let mut all = findings(check, facts);
    assert_eq!(all.len(), 1, "{} has more than one finding: {all:?}", check.code);
    all.remove(0)
}

/// The check passes.
#[track_caller]
pub(crate) fn assert_pass(check: &Check, facts: &Facts) {
    assert_eq!((check.judge)(facts), Ok(Verdict::Pass), "{}", check.code);
}

/// The check cannot tell.
#[track_caller]
pub(crate) fn assert_unknown(check: &Check, facts: &Facts) {
    let judged = (check.judge)(facts);
    assert!(judged.is_err(), "{} should be unknown, and says {judged:?}", check.code);
}

/// The check has nothing to say to this pipeline.
#[track_caller]
pub(crate) fn assert_not_applicable(check: &Check, facts: &Facts) {
    let judged = (check.judge)(facts);
    assert!(matches!(judged, Ok(Verdict::NotApplicable(_))), "{} should not apply, and says {judged:?}", check.code);
}

/// The codes that fail when the whole rule book judges: the causes alone, in the registry's order.
pub(crate) fn causes(facts: &Facts) -> Vec<&'static str> {
    judge(registry::ALL, facts)
        .into_iter()
        .filter(|j| matches!(j.outcome, Outcome::Fail(_)))
        .map(|j| j.check.code)
        .collect()
}
