//! RUN-004: see the check's own explanation.

use super::aws_parts::with_tables;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::TableStatistics;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Inserts, updates and deletes that the task saw against those that it applied, for each table whose full load
    /// is done. A task that is working has some on the way: a tenth, or a hundred, is let pass.
    ///
    /// # Why it matters
    /// What was seen and not applied is on its way, or was refused: `awsdms_apply_exceptions` on the target, and the
    /// log, say which.
    ///
    /// # How to fix it by hand
    /// Look on the target: `SELECT * FROM awsdms_control.awsdms_apply_exceptions ORDER BY ERROR_TIME DESC`. Then
    /// correct the cause and reload the table.
    ///
    /// # Source
    /// AWS DMS API Reference, `TableStatistics`; AWS DMS User Guide, "Control table task settings".
    code: "RUN-004",
    name: "changes-seen-and-not-applied",
    area: Run,
    severity: Warning,
    title: "Changes of a table were seen on the source and not applied to the target",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_tables(facts, is_bad, finding)
}

fn is_bad(table: &TableStatistics) -> bool {
    let sum = |(i, u, d): (i64, i64, i64)| i + u + d;
    let (seen, applied) = (sum(table.seen), sum(table.applied));
    table.state == "Table completed" && seen - applied > 100.max(seen / 10)
}

fn finding(table: &TableStatistics) -> Finding {
    let name = format!("{}.{}", table.schema, table.table);
    let (seen, applied) = (table.seen, table.applied);
    let message = format!(
        "{name}: inserts {} of {}, updates {} of {}, deletes {} of {} applied",
        applied.0, seen.0, applied.1, seen.1, applied.2, seen.2
    );
    Finding::new(name, message).silent_loss().fix(Fix::manual(
        "look at the apply exceptions",
        ["On the target: SELECT * FROM awsdms_control.awsdms_apply_exceptions ORDER BY ERROR_TIME DESC"],
    ))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn some_on_the_way_are_let_pass() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.tables)[0].seen = (1000, 0, 0);
        assert!(finding(&CHECK, &facts).message.contains("inserts 5 of 1000"));
        known(&mut aws(&mut facts).dms.tables)[0].applied = (950, 0, 0);
        crate::checks::testing::assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tables = unseen());
    }
}
