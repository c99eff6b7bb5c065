//! RUN-010: see the check's own explanation.

use std::collections::BTreeMap;

use super::aws_parts::NO_DMS;
use super::{Finding, Judged, Verdict};
use crate::diagnose;
use crate::facts::{ApplyException, Facts};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The table `awsdms_apply_exceptions`, which DMS keeps in a database of the target for the changes that the target
    /// refused: the latest hundred rows. The task's settings name the database (`ControlSchema`), so every database
    /// that the login sees is looked into.
    ///
    /// # Why it matters
    /// Each row is a change of the source that is not in the target. A warning that a change had no impact is
    /// harmless where an update set the value that was there already; an update or delete of a row that the target
    /// does not hold is told in the same words.
    ///
    /// # How to fix it by hand
    /// Mend what the error names, then load the table again:
    ///
    /// ```sh
    /// cdc-doctor sync --reload public.weekly_chart
    /// ```
    ///
    /// When all is well again, empty the table: `DELETE FROM awsdms_control.awsdms_apply_exceptions`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Control table task settings", apply exceptions.
    code: "RUN-010",
    name: "changes-that-could-not-be-applied",
    area: Run,
    severity: Error,
    title: "The target refused changes that DMS brought",
    after: ["AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.dms.is_none() {
        return Ok(Verdict::NotApplicable(NO_DMS));
    }
    let Some(all) = facts.target.apply_exceptions.known()? else {
        return Ok(Verdict::NotApplicable("DMS keeps no awsdms_apply_exceptions in the target"));
    };
    // They come latest first, so the first of a table is its latest.
    let mut tables: BTreeMap<String, Vec<&ApplyException>> = BTreeMap::new();
    for exception in all {
        tables.entry(format!("{}.{}", exception.owner, exception.table)).or_default().push(exception);
    }
    Ok(Verdict::from_findings(tables.iter().map(|(table, rows)| finding(table, rows)).collect()))
}

fn finding(table: &str, rows: &[&ApplyException]) -> Finding {
    let (last, count) = (rows[0], rows.len());
    let changes = if count == 1 { "one change".to_owned() } else { format!("{count} changes") };
    let mut todo: Vec<String> =
        diagnose::decode(&last.error).map(|d| format!("{} {}", d.cause, d.fix)).into_iter().collect();
    todo.push("Mend what the error names, then load the table again: cdc-doctor sync --reload SCHEMA.TABLE".to_owned());
    let harmless = last.error.contains("had no impact");
    let mut finding = Finding::new(table, format!("The target refused {changes} of {table}"))
        .saw("latest error", &last.error)
        .saw("at", &last.at)
        .saw("task", &last.task)
        .fix(Fix::manual("mend the cause and load the table again", todo));
    finding.silent_loss = !harmless;
    finding
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, assert_unknown, findings, healthy, unseen};
    use crate::checks::testing_aws::healthy_dms;
    use crate::facts::{ApplyException, Fact};

    fn exception(table: &str, at: &str, error: &str) -> ApplyException {
        let text = str::to_owned;
        ApplyException { task: text("T"), owner: text("charts"), table: text(table), at: text(at), error: text(error) }
    }

    #[test]
    fn each_table_is_told_once_with_its_latest_error() {
        let mut facts = healthy_dms();
        facts.target.apply_exceptions = Fact::Known(Some(vec![
            exception("b", "2026-01-03", "Data too long for column 'title'"),
            exception("a", "2026-01-02", "Some changes from the source database had no impact when applied"),
            exception("b", "2026-01-01", "older"),
        ]));
        let found = findings(&CHECK, &facts);
        let told: Vec<_> = found.iter().map(|f| (f.message.as_str(), f.silent_loss)).collect();
        assert_eq!(
            told,
            [("The target refused one change of charts.a", false), ("The target refused 2 changes of charts.b", true),]
        );
        assert!(found[1].evidence[0].1.starts_with("Data too long"));
    }

    #[test]
    fn around() {
        let mut facts = healthy_dms();
        assert_pass(&CHECK, &facts);
        facts.target.apply_exceptions = Fact::Known(None);
        assert_not_applicable(&CHECK, &facts);
        facts.target.apply_exceptions = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
