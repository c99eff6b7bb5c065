//! What a pipeline file says, after validation. Nothing here holds a secret: a password is known
//! only by where it comes from, so that a [`Pipeline`] can be printed and saved with the facts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One validated pipeline file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Where the file was read from; fixes edit it there.
    pub path: PathBuf,
    /// The pipeline's name, used in reports and in default slot and publication names.
    pub name: String,
    /// The PostgreSQL server that rows come from.
    pub source: Endpoint,
    /// The MySQL or MariaDB server that rows go to.
    pub target: Endpoint,
    /// Which tables take part.
    pub tables: TableSelection,
    /// How rows are moved.
    pub sync: SyncSettings,
    /// AWS account access; absent when the pipeline has no AWS part.
    pub aws: Option<Aws>,
    /// The AWS DMS side.
    pub dms: Option<Dms>,
    /// The S3 bucket in the middle.
    pub s3: Option<S3>,
    /// The Glue job.
    pub glue: Option<Glue>,
}

/// One database server and how to log in to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database name. On RDS this is not the instance identifier.
    pub database: String,
    /// Login role or account.
    pub user: String,
    /// Where the password comes from; `None` logs in without one.
    pub password: Option<PasswordSource>,
    /// TLS mode, named as libpq does.
    pub tls: TlsMode,
    /// Extra certificate authorities (PEM), beside the built-in roots and the RDS bundle.
    pub ca_file: Option<PathBuf>,
    /// The RDS instance or cluster identifier, for the AWS checks.
    pub rds_instance: Option<String>,
}

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordSource {
    /// An environment variable's name.
    Env(String),
    /// A file whose first line is the password.
    File(PathBuf),
    /// A Secrets Manager ARN or name.
    Secret(String),
    /// Ask on the terminal.
    Prompt,
    /// A token for IAM database authentication of RDS, signed here anew for each login; it goes over TLS only.
    RdsIam,
}

impl PasswordSource {
    /// It is had from AWS, so that the pipeline needs a section `[aws]`.
    #[must_use]
    pub fn needs_aws(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::RdsIam)
    }
}

/// TLS modes, as in libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Never TLS.
    Disable,
    /// TLS when the server offers it, unverified.
    Prefer,
    /// TLS always, certificate not verified.
    Require,
    /// TLS always, the chain is verified.
    VerifyCa,
    /// TLS always, chain and host name are verified. The default.
    VerifyFull,
}

impl TlsMode {
    /// As written in the pipeline file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// The `[tables]` section: patterns of `schema.table`, where `*` matches within a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableSelection {
    /// Tables that take part.
    pub include: Vec<String>,
    /// Tables left out again.
    pub exclude: Vec<String>,
    /// Source schema → target database; what is not named goes to the target's database.
    pub schema_map: BTreeMap<String, String>,
}

/// The `[sync]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncSettings {
    /// Which engine moves the rows.
    pub engine: EngineKind,
    /// Full load, changes, or both.
    pub mode: SyncMode,
    /// Replication slot on the source.
    pub slot: String,
    /// Publication on the source.
    pub publication: String,
    /// Tables or parts of tables loaded at once.
    pub parallel: usize,
    /// What to do when the source's schema changes.
    pub on_schema_change: OnSchemaChange,
    /// What to do with a value that MySQL cannot hold.
    pub on_unrepresentable: OnUnrepresentable,
    /// Which changes are followed, by where they came from.
    #[serde(default)]
    pub origin: Origin,
}

/// Where changes came to the source from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// From anywhere.
    #[default]
    Any,
    /// Only those made there, not those that another replication brought (and marked with its origin): so that a
    /// two-way set-up does not send a change in circles.
    None,
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// In this process.
    Direct,
    /// AWS DMS.
    Dms,
    /// The files that DMS left on S3.
    S3,
}

impl EngineKind {
    /// As written in the pipeline file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Dms => "dms",
            Self::S3 => "s3",
        }
    }
}

/// What a run moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncMode {
    /// The rows that are there now.
    FullLoad,
    /// Changes from the slot's position on.
    Cdc,
    /// Both, handed over without a gap.
    FullLoadAndCdc,
}

impl SyncMode {
    /// As written in the pipeline file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullLoad => "full-load",
            Self::Cdc => "cdc",
            Self::FullLoadAndCdc => "full-load-and-cdc",
        }
    }

    /// True when changes are replicated after, or instead of, the full load.
    #[must_use]
    pub fn has_cdc(self) -> bool {
        !matches!(self, Self::FullLoad)
    }
}

/// Policy for a changed source schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnSchemaChange {
    /// Stop and say what changed.
    Stop,
    /// Add new nullable columns to the target; stop at anything else.
    AddColumns,
}

/// Policy for a value that MySQL cannot hold (NaN, infinity, BC dates, …).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnrepresentable {
    /// Stop the table, naming column, key and value.
    Stop,
    /// Write NULL instead, and count it.
    Null,
}

/// The `[aws]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aws {
    /// Region, such as `eu-west-2`.
    pub region: String,
    /// Named profile of the shared configuration.
    pub profile: Option<String>,
    /// Another address for all services, for a simulator.
    pub endpoint_url: Option<String>,
}

/// The `[dms]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dms {
    /// DMS Serverless: a replication configuration instead of instance and task.
    #[serde(default)]
    pub serverless: bool,
    /// Replication instance identifier.
    pub instance: String,
    /// Class, such as `dms.t3.medium`.
    pub instance_class: String,
    /// Gigabytes.
    pub allocated_storage: u32,
    /// Endpoint identifiers.
    pub source_endpoint: String,
    /// Endpoint identifiers.
    pub target_endpoint: String,
    /// Task identifier.
    pub task: String,
    /// The bucket for the results of premigration assessments; without one there are none.
    #[serde(default)]
    pub assessment_bucket: Option<String>,
}

/// The `[s3]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct S3 {
    /// Bucket name.
    pub bucket: String,
    /// Key prefix.
    pub prefix: String,
}

/// The `[glue]` section: a job in AWS, or a script on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Glue {
    /// Job name.
    pub job: Option<String>,
    /// Local script.
    pub script: Option<PathBuf>,
}

impl Pipeline {
    /// The target database that a source schema's tables go to.
    #[must_use]
    pub fn target_database<'a>(&'a self, source_schema: &str) -> &'a str {
        self.tables.schema_map.get(source_schema).unwrap_or(&self.target.database)
    }

    /// Every target database this pipeline writes to, each once.
    #[must_use]
    pub fn target_databases(&self) -> Vec<&str> {
        let mut all: Vec<&str> = std::iter::once(self.target.database.as_str())
            .chain(self.tables.schema_map.values().map(String::as_str))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// True when the table takes part: it matches an include pattern and no exclude pattern.
    #[must_use]
    pub fn selects(&self, schema: &str, table: &str) -> bool {
        let hit = |patterns: &[String]| patterns.iter().any(|p| pattern_matches(p, schema, table));
        hit(&self.tables.include) && !hit(&self.tables.exclude)
    }
}

/// True when `pattern` (`schema.table`, `*` within a part) matches. The first dot parts the two,
/// so a schema whose name holds a dot is matched by `*`.
#[must_use]
pub(crate) fn pattern_matches(pattern: &str, schema: &str, table: &str) -> bool {
    let Some((s, t)) = pattern.split_once('.') else { return false };
    glob(s, schema) && glob(t, table)
}

fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_within_a_part() {
        for (pattern, schema, table, expected) in [
            ("public.*", "public", "charts", true),
            ("public.*", "private", "charts", false),
            ("public.tmp_*", "public", "tmp_1", true),
            ("public.tmp_*", "public", "temp", false),
            ("*.a*c*e", "x", "abcde", true),
            ("*.a*c*e", "x", "abde", false),
            ("public.charts", "public", "charts2", false),
            ("public.*.x", "public", "a.x", true),
            ("charts", "public", "charts", false),
            ("public.*a", "public", "a", true),
        ] {
            assert_eq!(pattern_matches(pattern, schema, table), expected, "{pattern} on {schema}.{table}");
        }
    }
}
