//! Answers of the query protocol. Pure.

use serde_json::Value;

use crate::lab::aws::errors::AwsError;

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
}
