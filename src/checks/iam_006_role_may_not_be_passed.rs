//! IAM-006: see the check's own explanation.

use super::aws_parts::with_dms;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// IAM's own simulation of `iam:PassRole` by this login, for each role that the endpoints name.
    ///
    /// # Why it matters
    /// Whoever makes or changes an endpoint hands its role to DMS, and must be allowed to: else `AccessDenied`, however
    /// much of DMS the login may use.
    ///
    /// # How to fix it by hand
    /// Let an administrator allow this user or role `iam:PassRole` on the role that is named, with the condition
    /// `iam:PassedToService` = `dms.amazonaws.com`.
    ///
    /// # Source
    /// IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
    code: "IAM-006",
    name: "role-may-not-be-passed",
    area: Iam,
    severity: Warning,
    title: "This login may not hand a role of an endpoint to DMS",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_dms(facts, |part| {
        let finding = |arn: &String| {
            let todo =
                format!("Allow this login: iam:PassRole on {arn}, where iam:PassedToService is dms.amazonaws.com");
            let message = format!("This login may not pass {arn} to DMS");
            Finding::new(arn, message).fix(Fix::manual("let it pass the role", [todo]))
        };
        Ok(part.aws.not_passable.known()?.iter().map(finding).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms};
    use crate::facts::Fact;

    #[test]
    fn a_role_that_is_kept_back() {
        let mut facts = healthy_dms();
        aws(&mut facts).not_passable = Fact::Known(vec!["arn:aws:iam::1:role/charts".into()]);
        assert_eq!(finding(&CHECK, &facts).subject, "arn:aws:iam::1:role/charts");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.not_passable = unseen());
    }
}
