//! Facts to judgements: runs the checks and silences what stands behind a failed one. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::checks::{Check, Finding, Severity, Verdict};
use crate::facts::{Facts, UnknownKind};

/// What became of one check.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Looked, and it is fine.
    Pass,
    /// One or more findings.
    Fail(Vec<Finding>),
    /// Could not look: the reason.
    Unknown(String),
    /// Its facts are still being collected; a finished report has none of these.
    Running,
    /// A check it stands behind failed: the codes of the causes.
    Blocked(Vec<&'static str>),
    /// This pipeline has no such part: the reason.
    NotApplicable(&'static str),
}

impl Outcome {
    /// As in the JSON report.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Unknown(_) => "unknown",
            Self::Running => "running",
            Self::Blocked(_) => "blocked",
            Self::NotApplicable(_) => "not-applicable",
        }
    }
}

/// A check and its outcome.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The rule.
    pub check: &'static Check,
    /// What it said.
    pub outcome: Outcome,
}

/// Judges facts by the given checks, in their order.
///
/// A check is blocked when one that it stands behind failed, directly or through others; its `Blocked` names the
/// failed ones at the root, so that a person sees causes only.
#[must_use]
pub fn judge(checks: &[&'static Check], facts: &Facts) -> Vec<Judgement> {
    let own: HashMap<&str, Outcome> = checks.iter().map(|c| (c.code, verdict(c, facts))).collect();
    let by_code: HashMap<&str, &'static Check> = checks.iter().map(|c| (c.code, *c)).collect();
    checks
        .iter()
        .map(|check| {
            let mut causes = Vec::new();
            roots(check, &own, &by_code, &mut causes);
            let outcome = match own.get(check.code) {
                Some(Outcome::NotApplicable(why)) => Outcome::NotApplicable(why),
                _ if !causes.is_empty() => Outcome::Blocked(causes),
                Some(outcome) => outcome.clone(),
                None => Outcome::Running,
            };
            Judgement { check, outcome }
        })
        .collect()
}

fn verdict(check: &Check, facts: &Facts) -> Outcome {
    match (check.judge)(facts) {
        Ok(Verdict::Pass) => Outcome::Pass,
        Ok(Verdict::Fail(findings)) => Outcome::Fail(findings),
        Ok(Verdict::NotApplicable(why)) => Outcome::NotApplicable(why),
        Err(why) if why.kind == UnknownKind::Pending => Outcome::Running,
        Err(why) => Outcome::Unknown(why.reason),
    }
}

/// Collects the failed checks at the root of `check`'s predecessors.
fn roots(
    check: &Check,
    own: &HashMap<&str, Outcome>,
    by_code: &HashMap<&str, &'static Check>,
    causes: &mut Vec<&'static str>,
) {
    for code in check.after {
        let Some(before) = by_code.get(code) else { continue };
        let known = causes.len();
        roots(before, own, by_code, causes);
        let itself_is_root = causes.len() == known;
        if itself_is_root && matches!(own.get(code), Some(Outcome::Fail(_))) && !causes.contains(code) {
            causes.push(code);
        }
    }
}

/// Counts of outcomes, as in the report's summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Passed.
    pub pass: usize,
    /// Failed.
    pub fail: usize,
    /// Could not look.
    pub unknown: usize,
    /// Silent behind a failed check.
    pub blocked: usize,
    /// No such part.
    pub not_applicable: usize,
    /// Failed checks of severity error.
    pub errors: usize,
    /// Failed checks of severity warning.
    pub warnings: usize,
    /// Failed checks of severity advice.
    pub advice: usize,
}

impl Summary {
    /// Counts the outcomes.
    #[must_use]
    pub fn of(judgements: &[Judgement]) -> Self {
        let mut sum = Self::default();
        for j in judgements {
            match &j.outcome {
                Outcome::Pass => sum.pass += 1,
                Outcome::Fail(_) => {
                    sum.fail += 1;
                    match j.check.severity {
                        Severity::Error => sum.errors += 1,
                        Severity::Warning => sum.warnings += 1,
                        Severity::Advice => sum.advice += 1,
                    }
                }
                Outcome::Unknown(_) | Outcome::Running => sum.unknown += 1,
                Outcome::Blocked(_) => sum.blocked += 1,
                Outcome::NotApplicable(_) => sum.not_applicable += 1,
            }
        }
        sum
    }
}
