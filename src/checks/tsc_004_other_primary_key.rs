//! TSC-004: see the check's own explanation.

use super::pairs::each_difference;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::{self, Difference};

check! {
    /// # What it looks at
    /// Whether the primary key of each target table has the same columns as the source's key. A target table without
    /// any is TSC-001's matter. The order of the columns does not count.
    ///
    /// # Why it matters
    /// With fewer columns in the target's key, rows that the source tells apart are one row on the target: the second
    /// replaces the first, or is refused. With more or other columns, an update finds no row or several, and a key that
    /// changes leaves the old row behind. Each engine counts its writes as done.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (…)` with the source's columns. It rewrites the table and locks it,
    /// and is refused where rows share the new key; where the old key was too short, rows are missing that no statement
    /// can bring back: load the table again.
    ///
    /// # Source
    /// AWS DMS, "Using a PostgreSQL database as a source", limitations on keys. Tried on MariaDB 10.11 and MySQL 9.7.
    code: "TSC-004",
    name: "other-primary-key",
    area: Tsc,
    severity: Error,
    title: "A target table has another primary key than its source",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each_difference(
        facts,
        |pair| {
            let key = &pair.have.primary_key;
            !key.is_empty() && schema::planned_key(pair.source).as_ref() != Some(key)
        },
        |difference| matches!(difference, Difference::OtherKey { .. }),
        |pair, _| {
            let target = pair.have.label();
            let message = format!(
                "{target} has another primary key than {}: rows are merged, refused or not found",
                pair.source.label()
            );
            Finding::new(target, message).silent_loss()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, target_table, unseen,
    };
    use crate::facts::Fact;
    use crate::fixes::Action;

    #[test]
    fn a_shorter_key_is_replaced_and_put_back() {
        let mut facts = healthy();
        target_table(&mut facts).primary_key = vec!["chart_date".into()];
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss);
        assert!(found.evidence[0].1.contains("(chart_date) and should be (chart_date, position)"), "{found:?}");
        let step = &found.fix.unwrap().steps[0];
        let table = "ALTER TABLE `charts`.`weekly_chart`";
        assert_eq!(
            step.action,
            Action::target(format!("{table} DROP PRIMARY KEY, ADD PRIMARY KEY (`chart_date`, `position`)"))
        );
        let undo = format!("{table} DROP PRIMARY KEY, ADD PRIMARY KEY (`chart_date`)");
        assert!(matches!(&step.undo, Some(Action::TargetSql { sql }) if sql.starts_with(&undo)), "{:?}", step.undo);
        assert_eq!(causes(&facts), ["TSC-004"]);
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
