//! IAM-005: see the check's own explanation.

use super::aws_parts::{only, with_target};
use super::vantage::passed;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The role of the S3 endpoint: whether it is there, trusts `dms.amazonaws.com`, and, by IAM's own simulation of its
    /// policies, may do on the bucket what DMS does there. What the bucket's own policy allows is not part of that
    /// simulation, so where the last connection test passed, nothing is said of it.
    ///
    /// # Why it matters
    /// The connection test of an S3 endpoint fails with `S3AccessDeniedFault` or `AccessDenied`.
    ///
    /// # How to fix it by hand
    /// Let DMS take the role, and allow it `s3:PutObject`, `s3:DeleteObject`, `s3:PutObjectTagging` and
    /// `s3:ListBucket` on the bucket.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using Amazon S3 as a target", prerequisites.
    code: "IAM-005",
    name: "s3-role-lacks-rights",
    area: Iam,
    severity: Error,
    title: "The role that writes to S3 is missing, or does not trust DMS, or may do nothing",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        let Some(arn) = endpoint.s3.as_ref().and_then(|s| s.role.as_deref()) else { return Ok(Vec::new()) };
        part.aws.roles.known()?;
        let why = match part.aws.role_of(arn) {
            None => Some("is not there"),
            Some(role) if !role.trusted_services().contains(&"dms.amazonaws.com") => {
                Some("does not trust dms.amazonaws.com")
            }
            Some(role) if role.attached.is_empty() && role.inline.is_empty() => Some("has no policy"),
            Some(_) => None,
        };
        let why = match why {
            Some(why) => Some(why.to_owned()),
            None if passed(part, Some(endpoint))? => None,
            None => lacking(part.aws.s3_role_lacks.known()?),
        };
        let todo = "Let dms.amazonaws.com take the role, and allow s3:PutObject, s3:DeleteObject, s3:PutObjectTagging, s3:ListBucket.";
        only(why.map(|why| {
            Finding::new(arn, format!("The role {arn}, by which {} writes to S3, {why}", endpoint.identifier))
                .fix(Fix::manual("let it write", [todo]))
        }))
    })
}

/// What the role may not do on the bucket.
fn lacking(actions: &[String]) -> Option<String> {
    let on_s3: Vec<&str> = actions.iter().map(String::as_str).filter(|a| a.starts_with("s3:")).collect();
    (!on_s3.is_empty()).then(|| format!("may not do {}", on_s3.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, target_endpoint};
    use crate::facts::Fact;
    use crate::facts::aws::S3Settings;

    #[test]
    fn a_role_of_another_service() {
        let mut facts = healthy_dms();
        let s3 = |name: &str| S3Settings { role: Some(format!("arn:aws:iam::1:role/{name}")), ..S3Settings::default() };
        target_endpoint(&mut facts).s3 = Some(s3("charts-secrets"));
        assert!(finding(&CHECK, &facts).message.ends_with("does not trust dms.amazonaws.com"));
        target_endpoint(&mut facts).s3 = Some(s3("dms-vpc-role"));
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn what_its_policies_do_not_allow_on_the_bucket() {
        let mut facts = healthy_dms();
        let role = Some("arn:aws:iam::1:role/dms-vpc-role".to_owned());
        target_endpoint(&mut facts).s3 = Some(S3Settings { role, ..S3Settings::default() });
        aws(&mut facts).s3_role_lacks = Fact::Known(vec!["s3:PutObject".into(), "glue:GetTable".into()]);
        // The last test got through, by the bucket's own policy.
        assert_pass(&CHECK, &facts);
        known(&mut aws(&mut facts).dms.connections).clear();
        assert!(finding(&CHECK, &facts).message.ends_with("may not do s3:PutObject"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
