//! What is seen of the MySQL or MariaDB side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Attempt, Fact, HostFacts, Unknown};

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
    /// Transactions that hold locks or changes, the oldest first; a hundred at most.
    pub transactions: Fact<Vec<MyTransaction>>,
    /// The mapped databases that exist.
    pub schemas: Fact<Vec<MySchema>>,
    /// The tables of the mapped databases.
    pub tables: Fact<Vec<MyTable>>,
    /// How far the engine `direct` has come; `None` where it has never replicated changes of this pipeline.
    pub checkpoint: Fact<Option<Checkpoint>>,
    /// The tables that the engine `direct` carries; empty where it has never replicated changes of this pipeline.
    pub synced: Fact<Vec<SyncedTable>>,
    /// What AWS DMS could not apply, the latest first, as its control tables in the target say; `None` where there is
    /// no such table, or the pipeline has no DMS.
    pub apply_exceptions: Fact<Option<Vec<ApplyException>>>,
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
            transactions: Fact::pending(),
            schemas: Fact::pending(),
            tables: Fact::pending(),
            checkpoint: Fact::pending(),
            synced: Fact::pending(),
            apply_exceptions: Fact::pending(),
            queries: 0,
        }
    }
}

/// A row of `awsdms_apply_exceptions`. The statement is left out: it holds values of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyException {
    /// The task, by the name that DMS uses in its control tables.
    pub task: String,
    /// Schema on the target.
    pub owner: String,
    /// Table.
    pub table: String,
    /// When, as the target writes it.
    pub at: String,
    /// The target's error.
    pub error: String,
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

/// A transaction on the target (`innodb_trx`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyTransaction {
    /// The session, for `KILL`.
    pub session: u64,
    /// Whose session it is; `None` where it has ended.
    pub user: Option<String>,
    /// Seconds since it began.
    pub age_seconds: u64,
    /// Rows that it has locked, by the server's estimate.
    pub locked: u64,
    /// Rows that it has changed.
    pub changed: u64,
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
    #[serde(default, skip_serializing_if = "is_zero")]
    pub estimated_rows: u64,
    /// `create_time`: when it was created or last altered, but not when it was last emptied (see RUN-020).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<jiff::Timestamp>,
    /// Comment; empty when there is none.
    #[serde(default)]
    pub comment: String,
    /// Columns in order.
    pub columns: Vec<MyColumn>,
    /// Primary key columns in order; empty when there is none.
    pub primary_key: Vec<String>,
    /// Other unique keys.
    pub unique_keys: Vec<MyKey>,
    /// Indexes that are not unique, full-text and spatial ones among them.
    #[serde(default)]
    pub indexes: Vec<MyKey>,
    /// It has foreign keys, or others point at it.
    pub foreign_keys: bool,
    /// Names of its triggers.
    pub triggers: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
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

/// A unique key or another index on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyKey {
    /// Index name.
    pub name: String,
    /// Columns in order; an expression is left out.
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
    /// Comment; empty when there is none.
    #[serde(default)]
    pub comment: String,
}

/// The pipeline's row in `cdc_doctor_checkpoint`, which the engine `direct` writes with the rows themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The slot that it goes with.
    pub slot: String,
    /// `system identifier/database` of the source.
    pub source: String,
    /// Every commit of the source that ends at or before this position of the WAL is on the target; `None` until the
    /// first load is done.
    pub lsn: Option<u64>,
    /// Seconds since the newest transaction that arrived was committed, by the target's clock.
    pub commit_age_seconds: Option<f64>,
    /// Seconds since the row was last written, by the target's clock. While sync runs, it is written every ten seconds
    /// or oftener.
    pub age_seconds: f64,
}

/// A row of `cdc_doctor_tables`: a table that the engine `direct` carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncedTable {
    /// Source schema.
    pub schema: String,
    /// Source table.
    pub table: String,
    /// Its rows are there; changes follow.
    pub loaded: bool,
}
