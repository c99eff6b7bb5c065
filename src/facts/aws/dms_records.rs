//! What DMS keeps about instances, endpoints and tasks: tests, statistics, assessments, events.

use serde::{Deserialize, Serialize};

/// The last test of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmsConnection {
    /// From this instance.
    pub instance_arn: String,
    /// To this endpoint.
    pub endpoint_arn: String,
    /// `successful`, `testing`, `failed` or `deleting`.
    pub status: String,
    /// What failed, in DMS's words.
    pub failure: Option<String>,
}

/// An imported certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DmsCertificate {
    /// Its name.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// The certificates, PEM; they are public.
    pub pem: Option<String>,
    /// When it ends.
    pub until: Option<jiff::Timestamp>,
}

/// `TableStatistics`: a table as the task sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableStatistics {
    /// Schema on the source.
    pub schema: String,
    /// Table on the source.
    pub table: String,
    /// Such as `Table completed`, `Table error`.
    pub state: String,
    /// Rows of the full load.
    pub full_load_rows: i64,
    /// Rows of the full load that failed.
    pub full_load_errors: i64,
    /// Changes seen on the source: inserts, updates, deletes.
    pub seen: (i64, i64, i64),
    /// Changes applied to the target.
    pub applied: (i64, i64, i64),
    /// Schema changes seen.
    pub ddls: i64,
    /// Such as `Not enabled`, `Validated`, `Mismatched records`.
    pub validation: Option<String>,
    /// Rows whose validation failed.
    pub validation_failed: i64,
    /// More about it.
    pub validation_details: Option<String>,
}

/// A run of premigration assessments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssessmentRun {
    /// Its name.
    pub name: String,
    /// Such as `passed`, `failed`, `error-executing`.
    pub status: String,
    /// When it was made.
    pub created: Option<jiff::Timestamp>,
    /// Why the run itself failed.
    pub failure: Option<String>,
    /// The single assessments and their states.
    pub results: Vec<(String, String)>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DmsEvent {
    /// `replication-instance` or `replication-task`.
    pub about: String,
    /// Its identifier.
    pub identifier: String,
    /// In DMS's words.
    pub message: String,
    /// When.
    pub at: Option<jiff::Timestamp>,
}

/// Maintenance that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Maintenance {
    /// The resource's ARN.
    pub arn: String,
    /// Such as `os-upgrade`.
    pub action: String,
    /// When it is done at the latest.
    pub by: Option<jiff::Timestamp>,
    /// In words.
    pub description: Option<String>,
}

/// A quota of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Such as `ReplicationTasks`.
    pub name: String,
    /// In use.
    pub used: i64,
    /// The most.
    pub max: i64,
}

/// A refresh of an endpoint's schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaRefresh {
    /// `successful`, `failed` or `refreshing`.
    pub status: String,
    /// What failed.
    pub failure: Option<String>,
}

/// A log group of CloudWatch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    /// `dms-tasks-INSTANCE`.
    pub name: String,
    /// Days that lines are kept; `None` is for ever.
    pub retention_days: Option<i32>,
    /// Bytes that are paid for.
    pub bytes: i64,
}
