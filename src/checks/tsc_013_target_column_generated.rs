//! TSC-013: see the check's own explanation.

use super::pairs::{columns, each_difference};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Whether a column that comes from the source is `GENERATED ALWAYS AS (…)` on the target.
    ///
    /// # Why it matters
    /// MySQL refuses a value for such a column with error 3105, MariaDB with 1906. The engine `direct` refuses to load the
    /// table; a DMS task fails on the first row.
    ///
    /// # How to fix it by hand
    /// Make it an ordinary column, which keeps its values: `ALTER TABLE t MODIFY COLUMN c …`. A virtual column cannot be
    /// changed in place: drop it and add it as an ordinary one. Where the target is meant to compute it, leave the column
    /// out on the way: in DMS with a `remove-column` transformation rule.
    ///
    /// # Source
    /// AWS DMS, "Premigration assessments for MySQL targets". Tried on MariaDB 10.11 and MySQL 9.7.
    code: "TSC-013",
    name: "target-column-generated",
    area: Tsc,
    severity: Error,
    title: "A target column is generated and cannot be written",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each_difference(
        facts,
        |pair| pair.have.columns.iter().any(|c| c.generated),
        |difference| matches!(difference, Difference::GeneratedTarget { .. }),
        |pair, found| {
            let target = pair.have.label();
            let message = format!(
                "{target} computes the {} itself and refuses the values of {}",
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
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, target_table, unseen,
    };
    use crate::facts::Fact;
    use crate::fixes::{Action, Mode};

    #[test]
    fn a_stored_generated_column_becomes_an_ordinary_one() {
        let mut facts = healthy();
        let title = &mut target_table(&mut facts).columns[2];
        title.generated = true;
        title.extra = "STORED GENERATED".into();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains(r#"computes the column "title" itself"#), "{}", found.message);
        let step = &found.fix.unwrap().steps[0];
        assert!(matches!(&step.action, Action::TargetSql { sql } if sql.contains("MODIFY COLUMN `title`")), "{step:?}");
        assert_eq!(step.undo, None, "the formula is not known");
        assert_eq!(causes(&facts), ["TSC-013"]);
    }

    #[test]
    fn a_virtual_one_is_left_to_a_person() {
        let mut facts = healthy();
        let title = &mut target_table(&mut facts).columns[2];
        title.generated = true;
        title.extra = "VIRTUAL GENERATED".into();
        assert_eq!(finding(&CHECK, &facts).fix.unwrap().mode, Mode::Manual);
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
