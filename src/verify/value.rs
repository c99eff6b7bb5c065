//! Values as they are fetched from a row that differs: exact comparison, type by type, and how they are shown. Pure.

use std::cmp::Ordering;

use serde_json::Value;

use super::column::{Column, From, Same};
use super::{json, number};

/// Characters of a value that are shown.
const SHOWN: usize = 200;
/// Texts up to this many characters are shown from their beginning, longer ones from where they begin to differ.
const SHORT: usize = 50;
/// Characters before the first difference that are shown of longer texts.
const BEFORE: usize = 20;

/// A fetched value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// NULL.
    Null,
    /// The whole text.
    Text(String),
    /// Too long to be fetched.
    Long {
        /// Characters, or bytes of what is bytes.
        length: String,
        /// SHA-256.
        hash: String,
        /// The beginning.
        head: String,
    },
    /// The target's column cannot hold it, and the pipeline was told to write NULL then; the beginning.
    Nulled(String),
}

/// What comes of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same value.
    Equal,
    /// NULL stands for JSON that MySQL cannot hold, as the pipeline was told.
    Nulled,
    /// Another value.
    Different,
    /// Only the whole texts can tell.
    Whole,
}

impl Seen {
    /// Reads what the `shown` expressions print.
    pub(super) fn read(printed: Option<String>) -> Self {
        let Some(printed) = printed else { return Self::Null };
        let mut parts = printed.splitn(3, ':');
        match (printed.get(..1), parts.next(), parts.next(), parts.next()) {
            (Some("#"), Some(length), Some(hash), Some(head)) => {
                Self::Long { length: length[1..].to_owned(), hash: hash.to_owned(), head: head.to_owned() }
            }
            (Some("!"), ..) => Self::Nulled(printed[1..].to_owned()),
            _ => Self::Text(printed.get(1..).unwrap_or_default().to_owned()),
        }
    }
}

/// Compares a value of the source with the target's.
pub(super) fn compare(column: &Column, source: &Seen, target: &Seen) -> Verdict {
    let whole = |equal: bool| if equal { Verdict::Equal } else { Verdict::Different };
    match (source, target) {
        (Seen::Null | Seen::Nulled(_), Seen::Null) => Verdict::Equal,
        (Seen::Text(text), Seen::Null) if column.nulls_json && json::beyond_mysql(text) => Verdict::Nulled,
        (Seen::Long { .. }, Seen::Null) if column.nulls_json => Verdict::Whole,
        (Seen::Text(a), Seen::Text(b)) => whole(a == b || same(column.same, a, b)),
        (Seen::Long { hash: a, .. }, Seen::Long { hash: b, .. }) if a == b => Verdict::Equal,
        (Seen::Text(_) | Seen::Long { .. }, Seen::Text(_) | Seen::Long { .. }) if column.same == Same::Json => {
            Verdict::Whole
        }
        _ => Verdict::Different,
    }
}

/// Two different texts that are the same value.
fn same(kind: Same, a: &str, b: &str) -> bool {
    let equal = |form: fn(&str) -> Option<String>| form(a).is_some_and(|a| form(b).is_some_and(|b| a == b));
    match kind {
        Same::Text => false,
        Same::Number => equal(number::canonical),
        Same::Json => equal(json::canonical),
        Same::Double => match (number::double(a), number::double(b)) {
            (Some(a), Some(b)) => a == b || a.is_nan() && b.is_nan(),
            _ => false,
        },
    }
}

/// The one text of a value, for comparing rows that have no key: equal for equal values only.
pub(super) fn form(column: &Column, seen: &Seen) -> Option<String> {
    match seen {
        Seen::Null | Seen::Nulled(_) => None,
        Seen::Long { hash, .. } => Some(format!("#{hash}")),
        Seen::Text(text) => match column.same {
            Same::Json if column.nulls_json && json::beyond_mysql(text) => None,
            Same::Json => Some(json::canonical(text).unwrap_or_else(|| text.clone())),
            Same::Number => Some(number::canonical(text).unwrap_or_else(|| text.clone())),
            Same::Text | Same::Double => Some(text.clone()),
        },
    }
}

/// Two values that differ, cut to where they do.
pub(super) fn shown(column: &Column, source: &Seen, target: &Seen) -> (Value, Value) {
    let (a, b) = (one(column, source), one(column, target));
    match (&a, &b, source, target) {
        (Value::String(x), Value::String(y), Seen::Text(_), Seen::Text(_)) => {
            let common = x.chars().zip(y.chars()).take_while(|(x, y)| x == y).count();
            let longer = x.chars().count().max(y.chars().count());
            let from = if longer > SHORT { common.saturating_sub(BEFORE) } else { 0 };
            (cut(x, from).into(), cut(y, from).into())
        }
        _ => (whole(&a), whole(&b)),
    }
}

/// A key's part.
pub(super) fn key(column: &Column, text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| whole(&one(column, &Seen::Text(text.to_owned()))))
}

fn whole(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| cut(text, 0).into())
}

fn cut(text: &str, from: usize) -> String {
    let mut out = String::from(if from > 0 { "…" } else { "" });
    let mut rest = text.chars().skip(from);
    out.extend(rest.by_ref().take(SHOWN));
    if rest.next().is_some() {
        out.push('…');
    }
    out
}

fn one(column: &Column, seen: &Seen) -> Value {
    match seen {
        Seen::Null => Value::Null,
        Seen::Long { length, hash, head } => {
            let unit = if column.from == From::Bytes { "bytes" } else { "characters" };
            let hash = hash.get(..16).unwrap_or(hash);
            Value::from(format!("({length} {unit}, SHA-256 {hash}…) {head}…"))
        }
        Seen::Text(text) | Seen::Nulled(text) => match column.from {
            From::Cast | From::Flag if column.same == Same::Number => integer(text),
            From::Double { .. } => match number::double(text) {
                // JSON has no NaN and no infinity.
                Some(double) => {
                    serde_json::Number::from_f64(double).map_or_else(|| double.to_string().into(), Value::from)
                }
                None => text.as_str().into(),
            },
            From::Bytes => format!("\\x{text}").into(),
            _ => text.as_str().into(),
        },
    }
}

fn integer(text: &str) -> Value {
    let signed = text.parse::<i64>().map(Value::from);
    signed.or_else(|_| text.parse::<u64>().map(Value::from)).unwrap_or_else(|_| text.into())
}

/// The order in which differing rows are listed: numbers by value, everything else as text.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_i128().map_or(a.as_f64(), |_| None).zip(b.as_f64()), (a.as_i128(), b.as_i128()));
            match (a, b) {
                (_, (Some(a), Some(b))) => a.cmp(&b),
                (Some((a, b)), _) => a.total_cmp(&b),
                _ => Ordering::Equal,
            }
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Transfer;
    use crate::verify::testing::pair;

    fn text(text: &str) -> Seen {
        Seen::Text(text.into())
    }

    fn long(hash: &str) -> Seen {
        Seen::Long { length: "3000".into(), hash: hash.into(), head: "abc".into() }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for (printed, seen) in [
            (None, Seen::Null),
            (Some("="), text("")),
            (Some("=#1:2:3"), text("#1:2:3")),
            (Some("#3000:ff:a:b"), Seen::Long { length: "3000".into(), hash: "ff".into(), head: "a:b".into() }),
            (Some("!NaN"), Seen::Nulled("NaN".into())),
            (Some("=é"), text("é")),
        ] {
            assert_eq!(Seen::read(printed.map(str::to_owned)), seen, "{printed:?}");
        }
    }

    #[test]
    fn null_is_no_text_and_texts_are_exact() {
        let column = pair("text", Transfer::Text, "longtext");
        let of = |a: &Seen, b: &Seen| compare(&column, a, b);
        assert_eq!(of(&Seen::Null, &Seen::Null), Verdict::Equal);
        assert_eq!(of(&text("a"), &text("a")), Verdict::Equal);
        for (a, b) in [("", "\\N"), ("a", "A"), ("a", "a "), ("1", "1.0"), ("é", "e\u{301}")] {
            assert_eq!(of(&text(a), &text(b)), Verdict::Different, "{a} and {b}");
        }
        for other in ["", "\\N", "NULL", "n"] {
            assert_eq!(of(&Seen::Null, &text(other)), Verdict::Different, "{other}");
            assert_eq!(of(&text(other), &Seen::Null), Verdict::Different, "{other}");
        }
        assert_eq!(of(&long("a"), &long("a")), Verdict::Equal);
        assert_eq!(of(&long("a"), &long("b")), Verdict::Different);
        assert_eq!(of(&Seen::Nulled("NaN".into()), &Seen::Null), Verdict::Equal);
        assert_eq!(of(&Seen::Nulled("NaN".into()), &text("0")), Verdict::Different);
    }

    #[test]
    fn numbers_doubles_and_json_are_compared_by_value() {
        let of = |column: &Column, a: &str, b: &str| compare(column, &text(a), &text(b)) == Verdict::Equal;
        let number = pair("numeric", Transfer::Decimal { precision: 65, scale: 30 }, "double");
        assert!(of(&number, "100", "1e2") && !of(&number, "0.1", "0.10000000000000001"));
        let float = pair("float8", Transfer::Float, "double");
        assert!(of(&float, "0000000000000000", "8000000000000000"));
        assert!(!of(&float, "3fb999999999999a", "3fb999999999999b"));
        let json = pair("jsonb", Transfer::Json, "json");
        assert!(of(&json, r#"{"a": 1.10, "b": 2}"#, r#"{"b":2,"a":1.1}"#) && !of(&json, "[1]", "[2]"));
        assert_eq!(compare(&json, &long("a"), &long("b")), Verdict::Whole);
        assert_eq!(compare(&json, &text("1"), &Seen::Null), Verdict::Different);
    }

    #[test]
    fn long_texts_are_cut_to_where_they_differ() {
        let column = pair("text", Transfer::Text, "longtext");
        let (a, b) = (format!("{}x{}", "a".repeat(500), "b".repeat(500)), format!("{}y", "a".repeat(500)));
        let (a, b) = shown(&column, &text(&a), &text(&b));
        assert_eq!(a, format!("…{}x{}…", "a".repeat(20), "b".repeat(179)));
        assert_eq!(b, format!("…{}y", "a".repeat(20)));
        let (a, b) = shown(&column, &text("x"), &Seen::Null);
        assert_eq!((a, b), (Value::from("x"), Value::Null));
    }

    #[test]
    fn keys_are_listed_in_their_order() {
        let mut keys = [Value::from(10), Value::from(-2), Value::from(9)];
        keys.sort_by(order);
        assert_eq!(keys, [-2, 9, 10].map(Value::from));
    }
}
