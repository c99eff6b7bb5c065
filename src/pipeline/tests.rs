//! Tests of reading a pipeline file as a whole.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::*;

/// Every section and key, as the documentation shows them.
const FULL: &str = r#"
name = "charts"

[source]                       # PostgreSQL
host = "charts.abc.eu-west-2.rds.amazonaws.com"
port = 5433
database = "postgres"
user = "dms"
password = { env = "SOURCE_PASSWORD" }
tls = "verify-ca"
ca_file = "ca.pem"
rds_instance = "charts-source"

[target]
host = "10.0.3.7"
database = "charts"
user = "dms"
password = { file = "secrets/target" }
tls = "disable"
rds_instance = "charts-target"

[tables]
include = ["public.*", "music.a*"]
exclude = ["public.tmp_*"]
schema_map = { public = "charts" }

[sync]
engine = "direct"
mode = "full-load"
slot = "my_slot"
publication = "My Publication"
parallel = 8
on_schema_change = "add-columns"
on_unrepresentable = "null"

[aws]
region = "eu-west-2"
profile = "default"
endpoint_url = "http://127.0.0.1:5000"

[dms]
instance = "charts-ri"
instance_class = "dms.t3.medium"
allocated_storage = 50
source_endpoint = "charts-src"
target_endpoint = "charts-tgt"
task = "charts-task"

[s3]
bucket = "charts-cdc"
prefix = "raw/"

[glue]
script = "job.py"
"#;

/// The least that is a pipeline.
pub(super) const LEAST: &str = r#"name = "Week 1"
[source]
host = "pg"
database = "postgres"
user = "dms"
[target]
host = "my"
database = "charts"
user = "dms"
"#;

fn parse(text: &str) -> Result<Pipeline, PipelineError> {
    Pipeline::parse(Path::new("dir/cdc-doctor.toml"), text)
}

fn parse_with(text: &str, variables: &[(&str, &str)]) -> Result<Pipeline, PipelineError> {
    let variables = variables.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    Pipeline::parse_with(Path::new("dir/cdc-doctor.toml"), text, variables)
}

/// The messages of a file that must be refused.
fn errors(text: &str) -> String {
    parse(text).expect_err("must be refused").to_string()
}

#[test]
fn every_key_is_read() {
    let p = parse(FULL).unwrap();
    assert_eq!(p.name, "charts");
    assert_eq!((p.source.port, p.source.tls), (5433, TlsMode::VerifyCa));
    assert_eq!(p.source.ca_file, Some(PathBuf::from("dir/ca.pem")));
    assert_eq!(p.source.password, Some(PasswordSource::Env("SOURCE_PASSWORD".into())));
    assert_eq!(p.target.password, Some(PasswordSource::File("dir/secrets/target".into())));
    assert_eq!((p.target.port, p.target.tls), (3306, TlsMode::Disable));
    assert_eq!(p.tables.include, ["public.*", "music.a*"]);
    assert_eq!(p.tables.schema_map["public"], "charts");
    assert_eq!((p.sync.mode, p.sync.parallel, p.sync.slot.as_str()), (SyncMode::FullLoad, 8, "my_slot"));
    assert_eq!(p.sync.on_schema_change, OnSchemaChange::AddColumns);
    assert_eq!(p.sync.on_unrepresentable, OnUnrepresentable::Null);
    assert_eq!(p.aws.unwrap().endpoint_url.as_deref(), Some("http://127.0.0.1:5000"));
    assert_eq!(p.dms.unwrap().task, "charts-task");
    assert_eq!(p.s3.unwrap().prefix, "raw/");
    assert_eq!(p.glue.unwrap().script, Some(PathBuf::from("dir/job.py")));
}

#[test]
fn what_is_left_out_has_its_default() {
    let p = parse(LEAST).unwrap();
    assert_eq!((p.source.port, p.target.port), (5432, 3306));
    assert_eq!((p.source.tls, p.source.password), (TlsMode::VerifyFull, None));
    assert_eq!((p.sync.engine, p.sync.mode, p.sync.parallel), (EngineKind::Direct, SyncMode::FullLoadAndCdc, 4));
    assert_eq!((p.sync.slot.as_str(), p.sync.publication.as_str()), ("cdc_doctor_week_1", "cdc_doctor_week_1"));
    assert_eq!(p.tables.include, ["public.*"]);
    assert!(p.aws.is_none() && p.dms.is_none() && p.s3.is_none() && p.glue.is_none());
}

#[test]
fn every_word_of_a_choice_is_one_of_the_model() {
    for key in keys::KEYS {
        let keys::Kind::Choice(words) = key.kind else { continue };
        for word in words {
            let extra = if *word == "dms" { "[dms]\n" } else { "[s3]\nbucket = \"abc\"\n" };
            let text = format!("{LEAST}{extra}");
            let p = parse_with(&text, &[(&key.variable(), word)]).unwrap();
            let json = serde_json::to_string(&p).unwrap();
            assert!(json.contains(&format!("\"{}\":\"{word}\"", key.name)), "{} = {word}", key.dotted());
        }
    }
}

#[test]
fn a_url_stands_for_its_parts() {
    let text =
        LEAST.replace("host = \"pg\"\ndatabase = \"postgres\"\nuser = \"dms\"", "url = \"postgres://d%40@db:6000/x\"");
    let p = parse(&text).unwrap();
    assert_eq!((p.source.host.as_str(), p.source.port), ("db", 6000));
    assert_eq!((p.source.user.as_str(), p.source.database.as_str()), ("d@", "x"));
    let p = parse_with(&text, &[("CDC_DOCTOR_SOURCE_HOST", "other")]).unwrap();
    assert_eq!((p.source.host.as_str(), p.source.port), ("other", 6000));
    let p = parse_with(&text, &[("CDC_DOCTOR_SOURCE_URL", "postgres://u@third/y")]).unwrap();
    assert_eq!((p.source.host.as_str(), p.source.port, p.source.user.as_str()), ("third", 5432, "u"));
}

#[test]
fn variables_override_keys() {
    let p = parse_with(
        LEAST,
        &[
            ("CDC_DOCTOR_SOURCE_HOST", "h2"),
            ("CDC_DOCTOR_SOURCE_PORT", "6001"),
            ("CDC_DOCTOR_SYNC_PARALLEL", "2"),
            ("CDC_DOCTOR_TABLES_INCLUDE", "a.b, c.*"),
            ("CDC_DOCTOR_TABLES_SCHEMA_MAP", "a=x,c=y"),
            ("CDC_DOCTOR_TARGET_PASSWORD", "hunter2"),
            ("CDC_DOCTOR_AWS_REGION", "eu-west-2"),
            ("CDC_DOCTOR_LOG", "debug"),
            ("CDC_DOCTOR_POSTGRES_BIN", "/x"),
            ("CDC_DOCTOR_MYSQL_ROOT", "/x"),
            ("PATH", "/x"),
        ],
    )
    .unwrap();
    assert_eq!((p.source.host.as_str(), p.source.port, p.sync.parallel), ("h2", 6001, 2));
    assert_eq!(p.tables.include, ["a.b", "c.*"]);
    assert_eq!(p.tables.schema_map["c"], "y");
    assert_eq!(p.target.password, Some(PasswordSource::Env("CDC_DOCTOR_TARGET_PASSWORD".into())));
    assert_eq!(p.aws.unwrap().region, "eu-west-2");
}

#[test]
fn all_problems_are_told_at_once() {
    insta::assert_snapshot!(errors("nam = \"x\"\n[source]\nhost = \"a\"\nprot = 1\ntls = \"on\"\n[sorce]\n"), @r#"
    dir/cdc-doctor.toml: there is no section [target]; it needs host, database and user, or url
    dir/cdc-doctor.toml:1: nam is an unknown key; did you mean name? It takes a short name for this pipeline, such as "charts"
    dir/cdc-doctor.toml:2: [source] database is missing; it takes a database's name (not the RDS identifier; often "postgres")
    dir/cdc-doctor.toml:2: [source] user is missing; it takes the user that logs in
    dir/cdc-doctor.toml:4: [source] prot is an unknown key; did you mean port? It takes a whole number from 1 to 65535
    dir/cdc-doctor.toml:5: [source] tls is "on"; it takes "disable", "prefer", "require", "verify-ca" or "verify-full"
    dir/cdc-doctor.toml:6: [sorce] is no section of a pipeline file; did you mean [source]?
    "#);
}
