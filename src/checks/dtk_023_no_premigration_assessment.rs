//! DTK-023: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The assessment runs of the task, before it is started for the first time.
    ///
    /// # Why it matters
    /// The assessment looks for data types, keys and settings that fail hours later. Without one, DMS runs it at the
    /// start by itself and the task stands in the state `testing` meanwhile.
    ///
    /// # How to fix it by hand
    /// It needs a bucket, and a role that may write to it:
    ///
    /// ```sh
    /// aws dms start-replication-task-assessment-run --replication-task-arn ARN --service-access-role-arn ARN \
    ///   --result-location-bucket BUCKET --assessment-run-name before
    /// ```
    ///
    /// A serverless replication is assessed by its start, into a bucket that DMS makes. `cdc-doctor sync` asks for it:
    ///
    /// ```sh
    /// aws dms start-replication --replication-config-arn ARN --start-replication-type start-replication \
    ///   --premigration-assessment-settings '{"FailOnAssessmentFailure": true}'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Enabling and working with premigration assessments for a task".
    code: "DTK-023",
    name: "no-premigration-assessment",
    area: Dtk,
    severity: Advice,
    title: "No premigration assessment was run for the task",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let wrong = task.started.is_none() && part.dms.assessments.known()?.is_empty();
        let message = format!("The task {} was neither started nor assessed", task.identifier);
        let todo = if part.names.serverless {
            "Start it by cdc-doctor sync, which has it assessed first: cdc-doctor explain DTK-023"
        } else {
            "aws dms start-replication-task-assessment-run: cdc-doctor explain DTK-023"
        };
        let fix = Fix::manual("assess it", [todo]);
        only(wrong.then(|| Finding::new(&task.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, task};
    use crate::facts::Fact;

    #[test]
    fn a_new_task_is_to_be_assessed() {
        let mut facts = healthy_dms();
        aws(&mut facts).dms.assessments = Fact::Known(Vec::new());
        assert_pass(&CHECK, &facts);
        task(&mut facts).started = None;
        let todo = |facts: &crate::facts::Facts| finding(&CHECK, facts).fix.unwrap().steps[0].action.describe();
        assert!(todo(&facts).contains("assessment-run"));
        facts.pipeline.dms.as_mut().unwrap().serverless = true;
        assert!(todo(&facts).contains("cdc-doctor sync"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
