//! S3: buckets with their encryption, their public access block and their policy. There are no objects.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, empty};
use super::errors::{Answer, AwsError};
use super::input::Input;
use super::names::{ACCOUNT, iso};
use super::policies::{each, is_public};
use super::sts::CALLER;

/// The members of a public access block.
const BLOCKS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", BLOCK_POLICY, "RestrictPublicBuckets"];
/// The one that refuses public policies.
const BLOCK_POLICY: &str = "BlockPublicPolicy";
const ENCRYPTION: &str = "ServerSideEncryptionConfiguration";
const BLOCK: &str = "PublicAccessBlockConfiguration";

/// All buckets by name.
#[derive(Debug, Default)]
pub(super) struct State(BTreeMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    created: Timestamp,
    encryption: Value,
    block: Option<Value>,
    policy: Option<String>,
}

impl Bucket {
    /// Encrypted with S3's own keys and closed to the public, as new buckets are since 2023.
    fn new() -> Self {
        Self {
            created: Timestamp::now(),
            encryption: rule(&json!({"SSEAlgorithm": "AES256"}), false),
            block: Some(block(|_| true)),
            policy: None,
        }
    }
}

impl State {
    fn bucket(&mut self, input: &Input) -> Result<&mut Bucket, AwsError> {
        let name = input.text("Bucket").unwrap_or_default();
        self.0.get_mut(name).ok_or_else(|| missing("NoSuchBucket", "The specified bucket does not exist"))
    }
}

/// Answers a call; nothing where there is none of that name.
pub(super) fn answer(account: &Account, operation: &str, input: &Input) -> Option<Answer> {
    let region = &account.stage.region;
    let state = &mut account.state().s3;
    Some(match operation {
        "ListBuckets" => Ok(list(state)),
        "CreateBucket" => create(state, region, input),
        "HeadBucket" => state.bucket(input).map(|_| json!({"x-amz-bucket-region": region})),
        "DeleteBucket" => delete(state, input),
        // The first region of all has no name here.
        "GetBucketLocation" => {
            state.bucket(input).map(|_| json!({"LocationConstraint": if region == "us-east-1" { "" } else { region }}))
        }
        _ => match state.bucket(input) {
            Ok(bucket) => of_bucket(bucket, operation, input)?,
            Err(error) => Err(error),
        },
    })
}

fn of_bucket(bucket: &mut Bucket, operation: &str, input: &Input) -> Option<Answer> {
    Some(match operation {
        "GetBucketEncryption" => Ok(json!({ ENCRYPTION: bucket.encryption })),
        "PutBucketEncryption" => encrypt(bucket, input),
        // It does not end the encryption: it makes it S3's own again.
        "DeleteBucketEncryption" => {
            bucket.encryption = Bucket::new().encryption;
            empty()
        }
        "GetPublicAccessBlock" => match &bucket.block {
            Some(block) => Ok(json!({ BLOCK: block })),
            None => Err(missing(
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            )),
        },
        "PutPublicAccessBlock" => {
            let given = Input(input.0.get(BLOCK).cloned().unwrap_or_default());
            bucket.block = Some(block(|name| given.flag(name)));
            empty()
        }
        "DeletePublicAccessBlock" => {
            bucket.block = None;
            empty()
        }
        "GetBucketPolicy" => policy(bucket).map(Value::from),
        "GetBucketPolicyStatus" => {
            policy(bucket).map(|policy| json!({"PolicyStatus": {"IsPublic": is_public(&statements(policy))}}))
        }
        "PutBucketPolicy" => put_policy(bucket, input),
        "DeleteBucketPolicy" => {
            bucket.policy = None;
            empty()
        }
        _ => return None,
    })
}

fn list(state: &State) -> Value {
    let all: Vec<Value> =
        state.0.iter().map(|(name, bucket)| json!({"Name": name, "CreationDate": iso(bucket.created)})).collect();
    json!({"ListAllMyBucketsResult": {"Owner": {"ID": ACCOUNT}, "Buckets": {"Bucket": all}}})
}

fn create(state: &mut State, region: &str, input: &Input) -> Answer {
    let name = input.text("Bucket").unwrap_or_default();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if !(3..=63).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(AwsError::bad("InvalidBucketName", "The specified bucket is not valid."));
    }
    let asked = input.0.get("CreateBucketConfiguration").and_then(|c| c["LocationConstraint"].as_str());
    if asked.unwrap_or("us-east-1") != region {
        let why = format!(
            "The {} location constraint is incompatible for the region specific endpoint this request was sent to.",
            asked.unwrap_or("unspecified")
        );
        return Err(AwsError::bad("IllegalLocationConstraintException", why));
    }
    if state.0.contains_key(name) {
        let why = "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(AwsError::new(409, "BucketAlreadyOwnedByYou", why));
    }
    state.0.insert(name.to_owned(), Bucket::new());
    Ok(json!({"location": format!("/{name}")}))
}

fn delete(state: &mut State, input: &Input) -> Answer {
    state.bucket(input)?;
    state.0.remove(input.text("Bucket").unwrap_or_default());
    empty()
}

/// An encryption configuration as it is told.
fn rule(by_default: &Value, bucket_key: bool) -> Value {
    json!({"Rule": [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": bucket_key}]})
}

fn encrypt(bucket: &mut Bucket, input: &Input) -> Answer {
    let rules = input.0.get(ENCRYPTION).map_or(&Value::Null, |c| &c["Rule"]);
    let rules: Vec<&Value> = each(rules).collect();
    let [given] = rules.as_slice() else { return Err(AwsError::malformed_xml()) };
    let by_default = &given["ApplyServerSideEncryptionByDefault"];
    let algorithm = by_default["SSEAlgorithm"].as_str().unwrap_or_default();
    if !["AES256", "aws:kms", "aws:kms:dsse"].contains(&algorithm) {
        return Err(AwsError::malformed_xml());
    }
    if algorithm == "AES256" && by_default.get("KMSMasterKeyID").is_some() {
        let why = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
        return Err(AwsError::bad("InvalidArgument", why));
    }
    bucket.encryption = rule(by_default, Input((*given).clone()).flag("BucketKeyEnabled"));
    empty()
}

fn block(is_on: impl Fn(&str) -> bool) -> Value {
    BLOCKS.iter().map(|name| ((*name).to_owned(), Value::from(is_on(name)))).collect::<serde_json::Map<_, _>>().into()
}

fn policy(bucket: &Bucket) -> Result<&str, AwsError> {
    let none = || missing("NoSuchBucketPolicy", "The bucket policy does not exist");
    bucket.policy.as_deref().ok_or_else(none)
}

fn statements(policy: &str) -> Vec<Value> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    each(&policy["Statement"]).cloned().collect()
}

fn put_policy(bucket: &mut Bucket, input: &Input) -> Answer {
    let policy = input.text("Policy").unwrap_or_default();
    let statements = statements(policy);
    if statements.is_empty() || statements.iter().any(|s| s.get("Principal").is_none()) {
        let why = if policy.starts_with('{') {
            "Missing required field Principal"
        } else {
            "Policies must be valid JSON and the first byte must be '{'"
        };
        return Err(AwsError::bad("MalformedPolicy", why));
    }
    let blocked = bucket.block.as_ref().is_some_and(|block| block[BLOCK_POLICY] == true);
    if blocked && is_public(&statements) {
        let why = format!(
            "User: {CALLER} is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::{}\" because \
             public policies are prevented by the {BLOCK_POLICY} setting in S3 Block Public Access.",
            input.text("Bucket").unwrap_or_default()
        );
        return Err(AwsError::new(403, "AccessDenied", why));
    }
    bucket.policy = Some(policy.to_owned());
    empty()
}

fn missing(code: &str, why: &str) -> AwsError {
    AwsError::new(404, code, why)
}
