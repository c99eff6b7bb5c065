//! IAM-013: see the check's own explanation.

use super::aws_parts::{only, with_target};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Where the task validates what it wrote to S3, or the S3 endpoint keeps a catalogue in Glue: whether the
    /// endpoint's role may do the least that this takes on Athena and Glue, by IAM's own simulation of its policies.
    ///
    /// # Why it matters
    /// DMS validates files by queries of Athena over tables in Glue. Without the rights, rows are loaded and none is
    /// validated, or the catalogue stays empty.
    ///
    /// # How to fix it by hand
    /// Allow the role the actions that are named, as the page below lists them; or turn validation and
    /// `GlueCatalogGeneration` off.
    ///
    /// # Source
    /// AWS DMS User Guide, "Amazon S3 target data validation" and "Using AWS Glue Data Catalog with an Amazon S3 target".
    code: "IAM-013",
    name: "s3-role-lacks-athena-and-glue",
    area: Iam,
    severity: Advice,
    title: "The role of the S3 endpoint may not use Athena and Glue, and DMS is to",
    after: ["IAM-001", "IAM-005"],
}

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        let Some(role) = endpoint.s3.as_ref().and_then(|s| s.role.as_deref()) else { return Ok(Vec::new()) };
        let lacks = part.aws.s3_role_lacks.known()?;
        let lacks: Vec<&str> = lacks.iter().map(String::as_str).filter(|a| !a.starts_with("s3:")).collect();
        only((!lacks.is_empty()).then(|| {
            let message = format!("{role} may not do {}, which validation and catalogue need", lacks.join(", "));
            let todo =
                format!("Allow the role {}, or turn EnableValidation and GlueCatalogGeneration off.", lacks.join(", "));
            Finding::new(&endpoint.identifier, message).fix(Fix::manual("allow it, or do without", [todo]))
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, assert_unknown, finding, healthy_rds, unseen};
    use crate::checks::testing_aws::{aws, healthy_dms, target_endpoint};
    use crate::facts::Fact;
    use crate::facts::aws::S3Settings;

    #[test]
    fn rights_beyond_s3() {
        let mut facts = healthy_dms();
        assert_pass(&CHECK, &facts);
        let role = Some("arn:aws:iam::1:role/charts-s3".to_owned());
        target_endpoint(&mut facts).s3 = Some(S3Settings { role, ..S3Settings::default() });
        aws(&mut facts).s3_role_lacks = Fact::Known(vec!["s3:PutObject".into()]);
        assert_pass(&CHECK, &facts);
        aws(&mut facts).s3_role_lacks = Fact::Known(vec!["s3:PutObject".into(), "glue:GetTable".into()]);
        assert!(finding(&CHECK, &facts).message.contains("charts-s3 may not do glue:GetTable, which"));
        aws(&mut facts).s3_role_lacks = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy_rds());
    }
}
