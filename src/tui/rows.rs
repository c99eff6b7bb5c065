//! The lines of the checks list: failed checks first, the worst on top, what waits for them folded under them, then
//! what is not known, what passed, and what does not apply. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::widgets::Words;
use crate::checks::{Area, Severity};
use crate::diagnose::{Judgement, Outcome};

/// A line. Numbers are places in the judgements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// A check.
    Check {
        /// Which.
        index: usize,
        /// Stands under a waiting line or a group.
        inside: bool,
        /// Whether its findings are shown; `None` where there is nothing to unfold.
        open: Option<bool>,
    },
    /// One of several findings of a check.
    Finding {
        /// The check.
        index: usize,
        /// Which of its findings.
        finding: usize,
    },
    /// How many checks wait for a failed one.
    Waiting {
        /// The failed one.
        index: usize,
        /// How many.
        count: usize,
        /// They are shown.
        open: bool,
    },
    /// Checks of one outcome.
    Group {
        /// Which.
        group: Group,
        /// How many.
        count: usize,
        /// They are shown.
        open: bool,
    },
}

/// Outcomes that are shown together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Facts are on their way.
    Running,
    /// Could not look.
    Unknown,
    /// Fine.
    Passed,
    /// No such part.
    NotApplicable,
}

impl Group {
    const ALL: [Self; 4] = [Self::Running, Self::Unknown, Self::Passed, Self::NotApplicable];

    fn holds(self, outcome: &Outcome) -> bool {
        matches!(
            (self, outcome),
            (Self::Running, Outcome::Running)
                | (Self::Unknown, Outcome::Unknown(_))
                | (Self::Passed, Outcome::Pass)
                | (Self::NotApplicable, Outcome::NotApplicable(_))
        )
    }

    /// In words, after the count.
    pub fn label(self) -> &'static str {
        match self {
            Self::Running => "looking",
            Self::Unknown => "unknown",
            Self::Passed => "passed",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// What a line is about, whatever its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKey {
    /// A check's code.
    Check(&'static str),
    /// Code and number of the finding.
    Finding(&'static str, usize),
    /// Code of the failed check.
    Waiting(&'static str),
    /// The group.
    Group(Group),
}

impl Row {
    /// What it is about.
    pub fn key(&self, judgements: &[Judgement]) -> RowKey {
        let code = |index: usize| judgements.get(index).map_or("", |j| j.check.code);
        match *self {
            Self::Check { index, .. } => RowKey::Check(code(index)),
            Self::Finding { index, finding } => RowKey::Finding(code(index), finding),
            Self::Waiting { index, .. } => RowKey::Waiting(code(index)),
            Self::Group { group, .. } => RowKey::Group(group),
        }
    }

    /// Whether it is unfolded; `None` where it cannot be.
    pub fn open(&self) -> Option<bool> {
        match *self {
            Self::Check { open, .. } => open,
            Self::Finding { .. } => None,
            Self::Waiting { open, .. } | Self::Group { open, .. } => Some(open),
        }
    }
}

/// Places of the failed checks, the worst first, else in the order of the rule book.
pub fn failed(judgements: &[Judgement]) -> Vec<usize> {
    let mut all: Vec<usize> =
        (0..judgements.len()).filter(|&i| matches!(judgements[i].outcome, Outcome::Fail(_))).collect();
    all.sort_by_key(|&i| Reverse(judgements[i].check.severity));
    all
}

/// The lines to show. `toggled` are those folded or unfolded against their default; while there is a filter everything
/// that matches it is unfolded.
pub fn list(judgements: &[Judgement], toggled: &BTreeSet<RowKey>, filter: &str, narrow: Narrow) -> Vec<Row> {
    let filter = Filter { words: Words::new(filter), narrow };
    let is_open = |key: RowKey, default: bool| filter.active() || (toggled.contains(&key) != default);
    let mut rows = Vec::new();
    for index in failed(judgements) {
        let j = &judgements[index];
        let code = j.check.code;
        let own = filter.matches(j);
        let findings = if let Outcome::Fail(findings) = &j.outcome { findings.as_slice() } else { &[] };
        let shown: Vec<usize> = (0..findings.len())
            .filter(|&i| {
                own || filter.matches_text(j, &findings[i].subject) || filter.matches_text(j, &findings[i].message)
            })
            .collect();
        let waiting: Vec<usize> = (0..judgements.len())
            .filter(|&i| matches!(&judgements[i].outcome, Outcome::Blocked(causes) if causes.first() == Some(&code)))
            .filter(|&i| filter.matches(&judgements[i]))
            .collect();
        if !own && shown.is_empty() && waiting.is_empty() {
            continue;
        }
        let open = (findings.len() > 1).then(|| is_open(RowKey::Check(code), false));
        rows.push(Row::Check { index, inside: false, open });
        if open == Some(true) {
            rows.extend(shown.into_iter().map(|finding| Row::Finding { index, finding }));
        }
        if !waiting.is_empty() {
            let open = is_open(RowKey::Waiting(code), false);
            rows.push(Row::Waiting { index, count: waiting.len(), open });
            if open {
                rows.extend(waiting.into_iter().map(|index| Row::Check { index, inside: true, open: None }));
            }
        }
    }
    for group in Group::ALL {
        let members: Vec<usize> = (0..judgements.len())
            .filter(|&i| group.holds(&judgements[i].outcome) && filter.matches(&judgements[i]))
            .collect();
        if members.is_empty() {
            continue;
        }
        let open = is_open(RowKey::Group(group), matches!(group, Group::Running | Group::Unknown));
        rows.push(Row::Group { group, count: members.len(), open });
        if open {
            rows.extend(members.into_iter().map(|index| Row::Check { index, inside: true, open: None }));
        }
    }
    rows
}

/// What of the checks is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Narrow {
    /// Only this area.
    pub area: Option<Area>,
    /// Only this kind of outcome.
    pub only: Only,
}

/// A kind of outcome to look at alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Only {
    /// Everything.
    #[default]
    All,
    /// What failed as an error.
    Errors,
    /// What failed as a warning.
    Warnings,
    /// What could not be looked at.
    Unknown,
    /// What is fine.
    Passed,
}

impl Only {
    /// The next in a round.
    pub fn next(self) -> Self {
        match self {
            Self::All => Self::Errors,
            Self::Errors => Self::Warnings,
            Self::Warnings => Self::Unknown,
            Self::Unknown => Self::Passed,
            Self::Passed => Self::All,
        }
    }

    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "everything",
            Self::Errors => "errors",
            Self::Warnings => "warnings",
            Self::Unknown => "unknown",
            Self::Passed => "passed",
        }
    }

    fn holds(self, j: &Judgement) -> bool {
        let failed = |severity| matches!(j.outcome, Outcome::Fail(_)) && j.check.severity == severity;
        match self {
            Self::All => true,
            Self::Errors => failed(Severity::Error),
            Self::Warnings => failed(Severity::Warning),
            Self::Unknown => matches!(j.outcome, Outcome::Unknown(_)),
            Self::Passed => j.outcome == Outcome::Pass,
        }
    }
}

/// Words and kinds together.
struct Filter {
    words: Words,
    narrow: Narrow,
}

impl Filter {
    fn active(&self) -> bool {
        self.words.any() || self.narrow.only != Only::All
    }

    fn matches_text(&self, j: &Judgement, text: &str) -> bool {
        self.kind(j) && self.words.are_in(text)
    }

    fn kind(&self, j: &Judgement) -> bool {
        self.narrow.area.is_none_or(|area| area == j.check.area) && self.narrow.only.holds(j)
    }

    /// By code, name, title, area, severity and outcome.
    fn matches(&self, j: &Judgement) -> bool {
        let severity = if matches!(j.outcome, Outcome::Fail(_)) { j.check.severity.as_str() } else { "" };
        let c = j.check;
        let text = || format!("{} {} {} {} {severity} {}", c.code, c.name, c.title, c.area, j.outcome.as_str());
        self.kind(j) && (!self.words.any() || self.words.are_in(&text()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, fail, judgement};
    use super::*;

    fn codes(rows: &[Row], judgements: &[Judgement]) -> Vec<String> {
        rows.iter().map(|r| format!("{:?}", r.key(judgements))).collect()
    }

    #[test]
    fn the_worst_comes_first_and_what_waits_is_folded_under_it() {
        let all = testing::story();
        let rows = list(&all, &BTreeSet::new(), "", Narrow::default());
        assert_eq!(
            codes(&rows, &all),
            [
                "Check(\"TLS-001\")",
                "Waiting(\"TLS-001\")",
                "Check(\"TSC-002\")",
                "Check(\"TCF-012\")",
                "Group(Unknown)",
                "Check(\"SRC-013\")",
                "Group(Passed)",
                "Group(NotApplicable)",
            ]
        );
        assert!(matches!(rows[1], Row::Waiting { count: 2, open: false, .. }));
    }

    #[test]
    fn folds_open_against_their_default() {
        let all = testing::story();
        let toggled = BTreeSet::from([RowKey::Waiting("TLS-001"), RowKey::Group(Group::Unknown)]);
        let rows = list(&all, &toggled, "", Narrow::default());
        assert_eq!(rows.len(), 9, "two waiting more, one unknown less");
    }

    #[test]
    fn the_filter_unfolds_what_matches_and_hides_the_rest() {
        let all = testing::story();
        let rows = list(&all, &BTreeSet::new(), "weekly", Narrow::default());
        assert_eq!(codes(&rows, &all), ["Check(\"TSC-002\")", "Finding(\"TSC-002\", 0)"]);
        assert!(list(&all, &BTreeSet::new(), "nothing like it", Narrow::default()).is_empty());
        assert_eq!(
            list(&all, &BTreeSet::new(), "ERROR", Narrow::default()).len(),
            4,
            "two errors, two findings of the second"
        );
    }

    #[test]
    fn a_waiting_check_is_listed_once_though_it_has_two_causes() {
        let all = vec![
            judgement(0, fail(1)),
            judgement(1, fail(1)),
            judgement(2, Outcome::Blocked(vec![testing::CODES[0], testing::CODES[1]])),
        ];
        let waiting = list(&all, &BTreeSet::new(), "", Narrow::default())
            .iter()
            .filter(|r| matches!(r, Row::Waiting { .. }))
            .count();
        assert_eq!(waiting, 1);
    }
}
