//! IAM-009: see the check's own explanation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::aws_parts::only;
use super::glue_parts::{Job, with_job};
use super::{Finding, Judged};
use crate::facts::aws::Lack;
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;
use crate::quote::shell_word;

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
        if let Some(finding) = not_taken(job)? {
            return only(Some(finding));
        }
        if job.succeeded() {
            return Ok(Vec::new());
        }
        let glue = job.glue;
        let secrets = glue.unreadable_secrets.value().into_iter().flatten();
        let (gone, refused): (Vec<_>, Vec<_>) = secrets.partition(|secret| secret.refused.is_none());
        let refused = refused.into_iter().filter_map(|s| s.refused.clone()).map(|(action, on)| Lack { action, on });
        let lacks: Vec<Lack> = glue.role_lacks.value().into_iter().flatten().cloned().chain(refused).collect();
        let mut findings: Vec<Finding> = gone.into_iter().map(|secret| secret_gone(job, &secret.secret)).collect();
        if !lacks.is_empty() {
            findings.insert(0, not_allowed(job, &lacks));
        }
        if findings.is_empty() {
            // What could not be seen hides no fault that could, and is no pass either.
            glue.connections.known()?;
            glue.role_lacks.known()?;
            glue.unreadable_secrets.known()?;
        }
        Ok(findings)
    })
}

fn secret_gone(job: &Job<'_>, secret: &str) -> Finding {
    let create = format!(
        "aws secretsmanager create-secret --name {} --secret-string file://FILE (JSON with username and password), or name \
         another in the connection",
        shell_word(secret)
    );
    told(job, &format!("is to read the secret {secret}, which is not there"))
        .fix(Fix::manual("make the secret", [create]))
}

/// The path in a role's ARN, `arn:aws:iam::1:role/service-role/charts`, as `create-role` takes it.
fn path(job: &Job<'_>) -> String {
    let inner = job.job.role.split_once(":role/").and_then(|(_, rest)| rest.rsplit_once('/'));
    inner.map(|(path, _)| format!(" --path /{path}/")).unwrap_or_default()
}

fn told(job: &Job<'_>, why: &str) -> Finding {
    let name = job.job.role_name();
    Finding::new(name, format!("The role {name}, by which the Glue job {} works, {why}", job.job.name))
}

/// The role is not there, or not for Glue.
fn not_taken(job: &Job<'_>) -> Result<Option<Finding>, Unknown> {
    let name = job.job.role_name();
    Ok(match job.glue.role.known()? {
        None => {
            let make = format!(
                "aws iam create-role{} --role-name {name} --assume-role-policy-document '{}'",
                path(job),
                trust()
            );
            Some(told(job, "is not there").fix(Fix::manual("make it", [make])))
        }
        Some(role) if !role.trusted_services().contains(&"glue.amazonaws.com") => {
            let update =
                format!("aws iam update-assume-role-policy --role-name {name} --policy-document '{}'", trust());
            Some(told(job, "does not trust glue.amazonaws.com").fix(Fix::manual("let Glue take it", [update])))
        }
        Some(_) => None,
    })
}

/// Who may take the role.
fn trust() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
}

/// The finding with what is not allowed, and the commands that allow it: AWS's own policy for what every job needs, one
/// of the job's own for the rest.
fn not_allowed(job: &Job<'_>, lacks: &[Lack]) -> Finding {
    let mut by_resource: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for lack in lacks {
        by_resource.entry(&lack.on).or_default().push(&lack.action);
    }
    let of_every_job = |action: &&str| ["ec2:", "logs:", "glue:"].iter().any(|service| action.starts_with(service));
    let (mut finding, mut statements, mut general) = (told(job, "may not do what it needs"), Vec::new(), false);
    for (on, actions) in by_resource {
        finding = finding.saw(format!("refused on {on}"), actions.join(", "));
        let (of_all, own): (Vec<&str>, Vec<&str>) = actions.into_iter().partition(of_every_job);
        general |= !of_all.is_empty();
        if !own.is_empty() {
            statements.push(json!({"Effect": "Allow", "Action": own, "Resource": widened(on)}));
        }
    }
    let mut commands = Vec::new();
    if general {
        let partition = job.glue.role.value().and_then(Option::as_ref).and_then(|role| role.arn.split(':').nth(1));
        commands.push(format!(
            "aws iam attach-role-policy --role-name {} --policy-arn \
             arn:{}:iam::aws:policy/service-role/AWSGlueServiceRole",
            job.job.role_name(),
            partition.unwrap_or("aws")
        ));
    }
    if !statements.is_empty() {
        commands.push(put_policy(job, &json!({"Version": "2012-10-17", "Statement": statements})));
    }
    finding.fix(Fix::manual("let it work", commands))
}

/// Writes a policy into the role, under a name that none of its policies has: one of the same name would be replaced.
fn put_policy(job: &Job<'_>, document: &Value) -> String {
    let taken = job.glue.role.value().and_then(Option::as_ref).map(|role| role.inline.as_slice()).unwrap_or_default();
    let free = (1..).map(|n| if n == 1 { "glue-job".to_owned() } else { format!("glue-job-{n}") });
    let policy = free.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
    let document = shell_word(&document.to_string());
    format!(
        "aws iam put-role-policy --role-name {} --policy-name {policy} --policy-document {document}",
        job.job.role_name()
    )
}

/// The folder of a file on S3, so that the policy outlives the file that was asked about.
fn widened(arn: &str) -> String {
    match arn.rsplit_once('/') {
        Some((folder, _)) if arn.contains(":s3:::") => format!("{folder}/*"),
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, unseen};
    use crate::checks::testing_aws::{assert_around_glue, glue, healthy_dms, known, not_yet_run};
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
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("is not there"));
        let command = found.fix.unwrap().steps[0].action.describe();
        assert!(command.contains("create-role --role-name charts-glue") && command.contains("glue.amazonaws.com"));
    }

    #[test]
    fn what_its_policies_do_not_allow_unless_a_run_succeeded() {
        let mut facts = healthy_dms();
        let lack = |action: &str, on: &str| Lack { action: action.into(), on: on.into() };
        let (one, other) = ("arn:aws:s3:::charts-scripts/apply.py", "*");
        let lacks =
            vec![lack("s3:GetObject", one), lack("ec2:DescribeSubnets", other), lack("ec2:DescribeVpcs", other)];
        glue(&mut facts).role_lacks = Fact::Known(lacks);
        assert_pass(&CHECK, &facts);
        known(&mut glue(&mut facts).runs)[0].state = "FAILED".into();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[0], ("refused on *".into(), "ec2:DescribeSubnets, ec2:DescribeVpcs".into()));
        assert_eq!(found.evidence[1].0, "refused on arn:aws:s3:::charts-scripts/apply.py");
        let steps: Vec<String> = found.fix.unwrap().steps.iter().map(|s| s.action.describe()).collect();
        assert!(steps[0].ends_with("AWSGlueServiceRole"), "{steps:?}");
        let wanted = r#"{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::charts-scripts/*"}]}'"#;
        assert!(steps.len() == 2 && steps[1].ends_with(wanted), "{steps:?}");
    }

    #[test]
    fn a_secret_that_is_not_there_or_may_not_be_read() {
        let mut facts = healthy_dms();
        known(&mut glue(&mut facts).runs).clear();
        let secret = |refused| UnreadableSecret { secret: "prod/mysql".into(), role: "charts-glue".into(), refused };
        glue(&mut facts).unreadable_secrets = Fact::Known(vec![secret(None)]);
        assert!(finding(&CHECK, &facts).message.ends_with("is to read the secret prod/mysql, which is not there"));
        let refused = ("secretsmanager:GetSecretValue".to_owned(), "arn:secret".to_owned());
        glue(&mut facts).unreadable_secrets = Fact::Known(vec![secret(Some(refused))]);
        assert_eq!(
            finding(&CHECK, &facts).evidence[0],
            ("refused on arn:secret".into(), "secretsmanager:GetSecretValue".into())
        );
    }

    #[test]
    fn what_could_not_be_seen_hides_nothing() {
        let mut facts = not_yet_run();
        glue(&mut facts).unreadable_secrets = unseen();
        assert_unknown(&CHECK, &facts);
        let lack = Lack { action: "s3:GetObject".into(), on: "arn:aws:s3:::charts-cdc/raw/x".into() };
        glue(&mut facts).role_lacks = Fact::Known(vec![lack]);
        known(&mut glue(&mut facts).role).as_mut().unwrap().inline = vec!["glue-job".into()];
        let command = finding(&CHECK, &facts).fix.unwrap().steps[0].action.describe();
        assert!(command.contains("--policy-name glue-job-2"), "another policy would be replaced: {command}");
    }

    #[test]
    fn a_role_is_made_with_its_path() {
        let mut facts = not_yet_run();
        glue(&mut facts).role = Fact::Known(None);
        let job = known(&mut glue(&mut facts).job).as_mut().unwrap();
        job.role = "arn:aws:iam::1:role/service-role/charts-glue".into();
        let command = finding(&CHECK, &facts).fix.unwrap().steps[0].action.describe();
        assert!(command.contains("create-role --path /service-role/ --role-name charts-glue"), "{command}");
    }

    #[test]
    fn around() {
        assert_around_glue(&CHECK, |glue| glue.role = unseen());
    }
}
