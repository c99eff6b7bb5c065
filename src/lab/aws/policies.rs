//! What policies allow: IAM's, where conditions are not looked at, and whom those of buckets let in. Pure.

use serde_json::Value;

/// What statements say of an action on a resource: `allowed`, `explicitDeny` or `implicitDeny`.
pub(super) fn decision(statements: &[Value], action: &str, resource: &str) -> &'static str {
    let hit = |patterns: &Value, text: &str| each(patterns).filter_map(Value::as_str).any(|p| glob(p, text));
    let about = |s: &&Value| {
        hit(&s["Action"], &action.to_lowercase()) && (resource == "*" || hit(&s["Resource"], &resource.to_lowercase()))
    };
    let effects: Vec<&str> = statements.iter().filter(about).filter_map(|s| s["Effect"].as_str()).collect();
    match effects.as_slice() {
        [] => "implicitDeny",
        some if some.contains(&"Deny") => "explicitDeny",
        _ => "allowed",
    }
}

/// Conditions that make a statement not public, where their values are fixed (S3 User Guide, "The meaning of public").
const FIXED: [&str; 11] = [
    "aws:sourceip",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:userid",
    "aws:principalorgid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
];

/// Whether statements of a bucket's policy let everybody in: one allows, names any principal, and has no condition that
/// fixes who it is. Values of conditions are not looked at, but for wildcards in them.
pub(super) fn is_public(statements: &[Value]) -> bool {
    let anybody = |s: &Value| {
        let principal = &s["Principal"];
        each(principal).chain(each(&principal["AWS"])).any(|p| p == "*")
    };
    let fixed = |values: &Value| !each(values).any(|v| v.as_str().is_some_and(|text| text.contains(['*', '?'])));
    let conditions = |s: &Value| {
        let operators = s["Condition"].as_object().into_iter().flatten();
        let mut all = operators.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
        all.any(|(key, values)| FIXED.contains(&key.to_lowercase().as_str()) && fixed(values))
    };
    statements.iter().any(|s| s["Effect"] == "Allow" && anybody(s) && !conditions(s))
}

/// The elements of a list; a value that stands alone is a list of one.
pub(super) fn each(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(all) => all.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
    .iter()
}

/// `*` is any text; `text` is in small letters.
fn glob(pattern: &str, text: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_denial_is_above_what_allows() {
        let statements = [
            json!({"Effect": "Allow", "Action": ["s3:Get*", "s3:PutObject"], "Resource": "arn:aws:s3:::charts/*"}),
            json!({"Effect": "Deny", "Action": "s3:GetBucketAcl", "Resource": "*"}),
        ];
        let ask = |action, resource| decision(&statements, action, resource);
        assert_eq!(ask("s3:GetObject", "arn:aws:s3:::charts/x"), "allowed");
        assert_eq!(ask("s3:GetObject", "arn:aws:s3:::others/x"), "implicitDeny");
        assert_eq!(ask("s3:GetBucketAcl", "arn:aws:s3:::charts/x"), "explicitDeny");
        assert_eq!(ask("s3:ListBucket", "*"), "implicitDeny");
    }

    #[test]
    fn a_policy_is_public_unless_it_says_who() {
        let one = |principal: Value, condition: Value| {
            is_public(&[json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
                               "Resource": "*", "Condition": condition})])
        };
        let none = || json!({});
        assert!(one(json!("*"), none()));
        assert!(one(json!({"AWS": ["arn:aws:iam::000000000000:root", "*"]}), none()));
        assert!(one(json!("*"), json!({"Bool": {"aws:SecureTransport": "true"}})));
        assert!(one(json!("*"), json!({"StringLike": {"aws:SourceVpc": "vpc-*"}})));
        assert!(!one(json!("*"), json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}})));
        assert!(!one(json!({"Service": "dms.amazonaws.com"}), none()));
        assert!(!is_public(&[json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"})]));
    }
}
