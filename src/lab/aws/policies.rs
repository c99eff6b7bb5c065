//! What IAM's policies allow. Conditions are not looked at. Pure.

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
}
