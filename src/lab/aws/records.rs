//! A list of resources in the shape that they have on the wire. Pure.

use serde_json::Value;

use super::input::Input;

/// Resources of one kind, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Records(Vec<Value>);

impl Records {
    /// Adds one.
    pub(super) fn push(&mut self, record: Value) {
        self.0.push(record);
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Value> {
        self.0.clone()
    }

    /// Each of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// The one whose member has this value.
    pub(super) fn find(&self, member: &str, value: &str) -> Option<&Value> {
        self.0.iter().find(|record| is(record, member, value))
    }

    /// The same, to be changed.
    pub(super) fn find_mut(&mut self, member: &str, value: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|record| is(record, member, value))
    }

    /// Takes away those whose member has this value; true where there was one.
    pub(super) fn remove(&mut self, member: &str, value: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|record| !is(record, member, value));
        before != self.0.len()
    }

    /// Sets a member of the one that is found; nothing where it is gone.
    pub(super) fn set(&mut self, member: &str, value: &str, change: (&str, Value)) {
        if let Some(record) = self.find_mut(member, value) {
            record[change.0] = change.1;
        }
    }
}

fn is(record: &Value, member: &str, value: &str) -> bool {
    text(record, member) == value
}

/// A text member of a resource; empty where there is none.
pub(super) fn text<'a>(record: &'a Value, member: &str) -> &'a str {
    record.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Sets those members of a resource that the call carries.
pub(super) fn take_over(record: &mut Value, input: &Input, members: &[&str]) {
    for member in members {
        if let Some(value) = input.0.get(*member).filter(|v| !v.is_null()) {
            record[*member] = value.clone();
        }
    }
}
