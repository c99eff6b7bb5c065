//! The query protocol's parameters as a value: `Filters.Filter.1.Name=x` is a list of objects. Pure.

use serde_json::{Map, Value};

/// Reads a form body.
pub(super) fn read(body: &[u8]) -> Value {
    let mut root = Map::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        put(&mut root, &name, value.into_owned());
    }
    lists(Value::Object(root))
}

fn put(into: &mut Map<String, Value>, name: &str, value: String) {
    match name.split_once('.') {
        None => {
            into.insert(name.to_owned(), Value::String(value));
        }
        Some((first, rest)) => {
            let inner = into.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Turns objects with numbers as names into lists, and drops the name of the elements (`Filter`, `member`) above them.
fn lists(value: Value) -> Value {
    let Value::Object(object) = value else { return value };
    let mut object: Map<String, Value> = object.into_iter().map(|(name, value)| (name, lists(value))).collect();
    let numbered = |name: &String| name.bytes().all(|b| b.is_ascii_digit());
    if !object.is_empty() && object.keys().all(numbered) {
        let mut all: Vec<(usize, Value)> =
            object.into_iter().map(|(name, value)| (name.parse().unwrap_or(usize::MAX), value)).collect();
        all.sort_by_key(|(place, _)| *place);
        return Value::Array(all.into_iter().map(|(_, value)| value).collect());
    }
    match object.values().next() {
        Some(Value::Array(_)) if object.len() == 1 && is_element(object.keys().next()) => {
            object.values_mut().next().map(Value::take).unwrap_or_default()
        }
        _ => Value::Object(object),
    }
}

/// Names of elements are singular; a structure of which one list is given (`{"Filters": […]}`) is none.
fn is_element(name: Option<&String>) -> bool {
    name.is_some_and(|name| !name.ends_with('s'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbered_names_are_lists() {
        let body = b"Action=X&Filters.Filter.2.Name=b&Filters.Filter.1.Name=a%26&Filters.Filter.1.Values.Value.1=v\
                     &Tags.member.1.Key=k&MaxRecords=20&Parameters.Parameter.10.N=ten&Parameters.Parameter.9.N=nine";
        assert_eq!(
            read(body),
            json!({"Action": "X", "Filters": [{"Name": "a&", "Values": ["v"]}, {"Name": "b"}],
                   "Tags": [{"Key": "k"}], "MaxRecords": "20", "Parameters": [{"N": "nine"}, {"N": "ten"}]})
        );
    }

    #[test]
    fn an_only_list_keeps_its_name() {
        assert_eq!(read(b"Tags.member.1.Key=k"), json!({"Tags": [{"Key": "k"}]}));
    }
}
