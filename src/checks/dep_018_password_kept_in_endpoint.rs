//! DEP-018: see the check's own explanation.

use super::aws_parts::{only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `SecretsManagerSecretId` of the endpoints.
    ///
    /// # Why it matters
    /// The password is changed in two places when it is changed, and the endpoint goes on with the old one until its
    /// next test. With a secret, rotation reaches DMS by itself.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN \
    ///   --postgre-sql-settings SecretsManagerSecretId=ARN,SecretsManagerAccessRoleArn=ARN
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using secrets to access AWS DMS endpoints".
    code: "DEP-018",
    name: "password-kept-in-endpoint",
    area: Dep,
    severity: Advice,
    title: "An endpoint keeps its password itself, not in a secret",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let message = format!("{} keeps its password itself", endpoint.identifier);
        let fix = Fix::manual(
            "keep it in a secret",
            ["Make a secret with username, password, host and port, and name it on the endpoint."],
        );
        let wrong = endpoint.secret.is_none() && endpoint.engine != "s3";
        only(wrong.then(|| Finding::new(&endpoint.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint};

    #[test]
    fn without_a_secret() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).secret = None;
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
