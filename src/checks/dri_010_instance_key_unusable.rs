//! DRI-010: see the check's own explanation.

use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The states of a replication instance whose KMS key is lost: `inaccessible-encryption-credentials` and
    /// `incompatible-credentials`.
    ///
    /// # Why it matters
    /// Its storage cannot be read: no task runs. While the key can still be enabled, nothing is lost; a key that is
    /// deleted takes the instance with it.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws kms describe-key --key-id KEY --query KeyMetadata.KeyState
    /// aws kms cancel-key-deletion --key-id KEY
    /// aws kms enable-key --key-id KEY
    /// ```
    ///
    /// # Source
    /// AWS DMS API Reference, `ReplicationInstance`; AWS KMS Developer Guide, "Key states".
    code: "DRI-010",
    name: "instance-key-unusable",
    area: Dri,
    severity: Error,
    title: "The KMS key of the replication instance is disabled, or DMS may not use it",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |_, instance| {
        let lost = ["inaccessible-encryption-credentials", "incompatible-credentials"];
        let lost = lost.iter().any(|state| instance.status.starts_with(state));
        let key = instance.kms_key.as_deref().unwrap_or("alias/aws/dms");
        let message = format!("{} is {}: its key cannot be used", instance.identifier, instance.status);
        let fix = Fix::manual(
            "enable the key",
            [
                format!("aws kms describe-key --key-id {key} --query KeyMetadata.KeyState"),
                format!("Disabled: aws kms enable-key --key-id {key}"),
                format!("PendingDeletion: aws kms cancel-key-deletion --key-id {key}, then enable it"),
            ],
        );
        let finding = Finding::new(&instance.identifier, message).saw("status", &instance.status).saw("key", key);
        only(lost.then(|| finding.fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, replication_instance};

    #[test]
    fn a_lost_key_is_the_cause_of_the_state() {
        let mut facts = healthy_dms();
        let instance = replication_instance(&mut facts);
        instance.status = "inaccessible-encryption-credentials-recoverable".into();
        instance.kms_key = Some("arn:aws:kms:eu-west-2:123456789012:key/1".into());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[1].action.describe().ends_with("--key-id arn:aws:kms:eu-west-2:123456789012:key/1"));
        assert_eq!(causes(&facts), ["DRI-010"]);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
