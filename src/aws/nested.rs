//! Settings of AWS as one document from values by their paths. Pure.

use serde_json::{Map, Value};

/// `A/B` to a value as `{"A": {"B": value}}`.
pub(crate) fn nested<'a>(settings: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Value {
    let mut root = Map::new();
    for (path, value) in settings {
        let mut at = &mut root;
        let mut parts = path.trim_start_matches('/').split('/').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                at.insert(part.to_owned(), value.clone());
                break;
            }
            let Value::Object(next) = at.entry(part).or_insert_with(|| Value::Object(Map::new())) else { break };
            at = next;
        }
    }
    Value::Object(root)
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
