//! What is seen of the PostgreSQL side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Attempt, Fact, HostFacts, Publication, Slot, Unknown, Wal};

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
    /// How long and how often it may log in, and what it may do later.
    pub rights: Fact<PgRights>,
    /// What `IDENTIFY_SYSTEM` calls the server: a copy keeps the number, an upgrade changes it.
    pub system_identifier: Fact<String>,
    /// All replication slots.
    pub slots: Fact<Vec<Slot>>,
    /// The pipeline's publication; `None` where there is none of its name.
    pub publication: Fact<Option<Publication>>,
    /// Where the WAL stands and how fast it grows.
    pub wal: Fact<Wal>,
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
    /// What is installed in the database.
    pub installed: Fact<Installed>,
    /// The tables of the database that are written to most, the most written first; partitions count for their root.
    pub written: Fact<Vec<WrittenTable>>,
    /// How many queries the collectors sent.
    pub queries: u32,
}

/// What is installed in the source's database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Names of the extensions (`pg_extension`).
    pub extensions: Vec<String>,
    /// Event triggers.
    pub event_triggers: Vec<EventTrigger>,
    /// Names of the subscriptions: by them the database is itself a target of replication.
    pub subscriptions: Vec<String>,
}

/// An event trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTrigger {
    /// Name.
    pub name: String,
    /// `pg_event_trigger.evtenabled`: `O` (not for what is replicated into the database), `R`, `A` (always) or `D`.
    pub enabled: String,
}

/// How much a table is written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenTable {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Rows inserted, updated and deleted since the statistics were last reset.
    pub rows: i64,
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
    /// Collation of the database, by which text without one of its own is ordered (`datcollate`): `C`, `en_US.UTF-8`, …
    pub collation: String,
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

/// Limits of the login role, and rights beyond those on the tables that are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PgRights {
    /// Seconds until its password ends (`rolvaliduntil`), negative when it has; `None` where it does not.
    pub valid_seconds: Option<f64>,
    /// How many sessions it may have (`rolconnlimit`), and how many it has.
    pub role_sessions: Sessions,
    /// How many sessions the database takes (`datconnlimit`), and how many there are.
    pub database_sessions: Sessions,
    /// Schemas in which it may create.
    pub creatable: Vec<String>,
    /// Schemas, with the owners of tables there whose later tables it may not read: it is no member of the owner, and
    /// nothing in `pg_default_acl` grants it SELECT.
    pub unreadable_later: Vec<(String, String)>,
}

/// Sessions against their limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// The limit; `None` where there is none.
    pub limit: Option<u32>,
    /// Open now, those of the collector among them.
    pub open: u32,
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
    /// It holds for this login, who sees only the rows that the policies let through (`row_security_active`).
    pub rows_hidden: bool,
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
    /// It is the replica identity (`REPLICA IDENTITY USING INDEX`).
    #[serde(default)]
    pub identity: bool,
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
    /// It has a default or is an identity: when it was added, the rows that were there got a value of which the WAL
    /// says nothing.
    pub has_default: bool,
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
            rights: Fact::pending(),
            system_identifier: Fact::pending(),
            slots: Fact::pending(),
            publication: Fact::pending(),
            wal: Fact::pending(),
            wal_senders_used: Fact::pending(),
            transactions: Fact::pending(),
            prepared: Fact::pending(),
            relations: Fact::pending(),
            tables: Fact::pending(),
            installed: Fact::pending(),
            written: Fact::pending(),
            queries: 0,
        }
    }
}
