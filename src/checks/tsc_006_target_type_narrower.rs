//! TSC-006: see the check's own explanation.

use super::pairs::{columns, each_column_difference};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Each column's type on the target beside the type that the source's values need: length, range, decimal places,
    /// fractions of a second, character set, exact or binary numbers. A wider type is fine.
    ///
    /// # Why it matters
    /// `LOAD DATA LOCAL`, by which a full load goes in, turns errors into warnings even in strict mode: long strings are
    /// cut, numbers are clipped to the largest that fits, bad dates become zero. DMS does not look at the warnings. The
    /// engine `direct` does, and stops the table. A changed row that does not fit stops replication, or is rounded without
    /// a word, as fractions and decimals are.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t MODIFY COLUMN c …` with the wider type. It rewrites the table and locks it. What has been cut or
    /// rounded already stays so: load the table again.
    ///
    /// # Source
    /// AWS DMS, "Using a MySQL-compatible database as a target". Tried on MariaDB 10.11: `'abcdefghij'` in VARCHAR(5)
    /// became `abcde`, 99999 in SMALLINT became 32767, with warnings only.
    code: "TSC-006",
    name: "target-type-narrower",
    area: Tsc,
    severity: Error,
    title: "A target column does not hold every value of its source",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each_column_difference(
        facts,
        |_| true,
        |difference| matches!(difference, Difference::NarrowerType { .. }),
        |pair, found| {
            let target = pair.have.label();
            let message =
                format!("{target}: the {} cannot hold every value of {}", columns(found), pair.source.label());
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
    fn a_narrow_column_is_widened_and_narrowed_again() {
        let mut facts = healthy();
        let title = &mut target_table(&mut facts).columns[2];
        title.column_type = "varchar(20)".into();
        title.char_length = Some(20);
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss);
        assert_eq!((found.evidence.len(), found.evidence[0].0.as_str()), (1, "title"));
        let step = &found.fix.unwrap().steps[0];
        let modify = |length| {
            let text = format!("VARCHAR({length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin");
            format!("ALTER TABLE `charts`.`weekly_chart` MODIFY COLUMN `title` {text} NULL")
        };
        assert_eq!(step.action, Action::target(modify(200)));
        assert_eq!(step.undo, Some(Action::target(modify(20).replace("VARCHAR", "varchar"))));
        assert_eq!(causes(&facts), ["TSC-006"]);
    }

    #[test]
    fn a_wider_column_is_fine() {
        let mut facts = healthy();
        let title = &mut target_table(&mut facts).columns[2];
        title.column_type = "varchar(300)".into();
        title.char_length = Some(300);
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
