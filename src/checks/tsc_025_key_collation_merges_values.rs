//! TSC-025: see the check's own explanation.

use super::pairs::{Pair, columns, each_difference};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Text columns in the primary key or a unique key of a target table: whether their collation tells all values apart
    /// that PostgreSQL tells apart. That takes a binary collation without padding: `utf8mb4_0900_bin` (MySQL 8.0.17 and
    /// later), `utf8mb4_nopad_bin` (MariaDB). Their usual default collations compare without regard to case and accents.
    ///
    /// # Why it matters
    /// `Abba` and `ABBA`, `Björk` and `Bjork`, `a` and `a` with a blank behind it are two keys on the source and one on the
    /// target. The second row is refused, skipped by `LOAD DATA LOCAL`, or replaces the first; an update of one changes the
    /// other.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t MODIFY COLUMN c VARCHAR(n) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL`. It rewrites the
    /// table and locks it. Queries that rely on `WHERE c = 'abba'` finding `ABBA` then have to name a collation. Rows that
    /// were merged are not brought back: load the table again.
    ///
    /// # Source
    /// MySQL, "Unicode Character Sets", on pad attributes. Tried on MariaDB 10.11: two e-mail addresses that differ in case
    /// gave error 1062, and `LOAD DATA LOCAL` skipped one.
    code: "TSC-025",
    name: "key-collation-merges-values",
    area: Tsc,
    severity: Error,
    title: "The collation of a target key takes different values for one",
    after: ["AUT-024", "AUT-025"],
}

/// Comparing is dear, and most keys hold no text or have the right collation.
fn has_other_collation_in_a_key(pair: &Pair<'_>) -> bool {
    let have = pair.have;
    let keyed = |name: &String| {
        have.primary_key.contains(name)
            || have.unique_keys.iter().any(|k| k.columns.contains(name))
            || pair.source.primary_key.as_ref().is_some_and(|k| k.columns.contains(name))
    };
    let exact = |collation: &str| matches!(collation, "utf8mb4_0900_bin" | "utf8mb4_nopad_bin");
    have.columns.iter().any(|c| c.collation.as_deref().is_some_and(|name| !exact(name)) && keyed(&c.name))
}

fn judge(facts: &Facts) -> Judged {
    each_difference(
        facts,
        has_other_collation_in_a_key,
        |difference| matches!(difference, Difference::MergingCollation { .. }),
        |pair, found| {
            let target = pair.have.label();
            let message = format!(
                "{target}: the key {} takes values of {} that differ for one",
                columns(found),
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
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, source_table, target_table,
        unseen,
    };
    use crate::facts::Fact;
    use crate::fixes::Action;

    #[test]
    fn a_key_that_ignores_case_is_made_binary() {
        let mut facts = healthy();
        let source = source_table(&mut facts);
        source.columns[2].not_null = true;
        source.primary_key.as_mut().unwrap().columns = vec!["title".into()];
        let table = target_table(&mut facts);
        table.primary_key = vec!["title".into()];
        table.columns[2].nullable = false;
        table.columns[2].collation = Some("utf8mb4_0900_ai_ci".into());
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.message.contains(r#"the key column "title""#), "{}", found.message);
        let step = &found.fix.unwrap().steps[0];
        let is_binary = |a: &Action| matches!(a, Action::TargetSql { sql } if sql.contains("COLLATE utf8mb4_0900_bin"));
        assert!(is_binary(&step.action), "{step:?}");
        assert_eq!(causes(&facts), ["TSC-025"]);
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
