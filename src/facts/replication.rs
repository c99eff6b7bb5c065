//! What is seen of replication on the PostgreSQL side: slots, the publication, the WAL.

use serde::{Deserialize, Serialize};

/// One replication slot. What a version of the server does not tell is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Name.
    pub name: String,
    /// Output plugin; none for physical slots.
    pub plugin: Option<String>,
    /// Database; none for physical slots.
    pub database: Option<String>,
    /// In use now.
    pub active: bool,
    /// The process that uses it.
    pub active_pid: Option<i32>,
    /// It goes with the session that made it.
    pub temporary: bool,
    /// `reserved`, `extended`, `unreserved`, `lost`.
    pub wal_status: Option<String>,
    /// WAL held back, bytes.
    pub retained_bytes: Option<i64>,
    /// WAL that can still be written before the slot may be invalidated, bytes; none without a limit.
    pub safe_bytes: Option<i64>,
    /// Where the WAL that is held back begins.
    pub restart_lsn: Option<u64>,
    /// Up to where the reader has confirmed.
    pub confirmed_lsn: Option<u64>,
    /// Prepared transactions are decoded at PREPARE (since PostgreSQL 14).
    pub two_phase: Option<bool>,
    /// Invalidated by a conflict with recovery, on a standby (since 16, which calls every invalidated slot so).
    pub conflicting: Option<bool>,
    /// Why it was invalidated: `wal_removed`, `idle_timeout`, … (since 17).
    pub invalidation_reason: Option<String>,
    /// Seconds since somebody last read from it (since 17); none while in use.
    pub inactive_seconds: Option<f64>,
    /// Bytes of transactions that decoding wrote to disk, since the statistics were last reset (since 14; none for a
    /// slot that nothing was decoded from).
    pub spilled_bytes: Option<i64>,
}

impl Slot {
    /// It can never be read from again.
    #[must_use]
    pub fn invalidated(&self) -> bool {
        self.wal_status.as_deref() == Some("lost")
            || self.invalidation_reason.is_some()
            || self.conflicting == Some(true)
    }
}

/// A publication. One for all tables has no list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// `FOR ALL TABLES`.
    pub all_tables: bool,
    /// Changes of partitions are published as changes of the partitioned table.
    pub via_root: bool,
    /// The kinds of change that it publishes: `insert`, `update`, `delete`, `truncate`.
    pub publishes: Vec<String>,
    /// Schema and table of what it publishes, in order.
    pub tables: Vec<(String, String)>,
}

/// The WAL at the end of collecting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wal {
    /// Where it stands.
    pub lsn: u64,
    /// What was written between the first look and the last.
    pub look: Span,
    /// What was written since the server's statistics were last reset; none before PostgreSQL 14 and where the server
    /// does not count.
    pub total: Option<Span>,
}

/// An amount of WAL and the time in which it was written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Bytes.
    pub bytes: u64,
    /// Seconds.
    pub seconds: f64,
}
