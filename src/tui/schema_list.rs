//! The selected tables as they should be on the target, beside what is there. Pure.

use std::sync::Arc;

use super::widgets::{Input, Words};
use crate::diagnose::{Judgement, Outcome};
use crate::facts::Facts;
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::my_ident;
use crate::schema::{Dialect, SchemaReport, TableReport, TableState};

/// The list and what of it is shown.
#[derive(Debug, Default)]
pub struct SchemaList {
    /// As of the last run of the checks; none before both sides were seen.
    pub report: Option<Arc<SchemaReport>>,
    /// Places in the report of the tables that are shown.
    pub rows: Vec<usize>,
    /// The chosen line.
    pub cursor: usize,
    /// The keys move in the detail pane.
    pub reading: bool,
    /// First line of the detail pane.
    pub scroll: usize,
    /// Only tables that are not as they should be.
    pub odd: bool,
    /// Words that a table must have.
    pub filter: Input,
}

/// The report of what was seen; none where a side could not be.
pub fn report(facts: &Facts) -> Option<SchemaReport> {
    let sources = facts.source.tables.value()?;
    let dialect = Dialect::from(facts.target.session.value()?);
    let there = facts.target.tables.value().map(Vec::as_slice);
    Some(SchemaReport::new(sources, &facts.pipeline, dialect, there))
}

impl SchemaList {
    /// Takes a new report in; the chosen table stays chosen.
    pub fn show(&mut self, report: Option<Arc<SchemaReport>>) {
        let chosen = self.chosen().map(|t| t.source.clone());
        self.report = report;
        self.relist();
        let at = |name: &String| self.rows.iter().position(|&i| self.tables()[i].source == *name);
        if let Some(at) = chosen.as_ref().and_then(at) {
            self.cursor = at;
        }
    }

    /// Makes the list anew.
    pub fn relist(&mut self) {
        let words = Words::new(self.filter.text());
        let shown = |t: &TableReport| {
            (!self.odd || odd(t)) && (!words.any() || words.are_in(&format!("{} {}", t.source, state(t))))
        };
        self.rows = (0..self.tables().len()).filter(|&i| shown(&self.tables()[i])).collect();
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
    }

    /// All tables.
    pub fn tables(&self) -> &[TableReport] {
        self.report.as_ref().map_or(&[], |r| r.tables.as_slice())
    }

    /// The chosen one.
    pub fn chosen(&self) -> Option<&TableReport> {
        self.rows.get(self.cursor).and_then(|&i| self.tables().get(i))
    }
}

/// It is not as it should be.
pub fn odd(table: &TableReport) -> bool {
    table.state != TableState::Same || !table.problems.is_empty()
}

/// How a table stands, in words.
pub fn state(table: &TableReport) -> &'static str {
    match &table.state {
        _ if !table.problems.is_empty() => "cannot be created",
        TableState::Unknown => "unknown",
        TableState::Missing => "missing",
        TableState::Same => "as it should be",
        TableState::Differs { spark: true, .. } => "overwritten by Spark",
        TableState::Differs { .. } => "differs",
    }
}

/// What creates or repairs a table: its statement, or the fixes that the checks have for it.
pub fn remedies(table: &TableReport, facts: &Facts, judgements: &[Judgement]) -> Vec<(String, Fix)> {
    if !table.problems.is_empty() {
        return Vec::new();
    }
    match &table.state {
        TableState::Missing => vec![(table.source.clone(), creation(table, facts))],
        TableState::Differs { .. } => repairs(table, judgements),
        TableState::Same | TableState::Unknown => Vec::new(),
    }
}

fn creation(table: &TableReport, facts: &Facts) -> Fix {
    let database = &table.want.database;
    let there = facts.target.schemas.value().is_some_and(|all| all.iter().any(|d| d.name == *database));
    let make = format!("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4", my_ident(database));
    let mut steps = Vec::new();
    if !there {
        steps.push(Step::new(Cost::None, Action::target(make)));
    }
    steps.push(Step::new(Cost::None, Action::target(table.want.create_line())));
    Fix::new(Mode::Confirm, format!("create {}", table.want.label()), steps)
}

fn repairs(table: &TableReport, judgements: &[Judgement]) -> Vec<(String, Fix)> {
    let label = table.want.label();
    let about = |subject: &str| subject.eq_ignore_ascii_case(&label) || subject == table.source;
    let mut fixes = Vec::new();
    for j in judgements {
        let Outcome::Fail(findings) = &j.outcome else { continue };
        let of_table = findings.iter().filter(|f| about(&f.subject)).filter_map(|f| f.fix.clone());
        fixes.extend(of_table.map(|fix| (j.check.code.to_owned(), fix)));
    }
    fixes
}
