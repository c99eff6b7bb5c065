//! The one table of what a pipeline file may say. Reading, messages, overriding variables and edits
//! all go by it.

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// The section; empty for the top of the file.
    pub section: &'static str,
    /// The name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name in one line; the word says of what, with an example.
    Text(&'static str),
    /// A host name or address, without scheme and port.
    Host,
    /// A whole number within limits.
    Number(u64, u64),
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A url with one of these schemes, naming host, database and user.
    DatabaseUrl(&'static [&'static str]),
    /// An http or https url.
    HttpUrl,
    /// A file.
    File,
    /// Where a password comes from.
    Password,
    /// A list of `schema.table` patterns.
    Patterns,
    /// Source schema to target database.
    SchemaMap,
    /// A replication slot's name.
    Slot,
    /// A PostgreSQL identifier.
    Identifier,
    /// An S3 bucket's name.
    Bucket,
    /// true or false.
    Switch,
}

/// A constant, for a table that reads as one.
const fn key(section: &'static str, name: &'static str, kind: Kind) -> Key {
    Key { section, name, kind }
}

const TLS: Kind = Kind::Choice(&["disable", "prefer", "require", "verify-ca", "verify-full"]);
const SOURCE_DATABASE: Kind = Kind::Text("a database's name (not the RDS identifier; often \"postgres\")");
const TARGET_DATABASE: Kind = Kind::Text("the name of the database that takes the rows");
const USER: Kind = Kind::Text("the user that logs in");
const RDS: Kind = Kind::Text("an RDS instance or cluster identifier");
const DMS: Kind = Kind::Text("an identifier in AWS DMS");

/// Every key, in the order in which a file shows them.
pub(super) static KEYS: &[Key] = &[
    key("", "name", Kind::Text("a short name for this pipeline, such as \"charts\"")),
    key("source", "url", Kind::DatabaseUrl(&["postgres", "postgresql"])),
    key("source", "host", Kind::Host),
    key("source", "port", Kind::Number(1, 65535)),
    key("source", "database", SOURCE_DATABASE),
    key("source", "user", USER),
    key("source", "password", Kind::Password),
    key("source", "tls", TLS),
    key("source", "ca_file", Kind::File),
    key("source", "rds_instance", RDS),
    key("target", "url", Kind::DatabaseUrl(&["mysql", "mariadb"])),
    key("target", "host", Kind::Host),
    key("target", "port", Kind::Number(1, 65535)),
    key("target", "database", TARGET_DATABASE),
    key("target", "user", USER),
    key("target", "password", Kind::Password),
    key("target", "tls", TLS),
    key("target", "ca_file", Kind::File),
    key("target", "rds_instance", RDS),
    key("tables", "include", Kind::Patterns),
    key("tables", "exclude", Kind::Patterns),
    key("tables", "schema_map", Kind::SchemaMap),
    key("sync", "engine", Kind::Choice(&["direct", "dms", "s3"])),
    key("sync", "mode", Kind::Choice(&["full-load", "cdc", "full-load-and-cdc"])),
    key("sync", "slot", Kind::Slot),
    key("sync", "publication", Kind::Identifier),
    key("sync", "parallel", Kind::Number(1, 64)),
    key("sync", "on_schema_change", Kind::Choice(&["stop", "add-columns"])),
    key("sync", "on_unrepresentable", Kind::Choice(&["stop", "null"])),
    key("sync", "origin", Kind::Choice(&["any", "none"])),
    key("aws", "region", Kind::Text("an AWS region, such as \"eu-west-2\"")),
    key("aws", "profile", Kind::Text("a profile of the shared AWS configuration")),
    key("aws", "endpoint_url", Kind::HttpUrl),
    key("dms", "serverless", Kind::Switch),
    key("dms", "instance", DMS),
    key("dms", "instance_class", Kind::Text("a DMS instance class, such as \"dms.t3.medium\"")),
    key("dms", "allocated_storage", Kind::Number(5, 6144)),
    key("dms", "source_endpoint", DMS),
    key("dms", "target_endpoint", DMS),
    key("dms", "task", DMS),
    key("dms", "assessment_bucket", Kind::Bucket),
    key("s3", "bucket", Kind::Bucket),
    key("s3", "prefix", Kind::Text("a key prefix, such as \"raw/\"")),
    key("glue", "job", Kind::Text("a Glue job's name")),
    key("glue", "script", Kind::File),
];

/// The sections, in the order of the table; without the top of the file.
pub(super) fn sections() -> Vec<&'static str> {
    let mut all: Vec<&str> = KEYS.iter().map(|k| k.section).filter(|s| !s.is_empty()).collect();
    all.dedup();
    all
}

/// The names of a section's keys.
pub(super) fn names(section: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(move |k| k.section == section).map(|k| k.name)
}

/// What people write who know other tools, and the name here.
static ALIASES: &[(&str, &str)] = &[
    ("dbname", "database"),
    ("db", "database"),
    ("username", "user"),
    ("hostname", "host"),
    ("sslmode", "tls"),
    ("ssl_mode", "tls"),
    ("ssl", "tls"),
    ("sslrootcert", "ca_file"),
    ("passwd", "password"),
    ("postgres", "source"),
    ("postgresql", "source"),
    ("mysql", "target"),
    ("mariadb", "target"),
];

/// The name among `known` that was meant by `word`.
pub(super) fn meant(word: &str, known: &[&'static str]) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(other, _)| other.eq_ignore_ascii_case(word)).map(|(_, name)| *name);
    let near = || crate::text::nearest(word, known.iter().copied());
    alias.filter(|name| known.contains(name)).or_else(near)
}

/// The key, if there is one.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.section == section && k.name == name)
}

/// The key of a dotted name such as `source.tls`, and what follows it (an entry of `tables.schema_map`).
pub(super) fn find_dotted(dotted: &str) -> Option<(&'static Key, Option<&str>)> {
    KEYS.iter().find_map(|k| {
        let full = k.dotted();
        match dotted.strip_prefix(full.as_str())? {
            "" => Some((k, None)),
            rest if k.kind == Kind::SchemaMap => rest.strip_prefix('.').filter(|r| !r.is_empty()).map(|r| (k, Some(r))),
            _ => None,
        }
    })
}

impl Key {
    /// As in `edit` and in a step of a plan: `source.tls`.
    pub fn dotted(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// As a person reads it: `[source] tls`.
    pub fn shown(&self) -> String {
        shown(self.section, self.name)
    }

    /// The environment variable that overrides it.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.dotted().replace('.', "_").to_uppercase())
    }
}

/// What all overriding variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "CDC_DOCTOR_";

/// `[source] tls`, or the bare name at the top of the file.
pub(super) fn shown(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("[{section}] {name}") }
}

impl Kind {
    /// What the key takes, to follow the word *takes*.
    pub fn takes(self) -> String {
        match self {
            Self::Text(what) => what.to_owned(),
            Self::Host => "a host name or address, without scheme and port".to_owned(),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::Choice(words) => one_of(words),
            Self::DatabaseUrl(schemes) => {
                format!("a url of the form \"{}://user@host:port/database\"", schemes.first().unwrap_or(&""))
            }
            Self::HttpUrl => "a url such as \"http://127.0.0.1:5000\"".to_owned(),
            Self::File => "the path of a file".to_owned(),
            Self::Password => {
                "{ env = \"VARIABLE\" }, { file = \"path\" }, { secret = \"ARN or name\" }, { rds_iam = true } or \
                 { prompt = true }"
                    .to_owned()
            }
            Self::Patterns => "a list of schema.table patterns, such as [\"public.*\"]".to_owned(),
            Self::SchemaMap => "{ source_schema = \"target_database\" }".to_owned(),
            Self::Slot => "at most 63 of the characters a-z, 0-9 and _".to_owned(),
            Self::Identifier => "a name of at most 63 bytes".to_owned(),
            Self::Bucket => "a bucket's name: 3 to 63 of the characters a-z, 0-9, - and .".to_owned(),
            Self::Switch => "true or false".to_owned(),
        }
    }
}

/// `"a", "b" or "c"`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_variables_are_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for k in KEYS {
            assert!(seen.insert(k.variable()), "{} twice", k.dotted());
            assert!(std::ptr::eq(find_dotted(&k.dotted()).unwrap().0, k), "{}", k.dotted());
        }
    }

    #[test]
    fn an_entry_of_the_schema_map_is_a_key() {
        let (k, rest) = find_dotted("tables.schema_map.public").unwrap();
        assert_eq!((k.name, rest), ("schema_map", Some("public")));
        assert!(find_dotted("source.host.x").is_none());
        assert!(find_dotted("source.hostx").is_none());
    }
}
