//! Tags of everything that has an ARN.

use serde_json::{Value, json};

use crate::lab::aws::account::{Account, empty};
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;

/// `AddTagsToResource`.
pub(super) fn add(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let tags = tags_of(&mut state.dms, input.required("ResourceArn")?)?;
    for (key, value) in input.tags() {
        tags.retain(|(k, _)| *k != key);
        tags.push((key, value));
    }
    empty()
}

/// `RemoveTagsFromResource`.
pub(super) fn remove(account: &Account, input: &Input) -> Answer {
    let keys = input.texts("TagKeys");
    let mut state = account.state();
    tags_of(&mut state.dms, input.required("ResourceArn")?)?.retain(|(key, _)| !keys.contains(&key.as_str()));
    empty()
}

/// `ListTagsForResource`: of one resource, or of many.
pub(super) fn list(account: &Account, input: &Input) -> Answer {
    let mut state = account.state();
    let mut all: Vec<Value> = Vec::new();
    let arns: Vec<&str> = input.text("ResourceArn").into_iter().chain(input.texts("ResourceArnList")).collect();
    for arn in &arns {
        let tags = tags_of(&mut state.dms, arn)?;
        all.extend(tags.iter().map(|(k, v)| match arns.len() {
            1 => json!({"Key": k, "Value": v}),
            _ => json!({"Key": k, "Value": v, "ResourceArn": arn}),
        }));
    }
    Ok(json!({ "TagList": all }))
}

fn tags_of<'a>(state: &'a mut super::State, arn: &str) -> Result<&'a mut Vec<(String, String)>, AwsError> {
    state.tags.get_mut(arn).ok_or_else(|| AwsError::not_found(format!("Resource not found: {arn}")))
}
