//! IAM-011: see the check's own explanation.

use super::aws_parts::{only, with_dms};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether the role `dms-access-for-endpoint` exists, in a pipeline whose target is not Redshift.
    ///
    /// # Why it matters
    /// It may write to S3 and to Redshift, for a use that this pipeline does not have.
    ///
    /// # How to fix it by hand
    /// Delete it, where no other task of the account has Redshift as a target.
    ///
    /// # Source
    /// AWS DMS User Guide, "Creating the IAM roles to use with AWS DMS".
    code: "IAM-011",
    name: "redshift-role-unneeded",
    area: Iam,
    severity: Advice,
    title: "The role dms-access-for-endpoint is there, which only Redshift needs",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_dms(facts, |part| {
        const NAME: &str = "dms-access-for-endpoint";
        let there = part.aws.roles.known()?.get(NAME).is_some_and(Option::is_some);
        let redshift = part.dms.endpoints.known()?.iter().any(|e| e.engine == "redshift");
        let fix = Fix::manual("delete it", ["Delete the role, where no task of this account writes to Redshift."]);
        only(
            (there && !redshift)
                .then(|| Finding::new(NAME, format!("The role {NAME} is there; only Redshift needs it")).fix(fix)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};

    #[test]
    fn it_is_there_for_nothing() {
        let mut facts = healthy_dms();
        let roles = known(&mut aws(&mut facts).roles);
        let any = roles["dms-vpc-role"].clone();
        roles.insert("dms-access-for-endpoint".into(), any);
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.roles = unseen());
    }
}
