//! Settings of AWS as one document from values by their paths. Pure.

use serde_json::{Map, Value};

/// `A/B` to a value as `{"A": {"B": value}}`.
pub(crate) fn nested<'a>(settings: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Value {
    let mut root = Value::Object(Map::new());
    for (path, value) in settings {
        put(&mut root, path, value.clone());
    }
    root
}

/// Puts a value into a document, in the place of what stands there; what is no object on the way becomes one.
pub(crate) fn put(document: &mut Value, path: &str, value: Value) {
    let mut at = document;
    for part in path.trim_start_matches('/').split('/') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[part];
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_become_a_document() {
        let settings = BTreeMap::from([
            ("/Logging/EnableLogging".to_owned(), json!(true)),
            ("/TargetMetadata/LobMaxSize".to_owned(), json!(64)),
            ("/TargetMetadata/SupportLobs".to_owned(), json!(true)),
        ]);
        let all =
            json!({"Logging": {"EnableLogging": true}, "TargetMetadata": {"LobMaxSize": 64, "SupportLobs": true}});
        assert_eq!(nested(settings.iter().map(|(path, value)| (path.as_str(), value))), all);
    }
}
