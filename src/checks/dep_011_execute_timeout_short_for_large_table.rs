//! DEP-011: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{only, with_source};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `ExecuteTimeout` of the source endpoint (60 seconds, unless it was set) beside the largest selected table.
    ///
    /// # Why it matters
    /// Statements that take longer are cancelled: the full load of a large table, or a start position in a busy WAL,
    /// fails again and again.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings ExecuteTimeout=600
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", endpoint settings.
    code: "DEP-011",
    name: "execute-timeout-short-for-large-table",
    area: Dep,
    severity: Advice,
    title: "A large table may not be read within the endpoint's time limit",
    after: ["IAM-001"],
}

/// From this many rows on, 60 seconds are little.
const LARGE: i64 = 20_000_000;

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let limit = endpoint.postgres.as_ref().and_then(|s| s.execute_timeout).unwrap_or(60);
        let selected = facts.source.tables.known()?.iter().filter(|t| part.pipeline.selects(&t.schema, &t.name));
        let Some(largest) = selected.max_by_key(|t| t.estimated_rows) else { return Ok(Vec::new()) };
        let message = format!(
            "{} ends statements after {limit} s, and {} has about {} rows",
            endpoint.identifier,
            largest.label(),
            largest.estimated_rows
        );
        let before = limit.to_string();
        let step = || modify_endpoint(endpoint, &[("PostgreSQLSettings.ExecuteTimeout", "600", Some(&before))]);
        let fix = || Fix::new(Mode::Auto, "allow ten minutes", vec![step()]);
        let wrong = limit < 300 && largest.estimated_rows >= LARGE;
        only(wrong.then(|| Finding::new(&endpoint.identifier, message).saw("ExecuteTimeout", &before).fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, source_table, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn a_large_table_wants_more_time() {
        let mut facts = healthy_dms();
        source_table(&mut facts).estimated_rows = 50_000_000;
        assert_pass(&CHECK, &facts);
        source_endpoint(&mut facts).postgres = None;
        assert!(finding(&CHECK, &facts).message.contains("after 60 s"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
