//! TSC-005: see the check's own explanation.

use super::pairs::{columns, each_column_difference};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Whether each column of a source table is on the target, by name and without regard to case. A column that was
    /// renamed on one side shows as missing here; where the target still has it under the old name, NOT NULL and without
    /// a default, TSC-022 speaks as well. Columns that only the target has are nobody's harm as long as they may stay
    /// empty. Of a table whose changes the engine `direct` replicates already, RUN-017 tells.
    ///
    /// # Why it matters
    /// The values have nowhere to go. The engine `direct` refuses to load the table. DMS suspends it with an `Unknown
    /// column` error, or, after a column was added on the source while the task ran, goes on without it.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t ADD COLUMN c …` with the type that `cdc-doctor schema` prints, or `RENAME COLUMN` where it has only
    /// another name. Rows that are there have NULL in a new column: load the table again, or fill it.
    ///
    /// # Source
    /// AWS DMS, "Handling DDL"; PeerDB compares columns in the same way. Tried on MariaDB 10.11 and MySQL 9.7.
    code: "TSC-005",
    name: "target-column-missing",
    area: Tsc,
    severity: Error,
    title: "A target table lacks a column of its source",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each_column_difference(
        facts,
        |pair| pair.source.columns.iter().any(|c| pair.have.column(&c.name).is_none()),
        |difference| matches!(difference, Difference::MissingColumn { .. }),
        |pair, found| {
            let target = pair.have.label();
            let message = format!("{target} lacks the {} of {}", columns(found), pair.source.label());
            Finding::new(target, message)
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
    fn a_missing_column_is_added() {
        let mut facts = healthy();
        target_table(&mut facts).columns.pop();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, r#"charts.weekly_chart lacks the column "title" of public.weekly_chart"#);
        let step = &found.fix.unwrap().steps[0];
        let table = "ALTER TABLE `charts`.`weekly_chart`";
        let add =
            format!("{table} ADD COLUMN `title` VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NULL");
        assert_eq!(step.action, Action::target(add));
        assert_eq!(step.undo, Some(Action::target(format!("{table} DROP COLUMN `title`"))));
        assert_eq!(causes(&facts), ["TSC-005"]);
    }

    #[test]
    fn case_does_not_count() {
        let mut facts = healthy();
        target_table(&mut facts).columns[2].name = "TITLE".into();
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
