//! RSK-014: see the check's own explanation.

use super::bucket::with_buckets;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The buckets of `[s3]` and of the target endpoint: whether S3 calls the bucket's policy public, and the bucket's
    /// switch `RestrictPublicBuckets` does not hold it back. The account has such a switch too, which is not looked at;
    /// nor are the ACLs of single objects.
    ///
    /// # Why it matters
    /// The bucket holds every row of the selected tables, and every change to them, in clear text files; anybody on the
    /// internet may read what the policy names.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws s3api put-public-access-block --bucket BUCKET --public-access-block-configuration \
    ///   BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
    /// ```
    ///
    /// It holds at once; then take the statement out of the policy.
    ///
    /// # Source
    /// Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", the meaning of "public".
    code: "RSK-014",
    name: "bucket-public",
    area: Rsk,
    severity: Error,
    title: "Anybody may read the bucket with the rows",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_buckets(facts, |name, bucket| {
        let public = *bucket.public_policy.known()?;
        if !public || bucket.blocks.known()?.contains("RestrictPublicBuckets") {
            return Ok(None);
        }
        let message = format!("The policy of the bucket {name} lets anybody in, and nothing holds it back");
        let commands = [
            super::bucket::block(name),
            format!("Then take the statement out of its policy: aws s3api get-bucket-policy --bucket {name}"),
        ];
        Ok(Some(Finding::new(name, message).fix(Fix::manual("close it", commands))))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::bucket::with_bucket;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, unseen};
    use crate::checks::testing_aws::known;
    use crate::facts::Fact;

    #[test]
    fn a_public_policy_that_nothing_holds_back() {
        assert_pass(&CHECK, &with_bucket(|_| {}));
        assert_pass(&CHECK, &with_bucket(|b| b.public_policy = Fact::Known(true)));
        let facts = with_bucket(|b| {
            b.public_policy = Fact::Known(true);
            known(&mut b.blocks).clear();
        });
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "The policy of the bucket charts-cdc lets anybody in, and nothing holds it back");
        assert!(found.fix.unwrap().steps[0].action.describe().contains("RestrictPublicBuckets=true"));
    }

    #[test]
    fn around() {
        assert_unknown(&CHECK, &with_bucket(|b| b.public_policy = unseen()));
        crate::checks::bucket::assert_around(&CHECK);
    }
}
