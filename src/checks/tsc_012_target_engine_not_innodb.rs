//! TSC-012: see the check's own explanation.

use super::pairs::each_difference;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// The storage engine of each target table.
    ///
    /// # Why it matters
    /// Only InnoDB has transactions here. In MyISAM or Aria a batch that fails half-way stays half written, the position
    /// of replication and the data can part, and writing locks the whole table. The engine `direct` commits data and
    /// position together, which such a table cannot do.
    ///
    /// # How to fix it by hand
    /// `ALTER TABLE t ENGINE=InnoDB`. It rewrites the table and locks it.
    ///
    /// # Source
    /// AWS DMS, "Using a MySQL-compatible database as a target". Tried on MariaDB 10.11 and MySQL 9.7.
    code: "TSC-012",
    name: "target-engine-not-innodb",
    area: Tsc,
    severity: Error,
    title: "A target table is not InnoDB",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each_difference(
        facts,
        |pair| pair.have.engine.as_ref().is_some_and(|e| !e.eq_ignore_ascii_case("innodb")),
        |difference| matches!(difference, Difference::OtherEngine { .. }),
        |pair, _| {
            let target = pair.have.label();
            let message = format!(
                "{target} is {} and not InnoDB: a failed batch stays half written",
                pair.have.engine.as_deref().unwrap_or_default()
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
    use crate::fixes::Action;

    #[test]
    fn another_engine_is_changed_and_put_back() {
        let mut facts = healthy();
        target_table(&mut facts).engine = Some("MyISAM".into());
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("is MyISAM"), "{}", found.message);
        let step = &found.fix.unwrap().steps[0];
        assert_eq!(step.action, Action::target("ALTER TABLE `charts`.`weekly_chart` ENGINE=InnoDB"));
        assert_eq!(step.undo, Some(Action::target("ALTER TABLE `charts`.`weekly_chart` ENGINE=MyISAM")));
        assert_eq!(causes(&facts), ["TSC-012"]);
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
