//! Why a comparison could not be made.

use crate::connect::ConnectError;
use crate::sync::{Cause, Side};
use crate::text::safe;

/// A comparison that did not come about. What stops a single table is told with the table instead.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A session could not be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A pattern that no table of the pipeline matches.
    #[error("no table of this pipeline matches `{}`", safe(.pattern))]
    NoSuchTable {
        /// The pattern.
        pattern: String,
        /// The nearest name.
        nearest: Option<String>,
    },
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
    /// A server's catalog could not be read.
    #[error("{doing}: {cause}")]
    Look {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        cause: Box<Cause>,
    },
    /// A session broke while tables were compared.
    #[error("{}: {cause}", safe(.table))]
    Lost {
        /// The table, on the source.
        table: String,
        /// What went wrong.
        cause: Box<Cause>,
    },
    /// Stopped on request.
    #[error("stopped on request; nothing was changed on either side")]
    Stopped,
}

/// What ended the work on a table.
#[derive(Debug)]
pub(super) enum Broken {
    /// This table cannot be compared, others may be.
    Table(Cause),
    /// A session is gone.
    Session(Cause),
}

impl From<Cause> for Broken {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Lost { .. } | Cause::Connect(_) => Self::Session(cause),
            cause => Self::Table(cause),
        }
    }
}

impl From<tokio_postgres::Error> for Broken {
    fn from(error: tokio_postgres::Error) -> Self {
        Cause::from(&error).into()
    }
}

impl From<mysql_async::Error> for Broken {
    fn from(error: mysql_async::Error) -> Self {
        Cause::from(&error).into()
    }
}

/// True for a source's refusal to read a literal as a value of the column's type.
pub(super) fn is_no_value(cause: &Cause) -> bool {
    matches!(cause, Cause::Server { side: Side::Source, code, .. } if code.starts_with("22"))
}
