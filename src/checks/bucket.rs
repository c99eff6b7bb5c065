//! The buckets with the rows that checks look at, and what a check answers where there is none.

use super::aws_parts::NO_AWS;
use super::{Finding, Judged, Verdict};
use crate::facts::aws::{Bucket, S3_BLOCKS};
use crate::facts::{Facts, Unknown};

/// Judges each bucket that there is.
pub(super) fn with_buckets(facts: &Facts, look: impl Fn(&str, &Bucket) -> Result<Option<Finding>, Unknown>) -> Judged {
    let Some(aws) = &facts.aws else { return Ok(Verdict::NotApplicable(NO_AWS)) };
    let buckets = aws.buckets.known()?;
    let there: Vec<_> = buckets.iter().filter_map(|(name, bucket)| Some((name, bucket.as_ref()?))).collect();
    if there.is_empty() {
        return Ok(Verdict::NotApplicable("the pipeline has no bucket, or it does not exist yet"));
    }
    let mut findings = Vec::new();
    for (name, bucket) in there {
        findings.extend(look(name, bucket)?);
    }
    Ok(Verdict::from_findings(findings))
}

/// The command that keeps a bucket from being made public.
pub(super) fn block(name: &str) -> String {
    let all = S3_BLOCKS.map(|block| format!("{block}=true")).join(",");
    format!("aws s3api put-public-access-block --bucket {name} --public-access-block-configuration {all}")
}

/// A pipeline with a bucket that is guarded, but for a change.
#[cfg(test)]
pub(super) fn with_bucket(change: impl Fn(&mut Bucket)) -> Facts {
    use crate::facts::Fact;

    let mut facts = super::testing_aws::healthy_dms();
    let mut bucket = Bucket {
        encryption: Fact::Known(Some("aws:kms".into())),
        blocks: Fact::Known(S3_BLOCKS.map(str::to_owned).into()),
        public_policy: Fact::Known(false),
    };
    change(&mut bucket);
    super::testing_aws::aws(&mut facts).buckets = Fact::Known([("charts-cdc".to_owned(), Some(bucket))].into());
    facts
}

/// Cannot tell where the buckets are not known, and does not apply without one.
#[cfg(test)]
#[track_caller]
pub(super) fn assert_around(check: &super::Check) {
    use super::testing::{assert_not_applicable, assert_unknown, healthy_rds, unseen};
    use super::testing_aws::aws;
    use crate::facts::Fact;

    let mut facts = with_bucket(|_| {});
    aws(&mut facts).buckets = unseen();
    assert_unknown(check, &facts);
    aws(&mut facts).buckets = Fact::Known([("charts-cdc".to_owned(), None)].into());
    assert_not_applicable(check, &facts);
    assert_not_applicable(check, &healthy_rds());
}
