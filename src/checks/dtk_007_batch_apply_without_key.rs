//! DTK-007: see the check's own explanation.

use serde_json::json;

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::{Facts, PgTable};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `BatchApplyEnabled`, and the selected source tables that have no primary key.
    ///
    /// # Why it matters
    /// For a table without a key DMS batches inserts only; each update and delete goes alone and searches the whole
    /// table. Latency grows with the table.
    ///
    /// # How to fix it by hand
    /// Give the tables a key (TBL-001), or take them into a task of their own without batch apply.
    ///
    /// # Source
    /// AWS DMS User Guide, "Target metadata task settings".
    code: "DTK-007",
    name: "batch-apply-without-key",
    area: Dtk,
    severity: Warning,
    title: "The task applies changes in batches, and tables without a primary key get none of it",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        if task.setting("/TargetMetadata/BatchApplyEnabled") != Some(&json!(true)) {
            return Ok(Vec::new());
        }
        let selected = facts.source.tables.known()?.iter().filter(|t| part.pipeline.selects(&t.schema, &t.name));
        let keyless: Vec<String> = selected.filter(|t| t.primary_key.is_none()).map(PgTable::label).collect();
        let message =
            format!("{} applies changes in batches, and these have no key: {}", task.identifier, keyless.join(", "));
        let fix = Fix::manual("give them keys", ["Give the tables a primary key: cdc-doctor explain TBL-001"]);
        only((!keyless.is_empty()).then(|| Finding::new(&task.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{assert_pass, finding, source_table, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, set_task};

    #[test]
    fn a_table_without_a_key_is_named() {
        let mut facts = healthy_dms();
        source_table(&mut facts).primary_key = None;
        assert_pass(&CHECK, &facts);
        set_task(&mut facts, "/TargetMetadata/BatchApplyEnabled", json!(true));
        assert!(finding(&CHECK, &facts).message.ends_with("public.weekly_chart"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
