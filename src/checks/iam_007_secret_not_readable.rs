//! IAM-007: see the check's own explanation.

use super::aws_parts::with_dms;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::UnreadableSecret;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The secrets that the endpoints log in with: whether each is there, and IAM's own simulation of
    /// `secretsmanager:GetSecretValue` on it by the role that the endpoint names, and of `kms:Decrypt` where the secret
    /// has a key of its own. No secret is read. What the secret's or the key's own policy allows is not part of that
    /// simulation.
    ///
    /// # Why it matters
    /// The connection test fails with `Unable to find Secrets Manager secret` or `AccessDeniedException`, and so does
    /// a running task at its next login.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws iam put-role-policy --role-name ROLE --policy-name read-secret --policy-document '{"Version": "2012-10-17",
    ///   "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "SECRET_ARN"}]}'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using secrets to access AWS DMS endpoints".
    code: "IAM-007",
    name: "secret-not-readable",
    area: Iam,
    severity: Warning,
    title: "The role of an endpoint may not read the endpoint's secret",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_dms(facts, |part| Ok(part.aws.unreadable_secrets.known()?.iter().map(finding).collect()))
}

fn finding(unreadable: &UnreadableSecret) -> Finding {
    let UnreadableSecret { secret, role, refused } = unreadable;
    match refused {
        None => {
            let todo = format!("Make the secret {secret}, or name the right one on the endpoint.");
            Finding::new(secret, format!("There is no secret {secret}, which an endpoint logs in with"))
                .fix(Fix::manual("name a secret that exists", [todo]))
        }
        Some((action, resource)) => {
            let todo = format!("Allow the role {role}: {action} on {resource}");
            Finding::new(secret, format!("{role} may not do {action}, so DMS cannot read the secret {secret}"))
                .saw("refused", format!("{action} on {resource}"))
                .fix(Fix::manual("let the role read the secret", [todo]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms};
    use crate::facts::aws::UnreadableSecret;
    use crate::facts::{Fact, Facts};

    fn with(refused: Option<(&str, &str)>) -> Facts {
        let mut facts = healthy_dms();
        aws(&mut facts).unreadable_secrets = Fact::Known(vec![UnreadableSecret {
            secret: "prod/pg".into(),
            role: "arn:aws:iam::1:role/charts-secrets".into(),
            refused: refused.map(|(action, resource)| (action.into(), resource.into())),
        }]);
        facts
    }

    #[test]
    fn a_key_that_the_role_may_not_use() {
        let found = finding(&CHECK, &with(Some(("kms:Decrypt", "arn:aws:kms:eu-west-2:1:key/k"))));
        assert!(found.message.contains("may not do kms:Decrypt"), "{}", found.message);
    }

    #[test]
    fn a_secret_that_is_not_there() {
        assert!(finding(&CHECK, &with(None)).message.starts_with("There is no secret prod/pg"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.unreadable_secrets = unseen());
    }
}
