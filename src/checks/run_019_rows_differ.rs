//! RUN-019: see the check's own explanation.

use super::source_tables::{grouped, in_order};
use super::{Finding, Judged, Verdict, slots};
use crate::facts::{Facts, TableComparison, Unknown, UnknownKind};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Row counts and checksums of all selected tables on both sides, computed inside the servers over every row. It
    /// reads everything, so that it runs only when it is asked for by its own name: `cdc-doctor check --only RUN-019`, or
    /// with more to say, `cdc-doctor verify`. Estimated counts prove nothing and are not looked at.
    ///
    /// # Why it matters
    /// It is the one proof that every row is there and unchanged. While sync runs and somebody writes, changes that are on
    /// their way look like a difference: compare when nobody writes, or again.
    ///
    /// # How to fix it by hand
    /// See which rows differ, then load the table again:
    ///
    /// ```sh
    /// cdc-doctor verify --tables public.charts
    /// cdc-doctor sync --mode full-load-and-cdc --truncate-target
    /// ```
    ///
    /// # Source
    /// Its own design. Tried on PostgreSQL 15 against MariaDB 10.11 and MySQL 9.7.
    code: "RUN-019",
    name: "rows-differ",
    area: Run,
    severity: Error,
    title: "Rows on the target differ from those on the source",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    let Some(compared) = &facts.comparison else {
        return Ok(Verdict::NotApplicable("it reads every row, so only when asked for: cdc-doctor verify"));
    };
    let tables = compared.known()?;
    let running = slots::own(facts).ok().flatten().is_some_and(|slot| slot.active);
    let found = in_order(tables.iter().filter(|t| t.failed.is_none() && !t.equal).map(|t| differs(t, running)));
    let failed = tables.iter().find_map(|t| Some((t, t.failed.as_ref()?)));
    match failed {
        Some((table, why)) if found.is_empty() => {
            Err(Unknown::new(UnknownKind::Failed, format!("{} could not be compared: {why}", table.table)))
        }
        _ => Ok(Verdict::from_findings(found)),
    }
}

fn differs(table: &TableComparison, running: bool) -> Finding {
    let (source, target) = (grouped(table.source_rows), grouped(table.target_rows));
    let message = if table.source_rows == table.target_rows {
        format!("{} has as many rows on both sides, and not the same", table.table)
    } else {
        format!("{} has {source} rows on the source and {target} on the target", table.table)
    };
    let mut finding = Finding::new(table.table.clone(), message)
        .silent_loss()
        .saw("rows on the source", source)
        .saw("rows on the target", target)
        .saw("checksums", "differ");
    if running {
        finding = finding.saw("sync", "is running: what is on its way counts as a difference; compare again");
    }
    finding.fix(Fix::manual(
        "find the rows, then load the table again",
        [format!("cdc-doctor verify --tables {}", table.table), slots::RELOAD.to_owned()],
    ))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, findings, healthy, healthy_sync, unseen,
    };
    use crate::facts::{Fact, Facts, TableComparison};

    fn compared(tables: &[(&str, u64, u64, bool)]) -> Facts {
        let mut facts = healthy_sync();
        let one = |(table, source_rows, target_rows, equal): &(&str, u64, u64, bool)| TableComparison {
            table: (*table).into(),
            source_rows: *source_rows,
            target_rows: *target_rows,
            equal: *equal,
            failed: None,
        };
        facts.comparison = Some(Fact::Known(tables.iter().map(one).collect()));
        facts
    }

    #[test]
    fn differences_are_told_by_count_or_by_checksum() {
        let facts =
            compared(&[("public.b", 52_000, 51_999, false), ("public.a", 7, 7, false), ("public.c", 1, 1, true)]);
        let found = findings(&CHECK, &facts);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].message, "public.a has as many rows on both sides, and not the same");
        assert_eq!(found[1].message, "public.b has 52,000 rows on the source and 51,999 on the target");
        assert!(found[1].silent_loss && found[1].evidence[3].1.starts_with("is running"));
        assert_eq!(causes(&facts), ["RUN-019"]);
    }

    #[test]
    fn passes_when_all_are_equal() {
        assert_pass(&CHECK, &compared(&[("public.a", 7, 7, true)]));
    }

    #[test]
    fn unknown_when_it_could_not_compare_and_not_applicable_unless_asked_for() {
        let mut facts = compared(&[("public.a", 0, 0, false)]);
        if let Some(Fact::Known(tables)) = &mut facts.comparison {
            tables[0].failed = Some("permission denied".into());
        }
        assert_unknown(&CHECK, &facts);
        facts.comparison = Some(unseen());
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
