//! What a check is and what it answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;

/// One rule. Code and name never change once released.
#[derive(Debug)]
pub struct Check {
    /// As in the catalogue: `TLS-001`.
    pub code: &'static str,
    /// Kebab-case, says the fault: `plaintext-to-tls-only-source`.
    pub name: &'static str,
    /// Which part of the pipeline.
    pub area: Area,
    /// How bad it is.
    pub severity: Severity,
    /// The fault as a sentence without a full stop, for lists.
    pub title: &'static str,
    /// Codes of the checks it stands behind: when one of them fails (or is itself blocked), this one is silent.
    pub after: &'static [&'static str],
    /// The doc comment of the check's file.
    pub explanation: &'static str,
    /// Facts to verdict; pure. `Err` is *unknown*.
    pub judge: fn(&Facts) -> Judged,
}

/// A verdict, or why none could be reached.
pub type Judged = Result<Verdict, Unknown>;

/// What a check says of facts that it could see.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Looked, and it is fine.
    Pass,
    /// One or more findings; never empty.
    Fail(Vec<Finding>),
    /// This pipeline has no such part; the reason in words.
    NotApplicable(&'static str),
}

impl Verdict {
    /// Fails with the findings, passes when there are none.
    #[must_use]
    pub fn from_findings(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { Self::Pass } else { Self::Fail(findings) }
    }
}

/// One fault, seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about: `public.charts`, `rds.force_ssl`, `source.database`.
    pub subject: String,
    /// One sentence: what is wrong here and what it leads to.
    pub message: String,
    /// The class "runs green, loses data".
    pub silent_loss: bool,
    /// The values seen, in the order in which they should be read.
    pub evidence: Vec<(String, String)>,
    /// The remedy, where there is one.
    pub fix: Option<Fix>,
}

impl Finding {
    /// A finding without evidence and fix.
    #[must_use]
    pub fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into(), silent_loss: false, evidence: Vec::new(), fix: None }
    }

    /// With one more value seen.
    #[must_use]
    pub fn saw(mut self, what: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push((what.into(), value.into()));
        self
    }

    /// Of the class "runs green, loses data".
    #[must_use]
    pub fn silent_loss(mut self) -> Self {
        self.silent_loss = true;
        self
    }

    /// With its remedy.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

/// How bad a failed check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It could be better.
    Advice,
    /// It will hurt.
    Warning,
    /// It will not start, or it will lose or change data.
    Error,
}

impl Severity {
    /// As in the reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Parts of a pipeline, in the order in which a connection meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Network reachability.
    Net,
    /// Encryption in transit.
    Tls,
    /// Authentication and grants.
    Aut,
    /// Source configuration.
    Src,
    /// Source tables and selection.
    Tbl,
    /// Data types and values.
    Typ,
    /// Target configuration.
    Tcf,
    /// Target schema and drift.
    Tsc,
    /// DMS replication instance.
    Dri,
    /// DMS endpoints.
    Dep,
    /// DMS task and settings.
    Dtk,
    /// Roles and permissions in AWS.
    Iam,
    /// S3 target.
    S3,
    /// Glue job.
    Glu,
    /// Cost, safety, blast radius.
    Rsk,
    /// Runtime and verification.
    Run,
}

impl Area {
    /// As in the reports and in `--only`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Net => "net",
            Self::Tls => "tls",
            Self::Aut => "aut",
            Self::Src => "src",
            Self::Tbl => "tbl",
            Self::Typ => "typ",
            Self::Tcf => "tcf",
            Self::Tsc => "tsc",
            Self::Dri => "dri",
            Self::Dep => "dep",
            Self::Dtk => "dtk",
            Self::Iam => "iam",
            Self::S3 => "s3",
            Self::Glu => "glu",
            Self::Rsk => "rsk",
            Self::Run => "run",
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
