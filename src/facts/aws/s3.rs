//! S3: what keeps the rows in a bucket from being read by others.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types::{PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault};
use serde::{Deserialize, Serialize};

use super::super::Fact;
use super::collect::seen;
use crate::aws::{Error, Session};

/// A bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// How new objects are encrypted: `AES256` (S3's own key), `aws:kms` or `aws:kms:dsse`. Since January 2023 S3
    /// encrypts all of them: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html>.
    pub encryption: Fact<Option<String>>,
    /// The four switches that keep it from being made public, by their names in the API; those that are off are left
    /// out. The account has four of its own, which are not looked at here.
    pub blocks: Fact<BTreeSet<String>>,
    /// Its policy lets anybody in.
    pub public_policy: Fact<bool>,
}

/// The switches of a public access block, as the API names them.
pub const BLOCKS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

/// The buckets of these names; none where there is no such bucket.
pub(super) async fn buckets(session: &Session, names: &BTreeSet<String>) -> BTreeMap<String, Option<Bucket>> {
    let mut all = BTreeMap::new();
    for name in names {
        all.insert(name.clone(), bucket(session, name).await);
    }
    all
}

async fn bucket(session: &Session, name: &str) -> Option<Bucket> {
    let encryption = encryption(session, name).await;
    if encryption.as_ref().is_err_and(|error| error.code.as_deref() == Some("NoSuchBucket")) {
        return None;
    }
    let (blocks, public_policy) = tokio::join!(blocks(session, name), public_policy(session, name));
    Some(Bucket { encryption: seen(encryption), blocks: seen(blocks), public_policy: seen(public_policy) })
}

async fn encryption(session: &Session, name: &str) -> Result<Option<String>, Error> {
    let ask = session.s3().get_bucket_encryption().bucket(name);
    let answer = match session.call("s3:GetEncryptionConfiguration", ask.send()).await {
        Err(error) if error.code.as_deref() == Some("ServerSideEncryptionConfigurationNotFoundError") => {
            return Ok(None);
        }
        answer => answer?,
    };
    let rules = answer.server_side_encryption_configuration.map(|c| c.rules).unwrap_or_default();
    let default = rules.iter().find_map(|r| r.apply_server_side_encryption_by_default());
    Ok(default.map(ServerSideEncryptionByDefault::sse_algorithm).map(ServerSideEncryption::as_str).map(str::to_owned))
}

async fn blocks(session: &Session, name: &str) -> Result<BTreeSet<String>, Error> {
    let ask = session.s3().get_public_access_block().bucket(name);
    let answer = match session.call("s3:GetBucketPublicAccessBlock", ask.send()).await {
        Err(error) if error.code.as_deref() == Some("NoSuchPublicAccessBlockConfiguration") => None,
        answer => answer?.public_access_block_configuration,
    };
    Ok(answer.as_ref().map(switched_on).unwrap_or_default())
}

fn switched_on(block: &PublicAccessBlockConfiguration) -> BTreeSet<String> {
    let switches = [
        block.block_public_acls(),
        block.ignore_public_acls(),
        block.block_public_policy(),
        block.restrict_public_buckets(),
    ];
    let on = BLOCKS.iter().zip(switches).filter(|(_, on)| *on == Some(true));
    on.map(|(name, _)| (*name).to_owned()).collect()
}

async fn public_policy(session: &Session, name: &str) -> Result<bool, Error> {
    let ask = session.s3().get_bucket_policy_status().bucket(name);
    match session.call("s3:GetBucketPolicyStatus", ask.send()).await {
        Err(error) if error.code.as_deref() == Some("NoSuchBucketPolicy") => Ok(false),
        answer => Ok(answer?.policy_status.and_then(|s| s.is_public()).unwrap_or_default()),
    }
}
