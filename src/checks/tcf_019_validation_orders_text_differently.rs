//! TCF-019: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::{is_mysql, modify_task};
use super::aws_parts::with_target;
use super::pairs::Targets;
use super::{Finding, Judged};
use crate::facts::{Facts, MyTable, PgTable, Unknown};
use crate::text::short_list;

check! {
    /// # What it looks at
    /// Where the DMS task validates rows and `HandleCollationDiff` is off: tables with text in their primary key that
    /// source and target order in different ways. They order alike where the source's database has the collation `C`
    /// and the target's column a binary one. Collations of single columns on the source are not looked at.
    ///
    /// # Why it matters
    /// DMS validates in ranges of the key. Where the two servers do not agree on what lies between two texts, rows are
    /// reported as missing on one side and extra on the other, and nothing is wrong with them.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN \
    ///   --replication-task-settings '{"ValidationSettings": {"HandleCollationDiff": true}}'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Data validation task settings".
    code: "TCF-019",
    name: "validation-orders-text-differently",
    area: Tcf,
    severity: Advice,
    title: "Source and target order text keys differently, and validation does not allow for it",
    after: ["AUT-024", "AUT-025", "IAM-001", "DTK-010"],
}

/// Types of text on the source.
const TEXTS: [&str; 4] = ["text", "varchar", "bpchar", "citext"];

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        let Some(task) = part.dms.task(part.names)?.filter(|_| is_mysql(endpoint)) else { return Ok(Vec::new()) };
        let is = |name: &str| task.setting(&format!("/ValidationSettings/{name}")) == Some(&json!(true));
        if !is("EnableValidation") || is("HandleCollationDiff") {
            return Ok(Vec::new());
        }
        let differ = differ(facts)?;
        if differ.is_empty() {
            return Ok(Vec::new());
        }
        let collation = &facts.source.session.known()?.collation;
        let message =
            format!("The task {} validates text keys that the two servers order differently", task.identifier);
        let fix = modify_task(
            task,
            "let validation allow for collations",
            &[("/ValidationSettings/HandleCollationDiff", json!(true))],
        );
        let finding = Finding::new(&task.identifier, message).saw("source", collation);
        Ok(vec![finding.saw("keys", short_list(&differ)).fix(fix)])
    })
}

/// The key columns of text whose order differs.
fn differ(facts: &Facts) -> Result<Vec<String>, Unknown> {
    let targets = Targets::of(facts)?;
    let binary = bytewise(&facts.source.session.known()?.collation);
    let mut found = Vec::new();
    for source in facts.source.tables.known()? {
        let Some(have) = targets.find(source, &facts.pipeline) else { continue };
        found.extend(key_columns(source, have, binary));
    }
    found.sort();
    Ok(found)
}

fn key_columns(source: &PgTable, have: &MyTable, binary: bool) -> Vec<String> {
    let key = source.primary_key.iter().flat_map(|k| &k.columns).filter_map(|name| source.column(name));
    let text = key.filter(|c| TEXTS.contains(&c.ty.name.as_str()));
    let there = text.filter_map(|c| have.column(&c.name));
    let differs = there.filter(|c| c.collation.as_deref().is_some_and(|to| !binary || !to.ends_with("_bin")));
    let told = differs.map(|c| format!("{}.{} ({})", have.label(), c.name, c.collation.as_deref().unwrap_or_default()));
    told.collect()
}

/// Text is ordered by its bytes.
fn bytewise(collation: &str) -> bool {
    matches!(collation, "C" | "POSIX") || collation.starts_with("C.")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, source_table, target_table,
        unseen,
    };
    use crate::checks::testing_aws::{healthy_dms, known, task};
    use crate::facts::Facts;

    /// The title is the key.
    fn by_title() -> Facts {
        let mut facts = healthy_dms();
        let table = source_table(&mut facts);
        table.primary_key.as_mut().unwrap().columns = vec!["title".into()];
        table.columns[2].not_null = true;
        let table = target_table(&mut facts);
        table.primary_key = vec!["title".into()];
        table.columns[2].nullable = false;
        facts
    }

    #[test]
    fn validation_is_told_to_allow_for_it() {
        let facts = by_title();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[1].1, "charts.weekly_chart.title (utf8mb4_0900_bin)");
        let step = &found.fix.unwrap().steps[0];
        assert!(step.action.describe().contains("HandleCollationDiff"), "{}", step.action.describe());
        assert_eq!(causes(&facts), ["TCF-019"]);
    }

    #[test]
    fn bytes_on_both_sides_and_a_task_that_allows_for_it_pass() {
        let mut facts = by_title();
        known(&mut facts.source.session).collation = "C.UTF-8".into();
        assert_pass(&CHECK, &facts);
        target_table(&mut facts).columns[2].collation = Some("utf8mb4_0900_ai_ci".into());
        finding(&CHECK, &facts);
        task(&mut facts).settings["ValidationSettings"]["HandleCollationDiff"] = json!(true);
        assert_pass(&CHECK, &facts);
        let mut facts = by_title();
        task(&mut facts).settings["ValidationSettings"]["EnableValidation"] = json!(false);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy_dms();
        assert_pass(&CHECK, &facts);
        facts.target.tables = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
