//! TCF-009: see the check's own explanation.

use super::{Finding, Judged, pairs};
use crate::facts::Facts;
use crate::fixes::Fix;
use crate::quote::{my_ident, my_table};

check! {
    /// # What it looks at
    /// Triggers on the target tables of the pipeline.
    ///
    /// # Why it matters
    /// MySQL has no way to write past a trigger: it fires on every row that arrives, as it did for the source's own
    /// program, if there is one like it. One that fills a column changes rows; one that writes to another table writes
    /// everything twice where that table is replicated too; one that refuses a row stops the pipeline. A trigger that
    /// only keeps a log does no harm.
    ///
    /// # How to fix it by hand
    /// Look what it does, and drop it until the pipeline has done its work, keeping its text:
    ///
    /// ```sql
    /// SHOW CREATE TRIGGER charts.stamp;
    /// DROP TRIGGER charts.stamp;
    /// ```
    ///
    /// Or let it do nothing for the pipeline's login: `IF USER() NOT LIKE 'cdc@%' THEN … END IF`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Best practices", triggers on the target. Tried on MySQL 9.7 and MariaDB 10.11.
    code: "TCF-009",
    name: "triggers-fire-on-replicated-rows",
    area: Tcf,
    severity: Warning,
    title: "Triggers of a target table fire on every row that arrives",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    pairs::each(facts, |pair| {
        let have = pair.have;
        if have.triggers.is_empty() {
            return None;
        }
        let (label, names) = (have.label(), have.triggers.join(", "));
        let all = format!("Look what they do: SHOW TRIGGERS FROM {}", my_ident(&have.schema));
        let drop = |name: &String| format!("DROP TRIGGER {}", my_table(&have.schema, name));
        let steps = std::iter::once(all).chain(have.triggers.iter().map(drop));
        let fix = Fix::manual("drop them while the pipeline writes, and keep their text", steps)
            .or("let them do nothing for the pipeline's login: IF USER() NOT LIKE 'login@%' THEN … END IF");
        let message = format!("Triggers of {label} fire on every row that arrives, and may change it");
        Some(Finding::new(label, message).saw("triggers", names).fix(fix))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, target_table, unseen,
    };
    use crate::facts::Fact;

    #[test]
    fn each_table_is_told_with_its_triggers() {
        let mut facts = healthy();
        target_table(&mut facts).triggers = vec!["stamp".into(), "odd`one".into()];
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[0].1, "stamp, odd`one");
        assert_eq!(found.fix.unwrap().steps[2].action.describe(), "DROP TRIGGER `charts`.`odd``one`");
        assert_eq!(causes(&facts), ["TCF-009"]);
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
