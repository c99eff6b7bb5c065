//! RUN-002: see the check's own explanation.

use super::aws_parts::with_tables;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::TableStatistics;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `TableState` of every table of the task: `Table error`, `Table cancelled`, `Table does not exist`.
    ///
    /// # Why it matters
    /// The task goes on with the others and is green; this table receives nothing any more.
    ///
    /// # How to fix it by hand
    /// Find the cause in the log of the task (`]E:` with the table's name), put it right, and load the table again:
    ///
    /// ```sh
    /// aws dms reload-tables --replication-task-arn ARN --tables-to-reload SchemaName=public,TableName=weekly_chart
    /// ```
    ///
    /// # Source
    /// AWS DMS API Reference, `TableStatistics`.
    code: "RUN-002",
    name: "table-in-error",
    area: Run,
    severity: Error,
    title: "A table of the task is in error",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_tables(facts, is_bad, finding)
}

fn is_bad(table: &TableStatistics) -> bool {
    matches!(table.state.as_str(), "Table error" | "Table cancelled" | "Table does not exist")
}

fn finding(table: &TableStatistics) -> Finding {
    let name = format!("{}.{}", table.schema, table.table);
    let message = format!("{name}: {}", table.state);
    let reload =
        format!("aws dms reload-tables --tables-to-reload SchemaName={},TableName={}", table.schema, table.table);
    let mut finding = Finding::new(name, message).silent_loss().saw("state", &table.state);
    if table.full_load_errors > 0 {
        finding = finding.saw("rows that failed", table.full_load_errors.to_string());
    }
    finding.fix(Fix::manual("put the cause right and reload", [reload]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn the_table_is_named() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.tables)[0].state = "Table error".into();
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.message == "public.weekly_chart: Table error");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tables = unseen());
    }
}
