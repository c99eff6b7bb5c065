//! IAM-012: see the check's own explanation.

use jiff::SignedDuration;

use super::aws_parts::NO_AWS;
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The expiry of the credentials, where they have one (SSO, assumed roles).
    ///
    /// # Why it matters
    /// A long run of this program loses sight of AWS when they end, and tokens for IAM database authentication can no
    /// longer be signed. The DMS task itself goes on.
    ///
    /// # How to fix it by hand
    /// Log in again before a long run: `aws sso login --profile NAME`. Credentials that renew themselves (SSO, a role
    /// with a source profile) do so while the login lasts.
    ///
    /// # Source
    /// AWS CLI User Guide, "Configuring IAM Identity Center authentication".
    code: "IAM-012",
    name: "credentials-end-soon",
    area: Iam,
    severity: Advice,
    title: "The credentials of this machine end within the hour",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    let Some(aws) = &facts.aws else { return Ok(Verdict::NotApplicable(NO_AWS)) };
    let soon = aws.caller.known()?.until.filter(|until| *until < facts.taken_at + SignedDuration::from_hours(1));
    let finding = |until: jiff::Timestamp| {
        let message = format!("The AWS credentials end at {} UTC", until.strftime("%H:%M"));
        Finding::new("aws", message).fix(Fix::manual("log in again", ["aws sso login --profile NAME"]))
    };
    Ok(Verdict::from_findings(soon.map(finding).into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use jiff::SignedDuration;

    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn half_an_hour_left() {
        let mut facts = healthy_dms();
        let until = facts.taken_at + SignedDuration::from_mins(30);
        known(&mut aws(&mut facts).caller).until = Some(until);
        assert!(finding(&CHECK, &facts).message.ends_with("end at 00:30 UTC"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.caller = unseen());
    }
}
