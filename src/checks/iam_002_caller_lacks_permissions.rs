//! IAM-002: see the check's own explanation.

use super::aws_parts::NO_AWS;
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// IAM's own simulation of the caller's policies (`SimulatePrincipalPolicy`) for the calls of `check` and for
    /// `dms:TestConnection`. Organisation policies and conditions may still say otherwise.
    ///
    /// # Why it matters
    /// What may not be seen is *unknown* in the report, never *passed*; what may not be done fails in the middle of a
    /// fix.
    ///
    /// # How to fix it by hand
    /// Let somebody who may attach a policy with the actions that are named to this user or role.
    ///
    /// # Source
    /// IAM API Reference, `SimulatePrincipalPolicy`.
    code: "IAM-002",
    name: "caller-lacks-permissions",
    area: Iam,
    severity: Warning,
    title: "This login may not make calls that the checks and DMS need",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    let Some(aws) = &facts.aws else { return Ok(Verdict::NotApplicable(NO_AWS)) };
    let denied = aws.denied.known()?;
    if denied.is_empty() {
        return Ok(Verdict::Pass);
    }
    let caller = aws.caller.value().map_or("this login", |c| c.arn.as_str());
    let actions = denied.join(", ");
    let fix = Fix::manual("let it", [format!("Allow {caller}: {actions}")]);
    Ok(Verdict::Fail(vec![Finding::new(caller, format!("{caller} may not: {actions}")).fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms};
    use crate::facts::Fact;

    #[test]
    fn what_is_denied_is_named() {
        let mut facts = healthy_dms();
        aws(&mut facts).denied = Fact::Known(vec!["dms:TestConnection".into()]);
        assert!(finding(&CHECK, &facts).message.ends_with("user/me may not: dms:TestConnection"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.denied = unseen());
    }
}
