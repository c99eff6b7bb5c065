//! TSC-023: see the check's own explanation.

use super::pairs::{columns, each_column_difference};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Columns that are NOT NULL on the target and may be NULL on the source. Key columns are left out: they are NOT NULL
    /// on both sides once the source has its key.
    ///
    /// # Why it matters
    /// A row with NULL there is refused with error 1048 and stops replication, possibly months after everything seemed to
    /// work. A full load by `LOAD DATA` puts in a zero or an empty string instead, with a warning that DMS does not read.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t MODIFY COLUMN c … NULL`, or make the column NOT NULL on the source as well.
    ///
    /// # Source
    /// MySQL, "LOAD DATA Statement", on NULL in NOT NULL columns. Tried on MariaDB 10.11 and MySQL 9.7.
    code: "TSC-023",
    name: "target-refuses-null",
    area: Tsc,
    severity: Error,
    title: "A target column refuses NULL where its source allows it",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each_column_difference(
        facts,
        |pair| pair.have.columns.iter().any(|c| !c.nullable && pair.source.column(&c.name).is_none_or(|s| !s.not_null)),
        |difference| matches!(difference, Difference::NullableMismatch { .. }),
        |pair, found| {
            let target = pair.have.label();
            let message =
                format!("{target} refuses NULL in the {}, and {} allows it", columns(found), pair.source.label());
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
    fn the_target_is_made_to_take_null() {
        let mut facts = healthy();
        target_table(&mut facts).columns[2].nullable = false;
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains(r#"refuses NULL in the column "title""#), "{}", found.message);
        let step = &found.fix.unwrap().steps[0];
        assert!(matches!(&step.action, Action::TargetSql { sql } if sql.ends_with(" NULL")), "{step:?}");
        assert!(matches!(&step.undo, Some(Action::TargetSql { sql }) if sql.ends_with(" NOT NULL")), "{step:?}");
        assert_eq!(causes(&facts), ["TSC-023"]);
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
