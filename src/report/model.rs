//! What a run of the checks found, in the shape of the JSON report. Field names are a contract.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::checks::{Finding, Severity};
use crate::diagnose::{Judgement, Outcome, Summary};
use crate::facts::{CanaryChange, CanaryEnd, CanaryRun, Facts};
use crate::fixes::{Cost, Fix, Mode};

/// The report of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// 1; grows only when a field changes its meaning.
    pub schema_version: u32,
    /// Who made it.
    pub tool: Tool,
    /// The pipeline's name.
    pub pipeline: String,
    /// When collecting began.
    pub started_at: jiff::Timestamp,
    /// Collecting and judging, milliseconds.
    pub elapsed_ms: u64,
    /// Counts of outcomes.
    pub summary: Summary,
    /// Every check that was asked for, in the order of the rule book.
    pub checks: Vec<CheckReport>,
    /// How long the canary's changes took, where one was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryReport>,
    /// What the headline says of both servers and the engine; not part of the JSON contract.
    #[serde(skip)]
    pub headline: String,
}

/// Program and version.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// `cdc-doctor`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Milliseconds from the commit on the source until each change was seen on the target; `None` is not in time, or
/// not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CanaryReport {
    /// The row was written.
    pub insert_ms: Option<u64>,
    /// It was changed.
    pub update_ms: Option<u64>,
    /// It was removed.
    pub delete_ms: Option<u64>,
}

/// One check's outcome.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// `TLS-001`.
    pub code: &'static str,
    /// Kebab-case.
    pub name: &'static str,
    /// Area.
    pub area: &'static str,
    /// The fault as a sentence.
    pub title: &'static str,
    /// How bad.
    pub severity: Severity,
    /// `pass`, `fail`, `unknown`, `blocked`, `not-applicable`.
    pub outcome: &'static str,
    /// Why unknown or not applicable.
    pub reason: Option<String>,
    /// The failed checks that it waits for.
    pub blocked_by: Vec<&'static str>,
    /// What was found.
    pub findings: Vec<FindingReport>,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct FindingReport {
    /// What it is about.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// Runs green, loses data.
    pub silent_loss: bool,
    /// The values seen.
    pub evidence: Map<String, Value>,
    /// The remedy.
    pub fix: Option<FixReport>,
}

/// A remedy in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FixReport {
    /// One line.
    pub summary: String,
    /// Who applies it.
    pub mode: Mode,
    /// The dearest step.
    pub cost: Cost,
    /// Each step in words.
    pub steps: Vec<String>,
    /// Other ways, with their price.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
}

impl Report {
    /// The report of judged facts.
    #[must_use]
    pub fn new(facts: &Facts, judgements: &[Judgement], elapsed_ms: u64) -> Self {
        Self {
            schema_version: 1,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            pipeline: facts.pipeline.name.clone(),
            started_at: facts.taken_at,
            elapsed_ms,
            summary: Summary::of(judgements),
            checks: judgements.iter().map(CheckReport::new).collect(),
            canary: facts.canary.as_ref().and_then(CanaryReport::new),
            headline: headline(facts),
        }
    }

    /// The worst severity among the failed checks.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.checks.iter().filter(|c| c.outcome == "fail").map(|c| c.severity).max()
    }
}

impl CanaryReport {
    fn new(run: &CanaryRun) -> Option<Self> {
        let CanaryEnd::Followed(legs) = &run.end else { return None };
        let delay = |change| legs.iter().find(|leg| leg.change == change).and_then(|leg| leg.delay_ms);
        Some(Self {
            insert_ms: delay(CanaryChange::Insert),
            update_ms: delay(CanaryChange::Update),
            delete_ms: delay(CanaryChange::Delete),
        })
    }
}

impl CheckReport {
    fn new(judgement: &Judgement) -> Self {
        let check = judgement.check;
        let (reason, blocked_by, findings) = match &judgement.outcome {
            Outcome::Pass => (None, Vec::new(), Vec::new()),
            Outcome::Fail(findings) => (None, Vec::new(), findings.iter().map(FindingReport::new).collect()),
            Outcome::Unknown(why) => (Some(why.clone()), Vec::new(), Vec::new()),
            Outcome::Running => (Some("not collected".into()), Vec::new(), Vec::new()),
            Outcome::Blocked(causes) => (None, causes.clone(), Vec::new()),
            Outcome::NotApplicable(why) => (Some((*why).into()), Vec::new(), Vec::new()),
        };
        // A report is made of finished facts; what was never collected was not seen.
        let outcome = match judgement.outcome.as_str() {
            "running" => "unknown",
            other => other,
        };
        Self {
            code: check.code,
            name: check.name,
            area: check.area.as_str(),
            title: check.title,
            severity: check.severity,
            outcome,
            reason,
            blocked_by,
            findings,
        }
    }
}

impl FindingReport {
    fn new(finding: &Finding) -> Self {
        Self {
            subject: finding.subject.clone(),
            message: finding.message.clone(),
            silent_loss: finding.silent_loss,
            evidence: finding.evidence.iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect(),
            fix: finding.fix.as_ref().map(FixReport::new),
        }
    }
}

impl FixReport {
    fn new(fix: &Fix) -> Self {
        Self {
            summary: fix.summary.clone(),
            mode: fix.mode,
            cost: fix.cost(),
            steps: fix.steps.iter().map(|s| s.action.describe()).collect(),
            alternatives: fix.alternatives.clone(),
        }
    }
}

fn headline(facts: &Facts) -> String {
    let p = &facts.pipeline;
    let source = facts.source.session.value().map_or("PostgreSQL".into(), |s| format!("PostgreSQL {}", s.version));
    let target = facts.target.session.value().map_or("MySQL".into(), crate::facts::MySession::label);
    format!(
        "{source} at {}:{} → {target} at {}:{}, engine {}",
        p.source.host,
        p.source.port,
        p.target.host,
        p.target.port,
        p.sync.engine.as_str()
    )
}
