//! What a person reads about a file that is wrong. Each message must say where, what, and what is right; none may
//! hold a password.

use std::ffi::OsString;
use std::path::Path;

use proptest::prelude::*;

use super::Pipeline;
use super::tests::LEAST;

/// What is wrong with the least pipeline file after one change.
fn with(from: &str, to: &str) -> String {
    assert!(LEAST.contains(from), "{from:?}");
    of(&LEAST.replacen(from, to, 1))
}

fn of(text: &str) -> String {
    messages(Pipeline::parse(Path::new("cdc-doctor.toml"), text))
}

fn with_variable(name: &str, value: &str) -> String {
    let variables = [(OsString::from(name), OsString::from(value))];
    messages(Pipeline::parse_with(Path::new("cdc-doctor.toml"), LEAST, variables))
}

fn messages(read: Result<Pipeline, super::PipelineError>) -> String {
    read.map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
}

#[test]
fn toml_that_cannot_be_read() {
    insta::assert_snapshot!(with("[source]", "[source"), @"cdc-doctor.toml:2:8: not valid TOML: unclosed table, expected `]`");
    insta::assert_snapshot!(with("host = \"pg\"", "host = pg"), @"cdc-doctor.toml:3:8: not valid TOML: string values must be quoted, expected literal string");
    insta::assert_snapshot!(with("host = \"pg\"", "host \"pg\""), @"cdc-doctor.toml:3:6: not valid TOML: key with no value, expected `=`");
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"pg"), @r#"cdc-doctor.toml:3:11: not valid TOML: invalid basic string, expected `"`"#);
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"pg\"\nhost = \"pg\""), @"cdc-doctor.toml:4:1: not valid TOML: duplicate key");
    insta::assert_snapshot!(with("host = \"pg\"", "host = "), @"cdc-doctor.toml:3:8: not valid TOML: string values must be quoted, expected literal string");
    insta::assert_snapshot!(with("[target]", "[source]"), @"cdc-doctor.toml:6:2: not valid TOML: duplicate key");
}

#[test]
fn keys_and_sections_that_are_not_there() {
    insta::assert_snapshot!(of(""), @r#"
    cdc-doctor.toml: name is missing; it takes a short name for this pipeline, such as "charts"
    cdc-doctor.toml: there is no section [source]; it needs host, database and user, or url
    cdc-doctor.toml: there is no section [target]; it needs host, database and user, or url
    "#);
    insta::assert_snapshot!(with("[source]", "[postgres]"), @"cdc-doctor.toml:2: [postgres] is no section of a pipeline file; did you mean [source]?");
    insta::assert_snapshot!(with("[source]", "[zebra]"), @"
    cdc-doctor.toml: there is no section [source]; it needs host, database and user, or url
    cdc-doctor.toml:2: [zebra] is no section of a pipeline file; there are [source], [target], [tables], [sync], [aws], [dms], [s3], [glue]
    ");
    insta::assert_snapshot!(with("database", "dbname"), @r#"cdc-doctor.toml:4: [source] dbname is an unknown key; did you mean database? It takes a database's name (not the RDS identifier; often "postgres")"#);
    insta::assert_snapshot!(with("database", "zebra"), @r#"
    cdc-doctor.toml:2: [source] database is missing; it takes a database's name (not the RDS identifier; often "postgres")
    cdc-doctor.toml:4: [source] zebra is an unknown key; [source] has url, host, port, database, user, password, tls, ca_file, rds_instance
    "#);
    insta::assert_snapshot!(with("database", "databse"), @r#"cdc-doctor.toml:4: [source] databse is an unknown key; did you mean database? It takes a database's name (not the RDS identifier; often "postgres")"#);
    insta::assert_snapshot!(with("host = \"pg\"", "slot = \"x\""), @"
    cdc-doctor.toml:2: [source] host is missing; it takes a host name or address, without scheme and port
    cdc-doctor.toml:3: [source] slot is an unknown key here; it belongs in [sync]
    ");
    insta::assert_snapshot!(with("name = \"Week 1\"", "name = \"x\"\nhost = \"pg\"\nzebra = 1"), @"
    cdc-doctor.toml:2: host is an unknown key here; it belongs in [source] or [target]
    cdc-doctor.toml:3: zebra is an unknown key; at the top of the file there is name, then come the sections [source], [target], [tables], [sync], [aws], [dms], [s3], [glue]
    ");
    insta::assert_snapshot!(with("[target]", "[[target]]"), @"cdc-doctor.toml:6: target is a section: write it as [target], once, with its keys below");
    insta::assert_snapshot!(of("source = 1\n"), @r#"
    cdc-doctor.toml: name is missing; it takes a short name for this pipeline, such as "charts"
    cdc-doctor.toml: there is no section [target]; it needs host, database and user, or url
    cdc-doctor.toml:1: source is a section: write it as [source], once, with its keys below
    "#);
}

#[test]
fn values_of_the_wrong_kind() {
    insta::assert_snapshot!(with("host = \"pg\"", "host = 5"), @"cdc-doctor.toml:3: [source] host is a number; it takes a host name or address, without scheme and port, in quotes");
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"\""), @"cdc-doctor.toml:3: [source] host is empty; it takes a host name or address, without scheme and port");
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"pg:5432\""), @"cdc-doctor.toml:3: [source] host holds a port; it takes a host name or address, without scheme and port: write the port as port = …");
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"postgres://u:hunter2@pg/x\""), @r#"cdc-doctor.toml:3: [source] host is a url; it takes a host name or address, without scheme and port, or give the whole url as url = "…" instead of the parts"#);
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"pg\"\nport = \"5432\""), @"cdc-doctor.toml:4: [source] port is text; it takes a whole number from 1 to 65535, without quotes");
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"pg\"\nport = 70000"), @"cdc-doctor.toml:4: [source] port is 70000; it takes a whole number from 1 to 65535");
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"pg\"\ntls = \"verify-ful\""), @r#"cdc-doctor.toml:4: [source] tls is "verify-ful"; it takes "disable", "prefer", "require", "verify-ca" or "verify-full"; did you mean "verify-full"?"#);
    insta::assert_snapshot!(with("host = \"pg\"", "host = \"pg\"\nca_file = \"~/ca.pem\""), @"cdc-doctor.toml:4: [source] ca_file begins with ~, which only a shell replaces; write the whole path, or one relative to the pipeline file's folder");
}

#[test]
fn tables_and_sync() {
    let more = |text: &str| of(&format!("{LEAST}{text}\n"));
    insta::assert_snapshot!(more("[tables]\ninclude = \"public.*\""), @r#"cdc-doctor.toml:11: [tables] include is text; it takes a list of schema.table patterns, such as ["public.*"]"#);
    insta::assert_snapshot!(more("[tables]\ninclude = []"), @r#"cdc-doctor.toml:11: [tables] include is empty, so no table takes part; leave it out for ["public.*"]"#);
    insta::assert_snapshot!(more("[tables]\ninclude = [\"charts\"]"), @r#"cdc-doctor.toml:11: [tables] include holds "charts": a pattern has the form schema.table; did you mean "public.charts"?"#);
    insta::assert_snapshot!(more("[tables]\nexclude = [\"db.public.charts\"]"), @r#"cdc-doctor.toml:11: [tables] exclude holds "db.public.charts": a pattern has the form schema.table; a dot inside a name is matched by *"#);
    insta::assert_snapshot!(more("[tables]\nschema_map = { public = 1 }"), @r#"cdc-doctor.toml:11: [tables] schema_map holds a number for "public"; it takes { source_schema = "target_database" }"#);
    insta::assert_snapshot!(more("[sync]\nslot = \"My-Slot\"\nparallel = 0\nmode = \"full\""), @r#"
    cdc-doctor.toml:11: [sync] slot is "My-Slot"; it takes at most 63 of the characters a-z, 0-9 and _
    cdc-doctor.toml:12: [sync] parallel is 0; it takes a whole number from 1 to 64
    cdc-doctor.toml:13: [sync] mode is "full"; it takes "full-load", "cdc" or "full-load-and-cdc"
    "#);
    insta::assert_snapshot!(more("[sync]\nengine = \"dms\""), @r#"cdc-doctor.toml:11: [sync] engine = "dms" needs a section [dms], and there is none"#);
    insta::assert_snapshot!(more("[aws]\nendpoint_url = \"localhost:5000\""), @r#"
    cdc-doctor.toml:10: [aws] region is missing; it takes an AWS region, such as "eu-west-2"
    cdc-doctor.toml:11: [aws] endpoint_url is neither http nor https; it takes a url such as "http://127.0.0.1:5000"
    "#);
    insta::assert_snapshot!(more("[dms]\nserverless = true\ninstance_class = \"dms.t3.medium\""), @"cdc-doctor.toml:12: [dms] instance_class does not go with serverless = true; take one of them out");
    insta::assert_snapshot!(more("[s3]\nbucket = \"s3://charts/raw\""), @"cdc-doctor.toml:11: [s3] bucket is an address; it takes a bucket's name: 3 to 63 of the characters a-z, 0-9, - and ., and prefix takes the rest");
    insta::assert_snapshot!(more("[glue]"), @"cdc-doctor.toml:10: [glue] needs job (a job in AWS) or script (a local file)");
}

#[test]
fn passwords_in_the_wrong_place() {
    let password = |text: &str| with("host = \"pg\"", &format!("host = \"pg\"\npassword = {text}"));
    let url = |text: &str| with("host = \"pg\"\ndatabase = \"postgres\"\nuser = \"dms\"", &format!("url = {text}"));
    insta::assert_snapshot!(password("\"hunter2\""), @r#"cdc-doctor.toml:4: [source] password is given in clear; put it elsewhere: it takes { env = "VARIABLE" }, { file = "path" }, { secret = "ARN or name" }, { rds_iam = true } or { prompt = true }"#);
    insta::assert_snapshot!(password("hunter2"), @"cdc-doctor.toml:4:12: not valid TOML: string values must be quoted, expected literal string");
    insta::assert_snapshot!(password("{ env = \"hunter-2!\" }"), @"cdc-doctor.toml:4: [source] password env takes the name of an environment variable (letters, digits and _), not the password");
    insta::assert_snapshot!(password("{ value = \"hunter2\" }"), @r#"cdc-doctor.toml:4: [source] password names an unknown source; it takes { env = "VARIABLE" }, { file = "path" }, { secret = "ARN or name" }, { rds_iam = true } or { prompt = true }"#);
    insta::assert_snapshot!(password("{ env = \"A\", file = \"b\" }"), @r#"cdc-doctor.toml:4: [source] password names more than one source; it takes exactly one: { env = "VARIABLE" }, { file = "path" }, { secret = "ARN or name" }, { rds_iam = true } or { prompt = true }"#);
    insta::assert_snapshot!(password("{ secret = \"prod/pg\" }"), @"cdc-doctor.toml:4: [source] password comes from AWS; that needs a section [aws] with region");
    insta::assert_snapshot!(password("{ rds_iam = false }"), @"cdc-doctor.toml:4: [source] password rds_iam takes only true");
    let aws = "[aws]\nregion = \"eu-west-2\"\n";
    let token = |tls: &str| {
        of(&(LEAST.replace("host = \"pg\"", &format!("host = \"pg\"\npassword = {{ rds_iam = true }}\ntls = {tls}"))
            + aws))
    };
    insta::assert_snapshot!(token("\"prefer\""), @r#"cdc-doctor.toml:5: [source] password = { rds_iam = true } sends a token, which goes over TLS only: set tls = "verify-full""#);
    insta::assert_snapshot!(token("\"require\""), @"accepted");
    insta::assert_snapshot!(password("{ prompt = false }"), @"cdc-doctor.toml:4: [source] password prompt takes only true; to log in without a password, leave the key out");
    insta::assert_snapshot!(url("\"postgres://dms:hunter2@pg/postgres\""), @r#"cdc-doctor.toml:3: [source] url holds a password, which does not belong there: take it out of the url and add password = { env = "VARIABLE" }, { file = "path" }, { secret = "ARN or name" }, { rds_iam = true } or { prompt = true }"#);
    insta::assert_snapshot!(url("\"postgres://dms@pg/postgres?sslmode=require\""), @r#"cdc-doctor.toml:3: [source] url holds the TLS mode as a parameter: take it out of the url and add tls = "verify-full" (or "disable", "prefer", "require", "verify-ca") to the section"#);
    insta::assert_snapshot!(url("\"mysql://dms@pg/postgres\""), @r#"cdc-doctor.toml:3: [source] url begins with another scheme; it takes the form "postgres://user@host:port/database""#);
    insta::assert_snapshot!(url("\"postgres://pg/postgres\""), @r#"cdc-doctor.toml:3: [source] url names no user; it takes the form "postgres://user@host:port/database""#);
    insta::assert_snapshot!(url("\"postgres://dms@pg/postgres\"\nport = 5432"), @"cdc-doctor.toml:3: [source] url and port say the same twice; keep the url or the parts");
}

#[test]
fn variables_that_override() {
    insta::assert_snapshot!(with_variable("CDC_DOCTOR_SOURCE_PROT", "5432"), @"environment variable CDC_DOCTOR_SOURCE_PROT: overrides no key of the pipeline file (did you mean CDC_DOCTOR_SOURCE_PORT?); correct it or unset it");
    insta::assert_snapshot!(with_variable("CDC_DOCTOR_SORCE_PORT", "5432"), @"environment variable CDC_DOCTOR_SORCE_PORT: overrides no key of the pipeline file (did you mean CDC_DOCTOR_SOURCE_PORT?); correct it or unset it");
    insta::assert_snapshot!(with_variable("CDC_DOCTOR_SOURCE_PORT", "many"), @"environment variable CDC_DOCTOR_SOURCE_PORT: is text; it takes a whole number from 1 to 65535");
    insta::assert_snapshot!(with_variable("CDC_DOCTOR_SOURCE_HOST", ""), @"environment variable CDC_DOCTOR_SOURCE_HOST: is empty; it takes a host name or address, without scheme and port");
    insta::assert_snapshot!(with_variable("CDC_DOCTOR_SOURCE_URL", "postgres://u:hunter2@h/d"), @r#"environment variable CDC_DOCTOR_SOURCE_URL: holds a password, which does not belong there: take it out of the url and add password = { env = "VARIABLE" }, { file = "path" }, { secret = "ARN or name" }, { rds_iam = true } or { prompt = true }"#);
    insta::assert_snapshot!(with_variable("CDC_DOCTOR_SYNC_ENGINE", "spark"), @r#"environment variable CDC_DOCTOR_SYNC_ENGINE: is "spark"; it takes "direct", "dms" or "s3""#);
    insta::assert_snapshot!(with_variable("CDC_DOCTOR_THEME", "dark"), @"accepted");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Pipeline::parse(Path::new("x.toml"), &text);
    }

    /// Text made of what pipeline files are made of.
    #[test]
    fn no_near_miss_makes_it_panic(parts in prop::collection::vec(prop_oneof![
        Just("[source]\n"), Just("[target]\n"), Just("[sync]\n"), Just("[glue]\n"), Just("url = "), Just("host = "),
        Just("port = "), Just("password = "), Just("include = "), Just("schema_map = "), Just("{ env = \"A\" }"),
        Just("\"x\""), Just("\"postgres://[::1]:0/%ff\""), Just("-1"), Just("9223372036854775807"), Just("[1, [\"a.b\"]]"),
        Just("\n"), Just("."), Just("1979-05-27"), Just("inf"),
    ], 0..20)) {
        let _ = Pipeline::parse(Path::new("x.toml"), &parts.concat());
    }

    /// However a password is misplaced, and wherever the file is broken, no message repeats it.
    #[test]
    fn no_message_repeats_a_password(place in 0..8_usize, cut in any::<prop::sample::Index>(), junk in "[\"'={}\\[\\]\n #]{0,2}") {
        let secret = "hunter2SECRET";
        let line = match place {
            0 => format!("password = \"{secret}\""),
            1 => format!("password = {secret}"),
            2 => format!("password = {{ env = \"{secret} \" }}"),
            3 => format!("password = {{ value = '{secret}' }}"),
            4 => format!("url = \"postgres://u:{secret}@h/d\""),
            5 => format!("pasword = '{secret}'"),
            6 => format!("host = \"u:{secret}@h\""),
            _ => format!("port = \"{secret}\"\npassword = [\"{secret}\"]"),
        };
        let mut text = LEAST.replace("host = \"pg\"", &line);
        let at = cut.index(text.len() + 1);
        text.insert_str(at, &junk);
        if let Err(error) = Pipeline::parse(Path::new("x.toml"), &text) {
            prop_assert!(!error.to_string().contains("SECRET"), "{}\n--\n{}", text, error);
            let debug = format!("{error:?}");
            prop_assert!(!debug.contains("SECRET"));
        }
    }
}
