//! DTK-024: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The state of the latest assessment run: `error-provisioning` and `error-executing`, against results of the
    /// assessments, which are RUN-021.
    ///
    /// # Why it matters
    /// Nothing was assessed. Mostly the role may not write to the bucket, or the task is not in a state to be
    /// assessed.
    ///
    /// # How to fix it by hand
    /// Look at the message, at the role and the bucket, and run it again.
    ///
    /// # Source
    /// AWS DMS API Reference, `ReplicationTaskAssessmentRun`.
    code: "DTK-024",
    name: "assessment-run-failed",
    area: Dtk,
    severity: Warning,
    title: "The latest assessment run failed for reasons of its own",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, _| {
        let latest = part.dms.assessments.known()?.first().filter(|r| r.status.starts_with("error-"));
        only(latest.map(|run| {
            let why = run.failure.as_deref().unwrap_or("no reason given");
            let todo = if part.names.serverless {
                "Test both endpoints and their roles; it is run again by the next start: cdc-doctor sync"
            } else {
                "Let its role write to the bucket (s3:PutObject, s3:GetObject, s3:ListBucket), and run it again."
            };
            let fix = Fix::manual("mend the run", [todo]);
            Finding::new(&run.name, format!("The assessment run {} ended in {}: {why}", run.name, run.status)).fix(fix)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn a_run_that_could_not_write() {
        let mut facts = healthy_dms();
        let run = &mut known(&mut aws(&mut facts).dms.assessments)[0];
        (run.status, run.failure) = ("error-executing".into(), Some("S3AccessDenied".into()));
        assert!(finding(&CHECK, &facts).message.ends_with("error-executing: S3AccessDenied"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.assessments = unseen());
    }
}
