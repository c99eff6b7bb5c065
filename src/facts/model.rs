//! The values that collectors fill in and checks read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pipeline::Pipeline;

/// Something that was looked at, or the reason why it could not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// Seen.
    Known(T),
    /// Not seen, and why.
    Unknown(Unknown),
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// The class of reason.
    pub kind: UnknownKind,
    /// The reason in words, with the server's own where there are any.
    pub reason: String,
}

/// Classes of not knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownKind {
    /// Not collected yet: the session shows such a check as running.
    Pending,
    /// The server could not be reached or refused the login.
    NotReachable,
    /// The login lacks a permission; the reason names it.
    NoPermission,
    /// The pipeline has no such part, or the server has no such feature.
    NotConfigured,
    /// The query failed in another way.
    Failed,
}

impl Unknown {
    /// A reason of the given class.
    #[must_use]
    pub fn new(kind: UnknownKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    /// Not collected yet.
    #[must_use]
    pub fn pending() -> Self {
        Self::new(UnknownKind::Pending, "not collected yet")
    }
}

impl<T> Fact<T> {
    /// Not collected yet.
    #[must_use]
    pub fn pending() -> Self {
        Self::Unknown(Unknown::pending())
    }

    /// An unknown of the given class.
    #[must_use]
    pub fn unknown(kind: UnknownKind, reason: impl Into<String>) -> Self {
        Self::Unknown(Unknown::new(kind, reason))
    }

    /// The value, or the reason as an error, so that a check over an unknown fact answers
    /// *unknown* by way of `?`.
    ///
    /// # Errors
    /// The reason, where the fact is unknown.
    pub fn known(&self) -> Result<&T, Unknown> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(why) => Err(why.clone()),
        }
    }

    /// The value, where known.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// Everything that was collected for one judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// When collecting began.
    pub taken_at: jiff::Timestamp,
    /// The pipeline the facts are about; it holds no secret.
    pub pipeline: Pipeline,
    /// The PostgreSQL side.
    pub source: SourceFacts,
    /// The MySQL side.
    pub target: TargetFacts,
}

impl Facts {
    /// All facts pending.
    #[must_use]
    pub fn pending(pipeline: Pipeline) -> Self {
        Self {
            taken_at: jiff::Timestamp::now(),
            pipeline,
            source: SourceFacts::pending(),
            target: TargetFacts::pending(),
        }
    }
}

/// How far towards a server one gets without logging in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// The addresses that the host name resolves to; an empty list means that it does not resolve.
    pub addresses: Fact<Vec<String>>,
    /// Whether a TCP connection opened; `Some` is the failure in words.
    pub tcp: Fact<Option<String>>,
}

/// One try to log in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attempt {
    /// Logged in.
    Accepted {
        /// TLS protocol version, such as `TLSv1.3`; `None` for plaintext.
        tls: Option<String>,
    },
    /// Refused; the first error is kept, since a later one hides the cause.
    Refused(Refusal),
    /// Not tried.
    NotTried(Unknown),
}

impl Attempt {
    /// The refusal, if there was one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// True when the login worked.
    #[must_use]
    pub fn accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// The refusal if any; an attempt that was not made is an unknown.
    ///
    /// # Errors
    /// The reason why it was not tried.
    pub fn outcome(&self) -> Result<Option<&Refusal>, Unknown> {
        match self {
            Self::Accepted { .. } => Ok(None),
            Self::Refused(refusal) => Ok(Some(refusal)),
            Self::NotTried(why) => Err(why.clone()),
        }
    }
}

/// A refused login in the server's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// How far it came.
    pub stage: Stage,
    /// SQLSTATE for PostgreSQL (`28000`), error number for MySQL (`1045`).
    pub code: Option<String>,
    /// The first message.
    pub message: String,
    /// The server's detail line.
    pub detail: Option<String>,
}

/// Where a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The host name does not resolve.
    Resolve,
    /// No TCP connection.
    Tcp,
    /// TLS: the server has none, or the certificate does not verify.
    Tls,
    /// The server answered with an error.
    Login,
    /// Our side could not try: no password, unreadable CA file.
    Local,
}

// ---------------------------------------------------------------------------------------------
// PostgreSQL

/// The source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// Name resolution and TCP.
    pub host: HostFacts,
    /// Login without TLS.
    pub plaintext: Attempt,
    /// Login with TLS, certificate not verified, so that TLS and trust are told apart.
    pub encrypted: Attempt,
    /// Login as the pipeline file says.
    pub configured: Attempt,
    /// A replication session (`replication=database`) as the pipeline file says; `IDENTIFY_SYSTEM`.
    pub replication: Attempt,
    /// Databases one may connect to, without templates and `rdsadmin`; asked of `postgres` or
    /// `template1` when the configured database does not exist.
    pub databases: Fact<Vec<String>>,
    /// Who and where we are.
    pub session: Fact<PgSession>,
    /// `pg_settings`, those that the checks read, by name.
    pub settings: Fact<BTreeMap<String, PgSetting>>,
    /// The login role.
    pub role: Fact<PgRole>,
    /// All replication slots.
    pub slots: Fact<Vec<Slot>>,
    /// WAL senders in use (`pg_stat_replication`).
    pub wal_senders_used: Fact<u32>,
    /// Client transactions that hold an xid or a snapshot, oldest first.
    pub transactions: Fact<Vec<Transaction>>,
    /// Prepared transactions.
    pub prepared: Fact<Vec<PreparedTransaction>>,
    /// All tables, views and foreign tables outside the system schemas, selected or not.
    pub relations: Fact<Vec<RelationName>>,
    /// The selected tables (ordinary and partitioned), with columns and keys.
    pub tables: Fact<Vec<PgTable>>,
    /// How many queries the collectors sent.
    pub queries: u32,
}

/// A name in the source's catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationName {
    /// Schema.
    pub schema: String,
    /// Table, view, …
    pub name: String,
    /// What it is.
    pub kind: TableKind,
}

/// The session's own properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PgSession {
    /// `server_version_num`, such as 150018.
    pub version_num: u32,
    /// `server_version`, such as `15.18`.
    pub version: String,
    /// `current_database()`.
    pub database: String,
    /// `current_user`.
    pub user: String,
    /// TLS version in use by this session.
    pub tls: Option<String>,
    /// `pg_is_in_recovery()`: a standby or reader.
    pub in_recovery: bool,
    /// Encoding of the database.
    pub encoding: String,
    /// True on Amazon RDS or Aurora: there is a database `rdsadmin` or a setting `rds.*`.
    pub is_rds: bool,
}

/// One row of `pg_settings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PgSetting {
    /// In the setting's unit.
    pub value: String,
    /// `ms`, `kB`, `8kB`, … or none.
    pub unit: Option<String>,
    /// Who may set it and when: `postmaster` needs a restart.
    pub context: String,
    /// Changed in the file but not in force.
    pub pending_restart: bool,
    /// Where the value comes from: `default`, `configuration file`, `user`, `database`, …
    pub source: String,
}

/// The login role and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PgRole {
    /// Name.
    pub name: String,
    /// `rolsuper`.
    pub superuser: bool,
    /// `rolreplication`.
    pub replication: bool,
    /// Member of `rds_superuser`.
    pub rds_superuser: bool,
    /// Member of `rds_replication`.
    pub rds_replication: bool,
    /// Whether the role `rds_replication` exists at all (it does on RDS).
    pub has_rds_replication_role: bool,
    /// `rolbypassrls`.
    pub bypass_rls: bool,
    /// `rolconfig`, as `name=value`.
    pub settings: Vec<String>,
}

/// One replication slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Name.
    pub name: String,
    /// Output plugin; none for physical slots.
    pub plugin: Option<String>,
    /// Database; none for physical slots.
    pub database: Option<String>,
    /// In use now.
    pub active: bool,
    /// `reserved`, `extended`, `unreserved`, `lost`.
    pub wal_status: Option<String>,
    /// WAL held back, bytes.
    pub retained_bytes: Option<i64>,
}

/// A transaction of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Backend process.
    pub pid: i32,
    /// Role.
    pub user: Option<String>,
    /// `idle in transaction`, `active`, …
    pub state: Option<String>,
    /// Seconds since it began.
    pub age_seconds: f64,
    /// It has written: it holds a transaction id, which blocks slot creation until it ends.
    pub writing: bool,
}

/// A prepared (two-phase) transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreparedTransaction {
    /// Its name, for `COMMIT PREPARED` and `ROLLBACK PREPARED`.
    pub gid: String,
    /// Owner.
    pub owner: String,
    /// Database.
    pub database: String,
    /// Seconds since it was prepared.
    pub age_seconds: f64,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableKind {
    /// Ordinary table.
    Table,
    /// Partitioned table (the root or an inner node).
    Partitioned,
    /// View.
    View,
    /// Materialised view.
    MaterializedView,
    /// Foreign table.
    Foreign,
}

/// `pg_class.relreplident`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplicaIdentity {
    /// The primary key.
    Default,
    /// Nothing: updates and deletes are lost, or refused once published.
    Nothing,
    /// The whole old row.
    Full,
    /// A unique index.
    Index,
}

/// A selected source table. Partitions of a selected partitioned table are not listed: their rows
/// belong to the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PgTable {
    /// Schema.
    pub schema: String,
    /// Table.
    pub name: String,
    /// Ordinary or partitioned.
    pub kind: TableKind,
    /// `UNLOGGED`: not in the WAL, so never replicated.
    pub unlogged: bool,
    /// What old rows carry in the WAL.
    pub replica_identity: ReplicaIdentity,
    /// `pg_class.reltuples`; negative when never analysed.
    pub estimated_rows: i64,
    /// Heap with TOAST, bytes; summed over partitions.
    pub bytes: i64,
    /// Heap pages, for cutting `ctid` ranges.
    pub pages: i64,
    /// The login may read it: USAGE on the schema.
    pub schema_usage: bool,
    /// The login may read it: SELECT on the table.
    pub can_select: bool,
    /// Row-level security is on.
    pub row_security: bool,
    /// Columns in order, dropped ones left out.
    pub columns: Vec<PgColumn>,
    /// Primary key.
    pub primary_key: Option<PgKey>,
    /// Other unique indexes: valid, immediate or not, whole-table or partial; see the flags.
    pub unique_keys: Vec<PgKey>,
}

impl PgTable {
    /// `schema.table`, as reports name it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// A column by name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&PgColumn> {
        self.columns.iter().find(|c| c.name == name)
    }
}

/// A unique index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PgKey {
    /// Index name, which is the constraint's name where there is one.
    pub name: String,
    /// Columns in index order; expressions are left out (see `expressions`).
    pub columns: Vec<String>,
    /// It is backed by a constraint.
    pub constraint: bool,
    /// Partial (`WHERE …`).
    pub partial: bool,
    /// Holds an expression.
    pub expressions: bool,
    /// Deferrable constraints cannot serve as replica identity.
    pub deferrable: bool,
    /// Every column is NOT NULL.
    pub not_null: bool,
}

impl PgKey {
    /// It identifies every row: could become the primary key by `USING INDEX`.
    #[must_use]
    pub fn promotable(&self) -> bool {
        self.not_null && !self.partial && !self.expressions && !self.deferrable
    }
}

/// A source column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PgColumn {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: PgType,
    /// NOT NULL.
    pub not_null: bool,
    /// `GENERATED ALWAYS AS (…)`.
    pub generated: bool,
    /// Identity column, or a serial (default of `nextval`).
    pub identity: bool,
    /// The longest value in characters (text) or bytes (bytea), where it was measured.
    pub longest: Option<u64>,
    /// By the planner's statistics every value is there and different (`n_distinct = -1`, `null_frac = 0`):
    /// a candidate for a key, to be proven by creating it.
    pub unique_by_statistics: bool,
}

/// A column's type, domains resolved to what they stand on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PgType {
    /// `pg_type.typname` of the base type, such as `int4`, `numeric`, `bpchar`; for an array, of the array (`_int4`).
    pub name: String,
    /// `format_type()` of the column as declared, such as `numeric(12,2)` or a domain's name.
    pub display: String,
    /// What kind of type.
    pub class: TypeClass,
    /// `atttypmod` (of the domain, for domains without their own); -1 for none.
    pub modifier: i32,
    /// The domain that the column was declared with.
    pub domain: Option<String>,
}

/// `pg_type.typtype`, arrays told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TypeClass {
    /// A scalar of `pg_catalog` or an extension.
    Base,
    /// An array of anything.
    Array,
    /// An enum, with its labels in order.
    Enum(Vec<String>),
    /// A row type.
    Composite,
    /// A range or multirange.
    Range,
}

impl SourceFacts {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            host: HostFacts::pending(),
            plaintext: Attempt::NotTried(Unknown::pending()),
            encrypted: Attempt::NotTried(Unknown::pending()),
            configured: Attempt::NotTried(Unknown::pending()),
            replication: Attempt::NotTried(Unknown::pending()),
            databases: Fact::pending(),
            session: Fact::pending(),
            settings: Fact::pending(),
            role: Fact::pending(),
            slots: Fact::pending(),
            wal_senders_used: Fact::pending(),
            transactions: Fact::pending(),
            prepared: Fact::pending(),
            relations: Fact::pending(),
            tables: Fact::pending(),
            queries: 0,
        }
    }
}

impl HostFacts {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self { addresses: Fact::pending(), tcp: Fact::pending() }
    }
}

// ---------------------------------------------------------------------------------------------
// MySQL and MariaDB

/// The target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetFacts {
    /// Name resolution and TCP.
    pub host: HostFacts,
    /// Login without TLS.
    pub plaintext: Attempt,
    /// Login with TLS, certificate not verified.
    pub encrypted: Attempt,
    /// Login as the pipeline file says, with the configured database.
    pub configured: Attempt,
    /// Databases that the login sees, without the system ones.
    pub databases: Fact<Vec<String>>,
    /// Who and where we are.
    pub session: Fact<MySession>,
    /// Global variables that the checks read, by name in lower case, as text (`ON`, `67108864`).
    pub variables: Fact<BTreeMap<String, String>>,
    /// The account's TLS demand and plugin, where `mysql.user` may be read.
    pub account: Fact<MyAccount>,
    /// `SHOW GRANTS`.
    pub grants: Fact<Vec<String>>,
    /// The mapped databases that exist.
    pub schemas: Fact<Vec<MySchema>>,
    /// The tables of the mapped databases.
    pub tables: Fact<Vec<MyTable>>,
    /// How many queries the collectors sent.
    pub queries: u32,
}

impl TargetFacts {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            host: HostFacts::pending(),
            plaintext: Attempt::NotTried(Unknown::pending()),
            encrypted: Attempt::NotTried(Unknown::pending()),
            configured: Attempt::NotTried(Unknown::pending()),
            databases: Fact::pending(),
            session: Fact::pending(),
            variables: Fact::pending(),
            account: Fact::pending(),
            grants: Fact::pending(),
            schemas: Fact::pending(),
            tables: Fact::pending(),
            queries: 0,
        }
    }
}

/// MySQL or MariaDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MyFlavor {
    /// Oracle MySQL, RDS for MySQL, Aurora MySQL.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// The session's own properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MySession {
    /// Which server.
    pub flavor: MyFlavor,
    /// `version()` in full.
    pub version: String,
    /// Major, minor, patch.
    pub version_parts: (u16, u16, u16),
    /// `current_user()`.
    pub user: String,
    /// TLS version in use by this session.
    pub tls: Option<String>,
}

impl MySession {
    /// `MariaDB 10.11.19` or `MySQL 9.7.4`.
    #[must_use]
    pub fn label(&self) -> String {
        let (major, minor, patch) = self.version_parts;
        match self.flavor {
            MyFlavor::MySql => format!("MySQL {major}.{minor}.{patch}"),
            MyFlavor::MariaDb => format!("MariaDB {major}.{minor}.{patch}"),
        }
    }
}

/// The login's row in `mysql.user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyAccount {
    /// Authentication plugin.
    pub plugin: String,
    /// Empty, `ANY` (REQUIRE SSL), `X509`, `SPECIFIED`.
    pub ssl_type: String,
}

/// A database on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MySchema {
    /// Name.
    pub name: String,
    /// Default character set.
    pub charset: String,
    /// Default collation.
    pub collation: String,
}

/// A table on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyTable {
    /// Database.
    pub schema: String,
    /// Table.
    pub name: String,
    /// Storage engine.
    pub engine: Option<String>,
    /// Default collation.
    pub collation: Option<String>,
    /// `table_rows`: an estimate for InnoDB.
    pub estimated_rows: u64,
    /// Columns in order.
    pub columns: Vec<MyColumn>,
    /// Primary key columns in order; empty when there is none.
    pub primary_key: Vec<String>,
    /// Other unique keys.
    pub unique_keys: Vec<MyKey>,
    /// It has foreign keys, or others point at it.
    pub foreign_keys: bool,
    /// Names of its triggers.
    pub triggers: Vec<String>,
}

impl MyTable {
    /// `database.table`, as reports name it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// A column by name, as MySQL compares column names: without regard to case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&MyColumn> {
        self.columns.iter().find(|c| c.name.to_lowercase() == name.to_lowercase())
    }
}

/// A unique key on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyKey {
    /// Index name.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<String>,
}

/// A column on the target (`information_schema.columns`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyColumn {
    /// Name.
    pub name: String,
    /// `data_type`, lower case: `varchar`, `int`.
    pub data_type: String,
    /// `column_type`, lower case: `varchar(20)`, `int(10) unsigned`.
    pub column_type: String,
    /// NULL allowed.
    pub nullable: bool,
    /// Default, as the server writes it; MariaDB says `NULL` where MySQL says nothing: kept as `None` for both.
    pub default: Option<String>,
    /// `auto_increment`, `STORED GENERATED`, …
    pub extra: String,
    /// Character set, for text.
    pub charset: Option<String>,
    /// Collation, for text.
    pub collation: Option<String>,
    /// Characters (text) or bytes (binary).
    pub char_length: Option<u64>,
    /// Decimal digits or bits.
    pub numeric_precision: Option<u64>,
    /// Decimal places.
    pub numeric_scale: Option<u64>,
    /// Fractional seconds.
    pub datetime_precision: Option<u64>,
    /// Generated from other columns: cannot be written.
    pub generated: bool,
}
