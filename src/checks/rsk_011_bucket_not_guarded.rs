//! RSK-011: see the check's own explanation.

use super::bucket::{block, with_buckets};
use super::{Finding, Judged};
use crate::facts::aws::{Bucket, S3_BLOCKS};
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The buckets of `[s3]` and of the target endpoint: whether the four switches that keep a bucket from being made
    /// public are on, and whether new objects are encrypted with a key of KMS, by the bucket itself or by the endpoint
    /// (`EncryptionMode`). The account has four such switches of its own, which count as well and are not looked at. A
    /// bucket that is public already is told by RSK-014.
    ///
    /// # Why it matters
    /// The bucket holds every row of the selected tables, and every change to them, in clear text files. S3 encrypts all
    /// objects since January 2023, but with its own key, which opens them for whoever may read the bucket; a key of KMS
    /// asks for a second permission, and its use is written down in CloudTrail.
    ///
    /// # How to fix it by hand
    /// First let the roles of DMS and Glue use the key (`kms:GenerateDataKey` and `kms:Decrypt`): without that, they can
    /// neither write nor read from then on. Then:
    ///
    /// ```sh
    /// aws s3api put-public-access-block --bucket BUCKET --public-access-block-configuration \
    ///   BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
    /// aws s3api put-bucket-encryption --bucket BUCKET --server-side-encryption-configuration \
    ///   '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"<ARN of the key>"},"BucketKeyEnabled":true}]}'
    /// ```
    ///
    /// An endpoint whose `EncryptionMode` is `sse-s3` may ask for S3's key all the same, and DMS does not let it be
    /// changed to `sse-kms` later: then make the endpoint anew.
    ///
    /// # Source
    /// Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage" and "Setting default server-side
    /// encryption behavior"; AWS DMS User Guide, "Using Amazon S3 as a target", encryption.
    code: "RSK-011",
    name: "bucket-not-guarded",
    area: Rsk,
    severity: Advice,
    title: "The bucket with the rows could be made public, or is encrypted with S3's own key only",
    after: ["IAM-001"],
}

const BY_KEY: &str = r#"{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"<ARN of the key>"},"BucketKeyEnabled":true}]}"#;

fn judge(facts: &Facts) -> Judged {
    with_buckets(facts, |name, bucket| finding(name, bucket, endpoint_mode(facts, name)))
}

/// What the target endpoint says of encryption, where it writes to this bucket.
fn endpoint_mode<'a>(facts: &'a Facts, bucket: &str) -> Option<&'a str> {
    let (aws, dms) = (facts.aws.as_ref()?, facts.pipeline.dms.as_ref()?);
    let s3 = aws.dms.endpoint(&dms.target_endpoint).ok()??.s3.as_ref()?;
    s3.encryption.as_deref().filter(|_| s3.bucket.as_deref() == Some(bucket))
}

/// What is missing; unknown only where nothing is, as far as could be seen.
fn finding(name: &str, bucket: &Bucket, by_endpoint: Option<&str>) -> Result<Option<Finding>, Unknown> {
    let mut faults = Vec::new();
    let mut steps = Vec::new();
    let on = bucket.blocks.value();
    let off: Vec<&str> = S3_BLOCKS.into_iter().filter(|block| on.is_some_and(|on| !on.contains(*block))).collect();
    if !off.is_empty() {
        faults.push(format!("{} {} off", off.join(", "), if off.len() == 1 { "is" } else { "are" }));
        steps.push(block(name));
    }
    let without_key = |e: &Option<String>| !e.as_deref().is_some_and(|e| e.starts_with("aws:kms"));
    if by_endpoint != Some("sse-kms") && bucket.encryption.value().is_some_and(without_key) {
        faults.push("new objects are encrypted with S3's own key".to_owned());
        steps.push("First let the roles of DMS and Glue use the key: kms:GenerateDataKey, kms:Decrypt".to_owned());
        steps.push(format!(
            "aws s3api put-bucket-encryption --bucket {name} --server-side-encryption-configuration '{BY_KEY}'"
        ));
    }
    if faults.is_empty() {
        return bucket.blocks.known().and(bucket.encryption.known().map(|_| None));
    }
    let message = format!("The bucket {name} holds the rows, and {}", faults.join("; "));
    let finding = Finding::new(name, message).fix(Fix::manual("guard it", steps));
    Ok(Some(match by_endpoint {
        Some(mode) => finding.saw("EncryptionMode of the endpoint", mode),
        None => finding,
    }))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::bucket::{assert_around, with_bucket as with};
    use crate::checks::testing::{assert_pass, assert_unknown, finding, unseen};
    use crate::checks::testing_aws::{known, target_endpoint};
    use crate::facts::Fact;
    use crate::facts::aws::S3Settings;

    #[test]
    fn each_guard_that_is_missing_is_named_with_its_command() {
        assert_pass(&CHECK, &with(|_| {}));
        let found = finding(&CHECK, &with(|b| known(&mut b.blocks).retain(|block| block != "BlockPublicPolicy")));
        assert_eq!(found.message, "The bucket charts-cdc holds the rows, and BlockPublicPolicy is off");
        let steps = finding(&CHECK, &with(|b| b.encryption = Fact::Known(Some("AES256".into())))).fix.unwrap().steps;
        assert!(steps[0].action.describe().contains("kms:Decrypt"), "without it the pipeline stops");
        assert!(steps[1].action.describe().contains("put-bucket-encryption --bucket charts-cdc"));
    }

    #[test]
    fn an_endpoint_that_encrypts_with_a_key_is_enough() {
        let mut facts = with(|b| b.encryption = Fact::Known(None));
        let s3 = S3Settings { bucket: Some("charts-cdc".into()), ..S3Settings::default() };
        target_endpoint(&mut facts).s3 = Some(S3Settings { encryption: Some("sse-s3".into()), ..s3.clone() });
        assert_eq!(finding(&CHECK, &facts).evidence[0].1, "sse-s3");
        target_endpoint(&mut facts).s3 = Some(S3Settings { encryption: Some("sse-kms".into()), ..s3 });
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn what_could_not_be_seen_hides_no_fault_that_could() {
        assert_unknown(&CHECK, &with(|b| b.blocks = unseen()));
        let facts = with(|b| (b.blocks, b.encryption) = (unseen(), Fact::Known(None)));
        assert!(finding(&CHECK, &facts).message.ends_with("and new objects are encrypted with S3's own key"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK);
    }
}
