//! DTK-026: see the check's own explanation.

use std::collections::BTreeSet;

use serde_json::Value;

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether the mappings are JSON with rules, whether each rule has an id and a name of its own, and whether any
    /// selects tables.
    ///
    /// # Why it matters
    /// The task is refused, or rules that share an id replace each other and tables are left out without a word.
    ///
    /// # How to fix it by hand
    /// Correct the JSON and modify the task with it:
    ///
    /// ```sh
    /// aws dms modify-replication-task --replication-task-arn ARN --table-mappings file://mappings.json
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using table mapping to specify task settings".
    code: "DTK-026",
    name: "table-mappings-invalid",
    area: Dtk,
    severity: Error,
    title: "The table mappings of the task cannot be used",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let fix = || {
            Fix::manual(
                "correct the mappings",
                ["aws dms modify-replication-task --table-mappings file://mappings.json"],
            )
        };
        only(fault(&task.mappings).map(|why| {
            Finding::new(&task.identifier, format!("The table mappings of {} {why}", task.identifier)).fix(fix())
        }))
    })
}

fn fault(mappings: &str) -> Option<String> {
    let parsed: Value = match serde_json::from_str(mappings) {
        Ok(parsed) => parsed,
        Err(why) => return Some(format!("are no JSON: {why}")),
    };
    let Some(rules) = parsed.get("rules").and_then(Value::as_array) else {
        return Some("have no list \"rules\"".to_owned());
    };
    for key in ["rule-id", "rule-name"] {
        let mut seen = BTreeSet::new();
        let twice = rules.iter().filter_map(|r| r.get(key)).find(|id| !seen.insert(id.to_string()));
        if let Some(id) = twice {
            return Some(format!("have two rules with the {key} {id}"));
        }
    }
    let includes = |r: &&Value| r["rule-type"] == "selection" && r["rule-action"] != "exclude";
    rules.iter().find(includes).is_none().then(|| "select no table".to_owned())
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, task};

    #[test]
    fn each_fault_is_named() {
        let rule = |id: &str, action: &str| {
            format!(
                r#"{{"rule-type": "selection", "rule-id": "{id}", "rule-name": "{id}", "rule-action": "{action}"}}"#
            )
        };
        for (mappings, words) in [
            ("{".to_owned(), "are no JSON"),
            ("{}".to_owned(), "have no list"),
            (format!(r#"{{"rules": [{}, {}]}}"#, rule("1", "include"), rule("1", "exclude")), "the rule-id \"1\""),
            (format!(r#"{{"rules": [{}]}}"#, rule("1", "exclude")), "select no table"),
        ] {
            let mut facts = healthy_dms();
            task(&mut facts).mappings = mappings;
            let found = finding(&CHECK, &facts);
            assert!(found.message.contains(words), "{}", found.message);
        }
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
