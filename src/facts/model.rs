//! The values that collectors fill in and checks read.

use serde::{Deserialize, Serialize};

use super::aws::AwsFacts;
use super::{CanaryRun, Kept, SourceFacts, TableComparison, TargetFacts};
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
    /// AWS; only where the pipeline has a section `[aws]`.
    #[serde(default)]
    pub aws: Option<AwsFacts>,
    /// A row that was sent through the running pipeline; only where that was asked for.
    pub canary: Option<CanaryRun>,
    /// Rows compared on both sides; only where that was asked for.
    pub comparison: Option<Fact<Vec<TableComparison>>>,
    /// The target's tables as they were when `schema --keep` kept them; `None` where nothing was kept.
    #[serde(default = "nothing_kept")]
    pub kept: Fact<Option<Kept>>,
}

/// Of a facts file that is older than the kept definitions.
fn nothing_kept() -> Fact<Option<Kept>> {
    Fact::Known(None)
}

impl Facts {
    /// All facts pending.
    #[must_use]
    pub fn pending(pipeline: Pipeline) -> Self {
        Self {
            taken_at: jiff::Timestamp::now(),
            aws: pipeline.aws.as_ref().map(|_| AwsFacts::pending()),
            pipeline,
            source: SourceFacts::pending(),
            target: TargetFacts::pending(),
            canary: None,
            comparison: None,
            kept: Fact::pending(),
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

impl HostFacts {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self { addresses: Fact::pending(), tcp: Fact::pending() }
    }
}
