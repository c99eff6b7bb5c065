//! DEP-015: see the check's own explanation.

use super::aws_parts::{only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The trust policy of each role in `SecretsManagerAccessRoleArn`: it must name `dms.REGION.amazonaws.com`.
    ///
    /// # Why it matters
    /// DMS reads secrets as the *regional* service. A role that trusts `dms.amazonaws.com` only, or that is not
    /// there, cannot be taken, and the endpoint stays in `creating` or its test fails.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws iam update-assume-role-policy --role-name ROLE --policy-document '{"Version": "2012-10-17", "Statement": [{
    ///   "Effect": "Allow", "Principal": {"Service": "dms.eu-west-2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using secrets to access AWS DMS endpoints".
    code: "DEP-015",
    name: "secret-role-trusts-other-region",
    area: Dep,
    severity: Error,
    title: "The role that reads an endpoint's secret does not trust DMS of this region",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |part, endpoint| {
        let Some(arn) = &endpoint.secret_role else { return Ok(Vec::new()) };
        part.aws.roles.known()?;
        let region = facts.pipeline.aws.as_ref().map_or("", |a| a.region.as_str());
        let wanted = format!("dms.{region}.amazonaws.com");
        let why = match part.aws.role_of(arn) {
            None => Some("is not there".to_owned()),
            Some(role) if role.trusted_services().contains(&wanted.as_str()) => None,
            Some(role) => Some(format!("trusts {}, not {wanted}", role.trusted_services().join(", "))),
        };
        only(why.map(|why| {
            let message = format!("The role {arn}, which {} reads its secret by, {why}", endpoint.identifier);
            let fix = Fix::manual(
                "let DMS take the role",
                [format!("Name {wanted} as Principal in the role's trust policy.")],
            );
            Finding::new(arn, message).fix(fix)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, findings, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn the_global_principal_is_not_enough() {
        let mut facts = healthy_dms();
        facts.pipeline.aws.as_mut().unwrap().region = "eu-west-1".into();
        let found = &findings(&CHECK, &facts)[0];
        assert!(found.message.contains("trusts dms.eu-west-2.amazonaws.com, not dms.eu-west-1"), "{}", found.message);
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).secret_role = Some("arn:aws:iam::1:role/gone".into());
        assert!(finding(&CHECK, &facts).message.ends_with("is not there"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.roles = unseen());
    }
}
