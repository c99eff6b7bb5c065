//! What is known of a table while its parts are compared. Pure.

use std::time::Instant;

use super::confirm::Confirmed;
use super::narrow::Digest;
use super::prepare::Job;
use super::report::{Difference, TableResult};
use super::value;

/// One table's state.
#[derive(Debug)]
pub(super) struct Table {
    source_rows: u64,
    target_rows: u64,
    differences: Vec<Difference>,
    /// How many differences are kept.
    most: usize,
    /// Parts that differ, or may, were not looked into.
    passed_over: bool,
    /// A table without a key differs.
    different: bool,
    undecided: u64,
    nulled: u64,
    error: Option<String>,
    /// Parts that are not compared yet.
    left: usize,
    began: Option<Instant>,
    elapsed_ms: u64,
}

impl Table {
    /// Nothing known yet.
    pub(super) fn new(job: &Job, most: usize) -> Self {
        Self {
            source_rows: 0,
            target_rows: 0,
            differences: Vec::new(),
            most,
            passed_over: false,
            different: false,
            undecided: 0,
            nulled: 0,
            error: job.shape.as_ref().err().cloned(),
            left: 0,
            began: None,
            elapsed_ms: 0,
        }
    }

    /// Its parts are known.
    pub(super) fn begin(&mut self, parts: usize) {
        self.left = parts;
        self.began = Some(Instant::now());
    }

    /// A part was digested.
    pub(super) fn digested(&mut self, source: &Digest, target: &Digest, nulled: u64) {
        self.source_rows += source.rows;
        self.target_rows += target.rows;
        self.nulled += nulled;
    }

    /// Rows were decided.
    pub(super) fn confirmed(&mut self, confirmed: Confirmed) {
        self.undecided += confirmed.undecided;
        self.nulled += confirmed.nulled;
        self.differences.extend(confirmed.differences);
    }

    /// It differs as a whole.
    pub(super) fn differs_somewhere(&mut self) {
        self.different = true;
        self.passed_over = true;
    }

    /// As many differences as are wanted.
    pub(super) fn full(&self) -> bool {
        self.differences.len() >= self.most
    }

    /// A part that may differ was not looked into.
    pub(super) fn pass_over(&mut self) {
        self.passed_over = true;
    }

    /// It cannot be compared.
    pub(super) fn fail(&mut self, why: String) {
        self.error.get_or_insert(why);
    }

    /// Nothing more is to be done.
    pub(super) fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// A part is done. True for the last.
    pub(super) fn end_part(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.left == 0
            && let Some(began) = self.began
        {
            self.elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
        self.left == 0
    }

    /// Its part of the report.
    pub(super) fn result(mut self, job: &Job) -> TableResult {
        let keys = |a: &Difference, b: &Difference| {
            let mut parts = a.key.values().zip(b.key.values()).map(|(a, b)| value::order(a, b));
            parts.find(|order| order.is_ne()).unwrap_or(a.kind.cmp(&b.kind))
        };
        self.differences.sort_by(keys);
        if self.began.is_none() || self.left > 0 {
            self.fail("it was not compared to its end".to_owned());
        }
        let complete = !self.passed_over && self.differences.len() <= self.most && self.error.is_none();
        self.differences.truncate(self.most);
        TableResult {
            table: job.label.clone(),
            target: job.target.clone(),
            equal: self.differences.is_empty() && !self.different && self.error.is_none(),
            compared_by: job.compared_by(),
            source_rows: self.source_rows,
            target_rows: self.target_rows,
            differences: self.differences,
            complete,
            undecided: self.undecided,
            nulled: self.nulled,
            notes: job.notes.clone(),
            error: self.error,
            elapsed_ms: self.elapsed_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Kind;
    use crate::verify::testing::shape;

    fn job(shape: Result<(), &str>) -> Job {
        let shape = shape.map(|()| self::shape(vec![], &[])).map_err(str::to_owned);
        let (label, target) = ("s.t".to_owned(), "d.t".to_owned());
        let source = ("s".to_owned(), "t".to_owned());
        Job { label, target, shape, rows: 0, bytes: 0, sliceable: false, source, notes: Vec::new() }
    }

    fn found(ids: &[i64]) -> Confirmed {
        let of = |id: &i64| {
            let key = [("id".to_owned(), (*id).into())].into_iter().collect();
            Difference { key, kind: Kind::Missing, columns: Vec::new() }
        };
        Confirmed { differences: ids.iter().map(of).collect(), ..Confirmed::default() }
    }

    #[test]
    fn the_first_differences_by_key_are_kept_and_more_are_told() {
        let job = job(Ok(()));
        let mut table = Table::new(&job, 2);
        table.begin(2);
        table.confirmed(found(&[10, 9]));
        assert!(table.full() && !table.end_part());
        table.confirmed(found(&[2]));
        assert!(table.end_part());
        let result = table.result(&job);
        let ids: Vec<_> = result.differences.iter().map(|d| d.key["id"].as_i64()).collect();
        assert_eq!((ids, result.complete, result.equal), (vec![Some(2), Some(9)], false, false));
    }

    #[test]
    fn what_was_not_compared_to_its_end_is_not_equal() {
        let refused = job(Err("no such table"));
        assert_eq!(Table::new(&refused, 2).result(&refused).error.as_deref(), Some("no such table"));
        let job = job(Ok(()));
        let mut table = Table::new(&job, 2);
        assert!(!Table::new(&job, 2).result(&job).equal);
        table.begin(2);
        table.end_part();
        assert!(!table.result(&job).equal);
    }
}
