//! RUN-013: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::decode::decode;
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Lines marked `]E:` among the latest of the task's log in CloudWatch Logs, decoded.
    ///
    /// # Why it matters
    /// A task that runs may have given up tables, or retry the same thing for ever; the log is where it says so.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws logs filter-log-events --log-group-name dms-tasks-INSTANCE --filter-pattern '"]E:"'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks", task logs.
    code: "RUN-013",
    name: "errors-in-task-log",
    area: Run,
    severity: Warning,
    title: "The log of a running task has errors",
    after: ["IAM-001", "RUN-015"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let lines = part.dms.log.known()?.as_ref();
        let errors: Vec<&String> = lines.into_iter().flatten().filter(|l| l.contains("]E:")).collect();
        // A task that failed is told with its log by RUN-001.
        let Some(last) = errors.last().filter(|_| task.status == "running") else { return Ok(Vec::new()) };
        let decoded = errors.iter().rev().find_map(|l| decode(l));
        let message = format!("The log of {} has {} errors among its latest lines", task.identifier, errors.len());
        let mut finding = Finding::new(&task.identifier, message).saw("latest", last.as_str());
        let todo = match decoded {
            Some(decoded) => {
                finding = finding.saw("meaning", decoded.cause);
                decoded.fix
            }
            None => "Read the log, and put the cause right.".to_owned(),
        };
        only(Some(finding.fix(Fix::manual("put the cause right", [todo]))))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms};
    use crate::facts::Fact;

    #[test]
    fn errors_are_counted_and_decoded() {
        let mut facts = healthy_dms();
        let line = "2026-01-01T00:00:00 [TARGET_APPLY ]E: Data too long for column 'a' at row 1 [1022502]";
        aws(&mut facts).dms.log = Fact::Known(Some(vec![line.into()]));
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("has 1 errors"));
        assert!(found.evidence.iter().any(|(what, _)| what == "meaning"), "{found:?}");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.log = unseen());
    }
}
