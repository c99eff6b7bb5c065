//! IAM-010: see the check's own explanation.

use super::aws_parts::with_dms;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::Role;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Conditions of the trust policies (`aws:SourceAccount`, `aws:SourceArn`) of the roles that DMS takes.
    ///
    /// # Why it matters
    /// DMS cannot take the role, although it is there and trusts DMS: the message is the same as for a missing role.
    ///
    /// # How to fix it by hand
    /// Correct account and region in the condition: `aws iam update-assume-role-policy --role-name ROLE
    /// --policy-document file://trust.json`.
    ///
    /// # Source
    /// IAM User Guide, "The confused deputy problem".
    code: "IAM-010",
    name: "role-conditions-name-another-account",
    area: Iam,
    severity: Warning,
    title: "The trust of a role has conditions that name another account or region",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_dms(facts, |part| {
        let account = &part.aws.caller.known()?.account;
        let mut findings = Vec::new();
        for (name, role) in part.aws.roles.known()? {
            let conditions = role.iter().flat_map(Role::conditions);
            let other = conditions.filter(|c| c.contains("aws:Source")).find(|c| !c.contains(account.as_str()));
            findings.extend(other.map(|condition| {
                let message = format!("The role {name} may be taken for another account than {account} only");
                let fix =
                    Fix::manual("correct the condition", ["Name this account in the condition of the trust policy."]);
                Finding::new(name, message).saw("condition", condition).fix(fix)
            }));
        }
        Ok(findings)
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn a_condition_for_another_account() {
        let mut facts = healthy_dms();
        let role = known(&mut aws(&mut facts).roles).get_mut("dms-vpc-role").unwrap().as_mut().unwrap();
        role.trust["Statement"][0]["Condition"] =
            serde_json::json!({"StringEquals": {"aws:SourceAccount": "999999999999"}});
        assert!(finding(&CHECK, &facts).message.starts_with("The role dms-vpc-role"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.roles = unseen());
    }
}
