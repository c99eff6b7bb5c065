//! AUT-021: see the check's own explanation.

use super::aws_parts::{OnRds, only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `MasterUserSecret` of the RDS instances: with it, RDS keeps and rotates the master password. An endpoint with
    /// that user and without a secret holds a copy.
    ///
    /// # Why it matters
    /// At the next rotation, every seven days by default, the endpoint's password is wrong: the task stops with a
    /// failed login.
    ///
    /// # How to fix it by hand
    /// Give DMS a user of its own. The secret that RDS manages has no host, so it does not serve an endpoint (AUT-022).
    ///
    /// # Source
    /// Amazon RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager".
    code: "AUT-021",
    name: "managed-password-kept-in-endpoint",
    area: Aut,
    severity: Warning,
    title: "RDS changes the master password by itself, and an endpoint keeps a copy of it",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let side = if endpoint.side == "source" { "source" } else { "target" };
        let Some(on_rds) = OnRds::of(facts, side)? else { return Ok(Vec::new()) };
        let rotates = on_rds.instance.master_secret.is_some();
        let copy = endpoint.secret.is_none() && endpoint.user.is_some() && endpoint.user == on_rds.instance.master_user;
        let message = format!("{} keeps the password of the master user, which RDS rotates", endpoint.identifier);
        let fix = Fix::manual(
            "a user of its own",
            ["Give DMS a user of its own: the secret that RDS manages has no host, and does not serve an endpoint."],
        );
        only((rotates && copy).then(|| Finding::new(&endpoint.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_endpoint, source_rds};

    #[test]
    fn a_copy_of_a_password_that_changes() {
        let mut facts = healthy_dms();
        source_rds(&mut facts).master_secret = Some("arn:secret".into());
        let endpoint = source_endpoint(&mut facts);
        (endpoint.user, endpoint.secret) = (Some("postgres".into()), None);
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
