//! DTK-025: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Data-masking rules in the table mappings, together with `EnableValidation`.
    ///
    /// # Why it matters
    /// Masked values differ from the source by design, so every such row is reported as different and real
    /// differences drown among them.
    ///
    /// # How to fix it by hand
    /// Leave one of the two out: validation of this task, or the masking rules.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using data masking to hide sensitive information".
    code: "DTK-025",
    name: "masking-with-validation",
    area: Dtk,
    severity: Warning,
    title: "The task masks values and validates them",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |_, task| {
        let validates = task.setting("/ValidationSettings/EnableValidation") == Some(&json!(true));
        let wrong = validates && task.mappings.contains("data-masking-");
        let message = format!("The task {} masks columns and validates them", task.identifier);
        let fix =
            || modify_task(task, "switch validation off", &[("/ValidationSettings/EnableValidation", json!(false))]);
        only(wrong.then(|| Finding::new(&task.identifier, message).fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, task};

    #[test]
    fn masked_rows_always_differ() {
        let mut facts = healthy_dms();
        task(&mut facts).mappings.push_str("\"data-masking-digits-mask\"");
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
