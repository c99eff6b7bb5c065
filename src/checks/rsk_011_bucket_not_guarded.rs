//! RSK-011: see the check's own explanation.

use super::aws_parts::NO_AWS;
use super::{Finding, Judged, Verdict};
use crate::facts::aws::{Bucket, S3_BLOCKS};
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The buckets of `[s3]` and of the target endpoint: whether the bucket's policy lets anybody in, whether the four
    /// switches that keep a bucket from being made public are on, and whether new objects are encrypted with a key of KMS.
    /// The account has four such switches of its own, which count as well and are not looked at.
    ///
    /// # Why it matters
    /// The bucket holds every row of the selected tables, and every change to them, in clear text files. S3 encrypts all
    /// objects since January 2023, but with its own key, which opens them for whoever may read the bucket; a key of KMS
    /// asks for a second permission, and its use is written down in CloudTrail.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws s3api put-public-access-block --bucket BUCKET --public-access-block-configuration \
    ///   BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
    /// aws s3api put-bucket-encryption --bucket BUCKET --server-side-encryption-configuration \
    ///   '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"KEY"},"BucketKeyEnabled":true}]}'
    /// ```
    ///
    /// Then let the roles of DMS and Glue use the key: `kms:GenerateDataKey` and `kms:Decrypt`.
    ///
    /// # Source
    /// Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage" and "Setting default server-side
    /// encryption behavior"; AWS DMS User Guide, "Using Amazon S3 as a target", encryption.
    code: "RSK-011",
    name: "bucket-not-guarded",
    area: Rsk,
    severity: Advice,
    title: "The bucket with the rows can be read by others, or is encrypted with S3's own key only",
    after: ["IAM-001"],
}

const BY_KEY: &str = r#"{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"KEY"},"BucketKeyEnabled":true}]}"#;

fn judge(facts: &Facts) -> Judged {
    let Some(aws) = &facts.aws else { return Ok(Verdict::NotApplicable(NO_AWS)) };
    let buckets = aws.buckets.known()?;
    let there: Vec<_> = buckets.iter().filter_map(|(name, bucket)| Some((name, bucket.as_ref()?))).collect();
    if there.is_empty() {
        return Ok(Verdict::NotApplicable("the pipeline has no bucket, or it does not exist yet"));
    }
    // DMS may be told to encrypt with a key, whatever the bucket does by itself.
    let by_endpoint = |name: &str| {
        let endpoint =
            facts.pipeline.dms.as_ref().and_then(|dms| aws.dms.endpoint(&dms.target_endpoint).ok().flatten());
        let s3 = endpoint.and_then(|e| e.s3.as_ref());
        s3.is_some_and(|s3| s3.bucket.as_deref() == Some(name) && s3.encryption.as_deref() == Some("sse-kms"))
    };
    let mut findings = Vec::new();
    for (name, bucket) in there {
        findings.extend(finding(name, bucket, by_endpoint(name))?);
    }
    Ok(Verdict::from_findings(findings))
}

/// What is missing; unknown only where nothing is, as far as could be seen.
fn finding(name: &str, bucket: &Bucket, by_endpoint: bool) -> Result<Option<Finding>, Unknown> {
    let mut faults = Vec::new();
    let mut commands = Vec::new();
    if bucket.public_policy.value() == Some(&true) {
        faults.push("its policy lets anybody in".to_owned());
        commands.push(format!("Look at its policy: aws s3api get-bucket-policy --bucket {name}"));
    }
    let on = bucket.blocks.value();
    let off: Vec<&str> = S3_BLOCKS.into_iter().filter(|block| on.is_some_and(|on| !on.contains(*block))).collect();
    if !off.is_empty() {
        faults.push(format!("{} {} off", off.join(", "), if off.len() == 1 { "is" } else { "are" }));
        let all = S3_BLOCKS.map(|block| format!("{block}=true")).join(",");
        commands.push(format!(
            "aws s3api put-public-access-block --bucket {name} --public-access-block-configuration {all}"
        ));
    }
    let without_key = |e: &Option<String>| !e.as_deref().is_some_and(|e| e.starts_with("aws:kms"));
    if !by_endpoint && bucket.encryption.value().is_some_and(without_key) {
        faults.push("new objects are encrypted with S3's own key".to_owned());
        commands.push(format!(
            "aws s3api put-bucket-encryption --bucket {name} --server-side-encryption-configuration '{BY_KEY}'"
        ));
    }
    if faults.is_empty() {
        let unseen = [bucket.public_policy.known().err(), bucket.blocks.known().err(), bucket.encryption.known().err()];
        return unseen.into_iter().flatten().next().map_or(Ok(None), Err);
    }
    let message = format!("The bucket {name} holds the rows, and {}", faults.join("; "));
    Ok(Some(Finding::new(name, message).fix(Fix::manual("guard it", commands))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, assert_unknown, finding, healthy_rds, unseen};
    use crate::checks::testing_aws::{aws, healthy_dms, known, target_endpoint};
    use crate::facts::aws::{Bucket, S3_BLOCKS, S3Settings};
    use crate::facts::{Fact, Facts};

    fn with(change: impl Fn(&mut Bucket)) -> Facts {
        let mut facts = healthy_dms();
        let mut bucket = Bucket {
            encryption: Fact::Known(Some("aws:kms".into())),
            blocks: Fact::Known(S3_BLOCKS.map(str::to_owned).into()),
            public_policy: Fact::Known(false),
        };
        change(&mut bucket);
        aws(&mut facts).buckets = Fact::Known(BTreeMap::from([("charts-cdc".to_owned(), Some(bucket))]));
        facts
    }

    #[test]
    fn each_guard_that_is_missing_is_named_with_its_command() {
        assert_pass(&CHECK, &with(|_| {}));
        let found = finding(&CHECK, &with(|b| b.public_policy = Fact::Known(true)));
        assert_eq!(found.message, "The bucket charts-cdc holds the rows, and its policy lets anybody in");
        let found = finding(&CHECK, &with(|b| known(&mut b.blocks).retain(|block| block != "BlockPublicPolicy")));
        assert!(found.message.ends_with("and BlockPublicPolicy is off"), "{found:?}");
        let found = finding(&CHECK, &with(|b| b.encryption = Fact::Known(Some("AES256".into()))));
        assert!(found.fix.unwrap().steps[0].action.describe().contains("put-bucket-encryption --bucket charts-cdc"));
    }

    #[test]
    fn an_endpoint_that_encrypts_with_a_key_is_enough() {
        let mut facts = with(|b| b.encryption = Fact::Known(None));
        let s3 = S3Settings { bucket: Some("charts-cdc".into()), ..S3Settings::default() };
        target_endpoint(&mut facts).s3 = Some(s3.clone());
        finding(&CHECK, &facts);
        target_endpoint(&mut facts).s3 = Some(S3Settings { encryption: Some("sse-kms".into()), ..s3 });
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn what_could_not_be_seen_hides_no_fault_that_could() {
        assert_unknown(&CHECK, &with(|b| b.public_policy = unseen()));
        let facts = with(|b| (b.public_policy, b.encryption) = (unseen(), Fact::Known(None)));
        assert!(finding(&CHECK, &facts).message.ends_with("and new objects are encrypted with S3's own key"));
    }

    #[test]
    fn around() {
        let mut facts = with(|_| {});
        aws(&mut facts).buckets = unseen();
        assert_unknown(&CHECK, &facts);
        aws(&mut facts).buckets = Fact::Known(BTreeMap::from([("charts-cdc".to_owned(), None)]));
        assert_not_applicable(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy_rds());
    }
}
