//! What a call carries, read the same way whichever protocol brought it. Pure.

use serde_json::Value;

use super::errors::AwsError;

/// A call's members. Numbers and switches may be text, as the query protocol has them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Input(pub(super) Value);

impl Input {
    /// A text member.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A text member that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, AwsError> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| AwsError::missing(name))
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        }
    }

    /// A switch; off when it is not there.
    pub(super) fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            Some(other) => other.as_bool().unwrap_or_default(),
            None => false,
        }
    }

    /// A list of structures or texts.
    pub(super) fn list(&self, name: &str) -> &[Value] {
        self.0.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).iter().filter_map(Value::as_str).collect()
    }

    /// A list of tags.
    pub(super) fn tags(&self) -> Vec<(String, String)> {
        let word = |tag: &Value, name| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.list("Tags").iter().map(|tag| (word(tag, "Key"), word(tag, "Value"))).collect()
    }
}
