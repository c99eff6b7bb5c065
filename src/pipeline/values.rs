//! From what was given for a key to a checked value. Pure; an error is a sentence without a full
//! stop that goes behind the key's name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::{Item, Value as Toml};

use super::keys::Kind;
use super::model::PasswordSource;
use super::url;
use crate::text;

/// What was given for a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Text(String),
    Number(i64),
    Switch(bool),
    List(Vec<Given>),
    Table(Vec<(String, Given)>),
    /// Another TOML type; its name.
    Other(&'static str),
    /// From an environment variable: words that the key's kind gives a type.
    Words(String),
}

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(u64),
    Switch(bool),
    Path(PathBuf),
    Texts(Vec<String>),
    Map(BTreeMap<String, String>),
    Password(PasswordSource),
    Url(url::Parts),
}

impl Given {
    /// From the parsed file.
    pub fn from_item(item: &Item) -> Self {
        match item {
            Item::Value(value) => Self::from_toml(value),
            Item::Table(table) => Self::Table(table.iter().map(|(k, v)| (k.to_owned(), Self::from_item(v))).collect()),
            Item::ArrayOfTables(_) => Self::Other("a list of sections"),
            Item::None => Self::Other("nothing"),
        }
    }

    fn from_toml(value: &Toml) -> Self {
        match value {
            Toml::String(s) => Self::Text(s.value().clone()),
            Toml::Integer(i) => Self::Number(*i.value()),
            Toml::Boolean(b) => Self::Switch(*b.value()),
            Toml::Float(_) => Self::Other("a number with a fraction"),
            Toml::Datetime(_) => Self::Other("a date or time"),
            Toml::Array(a) => Self::List(a.iter().map(Self::from_toml).collect()),
            Toml::InlineTable(t) => Self::Table(t.iter().map(|(k, v)| (k.to_owned(), Self::from_toml(v))).collect()),
        }
    }

    /// The type, as a person calls it.
    fn kind_name(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Words(_) => "text",
            Self::Number(_) => "a number",
            Self::Switch(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
        }
    }

    /// Gives the words of a variable the type that the kind takes.
    fn typed(self, kind: Kind) -> Self {
        let Self::Words(words) = self else { return self };
        let list = || words.split(',').map(str::trim).filter(|w| !w.is_empty());
        match kind {
            Kind::Number(..) => words.trim().parse().map_or(Self::Text(words), Self::Number),
            Kind::Switch => words.trim().parse().map_or(Self::Text(words), Self::Switch),
            Kind::Patterns => Self::List(list().map(|w| Self::Text(w.to_owned())).collect()),
            Kind::SchemaMap => {
                let pair = |w: &str| {
                    let (schema, database) = w.split_once('=').unwrap_or((w, ""));
                    (schema.trim().to_owned(), Self::Text(database.trim().to_owned()))
                };
                Self::Table(list().map(pair).collect())
            }
            _ => Self::Text(words),
        }
    }
}

/// Checks what was given for a key of this kind; relative paths are joined to `folder`.
pub(super) fn check(kind: Kind, given: Given, folder: &Path) -> Result<Value, String> {
    let unquoted = if matches!(given, Given::Words(_)) { "" } else { ", without quotes" };
    let given = given.typed(kind);
    let takes = || format!("takes {}", kind.takes());
    match (kind, given) {
        (Kind::Password, given) => password(given, folder).map(Value::Password),
        (Kind::Number(least, most), Given::Number(n)) => match u64::try_from(n) {
            Ok(n) if (least..=most).contains(&n) => Ok(Value::Number(n)),
            _ => Err(format!("is {n}; it {}", takes())),
        },
        (Kind::Switch, Given::Switch(on)) => Ok(Value::Switch(on)),
        (Kind::Patterns, Given::List(list)) => patterns(list).map(Value::Texts),
        (Kind::SchemaMap, Given::Table(entries)) => schema_map(entries).map(Value::Map),
        (Kind::Number(..) | Kind::Switch, Given::Text(_)) => Err(format!("is text; it {}{unquoted}", takes())),
        (Kind::Number(..) | Kind::Switch | Kind::Patterns | Kind::SchemaMap, given) => {
            Err(format!("is {}; it {}", given.kind_name(), takes()))
        }
        (_, Given::Text(text)) => check_text(kind, text, folder),
        (_, given) => Err(format!("is {}; it {}, in quotes", given.kind_name(), takes())),
    }
}

/// Checks text for a kind that takes text.
fn check_text(kind: Kind, text: String, folder: &Path) -> Result<Value, String> {
    let takes = || format!("takes {}", kind.takes());
    if text.is_empty() && !matches!(kind, Kind::Text(what) if what.starts_with("a key prefix")) {
        return Err(format!("is empty; it {}", takes()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("holds a line break or another control character; it {}", takes()));
    }
    match kind {
        Kind::Host => host(text).map(Value::Text),
        Kind::Choice(words) => {
            if words.contains(&text.as_str()) {
                return Ok(Value::Text(text));
            }
            let near = text::nearest(&text, words.iter().copied());
            let near = near.map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
            Err(format!("is {}; it {}{near}", quoted(&text), takes()))
        }
        Kind::DatabaseUrl(schemes) => url::parse(&text, schemes).map(Value::Url),
        Kind::HttpUrl => http_url(text).map(Value::Text),
        Kind::File => path(&text, folder).map(Value::Path),
        Kind::Slot => {
            let good = text.len() <= 63 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            if good { Ok(Value::Text(text)) } else { Err(format!("is {}; it {}", quoted(&text), takes())) }
        }
        Kind::Identifier if text.len() > 63 => Err(format!("has {} bytes; it {}", text.len(), takes())),
        Kind::Bucket => bucket(text).map(Value::Text),
        _ if text.trim() != text => Err(format!("begins or ends with a space; it {}", takes())),
        _ => Ok(Value::Text(text)),
    }
}

/// A value in a message: made safe, cut, in quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text::fit(text, 60))
}

/// A host as TCP takes it. The value is not shown: a url with a password may have been pasted here.
pub(super) fn host(text: String) -> Result<String, String> {
    let takes = Kind::Host.takes();
    if text.contains("://") {
        return Err(format!("is a url; it takes {takes}, or give the whole url as url = \"…\" instead of the parts"));
    }
    if text.starts_with('/') {
        return Err(format!("is a path; sockets are not supported, it takes {takes}"));
    }
    if text.contains(char::is_whitespace) {
        return Err(format!("holds a space; it takes {takes}"));
    }
    if text.contains(['@', '/', '?', '#', '[', ']', ',', '\'', '"']) {
        return Err(format!("holds a character that no host name has; it takes {takes}"));
    }
    match text.matches(':').count() {
        0 if text.len() <= 253 => Ok(text),
        0 => Err(format!("is longer than any host name; it takes {takes}")),
        1 => Err(format!("holds a port; it takes {takes}: write the port as port = …")),
        _ => match text.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(text),
            Err(_) => Err(format!("is no IPv6 address; it takes {takes}")),
        },
    }
}

fn http_url(text: String) -> Result<String, String> {
    let takes = Kind::HttpUrl.takes();
    match ::url::Url::parse(&text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Err(format!("is neither http nor https; it takes {takes}"))
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err(format!("holds a user or password; it takes {takes}"))
        }
        Ok(_) => Ok(text),
        Err(why) => Err(format!("is no url ({why}); it takes {takes}")),
    }
}

fn path(text: &str, folder: &Path) -> Result<PathBuf, String> {
    if text.starts_with("~/") {
        return Err("begins with ~, which only a shell replaces; write the whole path, or one relative to the \
                    pipeline file's folder"
            .to_owned());
    }
    Ok(folder.join(text))
}

fn bucket(text: String) -> Result<String, String> {
    let takes = Kind::Bucket.takes();
    if text.starts_with("s3://") {
        return Err(format!("is an address; it takes {takes}, and prefix takes the rest"));
    }
    let good = (3..=63).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.']);
    if good { Ok(text) } else { Err(format!("is {}; it takes {takes}", quoted(&text))) }
}

fn patterns(list: Vec<Given>) -> Result<Vec<String>, String> {
    list.into_iter()
        .map(|given| match given {
            Given::Text(text) => pattern(text),
            other => Err(format!("holds {}; it takes {}", other.kind_name(), Kind::Patterns.takes())),
        })
        .collect()
}

/// A pattern has exactly two parts.
fn pattern(text: String) -> Result<String, String> {
    let wrong = |why: &str| Err(format!("holds {}: {why}", quoted(&text)));
    if text.contains(['"', '`']) {
        return wrong("write the names without quotes");
    }
    if text.chars().any(char::is_control) || text.trim() != text {
        return wrong("take out the spaces and control characters at its ends");
    }
    let parts: Vec<&str> = text.split('.').collect();
    match parts.as_slice() {
        [schema, table] if !schema.is_empty() && !table.is_empty() => Ok(text),
        [_] => {
            wrong(&format!("a pattern has the form schema.table; did you mean \"public.{}\"?", text::fit(&text, 60)))
        }
        [_, _] => wrong("a pattern has the form schema.table, and neither part is empty"),
        _ => wrong("a pattern has the form schema.table; a dot inside a name is matched by *"),
    }
}

fn schema_map(entries: Vec<(String, Given)>) -> Result<BTreeMap<String, String>, String> {
    entries
        .into_iter()
        .map(|(schema, given)| match given {
            Given::Text(database) if !schema.is_empty() && !database.is_empty() => Ok((schema, database)),
            Given::Text(_) => {
                Err(format!("names nothing for {}; it takes {}", quoted(&schema), Kind::SchemaMap.takes()))
            }
            other => Err(format!(
                "holds {} for {}; it takes {}",
                other.kind_name(),
                quoted(&schema),
                Kind::SchemaMap.takes()
            )),
        })
        .collect()
}

/// Where a password comes from. Nothing given is ever repeated: it may be the password itself.
fn password(given: Given, folder: &Path) -> Result<PasswordSource, String> {
    let takes = Kind::Password.takes();
    let Given::Table(entries) = given else {
        return Err(match given {
            Given::Text(_) => format!("is given in clear; put it elsewhere: it takes {takes}"),
            other => format!("is {}; it takes {takes}", other.kind_name()),
        });
    };
    if entries.len() != 1 {
        let count = if entries.is_empty() { "names no source" } else { "names more than one source" };
        return Err(format!("{count}; it takes exactly one: {takes}"));
    }
    let Some((name, given)) = entries.into_iter().next() else { return Err(format!("takes {takes}")) };
    match (name.as_str(), given) {
        ("env", Given::Text(variable)) if is_variable(&variable) => Ok(PasswordSource::Env(variable)),
        ("env", _) => {
            Err("env takes the name of an environment variable (letters, digits and _), not the password".into())
        }
        ("file", Given::Text(file)) if !file.is_empty() && !file.chars().any(char::is_control) => {
            path(&file, folder).map(PasswordSource::File).map_err(|why| format!("file {why}"))
        }
        ("file", _) => Err("file takes the path of a file whose first line is the password".into()),
        ("secret", Given::Text(secret)) if !secret.trim().is_empty() => Ok(PasswordSource::Secret(secret)),
        ("secret", _) => Err("secret takes the ARN or name of a secret in AWS Secrets Manager".into()),
        ("rds_iam", Given::Switch(true)) => Ok(PasswordSource::RdsIam),
        ("rds_iam", _) => Err("rds_iam takes only true".into()),
        ("prompt", Given::Switch(true)) => Ok(PasswordSource::Prompt),
        ("prompt", _) => Err("prompt takes only true; to log in without a password, leave the key out".into()),
        (other, _) => {
            let near = text::nearest(other, ["env", "file", "secret", "rds_iam", "prompt"]);
            let near = near.map(|n| format!(" (did you mean {n}?)")).unwrap_or_default();
            Err(format!("names an unknown source{near}; it takes {takes}"))
        }
    }
}

/// The portable form of a variable's name.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
