//! IAM-008: see the check's own explanation.

use super::aws_parts::{OnRds, with_dms};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// What RDS and DMS say of their keys: the state `inaccessible-encryption-credentials` of either database, and a
    /// refusal by KMS in the last connection tests, the task's failure and its log. The key's policy is not read. The
    /// replication instance's own key is looked at by DRI-010.
    ///
    /// # Why it matters
    /// A role may be allowed everything and still be refused: a key is used only by those whom its own policy allows.
    ///
    /// # How to fix it by hand
    /// Let an administrator of the key allow the role that is named: `kms:Decrypt`, and for S3 `kms:GenerateDataKey`.
    /// A disabled key: `aws kms enable-key --key-id KEY`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Creating and using AWS KMS keys to encrypt Amazon S3 target objects"; Amazon RDS User Guide,
    /// "Viewing DB instance status".
    code: "IAM-008",
    name: "kms-key-refused",
    area: Iam,
    severity: Error,
    title: "A KMS key is disabled, or does not let the role use it",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_dms(facts, |part| {
        let mut found = Vec::new();
        for side in ["source", "target"] {
            let lost = OnRds::of(facts, side)?.filter(|s| s.instance.status.starts_with("inaccessible-encryption"));
            found.extend(lost.map(|s| finding(&s.instance.identifier, &s.instance.status)));
        }
        part.dms.connections.known()?;
        for endpoint in [part.source()?, part.target()?].into_iter().flatten() {
            let said = part.failure_of(endpoint).filter(|said| is_refusal(said));
            found.extend(said.map(|said| finding(&endpoint.identifier, said)));
        }
        let Some(task) = part.dms.task(part.names)? else { return Ok(found) };
        let log = part.dms.log.value().and_then(Option::as_ref).into_iter().flatten().rev();
        let said = task.failure.iter().chain(log).find(|said| is_refusal(said));
        found.extend(said.map(|said| finding(&task.identifier, said)));
        Ok(found)
    })
}

/// KMS speaks of itself by name, in the exception or in the action.
fn is_refusal(said: &str) -> bool {
    let said = said.to_lowercase();
    let refused = ["denied", "not authorized", "disabled", "inaccessible", "notaccessible", "pending deletion"];
    said.contains("kms") && refused.iter().any(|word| said.contains(word))
}

fn finding(subject: &str, said: &str) -> Finding {
    let fix = Fix::manual(
        "let the key be used",
        [
            "aws kms describe-key --key-id KEY --query KeyMetadata.KeyState; if Disabled: aws kms enable-key --key-id KEY",
            "Else allow the role kms:Decrypt (for S3 also kms:GenerateDataKey) in the key's policy and in its own.",
        ],
    );
    Finding::new(subject, format!("{subject} is refused a KMS key")).saw("said", said).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, source_connection, source_rds};
    use crate::facts::Fact;

    #[test]
    fn whoever_was_refused_is_named() {
        let mut facts = healthy_dms();
        let connection = source_connection(&mut facts);
        let said = "is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-2:1:key/1";
        (connection.status, connection.failure) = ("failed".into(), Some(said.into()));
        assert_eq!(finding(&CHECK, &facts).subject, "charts-src");
        assert_eq!(causes(&facts), ["IAM-008"]);
        let mut facts = healthy_dms();
        source_rds(&mut facts).status = "inaccessible-encryption-credentials".into();
        assert_eq!(finding(&CHECK, &facts).subject, "charts-source");
        let mut facts = healthy_dms();
        let lines = ["]E: no such table", "]E: KMS.DisabledException: the key is disabled"].map(str::to_owned);
        aws(&mut facts).dms.log = Fact::Known(Some(lines.into()));
        assert_eq!(finding(&CHECK, &facts).subject, "charts-task");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.connections = unseen());
    }
}
