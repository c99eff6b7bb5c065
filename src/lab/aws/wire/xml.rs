//! XML: answers of the query protocol and of S3, and the bodies that S3 takes. Pure.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value, json};

use crate::lab::aws::errors::AwsError;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
/// More elements and texts than any body has. It bounds the depth too, as the reader goes down by calling itself.
const NODES: u32 = 500;

/// The answer to a call that succeeded.
pub(super) fn result(operation: &str, namespace: &str, value: &Value, request: &str) -> String {
    let mut text = format!("<{operation}Response xmlns=\"{namespace}\"><{operation}Result>");
    members(&mut text, value);
    text.push_str(&format!(
        "</{operation}Result><ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata>\
         </{operation}Response>"
    ));
    text
}

/// The answer to a call that was refused.
pub(super) fn error(namespace: &str, error: &AwsError, request: &str) -> String {
    let kind = if error.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request}</RequestId></ErrorResponse>",
        escaped(&error.code),
        escaped(&error.message),
    )
}

/// EC2's answer to a call that succeeded: without a wrapper around the result.
pub(super) fn ec2_result(operation: &str, namespace: &str, value: &Value, request: &str) -> String {
    let mut text = format!("<{operation}Response xmlns=\"{namespace}\"><requestId>{request}</requestId>");
    members(&mut text, value);
    text.push_str(&format!("</{operation}Response>"));
    text
}

/// EC2's answer to a call that was refused.
pub(super) fn ec2_error(error: &AwsError, request: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>\
         <RequestID>{request}</RequestID></Response>",
        escaped(&error.code),
        escaped(&error.message),
    )
}

/// S3's answer to a call that succeeded: the result's one member is the root.
pub(super) fn rest_result(namespace: &str, value: &Value) -> String {
    let mut text = DECLARATION.to_owned();
    for (root, value) in value.as_object().into_iter().flatten() {
        text.push_str(&format!("<{root} xmlns=\"{namespace}\">"));
        members(&mut text, value);
        text.push_str(&format!("</{root}>"));
    }
    text
}

/// S3's answer to a call that was refused.
pub(super) fn rest_error(error: &AwsError, request: &str) -> String {
    format!(
        "{DECLARATION}<Error><Code>{}</Code><Message>{}</Message><RequestId>{request}</RequestId></Error>",
        escaped(&error.code),
        escaped(&error.message),
    )
}

/// Reads a body: the root's name, and what is in it. Nothing where it is no XML. Elements that repeat are a list;
/// namespaces and attributes are passed over.
pub(super) fn read(body: &[u8]) -> Option<(String, Value)> {
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(std::str::from_utf8(body).ok()?, options).ok()?;
    let root = document.root_element();
    Some((root.tag_name().name().to_owned(), content(root)))
}

fn content(element: Node<'_, '_>) -> Value {
    let mut all = Map::new();
    for child in element.children().filter(Node::is_element) {
        let (name, value) = (child.tag_name().name(), content(child));
        match all.get_mut(name) {
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = json!([first.take(), value]),
            None => {
                all.insert(name.to_owned(), value);
            }
        }
    }
    if all.is_empty() { element.text().unwrap_or_default().into() } else { all.into() }
}

/// Each member as an element; a list as many elements of its name; nothing for null.
fn members(text: &mut String, value: &Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::Null => {}
                    Value::Array(all) => all.iter().for_each(|value| element(text, name, value)),
                    value => element(text, name, value),
                }
            }
        }
        Value::String(word) => text.push_str(&escaped(word)),
        Value::Null | Value::Array(_) => {}
        number => text.push_str(&number.to_string()),
    }
}

fn element(text: &mut String, name: &str, value: &Value) {
    text.push_str(&format!("<{name}>"));
    members(text, value);
    text.push_str(&format!("</{name}>"));
}

/// Text between tags. What XML 1.0 cannot hold at all becomes the replacement character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A parser would make it a newline.
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_repeat_and_nothing_is_left_out() {
        let value = json!({"A": {"B": [1, {"C": true}]}, "Empty": {"B": []}, "No": null, "Text": "x"});
        assert_eq!(
            result("Op", "urn:n", &value, "r"),
            "<OpResponse xmlns=\"urn:n\"><OpResult><A><B>1</B><B><C>true</C></B></A><Empty></Empty><Text>x</Text>\
             </OpResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></OpResponse>"
        );
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<a href=\"&\">\r\n\u{1}\u{1f3b5}"), "&lt;a href=\"&amp;\"&gt;&#13;\n\u{fffd}\u{1f3b5}");
    }
    #[test]
    fn a_body_is_read_by_its_elements_names() {
        let body = b"<?xml version=\"1.0\"?><C xmlns=\"urn:n\"><R><S>a&amp;b</S></R><R/> <T a=\"b\">true</T></C>";
        let wanted = json!({"R": [{"S": "a&b"}, ""], "T": "true"});
        assert_eq!(read(body), Some(("C".to_owned(), wanted)));
        assert_eq!(read(b"<C/>"), Some(("C".to_owned(), json!(""))));
    }

    #[test]
    fn what_is_no_xml_is_not_read() {
        let deep = "<a>".repeat(200_000) + &"</a>".repeat(200_000);
        let bomb = "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>";
        for body in ["", "{}", "<a>", "<a></b>", "<a/><b/>", bomb, &deep] {
            assert_eq!(read(body.as_bytes()), None, "{}", &body[..body.len().min(40)]);
        }
        assert_eq!(read(b"<a>\xff</a>"), None);
    }
}
