//! DTK-021: see the check's own explanation.

use super::aws_parts::{Part, only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::DmsTask;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Tasks whose target endpoints are S3 with the same bucket and folder.
    ///
    /// # Why it matters
    /// Files of both lie under the same names of schema and table. Whoever reads them takes the rows of both, and a
    /// reload of one deletes the files of the other.
    ///
    /// # How to fix it by hand
    /// Give each its own folder: `aws dms modify-endpoint --endpoint-arn ARN --s3-settings BucketFolder=raw/other`,
    /// then reload.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using Amazon S3 as a target".
    code: "DTK-021",
    name: "tasks-share-s3-folder",
    area: Dtk,
    severity: Error,
    title: "Two tasks write to the same folder of the same bucket",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let Some(own) = place(part, task)? else { return Ok(Vec::new()) };
        let mut others = Vec::new();
        for other in part.dms.tasks.known()?.iter().filter(|t| t.arn != task.arn) {
            if place(part, other)?.as_ref() == Some(&own) {
                others.push(other.identifier.as_str());
            }
        }
        let message = format!("{} writes to {own}, and so does {}", task.identifier, others.join(", "));
        let fix =
            Fix::manual("a folder for each", ["Give each task's S3 endpoint a BucketFolder of its own, and reload."]);
        only((!others.is_empty()).then(|| Finding::new(&task.identifier, message).silent_loss().fix(fix)))
    })
}

/// `bucket/folder` that a task writes to.
fn place(part: &Part<'_>, task: &DmsTask) -> Result<Option<String>, crate::facts::Unknown> {
    let endpoint = part.dms.endpoints.known()?.iter().find(|e| e.arn == task.target_arn);
    let s3 = endpoint.and_then(|e| e.s3.as_ref());
    Ok(s3.and_then(|s| {
        Some(format!("{}/{}", s.bucket.as_ref()?, s.folder.as_deref().unwrap_or_default().trim_matches('/')))
    }))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, target_endpoint, task};
    use crate::facts::aws::{DmsTask, S3Settings};

    #[test]
    fn a_second_task_with_the_same_endpoint() {
        let mut facts = healthy_dms();
        let other = DmsTask { identifier: "other".into(), arn: "arn:other".into(), ..task(&mut facts).clone() };
        known(&mut aws(&mut facts).dms.tasks).push(other);
        assert_pass(&CHECK, &facts);
        let s3 = S3Settings { bucket: Some("b".into()), folder: Some("raw/".into()), ..S3Settings::default() };
        target_endpoint(&mut facts).s3 = Some(s3);
        assert!(finding(&CHECK, &facts).message.contains("writes to b/raw, and so does other"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tasks = unseen());
    }
}
