//! Why provisioning did not come to its end.

use crate::aws;
use crate::connect::ConnectError;
use crate::decode::Decoded;
use crate::pipeline::secrets::SecretError;

/// Why there is no plan, or why it was not carried out. Nothing is ever half-made without a way on: `apply` begins with
/// what is there.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// There is nothing to provision.
    #[error("the pipeline file has no section [dms]; an empty one will do: every name in it has a default")]
    NoDms,
    /// There is no account.
    #[error("the pipeline file has no section [aws]; it needs region, such as region = \"eu-west-2\"")]
    NoAws,
    /// DMS cannot do it.
    #[error("{0}")]
    Refused(String),
    /// A call failed.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// The source could not be asked for its columns.
    #[error(
        "the plan needs the columns of the selected tables, and the source cannot be reached from here: {0}. \
         See cdc-doctor check"
    )]
    Source(#[from] Box<ConnectError>),
    /// A query on the source failed.
    #[error("the source could not be asked for its columns: {0}")]
    Query(String),
    /// A password could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A resource came to a state that nothing follows.
    #[error("{what} is {status}{}", why.as_deref().map(|w| format!(": {w}")).unwrap_or_default())]
    Ended {
        /// Which.
        what: String,
        /// In the service's words.
        status: String,
        /// What the service says of it.
        why: Option<String>,
    },
    /// It takes too long.
    #[error(
        "{what} is still {status} after {minutes} minutes; run the command again to wait on, or look in the console"
    )]
    Late {
        /// Which.
        what: String,
        /// In the service's words.
        status: String,
        /// How long it was waited for.
        minutes: u64,
    },
    /// A connection test failed.
    #[error("the replication instance cannot log in by the endpoint {endpoint}: {message}")]
    Test {
        /// Endpoint.
        endpoint: String,
        /// The server's words, out of DMS's wrapping.
        message: String,
        /// What is known of it.
        decoded: Option<Box<Decoded>>,
    },
}
