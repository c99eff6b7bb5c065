//! IAM-009: see the check's own explanation.

use std::collections::BTreeMap;

use super::aws_parts::only;
use super::glue_parts::{Job, with_job};
use super::{Finding, Judged};
use crate::facts::aws::Lack;
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The role of the Glue job: whether it is there and trusts `glue.amazonaws.com`, and, by IAM's own simulation of its
    /// policies, whether it may read the script and the bucket of `[s3]`, write its log, use its connections, put network
    /// interfaces into their subnets, and read the secrets that they name. What a bucket's own policy allows is not part of
    /// that simulation, so where the last run succeeded, nothing is said of the policies. What the script does beyond that
    /// is not known.
    ///
    /// # Why it matters
    /// The job fails before its first line, with words such as `LAUNCH ERROR | Error downloading from S3 … Access
    /// Denied`, `DescribeVpcEndpoints action is unauthorized`, or `not authorized to perform: glue:GetConnection`.
    ///
    /// # How to fix it by hand
    /// Let Glue take the role, attach `AWSGlueServiceRole` to it, and allow it what lies in your own buckets and secrets:
    ///
    /// ```sh
    /// aws iam attach-role-policy --role-name ROLE \
    ///   --policy-arn arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole
    /// ```
    ///
    /// # Source
    /// AWS Glue Developer Guide, "Create an IAM role for AWS Glue" and "Troubleshooting Spark errors".
    code: "IAM-009",
    name: "glue-role-lacks-rights",
    area: Iam,
    severity: Error,
    title: "The role of the Glue job is missing, or does not trust Glue, or may not do what the job needs",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_job(facts, |job| {
        let name = &job.job.role;
        let Some(why) = why(job)? else { return Ok(Vec::new()) };
        let message = format!("The role {name}, by which the Glue job {} works, {why}", job.job.name);
        let short = name.rsplit('/').next().unwrap_or(name);
        let commands = [
            format!(
                "aws iam attach-role-policy --role-name {short} --policy-arn \
                 arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"
            ),
            "Allow it s3:GetObject and s3:ListBucket on your own buckets, and secretsmanager:GetSecretValue on the \
             secrets of its connections."
                .to_owned(),
        ];
        only(Some(Finding::new(name, message).fix(Fix::manual("let it work", commands))))
    })
}

/// What is wrong with the role; `None` where nothing is.
fn why(job: &Job<'_>) -> Result<Option<String>, Unknown> {
    match job.glue.role.known()? {
        None => return Ok(Some("is not there".to_owned())),
        Some(role) if !role.trusted_services().contains(&"glue.amazonaws.com") => {
            return Ok(Some("does not trust glue.amazonaws.com".to_owned()));
        }
        Some(_) => {}
    }
    if job.last_run()?.is_some_and(|run| run.state == "SUCCEEDED") {
        return Ok(None);
    }
    let mut parts = grouped(job.glue.role_lacks.known()?);
    for secret in job.glue.unreadable_secrets.known()? {
        parts.push(match &secret.refused {
            Some((action, on)) => format!("may not do {action} on {on}"),
            None => format!("is to read the secret {}, which is not there", secret.secret),
        });
    }
    Ok((!parts.is_empty()).then(|| parts.join("; ")))
}

/// One clause for each thing that something is not allowed on.
fn grouped(lacks: &[Lack]) -> Vec<String> {
    let mut by_resource: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for lack in lacks {
        by_resource.entry(&lack.on).or_default().push(&lack.action);
    }
    by_resource.into_iter().map(|(on, actions)| format!("may not do {} on {on}", actions.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::healthy_dms;
    use crate::checks::testing_aws::{assert_around_glue, glue, known};
    use crate::facts::Fact;
    use crate::facts::aws::{Lack, UnreadableSecret};

    #[test]
    fn a_role_that_is_not_there_or_not_glues() {
        let mut facts = healthy_dms();
        known(&mut glue(&mut facts).role).as_mut().unwrap().trust["Statement"][0]["Principal"]["Service"] =
            "ec2.amazonaws.com".into();
        assert_eq!(
            finding(&CHECK, &facts).message,
            "The role charts-glue, by which the Glue job charts-apply works, does not trust glue.amazonaws.com"
        );
        glue(&mut facts).role = Fact::Known(None);
        assert!(finding(&CHECK, &facts).message.ends_with("is not there"));
    }

    #[test]
    fn what_its_policies_do_not_allow_unless_a_run_succeeded() {
        let mut facts = healthy_dms();
        let lack = |action: &str, on: &str| Lack { action: action.into(), on: on.into() };
        let (one, other) = ("arn:aws:s3:::charts-scripts/apply.py", "*");
        let lacks =
            vec![lack("s3:GetObject", one), lack("ec2:DescribeSubnets", other), lack("ec2:DescribeVpcs", other)];
        glue(&mut facts).role_lacks = Fact::Known(lacks);
        let secret = UnreadableSecret { secret: "prod/mysql".into(), role: "charts-glue".into(), refused: None };
        glue(&mut facts).unreadable_secrets = Fact::Known(vec![secret]);
        assert_pass(&CHECK, &facts);
        known(&mut glue(&mut facts).runs)[0].state = "FAILED".into();
        let message = finding(&CHECK, &facts).message;
        assert!(
            message.ends_with(
                "works, may not do ec2:DescribeSubnets, ec2:DescribeVpcs on *; may not do s3:GetObject on \
                 arn:aws:s3:::charts-scripts/apply.py; is to read the secret prod/mysql, which is not there"
            ),
            "{message}"
        );
    }

    #[test]
    fn around() {
        assert_around_glue(&CHECK, |glue| glue.role = unseen());
    }
}
