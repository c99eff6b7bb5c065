//! RUN-011: see the check's own explanation.

use super::aws_parts::with_tables;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::TableStatistics;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `ValidationState` of every table: `Mismatched records`, `Suspended records`, `Table error`, `Error`, `No
    /// primary key`.
    ///
    /// # Why it matters
    /// Rows on the target are not those of the source, or cannot be compared.
    ///
    /// # How to fix it by hand
    /// Look which: `SELECT * FROM awsdms_control.awsdms_validation_failures_v1` on the target, or `cdc-doctor
    /// verify`, which shows both values. Then put the cause right and reload the table.
    ///
    /// # Source
    /// AWS DMS User Guide, "AWS DMS data validation".
    code: "RUN-011",
    name: "validation-found-differences",
    area: Run,
    severity: Error,
    title: "DMS has compared rows, and some differ",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_tables(facts, is_bad, finding)
}

fn is_bad(table: &TableStatistics) -> bool {
    matches!(
        table.validation.as_deref(),
        Some("Mismatched records" | "Suspended records" | "Table error" | "Error" | "No primary key")
    )
}

fn finding(table: &TableStatistics) -> Finding {
    let name = format!("{}.{}", table.schema, table.table);
    let state = table.validation.as_deref().unwrap_or_default();
    let message = format!("{name}: {state}, {} rows failed", table.validation_failed);
    let mut finding = Finding::new(name, message).silent_loss().saw("validation", state);
    if let Some(details) = &table.validation_details {
        finding = finding.saw("details", details);
    }
    finding.fix(Fix::manual(
        "find the rows",
        ["cdc-doctor verify shows the rows with both values; then reload the table."],
    ))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn mismatched_records() {
        let mut facts = healthy_dms();
        let table = &mut known(&mut aws(&mut facts).dms.tables)[0];
        (table.validation, table.validation_failed) = (Some("Mismatched records".into()), 7);
        assert_eq!(finding(&CHECK, &facts).message, "public.weekly_chart: Mismatched records, 7 rows failed");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tables = unseen());
    }
}
