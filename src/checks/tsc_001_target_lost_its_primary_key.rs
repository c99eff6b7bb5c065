//! TSC-001: see the check's own explanation.

use super::glue_parts::altered_by_run;
use super::pairs::{Pair, each};
use super::repair;
use super::source_tables::grouped;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Target tables without a primary key, where the source table has one, or has a unique index or a column that
    /// will become one (see TBL-001).
    ///
    /// # Why it matters
    /// The pipeline runs on and reports success. But an update or delete finds its row by the key: without one, DMS
    /// and Glue jobs change nothing, or read the whole table for each row. A row that is written twice, after a retry
    /// or a second full load, is there twice. A common cause is a Spark job with `mode("overwrite")`, which drops the
    /// table and creates it again without its key; then TSC-002 stands beside this check and says so. Where the table was
    /// created or altered during a run of the Glue job of `[glue]`, the run is named.
    ///
    /// # How to fix it by hand
    /// First look for rows that are there twice or have no key:
    ///
    /// ```sql
    /// SELECT k, COUNT(*) FROM t GROUP BY k HAVING COUNT(*) > 1 OR k IS NULL
    /// ```
    ///
    /// Keep the newest of each, then `ALTER TABLE t MODIFY k … NOT NULL, ADD PRIMARY KEY (k)`. A text column needs a
    /// VARCHAR type of at most 768 characters to be a key; as LONGTEXT MySQL refuses it with error 1170. Where the rows
    /// cannot be trusted, it is simpler to rename the table away and load it again.
    ///
    /// # Source
    /// AWS DMS, premigration assessment `target-table-has-unique-key-or-primary-key-for-cdc`. Tried with PySpark 3.5
    /// on MariaDB 10.11.
    code: "TSC-001",
    name: "target-lost-its-primary-key",
    area: Tsc,
    severity: Error,
    title: "A target table has no primary key",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each(facts, |pair| if pair.have.primary_key.is_empty() { finding(facts, pair) } else { None })
}

fn finding(facts: &Facts, pair: &Pair<'_>) -> Option<Finding> {
    let drift = pair.drift();
    let want = drift.differences.iter().find_map(|d| match d {
        Difference::MissingPrimaryKey { want } => Some(want),
        _ => None,
    })?;
    let (target, source) = (pair.have.label(), pair.source.label());
    let key_of_source = match &pair.source.primary_key {
        Some(_) => "primary key",
        None => "none yet; this could be one",
    };
    let message = format!(
        "{target} has no primary key: updates and deletes of {source} find no row there, and repeated rows are doubled"
    );
    let mut found = Finding::new(target, message)
        .silent_loss()
        .saw("key on the target", "none")
        .saw("key on the source", format!("{} ({key_of_source})", want.join(", ")))
        .saw("rows on the target", rows(pair.have.estimated_rows));
    if let Some(when) = altered_by_run(facts, pair.have) {
        found = found.saw("created or altered", when);
    }
    Some(found.fix(repair::fix(pair, &drift)))
}

/// By the server's estimate; a full load does not go into a table that holds rows.
pub(super) fn rows(estimated: u64) -> String {
    match estimated {
        0 => "none, by the server's estimate".to_owned(),
        n => format!("about {}; a full load wants it empty: sync --truncate-target", grouped(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, source_table, target_table,
        unseen,
    };
    use crate::facts::Fact;
    use crate::fixes::{Action, Cost, Mode};

    #[test]
    fn a_lost_key_is_given_back_and_taken_away() {
        let mut facts = healthy();
        let table = target_table(&mut facts);
        table.primary_key.clear();
        table.columns[0].nullable = true;
        table.estimated_rows = 1200;
        let found = finding(&CHECK, &facts);
        assert_eq!(found.subject, "charts.weekly_chart");
        assert!(found.silent_loss);
        assert!(found.evidence[1].1.starts_with("chart_date, position (primary key)"), "{:?}", found.evidence);
        assert!(found.evidence[2].1.contains("--truncate-target"), "{:?}", found.evidence);
        let fix = found.fix.unwrap();
        assert_eq!((fix.mode, fix.cost(), fix.steps.len()), (Mode::Confirm, Cost::Lock, 1));
        let step = &fix.steps[0];
        assert!(!step.data_loss);
        let table = "ALTER TABLE `charts`.`weekly_chart`";
        assert_eq!(
            step.action,
            Action::target(format!(
                "{table} MODIFY COLUMN `chart_date` DATE NOT NULL, ADD PRIMARY KEY (`chart_date`, `position`)"
            ))
        );
        assert_eq!(
            step.undo,
            Some(Action::target(format!(
                "{table} DROP PRIMARY KEY, MODIFY COLUMN `chart_date` date NULL, MODIFY COLUMN `position` int NOT NULL"
            )))
        );
        assert_eq!(causes(&facts), ["TSC-001"]);
    }

    #[test]
    fn a_key_that_the_source_is_yet_to_get_counts() {
        let mut facts = healthy();
        let table = source_table(&mut facts);
        table.primary_key = None;
        table.columns[0].unique_by_statistics = true;
        target_table(&mut facts).primary_key.clear();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[1].1, "chart_date (none yet; this could be one)");
    }

    #[test]
    fn without_any_key_on_the_source_it_has_nothing_to_say() {
        let mut facts = healthy();
        source_table(&mut facts).primary_key = None;
        target_table(&mut facts).primary_key.clear();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.tables = Fact::Known(Vec::new());
        assert_not_applicable(&CHECK, &facts);
        facts.target.tables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
