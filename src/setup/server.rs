//! The questions about one server: where it is, who logs in, how the connection is protected, which database.

use secrecy::SecretString;

use super::aws;
use super::dialogue::Setup;
use super::probe::{self, Database, Tried};
use super::prompt::{self, Left};
use super::steps::Side;
use crate::aws::passwords;
use crate::diagnose;
use crate::facts::Stage;
use crate::pipeline::secrets::{Password, SecretError};
use crate::pipeline::{Endpoint, Pipeline, TlsMode};
use crate::text;

/// Reads a password unseen.
pub(super) type Ask<'a> = &'a mut (dyn FnMut(&str) -> Result<SecretString, SecretError> + Send);

fn product(side: Side) -> &'static str {
    match side {
        Side::Source => "PostgreSQL",
        Side::Target => "MySQL or MariaDB",
    }
}

/// Host and port: one that AWS told of, or typed.
pub(super) fn place(setup: &mut Setup, side: Side) -> Result<(), Left> {
    let found = aws::servers(setup.found.as_ref(), side);
    if !found.is_empty() {
        let mut options: Vec<String> = found.iter().map(aws::Server::line).collect();
        options.push("another: type host and port".to_owned());
        let now = setup.draft.get(&side.key("rds_instance"));
        let start = found.iter().position(|s| Some(&s.identifier) == now.as_ref()).unwrap_or(0);
        let question = format!("Which {} server is the {}?", product(side), side.as_str());
        let picked = prompt::select(&question, &options, start, "")?;
        if let Some(server) = found.get(picked) {
            return aws::take(setup, side, server);
        }
        setup.draft.unset(&side.key("rds_instance"));
    }
    let (host_key, port_key) = (side.key("host"), side.key("port"));
    let host = setup.draft.get(&host_key);
    let question = format!("Host of the {} ({}):", side.as_str(), product(side));
    let check = prompt::taken(&setup.draft, host_key.clone(), |typed| apart(typed).0);
    let typed = prompt::text(&question, host.as_deref(), "a name or an address", check)?;
    let (typed, port) = apart(&typed);
    if host.as_ref() != Some(&typed) {
        setup.draft.unset(&side.key("rds_instance"));
    }
    setup.draft.set(&host_key, &typed)?;
    let usual = if side == Side::Source { "5432" } else { "3306" };
    let default = port.or_else(|| setup.draft.get(&port_key)).unwrap_or_else(|| usual.to_owned());
    let check = |typed: &str| match typed.parse::<u16>() {
        Ok(1..) => Ok(()),
        _ => Err("A port is a whole number from 1 to 65535.".to_owned()),
    };
    let port = prompt::text("Port:", Some(&default), "", check)?;
    setup.draft.set(&port_key, &port)?;
    Ok(())
}

/// `host:port` is what people have at hand.
fn apart(typed: &str) -> (String, Option<String>) {
    match typed.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() && !name.contains(':') => {
            (name.to_owned(), Some(port.to_owned()))
        }
        _ => (typed.to_owned(), None),
    }
}

/// Who logs in.
pub(super) fn user(setup: &mut Setup, side: Side) -> Result<(), Left> {
    let key = side.key("user");
    let default = setup.draft.get(&key).unwrap_or_else(|| "dms".to_owned());
    let hint = "a login of its own is best: the checks say what it may lack";
    let check = prompt::taken(&setup.draft, key.clone(), str::to_owned);
    let user = prompt::text(&format!("User on the {}:", side.as_str()), Some(&default), hint, check)?;
    setup.draft.set(&key, &user)?;
    Ok(())
}

/// Where its password comes from; the password itself is in no file.
pub(super) fn password(setup: &mut Setup, side: Side) -> Result<(), Left> {
    let options = [
        "an environment variable",
        "a file, whose first line it is",
        "asked for at each start",
        "AWS Secrets Manager",
        "IAM database authentication of RDS (a token for each login)",
        "none: this login needs no password",
    ]
    .map(str::to_owned);
    let key = side.key("password");
    let now = setup.draft.get(&key).unwrap_or_default();
    let start = ["env", "file", "prompt", "secret", "rds_iam"].iter().position(|w| now.contains(w)).unwrap_or(0);
    let question = format!("Where does the password of the {} come from?", side.as_str());
    let from = |kind: &'static str| move |text: &str| format!("{{ {kind} = {} }}", toml_edit::Value::from(text));
    let check = |setup: &Setup, kind| prompt::taken(&setup.draft, key.clone(), from(kind));
    let value = match prompt::select(&question, &options, start, "it is never written into the file")? {
        0 => {
            let name = format!("{}_PASSWORD", side.as_str().to_uppercase());
            let default = value_of(&now, "env").unwrap_or(name);
            let name = prompt::text("Name of the variable:", Some(&default), "", check(setup, "env"))?;
            if std::env::var_os(&name).is_none() {
                prompt::say(&format!("{name} is not set here: without it the server cannot be tried."));
            }
            from("env")(&name)
        }
        1 => {
            let default = value_of(&now, "file");
            let path = prompt::text("Path of the file:", default.as_deref(), "", check(setup, "file"))?;
            from("file")(&path)
        }
        2 => "{ prompt = true }".to_owned(),
        3 => {
            let default = value_of(&now, "secret");
            let name = prompt::text("Name or ARN of the secret:", default.as_deref(), "", check(setup, "secret"))?;
            aws::region(setup)?;
            from("secret")(&name)
        }
        4 => {
            aws::region(setup)?;
            "{ rds_iam = true }".to_owned()
        }
        _ => {
            setup.draft.unset(&key);
            return Ok(());
        }
    };
    setup.draft.set(&key, &value)?;
    Ok(())
}

/// The value of a key of `{ key = "value" }`.
fn value_of(table: &str, key: &str) -> Option<String> {
    let value: toml_edit::Value = table.parse().ok()?;
    value.as_inline_table()?.get(key)?.as_str().map(str::to_owned)
}

/// The side's endpoint and password as answered so far; what is not answered yet is filled in, as far as a login goes.
pub(super) fn login(setup: &mut Setup, side: Side, ask: Ask<'_>) -> Result<(Endpoint, Option<Password>), String> {
    let mut scratch = setup.draft.clone();
    let other = if side == Side::Source { Side::Target } else { Side::Source };
    scratch.unset(&other.key("password"));
    scratch.unset("sync.engine");
    for (key, value) in [
        ("name".to_owned(), "setup"),
        (other.key("host"), "localhost"),
        (other.key("user"), "setup"),
        (other.key("database"), "setup"),
        (side.key("database"), "postgres"),
    ] {
        if scratch.get(&key).is_none() {
            scratch.set(&key, value).map_err(|e| e.to_string())?;
        }
    }
    let pipeline: Pipeline = scratch.pipeline().map_err(|e| e.to_string())?;
    let endpoint = if side == Side::Source { pipeline.source.clone() } else { pipeline.target.clone() };
    let about = format!("{:?} {} {} {}", endpoint.password, endpoint.user, endpoint.host, endpoint.port);
    if let Some((.., password)) = setup.passwords.iter().find(|(s, known, _)| *s == side && *known == about) {
        return Ok((endpoint, password.clone()));
    }
    let passwords = passwords::resolve(&pipeline, ask).map_err(|e| e.to_string())?;
    let password = if side == Side::Source { passwords.source } else { passwords.target };
    setup.passwords.push((side, about, password.clone()));
    Ok((endpoint, password))
}

/// How the connection is protected: every way is tried, and the safest that works is offered first.
pub(super) async fn tls(setup: &mut Setup, side: Side, ask: Ask<'_>) -> Result<(), Left> {
    loop {
        let ways = match login(setup, side, ask) {
            Ok((endpoint, password)) => {
                prompt::say(&format!("Trying to log in to {}:{} …", endpoint.host, endpoint.port));
                probe::ways(side, &endpoint, password.as_ref()).await
            }
            Err(why) => {
                prompt::say(&format!("The login cannot be tried: {why}"));
                Vec::new()
            }
        };
        for tried in &ways {
            prompt::say(&outcome(tried));
        }
        if !ways.iter().any(Tried::works) {
            // It may be the password: the next try asks for it again.
            setup.passwords.retain(|(known, ..)| *known != side);
        }
        match pick(setup, side, &ways)? {
            Picked::Way(tls) => {
                setup.draft.set(&side.key("tls"), tls.as_str())?;
                return Ok(());
            }
            Picked::Again => {}
        }
    }
}

enum Picked {
    Way(TlsMode),
    Again,
}

fn pick(setup: &mut Setup, side: Side, ways: &[Tried]) -> Result<Picked, Left> {
    let works = |tls| ways.iter().any(|w| w.tls == tls && w.works());
    let modes = [TlsMode::VerifyFull, TlsMode::VerifyCa, TlsMode::Require, TlsMode::Disable];
    let mut options: Vec<String> = modes.iter().map(|m| format!("{:<12} {}", m.as_str(), meaning(*m))).collect();
    options.push("name a file with the certificate authority (PEM), and try again".to_owned());
    options.push("try again as it is".to_owned());
    let answered = setup.draft.get(&side.key("tls"));
    let start = modes
        .iter()
        .position(|m| works(*m))
        .or_else(|| modes.iter().position(|m| Some(m.as_str()) == answered.as_deref()))
        .unwrap_or(0);
    if !ways.is_empty() && !ways.iter().any(Tried::works) {
        if let Some(why) = ways.iter().find_map(|w| w.refused.as_ref()) {
            explain(&why.refusal.message);
        }
        prompt::say("No way leads in. Esc goes back to password, user and host.");
    }
    let picked =
        prompt::select("How is the connection protected?", &options, start, "the safest that works comes first")?;
    match picked {
        4 => {
            let now = setup.draft.get(&side.key("ca_file"));
            let path = prompt::text("Path of the file:", now.as_deref(), "", |typed: &str| {
                if std::path::Path::new(typed).is_file() { Ok(()) } else { Err(format!("There is no file {typed}.")) }
            })?;
            let path = std::fs::canonicalize(&path).map_or(path, |p| p.display().to_string());
            setup.draft.set(&side.key("ca_file"), &path)?;
            Ok(Picked::Again)
        }
        5 => Ok(Picked::Again),
        mode => Ok(Picked::Way(modes[mode])),
    }
}

fn meaning(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::VerifyFull => "TLS; the server's certificate and name are verified",
        TlsMode::VerifyCa => "TLS; the certificate is verified, the name is not",
        TlsMode::Require | TlsMode::Prefer => "TLS; whoever answers is believed",
        TlsMode::Disable => "no TLS: password and rows travel in clear",
    }
}

fn outcome(tried: &Tried) -> String {
    let way = match tried.tls {
        TlsMode::VerifyFull => "with TLS, verified    ",
        TlsMode::VerifyCa => "with TLS, chain only  ",
        TlsMode::Disable => "without TLS           ",
        _ => "with TLS, not verified",
    };
    match &tried.refused {
        None => format!("✓ {way}  works"),
        Some(why) => {
            let verb = if why.refusal.stage == Stage::Login { "refused: " } else { "" };
            format!("✗ {way}  {verb}{}", why.refusal.message)
        }
    }
}

/// What a refusal means, where the decoder knows it.
fn explain(message: &str) {
    if let Some(known) = diagnose::decode(message) {
        prompt::say(&format!("{} {} (cdc-doctor explain {})", known.cause, known.fix, known.code));
    }
}

/// The database, from the server's own list.
pub(super) async fn database(setup: &mut Setup, side: Side, ask: Ask<'_>) -> Result<(), Left> {
    let key = side.key("database");
    let listed = match login(setup, side, ask) {
        Ok((endpoint, password)) => match side {
            Side::Source => probe::postgres_databases(&endpoint, password.as_ref()).await,
            Side::Target => probe::mysql_databases(&endpoint, password.as_ref()).await,
        },
        Err(why) => Err(why),
    };
    let databases = listed.unwrap_or_else(|why| {
        prompt::say(&format!("The databases of the {} cannot be listed: {why}", side.as_str()));
        Vec::new()
    });
    let answered = setup.draft.get(&key);
    warn(setup, side, &databases, answered.as_deref());
    let mut options: Vec<String> = databases.iter().map(line).collect();
    if side == Side::Target {
        options.push("a new one, which is created now".to_owned());
    }
    options.push("another: type its name".to_owned());
    let is = |name: &str| databases.iter().position(|d| d.name == name);
    let start =
        answered.as_deref().and_then(is).or_else(|| is("postgres").filter(|_| databases.len() == 1)).unwrap_or(0);
    let question = format!("Which database of the {}?", side.as_str());
    let picked = prompt::select(&question, &options, start, "")?;
    if let Some(database) = databases.get(picked) {
        setup.draft.set(&key, &database.name)?;
        return Ok(());
    }
    let default = answered.or_else(|| setup.draft.get("name"));
    let check = prompt::taken(&setup.draft, key.clone(), str::to_owned);
    let name = prompt::text("Its name:", default.as_deref(), "", check)?;
    if side == Side::Target && picked == databases.len() {
        create(setup, side, &name, ask).await?;
    }
    setup.draft.set(&key, &name)?;
    Ok(())
}

/// A name that is no database of this server, and an identifier that looks like one.
fn warn(setup: &Setup, side: Side, databases: &[Database], answered: Option<&str>) {
    let there = |name: &str| databases.iter().any(|d| d.name == name);
    if let Some(identifier) = setup.draft.get(&side.key("rds_instance"))
        && !there(&identifier)
    {
        prompt::say(&format!(
            "{identifier:?} is the identifier of the RDS instance. It is no database: the instance holds those below."
        ));
    }
    if let Some(name) = answered.filter(|name| !databases.is_empty() && !there(name)) {
        prompt::say(&format!("This server has no database {name:?}."));
    }
}

fn line(database: &Database) -> String {
    match database.bytes {
        Some(bytes) => format!("{}  ({})", database.name, text::bytes(u64::try_from(bytes).unwrap_or(0))),
        None => database.name.clone(),
    }
}

async fn create(setup: &mut Setup, side: Side, name: &str, ask: Ask<'_>) -> Result<(), Left> {
    prompt::say(&probe::create_database_sql(name));
    if !prompt::confirm("Run this statement on the target now?", true, "no only writes the name down")? {
        return Ok(());
    }
    let made = match login(setup, side, ask) {
        Ok((endpoint, password)) => probe::create_database(&endpoint, password.as_ref(), name).await,
        Err(why) => Err(why),
    };
    match made {
        Ok(()) => prompt::say("Done."),
        Err(why) => prompt::say(&format!("It was not created: {why}")),
    }
    Ok(())
}
