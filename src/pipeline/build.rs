//! From checked values to a [`Pipeline`]: defaults, what is required, and what must go together.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::errors::Place;
use super::keys;
use super::load::Entries;
use super::model::{
    Aws, Dms, Endpoint, EngineKind, Glue, OnSchemaChange, OnUnrepresentable, PasswordSource, Pipeline, S3, SyncMode,
    SyncSettings, TableSelection, TlsMode,
};
use super::values::Value;

/// Builds the pipeline; what is missing or does not go together becomes a problem in `entries`, and the
/// result then holds placeholders.
pub(super) fn pipeline(path: &Path, entries: &mut Entries) -> Pipeline {
    let name = required(entries, "", "name");
    let sync = sync(entries, &name);
    let pipeline = Pipeline {
        path: path.to_owned(),
        source: endpoint(entries, "source", 5432),
        target: endpoint(entries, "target", 3306),
        tables: tables(entries),
        aws: aws(entries),
        dms: dms(entries, &name),
        s3: s3(entries),
        glue: glue(entries),
        sync,
        name,
    };
    for (engine, section, there) in
        [(EngineKind::Dms, "dms", pipeline.dms.is_some()), (EngineKind::S3, "s3", pipeline.s3.is_some())]
    {
        if pipeline.sync.engine == engine && !there && !excused(entries, section, "") {
            let place = place(entries, "sync", "engine");
            entries.problem(
                place,
                format!("[sync] engine = \"{section}\" needs a section [{section}], and there is none"),
            );
        }
    }
    passwords_of_aws(entries, &pipeline);
    pipeline
}

/// What a password from AWS needs beside itself.
fn passwords_of_aws(entries: &mut Entries, pipeline: &Pipeline) {
    for (section, endpoint) in [("source", &pipeline.source), ("target", &pipeline.target)] {
        let Some(password) = endpoint.password.as_ref().filter(|p| p.needs_aws()) else { continue };
        if pipeline.aws.is_none() && !excused(entries, "aws", "") {
            let place = place(entries, section, "password");
            let why = format!("[{section}] password comes from AWS; that needs a section [aws] with region");
            entries.problem(place, why);
        }
        if *password == PasswordSource::RdsIam && matches!(endpoint.tls, TlsMode::Disable | TlsMode::Prefer) {
            let place = place(entries, section, "tls");
            let why = format!(
                "[{section}] password = {{ rds_iam = true }} sends a token, which goes over TLS only: set \
                               tls = \"verify-full\""
            );
            entries.problem(place, why);
        }
    }
}

fn endpoint(entries: &mut Entries, section: &'static str, port: u16) -> Endpoint {
    if !entries.sections.contains_key(section) {
        if !excused(entries, section, "") {
            entries.problem(
                Place::File,
                format!("there is no section [{section}]; it needs host, database and user, or url"),
            );
        }
        entries.excused.extend(["host", "database", "user"].map(|name| (section, name)));
    }
    let number = number(entries, section, "port").and_then(|p| u16::try_from(p).ok());
    Endpoint {
        host: required(entries, section, "host"),
        port: number.unwrap_or(port),
        database: required(entries, section, "database"),
        user: required(entries, section, "user"),
        password: match value(entries, section, "password") {
            Some(Value::Password(source)) => Some(source.clone()),
            _ => None,
        },
        tls: choice(entries, section, "tls").unwrap_or(TlsMode::VerifyFull),
        ca_file: path(entries, section, "ca_file"),
        rds_instance: text(entries, section, "rds_instance"),
    }
}

fn tables(entries: &mut Entries) -> TableSelection {
    let list = |name| match value(entries, "tables", name) {
        Some(Value::Texts(list)) => Some(list.clone()),
        _ => None,
    };
    let (include, exclude) = (list("include"), list("exclude"));
    let schema_map = match value(entries, "tables", "schema_map") {
        Some(Value::Map(map)) => map.clone(),
        _ => std::collections::BTreeMap::new(),
    };
    if include.as_ref().is_some_and(Vec::is_empty) {
        let place = place(entries, "tables", "include");
        entries.problem(place, "[tables] include is empty, so no table takes part; leave it out for [\"public.*\"]");
    }
    TableSelection {
        include: include.unwrap_or_else(|| vec!["public.*".to_owned()]),
        exclude: exclude.unwrap_or_default(),
        schema_map,
    }
}

fn sync(entries: &mut Entries, name: &str) -> SyncSettings {
    let default_name = default_slot(name);
    SyncSettings {
        engine: choice(entries, "sync", "engine").unwrap_or(EngineKind::Direct),
        mode: choice(entries, "sync", "mode").unwrap_or(SyncMode::FullLoadAndCdc),
        slot: text(entries, "sync", "slot").unwrap_or_else(|| default_name.clone()),
        publication: text(entries, "sync", "publication").unwrap_or(default_name),
        parallel: number(entries, "sync", "parallel").and_then(|n| usize::try_from(n).ok()).unwrap_or(4),
        on_schema_change: choice(entries, "sync", "on_schema_change").unwrap_or(OnSchemaChange::Stop),
        on_unrepresentable: choice(entries, "sync", "on_unrepresentable").unwrap_or(OnUnrepresentable::Stop),
        origin: choice(entries, "sync", "origin").unwrap_or_default(),
    }
}

/// Slot and publication of a pipeline that names none: only characters that a slot may have.
fn default_slot(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    "cdc_doctor_".chars().chain(name.chars().map(plain)).take(63).collect()
}

fn aws(entries: &mut Entries) -> Option<Aws> {
    entries.sections.contains_key("aws").then(|| Aws {
        region: required(entries, "aws", "region"),
        profile: text(entries, "aws", "profile"),
        endpoint_url: text(entries, "aws", "endpoint_url"),
    })
}

fn dms(entries: &mut Entries, name: &str) -> Option<Dms> {
    if !entries.sections.contains_key("dms") {
        return None;
    }
    let named = |key, suffix: &str| text(entries, "dms", key).unwrap_or_else(|| format!("{name}-{suffix}"));
    let serverless = matches!(value(entries, "dms", "serverless"), Some(Value::Switch(true)));
    let storage = number(entries, "dms", "allocated_storage").and_then(|n| u32::try_from(n).ok());
    let dms = Dms {
        serverless,
        instance: named("instance", "ri"),
        instance_class: text(entries, "dms", "instance_class").unwrap_or_else(|| "dms.t3.medium".to_owned()),
        allocated_storage: storage.unwrap_or(50),
        source_endpoint: named("source_endpoint", "src"),
        target_endpoint: named("target_endpoint", "tgt"),
        task: named("task", "task"),
        assessment_bucket: text(entries, "dms", "assessment_bucket"),
    };
    for key in ["instance", "instance_class", "allocated_storage"] {
        if serverless && entries.values.contains_key(&("dms", key)) {
            let place = place(entries, "dms", key);
            entries.problem(place, format!("[dms] {key} does not go with serverless = true; take one of them out"));
        }
    }
    Some(dms)
}

fn s3(entries: &mut Entries) -> Option<S3> {
    entries.sections.contains_key("s3").then(|| S3 {
        bucket: required(entries, "s3", "bucket"),
        prefix: text(entries, "s3", "prefix").unwrap_or_default(),
    })
}

fn glue(entries: &mut Entries) -> Option<Glue> {
    let section = entries.sections.get("glue")?.clone();
    let given = |name| entries.values.contains_key(&("glue", name)) || excused(entries, "glue", name);
    match (given("job"), given("script")) {
        (true, true) => entries.problem(section, "[glue] takes job or script, not both"),
        (false, false) => entries.problem(section, "[glue] needs job (a job in AWS) or script (a local file)"),
        _ => {}
    }
    Some(Glue { job: text(entries, "glue", "job"), script: path(entries, "glue", "script") })
}

fn value<'a>(entries: &'a Entries, section: &'static str, name: &'static str) -> Option<&'a Value> {
    entries.values.get(&(section, name))?.1.as_ref()
}

fn text(entries: &Entries, section: &'static str, name: &'static str) -> Option<String> {
    match value(entries, section, name)? {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn number(entries: &Entries, section: &'static str, name: &'static str) -> Option<u64> {
    match value(entries, section, name)? {
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

fn path(entries: &Entries, section: &'static str, name: &'static str) -> Option<PathBuf> {
    match value(entries, section, name)? {
        Value::Path(path) => Some(path.clone()),
        _ => None,
    }
}

/// One of the model's words; the table of keys has let only those through.
fn choice<T: DeserializeOwned>(entries: &Entries, section: &'static str, name: &'static str) -> Option<T> {
    let text = text(entries, section, name)?;
    let word: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
    T::deserialize(word).ok()
}

fn excused(entries: &Entries, section: &str, name: &str) -> bool {
    entries.excused.contains(&(section, name))
}

fn place(entries: &Entries, section: &'static str, name: &'static str) -> Place {
    entries.values.get(&(section, name)).map_or(Place::File, |(place, _)| place.clone())
}

/// The text of a key that must be there; its absence is a problem, a wrong value already was one.
fn required(entries: &mut Entries, section: &'static str, name: &'static str) -> String {
    if let Some(text) = text(entries, section, name) {
        return text;
    }
    if !entries.values.contains_key(&(section, name)) && !excused(entries, section, name) {
        let place = entries.sections.get(section).cloned().unwrap_or(Place::File);
        let takes = keys::find(section, name).map(|k| k.kind.takes()).unwrap_or_default();
        entries.problem(place, format!("{} is missing; it takes {takes}", keys::shown(section, name)));
    }
    String::new()
}
