//! Why a run ended before its work was done, and what to type next.

use std::fmt;

use super::Lsn;
use crate::connect::ConnectError;

/// Loads all tables anew.
pub const RELOAD: &str = "cdc-doctor sync --mode full-load --truncate-target";

/// A run that did not finish.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// A session could not be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The pipeline file selects nothing.
    #[error(
        "no table of {database} matches include = {include:?} without exclude = {exclude:?}; correct [tables], and see \
         what is there with: cdc-doctor check --only TBL"
    )]
    NothingSelected {
        /// The source's database.
        database: String,
        /// The patterns.
        include: Vec<String>,
        /// The patterns.
        exclude: Vec<String>,
    },
    /// Another run writes to the same target.
    #[error(
        "another run of this pipeline writes to {database}: connection {connection} of the target holds the lock \
         {lock:?}. Wait for it, or end it there (KILL {connection}) if its program is gone"
    )]
    Busy {
        /// Target database.
        database: String,
        /// Lock name.
        lock: String,
        /// The holder's connection on the target.
        connection: u64,
    },
    /// Tables that cannot be loaded as they are. No row was moved.
    #[error("{}", refusals(.0))]
    Refused(Vec<Refused>),
    /// A statement failed before rows were moved.
    #[error("{doing}: {cause}")]
    Prepare {
        /// What was being done.
        doing: String,
        /// What went wrong.
        cause: Cause,
    },
    /// A table could not be loaded.
    #[error("{table}{}: {cause}. {outcome}", part.as_deref().map(|p| format!(", {p}")).unwrap_or_default())]
    Table {
        /// Source table.
        table: String,
        /// Which part of it, when it has several.
        part: Option<String>,
        /// What went wrong.
        cause: Box<Cause>,
        /// What is on the target now.
        outcome: Box<Outcome>,
    },
    /// Stopped on request.
    #[error("stopped on request. {0}")]
    Stopped(Box<Outcome>),
    /// The replication slot, or the publication, cannot be used.
    #[error("{why}. {next}")]
    Slot {
        /// What is wrong with it.
        why: String,
        /// What to do.
        next: String,
    },
    /// The source's table is no longer what it was.
    #[error("{table}: the schema has changed: {difference}. {next}")]
    SchemaChanged {
        /// Source table.
        table: String,
        /// How.
        difference: String,
        /// What to do.
        next: String,
    },
    /// A change could not be applied.
    #[error(
        "{}{cause}. The target holds every change before {position} and nothing of those after it",
        table.as_deref().map(|t| format!("{t}: ")).unwrap_or_default()
    )]
    Changes {
        /// Source table, where it was one.
        table: Option<String>,
        /// What went wrong.
        cause: Box<Cause>,
        /// Where the target stands.
        position: Lsn,
    },
    /// A later run writes now.
    #[error("another run of this pipeline has taken over; this one has written nothing since")]
    Fenced,
    /// A transaction in progress could not be kept.
    #[error(
        "a large transaction could not be kept in {folder}: {why}. Make room there, or set TMPDIR to a folder with \
         room; nothing is lost"
    )]
    Spill {
        /// The folder for temporary files.
        folder: String,
        /// The system's reason.
        why: String,
    },
    /// A call to AWS failed.
    #[error(transparent)]
    Aws(#[from] crate::aws::Error),
    /// What runs in AWS cannot be started, or has failed.
    #[error("{what}: {why}")]
    Managed {
        /// The task.
        what: String,
        /// Why, in plain words.
        why: String,
        /// What to type.
        next: Option<String>,
    },
    /// A server stayed away.
    #[error("given up after {minutes} minutes without success: {last}")]
    GaveUp {
        /// How long it was tried.
        minutes: u64,
        /// The last failure.
        last: Box<SyncError>,
    },
}

/// Goes on where the last run ended.
pub const RESUME: &str = "cdc-doctor sync";

impl SyncError {
    /// What to type to go on, where that helps.
    #[must_use]
    pub fn resume(&self) -> Option<String> {
        match self {
            Self::Table { outcome, .. } | Self::Stopped(outcome) => {
                Some(if outcome.resumes { RESUME } else { RELOAD }.to_owned())
            }
            Self::NothingSelected { .. } => Some("cdc-doctor check --only TBL".to_owned()),
            Self::Refused(all) => all.iter().find_map(|r| r.command.clone()),
            Self::Connect(_) => Some("cdc-doctor check".to_owned()),
            Self::Changes { .. } | Self::Spill { .. } | Self::GaveUp { .. } => Some(RESUME.to_owned()),
            Self::Managed { next, .. } => next.clone(),
            Self::Aws(_) => Some(RESUME.to_owned()),
            Self::Busy { .. }
            | Self::Prepare { .. }
            | Self::Slot { .. }
            | Self::SchemaChanged { .. }
            | Self::Fenced => None,
        }
    }
}

/// A table that cannot be loaded as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Source table.
    pub table: String,
    /// Why.
    pub why: String,
    /// What to type.
    pub command: Option<String>,
}

fn refusals(all: &[Refused]) -> String {
    let mut text = match all.len() {
        1 => "one table cannot be loaded as it is; no row was moved".to_owned(),
        n => format!("{n} tables cannot be loaded as they are; no row was moved"),
    };
    for refused in all {
        text.push_str(&format!("\n  {}: {}", crate::text::safe(&refused.table), refused.why));
        if let Some(command) = &refused.command {
            text.push_str(&format!("\n    {command}"));
        }
    }
    text
}

/// What went wrong with a table or a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A value that the target cannot hold.
    #[error(
        "column {column}{} holds {value}: {why}. Correct it on the source, or set on_unrepresentable = \"null\" in \
         [sync] to write NULL instead",
        key.as_deref().map(|k| format!(" of the row with {k}")).unwrap_or_default()
    )]
    Value {
        /// Column.
        column: String,
        /// The row's key.
        key: Option<String>,
        /// The value, made safe and cut.
        value: String,
        /// Why.
        why: &'static str,
    },
    /// A row that is longer than the target takes.
    #[error(
        "{}a row takes {bytes} bytes, more than the target's max_allowed_packet of {limit}. Raise it there: \
         SET GLOBAL max_allowed_packet = {}",
        key.as_deref().map(|k| format!("{k}: ")).unwrap_or_default(), bytes.next_power_of_two().max(limit * 2)
    )]
    RowTooLong {
        /// The row's key.
        key: Option<String>,
        /// Bytes as sent.
        bytes: u64,
        /// `max_allowed_packet`.
        limit: u64,
    },
    /// The target took rows otherwise than they were sent; they were rolled back.
    #[error("the target stored {stored} of {sent} rows, with {warnings} warnings{}; all of them were rolled back", first.as_deref().map(|w| format!(", the first: {w}")).unwrap_or_default())]
    Altered {
        /// Rows sent.
        sent: u64,
        /// Rows that the target says it stored.
        stored: u64,
        /// Warnings.
        warnings: u64,
        /// The first warning, with the row's key where it can be told.
        first: Option<String>,
    },
    /// A server's error.
    #[error("{side} {code}: {message}{}", hint.as_deref().map(|h| format!(". {h}")).unwrap_or_default())]
    Server {
        /// `source` or `target`.
        side: Side,
        /// SQLSTATE or error number.
        code: String,
        /// In the server's words, made safe.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A connection broke.
    #[error("the connection to the {side} was lost: {message}")]
    Lost {
        /// Which.
        side: Side,
        /// In words.
        message: String,
    },
    /// A session could not be opened.
    #[error("{0}")]
    Connect(Box<ConnectError>),
    /// Bytes that are not what COPY or the stream of changes is made of.
    #[error("the source sent something that does not have the form of its protocol; report this as a bug")]
    Malformed,
    /// A row that was changed on the source is not on the target.
    #[error(
        "{target} has no row{}, which the source has changed: somebody else has changed the target. Compare the two \
         (cdc-doctor verify), and load the table again",
        key.as_deref().map(|k| format!(" with {k}")).unwrap_or_default()
    )]
    RowMissing {
        /// Target table, quoted.
        target: String,
        /// The row's key.
        key: Option<String>,
    },
    /// A change that says not which row it is of.
    #[error("the source sent a change without the row's key (REPLICA IDENTITY); see cdc-doctor explain TBL-003")]
    NoKey,
}

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// PostgreSQL.
    Source,
    /// MySQL or MariaDB.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// What is on the target after a run that did not finish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The next start goes on by itself: what is not complete is copied again.
    pub resumes: bool,
    /// Tables that hold all rows of the snapshot.
    pub complete: Vec<String>,
    /// Tables that hold some rows of the snapshot, and how many.
    pub partial: Vec<(String, u64)>,
    /// Tables that nothing was written to.
    pub untouched: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.complete.is_empty() && self.partial.is_empty() && self.untouched.is_empty() {
            return f.write_str("No row was moved");
        }
        let partial: Vec<String> = self.partial.iter().map(|(t, n)| format!("{t} ({n} rows)")).collect();
        write!(f, "On the target now: complete: {}", list(&self.complete))?;
        write!(f, "; in part: {}", list(&partial))?;
        write!(f, "; not begun: {}", list(&self.untouched))?;
        if self.resumes {
            return write!(f, ". To go on, with what is not complete copied again: {RESUME}");
        }
        write!(f, ". To load all tables anew: {RELOAD}")
    }
}

/// Names, made safe; many are cut short.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|n| crate::text::safe(n)).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    shown.join(", ")
}

impl From<&tokio_postgres::Error> for Cause {
    fn from(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // The server says good-bye (57P01 to 57P03) before it closes.
            Some(db) if !db.code().code().starts_with("57P") => Self::Server {
                side: Side::Source,
                code: db.code().code().to_owned(),
                message: crate::text::safe(db.message()),
                hint: db.hint().map(crate::text::safe),
            },
            Some(db) => Self::Lost { side: Side::Source, message: crate::text::safe(db.message()) },
            None => Self::Lost { side: Side::Source, message: crate::text::safe(&error.to_string()) },
        }
    }
}

impl From<&mysql_async::Error> for Cause {
    fn from(error: &mysql_async::Error) -> Self {
        match error {
            // The server says good-bye: shut down, killed, aborted.
            mysql_async::Error::Server(e) if matches!(e.code, 1053 | 1152 | 1184 | 1927) => {
                Self::Lost { side: Side::Target, message: crate::text::safe(&e.message) }
            }
            mysql_async::Error::Server(e) => Self::Server {
                side: Side::Target,
                code: e.code.to_string(),
                message: crate::text::safe(&e.message),
                hint: hint(e.code).map(str::to_owned),
            },
            other => Self::Lost { side: Side::Target, message: crate::text::safe(&other.to_string()) },
        }
    }
}

/// What helps against a target's error.
fn hint(code: u16) -> Option<&'static str> {
    Some(match code {
        3 | 28 | 1021 | 1114 => "Make room on the target's disk, or let its storage grow",
        1142 | 1044 | 1227 => "Grant the account what it lacks: cdc-doctor check --only AUT",
        1153 | 1301 => "Raise max_allowed_packet on the target",
        1205 | 1213 => "Another session of the target holds locks on the table; look at SHOW FULL PROCESSLIST",
        1290 | 1836 | 3100 => "The target is read-only: point [target] at the writer",
        1206 => "Raise innodb_buffer_pool_size on the target, or load fewer tables at once",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_table_is_told_with_what_is_there_and_what_to_type() {
        let outcome =
            Outcome { complete: vec!["public.a".into()], partial: vec![("public.b".into(), 7)], ..Outcome::default() };
        let cause = Cause::Value {
            column: "v".into(),
            key: Some("id = 42".into()),
            value: "NaN".into(),
            why: "MySQL has no NaN",
        };
        let error = SyncError::Table {
            table: "public.b".into(),
            part: Some("part 2".into()),
            cause: Box::new(cause),
            outcome: Box::new(outcome),
        };
        assert_eq!(
            error.to_string(),
            "public.b, part 2: column v of the row with id = 42 holds NaN: MySQL has no NaN. Correct it on the source, \
             or set on_unrepresentable = \"null\" in [sync] to write NULL instead. On the target now: complete: \
             public.a; in part: public.b (7 rows); not begun: none. To load all tables anew: cdc-doctor sync --mode \
             full-load --truncate-target"
        );
        assert_eq!(error.resume().as_deref(), Some(RELOAD));
    }
}
