//! The REST protocol of S3, in path style: `PUT /BUCKET?encryption`. Pure.
//!
//! What is asked is in the method, the path and the query; parameters that a body brings stand under the name of its
//! root. Of an answer, a `GET` has its one member as the root of the body, or text as it is; anything else has its
//! members as headers.

use serde_json::{Value, json};

use super::{Head, Written, xml};
use crate::lab::aws::errors::{Answer, AwsError};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Calls on a bucket: method, sub-resource, operation, and the permission, which has another name for some (Service
/// Authorization Reference, "Actions defined by Amazon S3").
const CALLS: [(&str, &str, &str, &str); 14] = [
    ("PUT", "", "CreateBucket", "CreateBucket"),
    ("HEAD", "", "HeadBucket", "ListBucket"),
    ("DELETE", "", "DeleteBucket", "DeleteBucket"),
    ("GET", "location", "GetBucketLocation", "GetBucketLocation"),
    ("GET", "encryption", "GetBucketEncryption", "GetEncryptionConfiguration"),
    ("PUT", "encryption", "PutBucketEncryption", "PutEncryptionConfiguration"),
    ("DELETE", "encryption", "DeleteBucketEncryption", "PutEncryptionConfiguration"),
    ("GET", "publicAccessBlock", "GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    ("PUT", "publicAccessBlock", "PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
    ("DELETE", "publicAccessBlock", "DeletePublicAccessBlock", "PutBucketPublicAccessBlock"),
    ("GET", "policy", "GetBucketPolicy", "GetBucketPolicy"),
    ("PUT", "policy", POLICY, POLICY),
    ("DELETE", "policy", "DeleteBucketPolicy", "DeleteBucketPolicy"),
    ("GET", "policyStatus", "GetBucketPolicyStatus", "GetBucketPolicyStatus"),
];
/// Its body is JSON, and it is answered like a deletion.
const POLICY: &str = "PutBucketPolicy";
/// The only call without a bucket.
const BUCKETS: &str = "ListBuckets";

/// The operation and what it carries. One that is not known is told by its method and what it is about.
pub(super) fn read(head: Head<'_>, body: &[u8]) -> (String, Result<Value, AwsError>) {
    let path = head.path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    // SDKs repeat the operation's name in `x-id`.
    let mut names = url::form_urlencoded::parse(head.query.as_bytes()).map(|(name, _)| name).filter(|n| n != "x-id");
    let resource = names.next().unwrap_or_default();
    let found = CALLS.iter().find(|(method, of, ..)| *method == head.method && *of == resource);
    let operation = match found {
        _ if !key.is_empty() => format!("{} of an object", head.method),
        Some((_, _, operation, _)) if !bucket.is_empty() => (*operation).to_owned(),
        None if bucket.is_empty() && head.method == "GET" && resource.is_empty() => BUCKETS.to_owned(),
        _ => format!("{} ?{resource}", head.method),
    };
    let input = input(&operation, bucket, body);
    (operation, input)
}

fn input(operation: &str, bucket: &str, body: &[u8]) -> Result<Value, AwsError> {
    let mut input = json!({ "Bucket": bucket });
    if operation == POLICY {
        input["Policy"] = String::from_utf8_lossy(body).into();
    } else if operation.starts_with("Put") || (operation == "CreateBucket" && !body.is_empty()) {
        let (root, content) = xml::read(body).ok_or_else(AwsError::malformed_xml)?;
        input[root] = content;
    }
    Ok(input)
}

/// The name of the permission that an operation needs.
pub(super) fn permission(operation: &str) -> &str {
    let found = CALLS.iter().find(|(_, _, known, _)| *known == operation).map(|(.., permission)| *permission);
    found.unwrap_or(if operation == BUCKETS { "ListAllMyBuckets" } else { operation })
}

/// The answer to a call. What a `HEAD` has no body for, the server leaves out.
pub(super) fn write(operation: &str, answer: &Answer, request: &str) -> Written {
    let mut headers = vec![("x-amz-request-id", request.to_owned())];
    let in_body = operation.starts_with("Get") || operation.starts_with("List");
    let (status, content_type, body) = match answer {
        Err(error) => (error.status, "application/xml", xml::rest_error(error, request)),
        Ok(Value::String(text)) => (200, "application/json", text.clone()),
        Ok(value) if in_body => (200, "application/xml", xml::rest_result(NAMESPACE, value)),
        Ok(value) => {
            headers.extend(HEADERS.iter().filter_map(|name| Some((*name, value.get(*name)?.as_str()?.to_owned()))));
            let nothing = operation.starts_with("Delete") || operation == POLICY;
            (if nothing { 204 } else { 200 }, "application/xml", String::new())
        }
    };
    Written { status, content_type, headers, body: body.into_bytes() }
}

/// Headers that answers have.
const HEADERS: [&str; 2] = ["location", "x-amz-bucket-region"];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, url: &str, body: &str) -> (String, Result<Value, String>) {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let (operation, input) = read(Head { method, path, query, ..Head::default() }, body.as_bytes());
        (operation, input.map_err(|error| error.code))
    }

    #[test]
    fn a_call_is_in_method_path_and_query() {
        for (method, url, operation, needs) in [
            ("GET", "/", "ListBuckets", "ListAllMyBuckets"),
            ("GET", "/?x-id=ListBuckets", "ListBuckets", "ListAllMyBuckets"),
            ("GET", "/charts?encryption", "GetBucketEncryption", "GetEncryptionConfiguration"),
            ("GET", "/charts/?publicAccessBlock=", "GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
            ("GET", "/charts?policyStatus&x-id=X", "GetBucketPolicyStatus", "GetBucketPolicyStatus"),
            ("HEAD", "/charts", "HeadBucket", "ListBucket"),
            ("DELETE", "/charts", "DeleteBucket", "DeleteBucket"),
            // Not simulated, and told apart from what is.
            ("GET", "/charts", "GET ?", "GET ?"),
            ("GET", "/charts?list-type=2", "GET ?list-type", "GET ?list-type"),
            ("PUT", "/charts/raw/x.parquet", "PUT of an object", "PUT of an object"),
            ("DELETE", "/", "DELETE ?", "DELETE ?"),
        ] {
            let (is, _) = asked(method, url, "");
            assert_eq!((is.as_str(), permission(&is)), (operation, needs), "{method} {url}");
        }
    }

    #[test]
    fn a_body_stands_under_the_name_of_its_root() {
        let region =
            "<CreateBucketConfiguration><LocationConstraint>eu-west-2</LocationConstraint></CreateBucketConfiguration>";
        let wanted = json!({"Bucket": "b", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-2"}});
        assert_eq!(asked("PUT", "/b", region).1, Ok(wanted));
        assert_eq!(asked("PUT", "/b", "").1, Ok(json!({"Bucket": "b"})));
        assert_eq!(asked("PUT", "/b?policy", "{}").1, Ok(json!({"Bucket": "b", "Policy": "{}"})));
        assert_eq!(asked("PUT", "/b?encryption", "<a>").1, Err("MalformedXML".to_owned()));
    }

    #[test]
    fn answers_are_in_the_body_or_in_headers() {
        let location = write("GetBucketLocation", &Ok(json!({"LocationConstraint": "eu-west-2"})), "r");
        let text = String::from_utf8(location.body).unwrap();
        assert!(
            text.ends_with(&format!("<LocationConstraint xmlns=\"{NAMESPACE}\">eu-west-2</LocationConstraint>")),
            "{text}"
        );
        let head = write("HeadBucket", &Ok(json!({"x-amz-bucket-region": "eu-west-2"})), "r");
        assert!(head.headers.contains(&("x-amz-bucket-region", "eu-west-2".to_owned())) && head.body.is_empty());
        assert_eq!(write("DeleteBucket", &Ok(json!({})), "r").status, 204);
        let refused = write("GetBucketPolicy", &Err(AwsError::new(404, "NoSuchBucket", "<none>")), "r");
        let text = String::from_utf8(refused.body).unwrap();
        assert!(
            refused.status == 404 && text.contains("<Code>NoSuchBucket</Code><Message>&lt;none&gt;</Message>"),
            "{text}"
        );
    }
}
