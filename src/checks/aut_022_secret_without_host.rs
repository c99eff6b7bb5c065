//! AUT-022: see the check's own explanation.

use super::aws_parts::{OnRds, only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether an endpoint logs in with the secret that RDS itself made for the master user. No secret is read.
    ///
    /// # Why it matters
    /// DMS reads `username`, `password`, `host` and `port` from the secret; the one that RDS manages holds user name
    /// and password only. The connection test fails.
    ///
    /// # How to fix it by hand
    /// Make a secret with all four, for a user of its own, and name it on the endpoint:
    /// ```sh
    /// aws secretsmanager create-secret --name charts-dms --secret-string file://secret.json
    /// aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings \
    ///   SecretsManagerSecretId=charts-dms,SecretsManagerAccessRoleArn=ROLE
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using secrets to access AWS DMS endpoints".
    code: "AUT-022",
    name: "secret-without-host",
    area: Aut,
    severity: Error,
    title: "An endpoint's secret lacks the host and port that DMS reads from it",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let side = if endpoint.side == "source" { "source" } else { "target" };
        let Some(secret) = &endpoint.secret else { return Ok(Vec::new()) };
        let Some(on_rds) = OnRds::of(facts, side)? else { return Ok(Vec::new()) };
        let managed = on_rds.instance.master_secret.as_ref() == Some(secret);
        let message = format!("{} logs in with the secret that RDS manages, which has no host", endpoint.identifier);
        let fix = Fix::manual(
            "a secret of its own",
            [
                "Write username, password, host and port of a user for DMS to secret.json, then:",
                "aws secretsmanager create-secret --name NAME --secret-string file://secret.json",
                "Name that secret on the endpoint, and delete the file.",
            ],
        );
        only(managed.then(|| Finding::new(&endpoint.identifier, message).saw("secret", secret).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint, source_rds};

    #[test]
    fn the_secret_of_rds_has_no_host() {
        let mut facts = healthy_dms();
        let arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:rds!db-1";
        source_rds(&mut facts).master_secret = Some(arn.into());
        crate::checks::testing::assert_pass(&CHECK, &facts);
        source_endpoint(&mut facts).secret = Some(arn.into());
        assert!(finding(&CHECK, &facts).message.ends_with("which has no host"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
