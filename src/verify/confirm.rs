//! Rows that may differ, looked at again, one by one: what differs in the end, and what was only on its way.
//!
//! While a sync runs, a row is a difference only when it has not changed on the source from before until after the
//! target was looked at, and the target had caught up past it by then.

use std::collections::HashMap;

use serde_json::Map;

use super::error::Broken;
use super::report::{ColumnDifference, Difference, Kind};
use super::rows::Fetch;
use super::sides::{Row, Rows, Sides};
use super::statement::{Key, Shape};
use super::tide::Tide;
use super::value::{self, Verdict};

/// Rows that are looked at together, at most, and values of them.
const ROWS: usize = 500;
const VALUES: usize = 10_000;
/// How often a row that keeps changing is looked at.
const ROUNDS: usize = 5;

/// What came of some rows.
#[derive(Debug, Default)]
pub(super) struct Confirmed {
    /// Those that differ.
    pub(super) differences: Vec<Difference>,
    /// How many kept changing.
    pub(super) undecided: u64,
    /// Values that stand as NULL on the target, as the pipeline says, and that only a look at them could tell.
    pub(super) nulled: u64,
}

/// How many rows of a table are looked at together: all their values are in memory then.
pub(super) fn batch(shape: &Shape) -> usize {
    (VALUES / shape.columns.len().max(1)).clamp(20, ROWS)
}

/// Looks at the rows with these keys on both sides until each is decided.
pub(super) async fn confirm(
    sides: &mut Sides,
    shape: &Shape,
    tide: Option<&Tide>,
    keys: &[Key],
) -> Result<Confirmed, Broken> {
    let columns: Vec<usize> = (0..shape.columns.len()).filter(|at| !shape.key.contains(at)).collect();
    let mut look = Look { sides, shape, tide, columns, whole: false, confirmed: Confirmed::default() };
    let large = look.decide(keys).await?;
    // Their long values are compared as they are, so one row at a time.
    look.whole = true;
    for key in &large {
        look.decide(std::slice::from_ref(key)).await?;
    }
    Ok(look.confirmed)
}

struct Look<'a> {
    sides: &'a mut Sides,
    shape: &'a Shape,
    tide: Option<&'a Tide>,
    /// Places of the columns that are no part of the key.
    columns: Vec<usize>,
    /// Long values are fetched as they are.
    whole: bool,
    confirmed: Confirmed,
}

/// What one look at a row of both sides came to.
#[derive(Debug, Default, PartialEq)]
struct Judged {
    kinds: Vec<(Kind, Vec<ColumnDifference>)>,
    nulled: u64,
    /// Long values must be compared as they are.
    large: bool,
}

impl Judged {
    fn equal(&self) -> bool {
        self.kinds.is_empty() && !self.large
    }
}

impl Look<'_> {
    /// Decides rows; returns those that must be looked at with their long values.
    async fn decide(&mut self, keys: &[Key]) -> Result<Vec<Key>, Broken> {
        match self.tide {
            Some(tide) => self.behind(tide, keys).await,
            None => self.now(keys).await,
        }
    }

    /// As both sides are now.
    async fn now(&mut self, keys: &[Key]) -> Result<Vec<Key>, Broken> {
        let fetch = Fetch { columns: &self.columns, whole: self.whole };
        let source = self.sides.source_rows(self.shape, keys, fetch, false).await?;
        let target = self.sides.target_rows(self.shape, keys, fetch).await?;
        let mut large = Vec::new();
        for key in keys {
            let judged = self.judge(rows(&source, key), rows(&target, key));
            if judged.large {
                large.push(key.clone());
            } else {
                self.keep(key, judged);
            }
        }
        Ok(large)
    }

    /// On a target that follows.
    async fn behind(&mut self, tide: &Tide, keys: &[Key]) -> Result<Vec<Key>, Broken> {
        let mut open = keys.to_vec();
        let mut large = Vec::new();
        // Rows of the target that the source did not have. Nothing tells whether it had one in between, so such a row
        // must be there twice.
        let mut extra: HashMap<Key, Vec<Row>> = HashMap::new();
        for _ in 0..ROUNDS {
            if open.is_empty() {
                break;
            }
            let columns = std::mem::take(&mut self.columns);
            let fetch = Fetch { columns: &columns, whole: self.whole };
            let before = self.sides.source_rows(self.shape, &open, fetch, true).await?;
            let position = self.sides.position().await?;
            let follows = tide.reaches(self.sides, position).await?;
            let target = self.sides.target_rows(self.shape, &open, fetch).await?;
            let after = self.sides.source_rows(self.shape, &open, fetch, true).await?;
            self.columns = columns;
            let mut still = Vec::new();
            for key in open {
                let (was, is, there) = (rows(&before, &key), rows(&after, &key), rows(&target, &key));
                let judged = self.judge(is, there);
                if judged.large {
                    large.push(key);
                } else if judged.equal() || !follows {
                    self.keep(&key, judged);
                } else if was != is {
                    // The target may have either of them, or one in between.
                    if !self.judge(was, there).equal() {
                        still.push(key);
                    }
                } else if !is.is_empty() || extra.get(&key).is_some_and(|seen| seen == there) {
                    self.keep(&key, judged);
                } else {
                    extra.insert(key.clone(), there.to_vec());
                    still.push(key);
                }
            }
            open = still;
        }
        self.confirmed.undecided += open.len() as u64;
        Ok(large)
    }

    fn keep(&mut self, key: &Key, judged: Judged) {
        self.confirmed.nulled += judged.nulled;
        for (kind, columns) in judged.kinds {
            let parts = self.shape.key_columns().zip(&key.0);
            let key: Map<_, _> = parts.map(|(c, text)| (c.name.clone(), value::key(c, text.as_deref()))).collect();
            self.confirmed.differences.push(Difference { key, kind, columns });
        }
    }

    /// Compares the rows that one key has on both sides: one each, as a rule.
    fn judge(&self, source: &[Row], target: &[Row]) -> Judged {
        let mut judged = Judged::default();
        let mut left: Vec<&Row> = target.iter().collect();
        let mut unequal = Vec::new();
        for row in source {
            let pair = |other: &&Row| {
                let found = self.pair(row, other);
                found.equal().then_some(found.nulled)
            };
            match left.iter().enumerate().find_map(|(at, other)| pair(other).map(|nulled| (at, nulled))) {
                Some((at, nulled)) => {
                    left.remove(at);
                    judged.nulled += nulled;
                }
                None => unequal.push(row),
            }
        }
        for row in unequal {
            if left.is_empty() {
                judged.kinds.push((Kind::Missing, Vec::new()));
            } else {
                let found = self.pair(row, left.remove(0));
                judged.large |= found.large;
                judged.nulled += found.nulled;
                judged.kinds.extend(found.kinds);
            }
        }
        judged.kinds.extend(left.iter().map(|_| (Kind::Extra, Vec::new())));
        judged
    }

    fn pair(&self, source: &Row, target: &Row) -> Judged {
        let mut judged = Judged::default();
        let mut differ = Vec::new();
        for ((at, a), b) in self.columns.iter().zip(&source.values).zip(&target.values) {
            let column = &self.shape.columns[*at];
            match value::compare(column, a, b) {
                Verdict::Equal => {}
                Verdict::Nulled => judged.nulled += 1,
                Verdict::Whole if !self.whole => judged.large = true,
                Verdict::Whole | Verdict::Different => {
                    let (source, target) = value::shown(column, a, b);
                    differ.push(ColumnDifference { column: column.name.clone(), source, target });
                }
            }
        }
        if !differ.is_empty() {
            judged.kinds.push((Kind::Changed, differ));
        }
        judged
    }
}

fn rows<'a>(all: &'a Rows, key: &Key) -> &'a [Row] {
    all.get(key).map_or(&[], Vec::as_slice)
}
