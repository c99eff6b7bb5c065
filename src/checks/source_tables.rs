//! What the checks on source tables share: going through the selected tables, and words for their size.

pub(super) use crate::text::thousands as grouped;

use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, PgTable};

/// Why a check on tables has nothing to say when none is selected; TBL-019 has.
const NONE_SELECTED: &str = "no table is selected";

/// Asks `look` about each selected source table. Findings come in the order of the tables' names.
pub(super) fn each(facts: &Facts, look: impl Fn(&PgTable) -> Option<Finding>) -> Judged {
    let tables = facts.source.tables.known()?;
    if tables.is_empty() {
        return Ok(Verdict::NotApplicable(NONE_SELECTED));
    }
    Ok(Verdict::from_findings(in_order(tables.iter().filter_map(look))))
}

/// As [`each`], for what only matters when changes are replicated.
pub(super) fn each_with_changes(facts: &Facts, look: impl Fn(&PgTable) -> Option<Finding>) -> Judged {
    if !facts.pipeline.sync.mode.has_cdc() {
        return Ok(Verdict::NotApplicable("the mode is full-load: no changes are replicated"));
    }
    each(facts, look)
}

/// Findings sorted by what they are about, so that two runs read the same.
pub(super) fn in_order(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut all: Vec<Finding> = findings.collect();
    all.sort_by(|a, b| a.subject.cmp(&b.subject));
    all
}

/// `about 52,000 rows`, by the planner's estimate.
pub(super) fn rows(table: &PgTable) -> String {
    match table.estimated_rows {
        n if n < 0 => "an unknown number of rows (never analysed)".to_owned(),
        1 => "about 1 row".to_owned(),
        n => format!("about {} rows", grouped(n.unsigned_abs())),
    }
}

/// `"a"`, `"a" and "b"`, `"a", "b" and "c"`: names in a sentence.
pub(super) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|n| format!("\"{n}\"")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_a_sentence() {
        assert_eq!(quoted_list(["a"]), r#""a""#);
        assert_eq!(quoted_list(["a", "b", "c"]), r#""a", "b" and "c""#);
    }
}
