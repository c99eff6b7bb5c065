//! JSON in one form for each value: keys in order, numbers by value, no blanks. Two texts are the same JSON when these
//! are equal. Pure, and without recursion: `jsonb` may be nested thousands deep.

use super::number;

/// What MySQL keeps: no deeper than this (error 3157), and numbers only as 64-bit integers and doubles.
const MYSQL_DEPTH: usize = 100;

/// The one form of a JSON text; nothing for what is no JSON.
pub(super) fn canonical(text: &str) -> Option<String> {
    Reader::new(text).read()
}

/// True for JSON that MySQL would refuse or round.
pub(super) fn beyond_mysql(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.read().is_some() && (reader.deepest > MYSQL_DEPTH || reader.rounded)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Container>,
    deepest: usize,
    rounded: bool,
}

/// A container that has not ended.
enum Container {
    Array(Vec<String>),
    Object {
        members: Vec<(String, String)>,
        /// Of the member that is being read.
        key: String,
    },
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, open: Vec::new(), deepest: 0, rounded: false }
    }

    fn read(&mut self) -> Option<String> {
        loop {
            let mut done = match self.peek()? {
                b'[' => {
                    self.begin(Container::Array(Vec::new()));
                    if !self.takes(b']') {
                        continue;
                    }
                    self.end()?
                }
                b'{' => {
                    self.begin(Container::Object { members: Vec::new(), key: String::new() });
                    if !self.takes(b'}') {
                        self.key()?;
                        continue;
                    }
                    self.end()?
                }
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => self.word()?,
            };
            // A value has ended, and perhaps what it is in.
            loop {
                match self.open.last_mut() {
                    None => return self.peek().is_none().then_some(done),
                    Some(Container::Array(items)) => items.push(done),
                    Some(Container::Object { members, key }) => members.push((std::mem::take(key), done)),
                }
                let array = matches!(self.open.last(), Some(Container::Array(_)));
                if self.takes(b',') {
                    if !array {
                        self.key()?;
                    }
                    break;
                }
                if !self.takes(if array { b']' } else { b'}' }) {
                    return None;
                }
                done = self.end()?;
            }
        }
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(rest.len());
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn begin(&mut self, container: Container) {
        self.at += 1;
        self.open.push(container);
        self.deepest = self.deepest.max(self.open.len());
    }

    fn end(&mut self) -> Option<String> {
        Some(match self.open.pop()? {
            Container::Array(items) => format!("[{}]", items.join(",")),
            Container::Object { mut members, .. } => {
                members.sort();
                let members: Vec<String> = members.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }
        })
    }

    fn key(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let read = self.string()?;
        if let Some(Container::Object { key, .. }) = self.open.last_mut() {
            *key = read;
        }
        self.takes(b':').then_some(())
    }

    /// A string with its escapes undone, quoted anew.
    fn string(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let mut end = 1;
        loop {
            end += memchr::memchr2(b'"', b'\\', rest.as_bytes().get(end..)?)?;
            if rest.as_bytes()[end] == b'"' {
                break;
            }
            end += 2;
        }
        self.at += end + 1;
        let plain: String = serde_json::from_str(&rest[..=end]).ok()?;
        serde_json::to_string(&plain).ok()
    }

    fn number(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|b| !matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
        let written = &rest[..length.unwrap_or(rest.len())];
        self.at += written.len();
        let number = number::canonical(written)?;
        self.rounded |= !number::survives(written, &number);
        Some(number)
    }

    fn word(&mut self) -> Option<String> {
        let word = ["null", "true", "false"].into_iter().find(|w| self.text[self.at..].starts_with(w))?;
        self.at += word.len();
        Some(word.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn same(a: &str, b: &str) -> bool {
        canonical(a).is_some() && canonical(a) == canonical(b)
    }

    #[test]
    fn order_of_keys_blanks_and_the_writing_of_numbers_and_escapes_mean_nothing() {
        for (a, b) in [
            (r#"{"b": [1, 2.50], "a": null}"#, r#"{"a":null,"b":[1.0,25e-1]}"#),
            ("[1000, 100000000000000000000, -0, 0.00]", "[1e3, 1E+20, 0, 0]"),
            (r#""é\n\/""#, r#""\u00e9\u000a/""#),
            (r#""😀""#, r#""\ud83d\ude00""#),
            (" { } ", "{}"),
            ("[ ]", "[]"),
            ("18446744073709551615", "18446744073709551615.0"),
        ] {
            assert!(same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn different_values_have_different_forms() {
        for (a, b) in [
            ("1", "\"1\""),
            ("[1, 2]", "[2, 1]"),
            (r#"{"a": 1}"#, r#"{"A": 1}"#),
            (r#"{"a": 1, "b": 2}"#, r#"{"a": 2, "b": 1}"#),
            ("0.1234567890123456789012345", "0.1234567890123456789012346"),
            ("9007199254740993", "9007199254740992"),
            ("null", "false"),
            ("[]", "{}"),
            (r#"["a,b"]"#, r#"["a","b"]"#),
            (r#"{"a": 1}"#, r#"{"a": 1, "a": 1}"#),
        ] {
            assert!(!same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn what_is_no_json_has_no_form() {
        for text in ["", "[1,]", "{\"a\"}", "{\"a\":1", "[1}", "nul", "1 2", "\"a", "{a:1}", "[1 2]", "--1", "\"\t\""] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn depth_does_no_harm() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(canonical(&deep).as_deref(), Some(deep.as_str()));
        assert!(beyond_mysql(&deep));
        assert!(!beyond_mysql(&format!("{}{}", "[".repeat(100), "]".repeat(100))));
    }

    #[test]
    fn numbers_that_mysql_would_round_are_seen() {
        for text in ["0.12345678901234567890123", "[123456789012345678901234567890]"] {
            assert!(beyond_mysql(text), "{text}");
        }
        for text in ["18446744073709551615", "-9223372036854775808", "0.1", "1e20", "1.7976931348623157e308"] {
            assert!(!beyond_mysql(text), "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(".{0,4}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_form_is_json_of_the_same_value_whatever_the_blanks(value in any_json()) {
            let (tight, wide) = (value.to_string(), serde_json::to_string_pretty(&value).unwrap());
            let form = canonical(&tight);
            prop_assert!(form.is_some());
            prop_assert_eq!(canonical(&wide), form);
        }
    }
}
