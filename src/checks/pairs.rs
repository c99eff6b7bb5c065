//! Source tables beside their target tables: what the checks on the target's tables share.

use std::collections::{HashMap, HashSet};

use super::source_tables::in_order;
use super::target_variables::{is_on, optional};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, MyTable, PgTable, Unknown};
use crate::pipeline::{EngineKind, Pipeline};
use crate::schema::{self, Dialect, Difference, TargetTable};

/// A selected source table and the target table that is there for it.
pub(super) struct Pair<'a> {
    pub source: &'a PgTable,
    pub have: &'a MyTable,
    pub pipeline: &'a Pipeline,
    /// The engine carries the table's changes, so that RUN-017 tells how its columns differ, and what sync makes of it.
    pub synced: bool,
    dialect: Dialect,
}

/// How a target table differs from the one wanted.
pub(super) struct Drift {
    pub want: TargetTable,
    pub differences: Vec<Difference>,
}

impl Pair<'_> {
    /// Maps the source table and compares; the dear part, so look at what is cheap first.
    pub fn drift(&self) -> Drift {
        let want = schema::target_table(self.source, self.pipeline, self.dialect);
        let differences = schema::drift(&want, self.have);
        Drift { want, differences }
    }

    /// A Spark overwrite has re-created the table: TSC-002 tells all that is wrong with it at once.
    pub fn made_by_spark(&self) -> bool {
        schema::spark_fingerprint(self.have)
    }
}

/// The target tables by where source tables look for them.
pub(super) struct Targets<'a> {
    by_name: HashMap<(String, String), &'a MyTable>,
    folds: bool,
}

impl<'a> Targets<'a> {
    pub fn of(facts: &'a Facts) -> Result<Self, Unknown> {
        let tables = facts.target.tables.known()?;
        let folds = optional(facts, "lower_case_table_names").ok().flatten().is_some_and(is_on);
        let by_name = tables.iter().map(|t| (place(&t.schema, &t.name, folds), t)).collect();
        Ok(Self { by_name, folds })
    }

    pub fn find(&self, source: &PgTable, pipeline: &Pipeline) -> Option<&'a MyTable> {
        self.named(pipeline.target_database(&source.schema), &source.name)
    }

    /// The table of this database and name.
    pub fn named(&self, database: &str, table: &str) -> Option<&'a MyTable> {
        self.by_name.get(&place(database, table, self.folds)).copied()
    }

    /// The source tables by the target table of this database and name that their rows go to.
    pub fn sources<'s>(&self, sources: &'s [PgTable], pipeline: &Pipeline) -> Sources<'s> {
        let place = |s: &PgTable| place(pipeline.target_database(&s.schema), &s.name, self.folds);
        Sources { by_target: sources.iter().map(|s| (place(s), s)).collect(), folds: self.folds }
    }
}

/// Source tables by where their rows go.
pub(super) struct Sources<'a> {
    by_target: HashMap<(String, String), &'a PgTable>,
    folds: bool,
}

impl<'a> Sources<'a> {
    /// The source of the target table of this database and name.
    pub fn of(&self, database: &str, table: &str) -> Option<&'a PgTable> {
        self.by_target.get(&place(database, table, self.folds)).copied()
    }
}

/// Names as the server compares them: with `lower_case_table_names` on, without regard to case.
fn place(database: &str, table: &str, folds: bool) -> (String, String) {
    if folds { (database.to_lowercase(), table.to_lowercase()) } else { (database.to_owned(), table.to_owned()) }
}

/// The target tables that are there for the selected source tables, in the order of names.
pub(super) fn selected(facts: &Facts) -> Result<Vec<&MyTable>, Unknown> {
    let targets = Targets::of(facts)?;
    let sources = facts.source.tables.known()?;
    let mut tables: Vec<&MyTable> = sources.iter().filter_map(|s| targets.find(s, &facts.pipeline)).collect();
    tables.sort_by_key(|t| (&t.schema, &t.name));
    Ok(tables)
}

/// Asks `look` about each selected table that is there on both sides. Findings come in the order of names.
pub(super) fn each(facts: &Facts, look: impl Fn(&Pair<'_>) -> Option<Finding>) -> Judged {
    let sources = facts.source.tables.known()?;
    let dialect = Dialect::from(facts.target.session.known()?);
    let targets = Targets::of(facts)?;
    let pipeline = &facts.pipeline;
    let synced = synced(facts);
    let mut pairs = sources
        .iter()
        .filter_map(|source| {
            let have = targets.find(source, pipeline)?;
            let synced = synced.contains(&(source.schema.as_str(), source.name.as_str()));
            Some(Pair { source, have, pipeline, synced, dialect })
        })
        .peekable();
    if pairs.peek().is_none() {
        return Ok(Verdict::NotApplicable("none of the selected tables is on the target yet"));
    }
    Ok(Verdict::from_findings(in_order(pairs.filter_map(|pair| look(&pair)))))
}

/// The tables that the engine carries, by schema and name.
fn synced(facts: &Facts) -> HashSet<(&str, &str)> {
    let sync = &facts.pipeline.sync;
    if sync.engine != EngineKind::Direct || !sync.mode.has_cdc() {
        return HashSet::new();
    }
    let tables = facts.target.synced.value().into_iter().flatten();
    tables.filter(|t| t.loaded).map(|t| (t.schema.as_str(), t.table.as_str())).collect()
}

/// As [`each_difference`], for differences of columns: those of a table that sync carries are told by RUN-017.
pub(super) fn each_column_difference(
    facts: &Facts,
    worth_comparing: impl Fn(&Pair<'_>) -> bool,
    mine: impl Fn(&Difference) -> bool,
    tell: impl Fn(&Pair<'_>, &[&Difference]) -> Finding,
) -> Judged {
    each_difference(facts, |pair| !pair.synced && worth_comparing(pair), mine, tell)
}

/// One finding a table for the differences that `mine` picks, on tables that Spark has not re-created: their
/// descriptions as evidence, and the statement that ends all differences of the table as the fix.
pub(super) fn each_difference(
    facts: &Facts,
    worth_comparing: impl Fn(&Pair<'_>) -> bool,
    mine: impl Fn(&Difference) -> bool,
    tell: impl Fn(&Pair<'_>, &[&Difference]) -> Finding,
) -> Judged {
    each(facts, |pair| {
        if !worth_comparing(pair) || pair.made_by_spark() {
            return None;
        }
        let drift = pair.drift();
        let found: Vec<&Difference> = drift.differences.iter().filter(|d| mine(d)).collect();
        if found.is_empty() {
            return None;
        }
        let mut finding = tell(pair, &found);
        for difference in found {
            finding = finding.saw(difference.column().unwrap_or("table").to_owned(), difference.describe());
        }
        Some(finding.fix(super::repair::fix(pair, &drift)))
    })
}

/// `column "a"`, `columns "a" and "b"`, for messages.
pub(super) fn columns(differences: &[&Difference]) -> String {
    let names: Vec<&str> = differences.iter().filter_map(|d| d.column()).collect();
    let noun = if names.len() == 1 { "column" } else { "columns" };
    format!("{noun} {}", super::source_tables::quoted_list(names))
}
