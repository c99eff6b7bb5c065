//! What counts as arrived unchanged: the value, whatever the target's way of writing it.

use super::row::{Cell, Value};
use crate::facts::CanaryValue;

/// Texts up to so many characters are told in full.
const SHOWN: usize = 60;

/// A value as the target's text protocol gives it; `None` is NULL.
pub(super) type Arrived = Option<Vec<u8>>;

/// The values that are not what was sent.
pub(super) fn changed(sent: &[Cell], arrived: &[Arrived]) -> Vec<CanaryValue> {
    let pairs = sent.iter().zip(arrived.iter().map(Some).chain(std::iter::repeat(None)));
    pairs
        .filter_map(|(cell, arrived)| {
            let arrived = arrived?;
            (!same(&cell.value, arrived)).then(|| CanaryValue {
                column: cell.column.to_owned(),
                sent: sent_words(&cell.value),
                arrived: arrived_words(&cell.value, arrived),
            })
        })
        .collect()
}

/// The value is the one that was sent.
pub(super) fn same(sent: &Value, arrived: &Arrived) -> bool {
    let Some(bytes) = arrived else { return *sent == Value::Null };
    let text = || std::str::from_utf8(bytes).ok();
    match sent {
        Value::Null => false,
        Value::Bytes(sent) => sent == bytes,
        // A column of type BIT comes as a byte.
        Value::Flag(flag) => matches!((flag, bytes.as_slice()), (true, b"1" | b"\x01") | (false, b"0" | b"\x00")),
        Value::Whole(sent) => text().and_then(|t| t.parse::<i64>().ok()) == Some(*sent),
        Value::Text(sent) => text() == Some(sent),
        Value::Number(sent) | Value::Instant(sent) => text().is_some_and(|t| trimmed(t) == trimmed(sent)),
        Value::Day(sent) => text() == Some(sent),
        Value::Json(sent) => {
            let parse = |t: &str| serde_json::from_str::<serde_json::Value>(t).ok();
            text().and_then(parse).is_some_and(|arrived| Some(arrived) == parse(sent))
        }
        Value::Float(sent) => text().and_then(|t| t.parse::<f64>().ok()) == Some(*sent),
    }
}

/// Without zeros at the end of a fraction: how many there are is the column's type, not the value.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn sent_words(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Whole(n) => n.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Text(text) => short(text),
        Value::Number(text) | Value::Instant(text) | Value::Day(text) | Value::Json(text) => (*text).to_owned(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Float(number) => format!("{number:e}"),
    }
}

fn arrived_words(sent: &Value, arrived: &Arrived) -> String {
    let Some(bytes) = arrived else { return "NULL".to_owned() };
    match (sent, std::str::from_utf8(bytes)) {
        (Value::Bytes(sent), _) if sent.len() == bytes.len() => format!("{} other bytes", bytes.len()),
        (Value::Bytes(_), _) | (_, Err(_)) => format!("{} bytes", bytes.len()),
        (Value::Text(sent), Ok(text)) if sent.chars().count() > SHOWN && short(sent) == short(text) => {
            let at = sent.chars().zip(text.chars()).position(|(a, b)| a != b).unwrap_or(0);
            format!("{}, others from the {}th on", short(text), at + 1)
        }
        (_, Ok(text)) => short(text),
    }
}

/// The text itself, or how long it is.
fn short(text: &str) -> String {
    let length = text.chars().count();
    if length > SHOWN { format!("{length} characters") } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::super::row::{inserted, updated};
    use super::*;

    fn arrived(text: &str) -> Arrived {
        Some(text.as_bytes().to_vec())
    }

    /// A row as a target gives it back that changed nothing.
    fn honest(cells: &[Cell]) -> Vec<Arrived> {
        cells
            .iter()
            .map(|c| match &c.value {
                Value::Null => None,
                Value::Whole(n) => arrived(&n.to_string()),
                Value::Flag(flag) => arrived(if *flag { "1" } else { "0" }),
                Value::Text(text) => arrived(text),
                Value::Number(text) | Value::Instant(text) | Value::Day(text) | Value::Json(text) => arrived(text),
                Value::Bytes(bytes) => Some(bytes.clone()),
                Value::Float(number) => arrived(&number.to_string()),
            })
            .collect()
    }

    #[test]
    fn an_honest_row_has_no_changed_value() {
        for cells in [inserted(812), updated(812)] {
            assert_eq!(changed(&cells, &honest(&cells)), []);
        }
    }

    #[test]
    fn another_way_of_writing_is_the_same_value() {
        for (sent, text) in [
            (Value::Number("0.5"), "0.500000"),
            (Value::Number("10"), "10"),
            (Value::Instant("2026-03-29 00:30:00.5"), "2026-03-29 00:30:00.500000"),
            (Value::Json(r#"{"a": 1, "b": [2]}"#), r#"{"b":[2],"a":1}"#),
            (Value::Float(-1.5e-300), "-1.5e-300"),
            (Value::Flag(true), "\x01"),
        ] {
            assert!(same(&sent, &arrived(text)), "{sent:?} {text}");
        }
    }

    #[test]
    fn each_lie_is_seen_and_told_briefly() {
        let cells = inserted(812);
        let lies = [
            ("flag", arrived("1"), "false", "\"1\""),
            ("flag", arrived("f"), "false", "\"f\""),
            ("amount", arrived("12345678901234.567890"), "12345678901234.567891", "\"12345678901234.567890\""),
            ("seen_at", arrived("2026-03-29 00:30:00"), "2026-03-29 00:30:00.123456", "\"2026-03-29 00:30:00\""),
            (
                "seen_at",
                arrived("2026-03-29 01:30:00.123456"),
                "2026-03-29 00:30:00.123456",
                "\"2026-03-29 01:30:00.123456\"",
            ),
            ("payload", Some(vec![0; 256]), "256 bytes", "256 other bytes"),
            ("payload", Some(Vec::new()), "256 bytes", "0 bytes"),
            ("day", None, "2024-02-29", "NULL"),
            ("ratio", arrived("0.10000000149"), "1e-1", "\"0.10000000149\""),
            ("body", None, "16384 characters", "NULL"),
            ("body", arrived("unchanged"), "16384 characters", "\"unchanged\""),
        ];
        for (column, value, sent, words) in lies {
            let mut row = honest(&cells);
            let at = cells.iter().position(|c| c.column == column).unwrap();
            row[at] = value;
            let told = changed(&cells, &row);
            let expected = CanaryValue { column: column.into(), sent: sent.into(), arrived: words.into() };
            assert_eq!(told, [expected]);
        }
        let mut row = honest(&cells);
        if let Some(body) = &mut row[10] {
            body[99] = b'!';
        }
        assert_eq!(changed(&cells, &row)[0].arrived, "16384 characters, others from the 100th on");
    }
}
