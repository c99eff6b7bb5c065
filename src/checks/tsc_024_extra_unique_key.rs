//! TSC-024: see the check's own explanation.

use super::pairs::each_difference;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Unique keys on the target, the primary key among them, over columns that are not unique on the source.
    ///
    /// # Why it matters
    /// Rows that live side by side on the source collide on the target. A plain insert is refused with error 1062; a full
    /// load by `LOAD DATA LOCAL` skips the row with a warning; an upsert finds the other row by that key and changes it in
    /// place of its own.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t DROP INDEX i`, or, where the values are unique by their meaning, create the same unique index on the
    /// source. Rows that were skipped or changed are not brought back: load the table again.
    ///
    /// # Source
    /// MySQL, "INSERT … ON DUPLICATE KEY UPDATE", on tables with more than one unique index. Tried on MariaDB 10.11.
    code: "TSC-024",
    name: "extra-unique-key",
    area: Tsc,
    severity: Error,
    title: "A target table has a unique key that its source does not have",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each_difference(
        facts,
        |pair| !pair.have.unique_keys.is_empty() || pair.source.primary_key.is_none(),
        |difference| matches!(difference, Difference::ExtraUniqueKey { .. }),
        |pair, found| {
            let target = pair.have.label();
            let message = {
                let label = pair.source.label();
                let keys: Vec<&str> = found
                    .iter()
                    .filter_map(|d| match d {
                        Difference::ExtraUniqueKey { key, .. } => Some(key.as_str()),
                        _ => None,
                    })
                    .collect();
                format!(
                    "{target} has the unique key {}, which {label} does not have: rows are merged or refused",
                    keys.join(", ")
                )
            };
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
    use crate::facts::{Fact, MyKey};
    use crate::fixes::Action;

    #[test]
    fn the_key_is_dropped() {
        let mut facts = healthy();
        target_table(&mut facts).unique_keys = vec![MyKey { name: "by_title".into(), columns: vec!["title".into()] }];
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.message.contains("unique key by_title"), "{}", found.message);
        let step = &found.fix.unwrap().steps[0];
        assert_eq!(step.action, Action::target("ALTER TABLE `charts`.`weekly_chart` DROP INDEX `by_title`"));
        assert_eq!(causes(&facts), ["TSC-024"]);
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
