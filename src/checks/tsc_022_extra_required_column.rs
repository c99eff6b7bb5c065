//! TSC-022: see the check's own explanation.

use super::pairs::{columns, each_column_difference};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Columns that only the target has, that are NOT NULL, have no default, and are not filled by the server
    /// (AUTO_INCREMENT, generated).
    ///
    /// # Why it matters
    /// No row from the source brings a value for it, so in strict mode every insert is refused with error 1364. A full load
    /// by `LOAD DATA` puts in zeros and empty strings instead, with a warning that DMS does not read.
    ///
    /// # How to fix it by hand
    /// Let the column stay empty, `ALTER TABLE t MODIFY COLUMN c … NULL`, or give it a default. Where it is a column of the
    /// source under its old name, rename it: then TSC-005 speaks of the new name as missing.
    ///
    /// # Source
    /// MySQL, "Data Type Default Values". Tried on MariaDB 10.11 and MySQL 9.7.
    code: "TSC-022",
    name: "extra-required-column",
    area: Tsc,
    severity: Error,
    title: "A target table demands a column that its source does not have",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each_column_difference(
        facts,
        |pair| pair.have.columns.iter().any(|c| !c.nullable && pair.source.column(&c.name).is_none()),
        |difference| matches!(difference, Difference::ExtraRequiredColumn { .. }),
        |pair, found| {
            let target = pair.have.label();
            let message = format!(
                "{target} demands the {}, which {} does not have: every row is refused",
                columns(found),
                pair.source.label()
            );
            Finding::new(target, message)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, my_column, target_table, unseen,
    };
    use crate::facts::Fact;
    use crate::fixes::Action;

    #[test]
    fn an_extra_column_may_stay_empty_after_the_fix() {
        let mut facts = healthy();
        target_table(&mut facts).columns.push(my_column("region", "int", "int", false));
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains(r#"demands the column "region""#), "{}", found.message);
        let step = &found.fix.unwrap().steps[0];
        let table = "ALTER TABLE `charts`.`weekly_chart`";
        assert_eq!(step.action, Action::target(format!("{table} MODIFY COLUMN `region` INT NULL")));
        assert_eq!(step.undo, Some(Action::target(format!("{table} MODIFY COLUMN `region` int NOT NULL"))));
        assert_eq!(causes(&facts), ["TSC-022"]);
    }

    #[test]
    fn a_column_that_the_server_fills_is_fine() {
        let mut facts = healthy();
        let mut extra = my_column("row_id", "bigint", "bigint", false);
        extra.extra = "auto_increment".into();
        target_table(&mut facts).columns.push(extra);
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
