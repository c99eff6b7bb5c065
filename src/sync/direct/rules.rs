//! What MySQL can hold: one rule a column, judged on the bytes of PostgreSQL's `COPY` text. Pure.
//!
//! Most fields pass unseen. A rule answers how a field is written, or why it cannot be.

use crate::facts::{MyColumn, MyFlavor};
use crate::schema::Transfer;

/// How one column's fields are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// Digits and the like: never escaped, always fits.
    Plain,
    /// Text, which may hold escapes.
    Text(Limit),
    /// `numeric` with so many digits before the point and after it.
    Decimal {
        /// Digits before the point.
        whole: usize,
        /// Digits after the point.
        scale: usize,
    },
    /// Binary floating point.
    Float,
    /// `bytea` in hexadecimal form, at most so many bytes.
    Bytes(u64),
    /// A date, or a timestamp without zone.
    Date,
    /// A timestamp with zone, in UTC.
    DateUtc,
    /// JSON into a type that parses it: numbers must survive as a 64-bit integer or a double.
    Json,
}

/// The longest text that a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Longer than any PostgreSQL value.
    None,
    /// `CHAR` and `VARCHAR` count characters.
    Chars(usize),
    /// The `TEXT` types count bytes.
    Bytes(usize),
}

/// How a field that passed is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Byte for byte.
    AsIs,
    /// Only the first bytes.
    Cut(usize),
    /// Text with escapes that MySQL reads otherwise.
    Unescape,
    /// Hexadecimal digits that stand for bytes, after `\\x`.
    Hex,
}

/// PostgreSQL stops at 1 GB, MySQL's long types at 4 GB: such columns need no limit.
const UNLIMITED: u64 = 1 << 30;
/// MySQL refuses JSON nested deeper than this (error 3157).
const JSON_DEPTH: usize = 100;

impl Rule {
    /// The rule of a column that travels as `transfer` into `have`.
    pub(super) fn of(transfer: Transfer, have: &MyColumn, flavor: MyFlavor) -> Self {
        match transfer {
            Transfer::Integer | Transfer::Boolean | Transfer::Time => Self::Plain,
            Transfer::Float => Self::Float,
            Transfer::Date | Transfer::Timestamp => Self::Date,
            Transfer::TimestampTz => Self::DateUtc,
            Transfer::Bytes => Self::Bytes(have.char_length.unwrap_or(u64::MAX)),
            Transfer::Json if flavor == MyFlavor::MySql && have.data_type == "json" => Self::Json,
            Transfer::Text | Transfer::Json => Self::Text(Limit::of(have)),
            Transfer::Decimal { precision, scale } => decimal_of(precision.into(), scale.into(), have),
            // The type has no more than 19 digits; a cast to numeric gives two after the point in most locales.
            Transfer::Money => decimal_of(20, 2, have),
        }
    }

    /// How a field that is not NULL is written, or why MySQL cannot hold it. `escapes` says whether its row has any.
    pub(super) fn judge(&self, field: &[u8], escapes: bool) -> Result<Shape, &'static str> {
        match self {
            Self::Plain => Ok(Shape::AsIs),
            Self::Text(limit) => {
                limit.check(field, escapes)?;
                Ok(if escapes && misread(field) { Shape::Unescape } else { Shape::AsIs })
            }
            Self::Decimal { whole, scale } => decimal(field, *whole, *scale),
            Self::Float => finite(field).map(|()| Shape::AsIs),
            Self::Bytes(limit) => bytes(field, *limit),
            Self::Date => date(field).map(|()| Shape::AsIs),
            Self::DateUtc => date_utc(field),
            Self::Json => json(field).map(|()| Shape::AsIs),
        }
    }
}

fn decimal_of(precision: u64, scale: u64, have: &MyColumn) -> Rule {
    let exact = have.data_type == "decimal";
    let precision = have.numeric_precision.filter(|_| exact).unwrap_or(precision);
    let scale = have.numeric_scale.filter(|_| exact).unwrap_or(scale);
    let digits = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    Rule::Decimal { whole: digits(precision.saturating_sub(scale)), scale: digits(scale) }
}

impl Limit {
    fn of(have: &MyColumn) -> Self {
        let Some(length) = have.char_length.filter(|n| *n < UNLIMITED) else { return Self::None };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if have.data_type.ends_with("char") { Self::Chars(length) } else { Self::Bytes(length) }
    }

    fn check(self, field: &[u8], escapes: bool) -> Result<(), &'static str> {
        // An escape is longer than what it stands for, so a field that is short as it stands is short enough.
        let fits = match self {
            Self::None => true,
            Self::Chars(limit) => field.len() <= limit || count(field, escapes, |b| b & 0xC0 != 0x80) <= limit,
            Self::Bytes(limit) => field.len() <= limit || count(field, escapes, |_| true) <= limit,
        };
        if fits { Ok(()) } else { Err("the text is longer than the column") }
    }
}

/// Counts what `counts`, an escape as one.
fn count(field: &[u8], escapes: bool, counts: impl Fn(u8) -> bool) -> usize {
    let all = field.iter().filter(|b| counts(**b)).count();
    all - if escapes { escapes_in(field).count() } else { 0 }
}

/// The bytes that follow a backslash. COPY escapes by one letter only, so an escape is always two bytes.
fn escapes_in(field: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut next = 0;
    memchr::memchr_iter(b'\\', field).filter_map(move |at| {
        if at < next {
            return None;
        }
        next = at + 2;
        field.get(at + 1).copied()
    })
}

/// `LOAD DATA` and MySQL's literals know `\b`, `\n`, `\r`, `\t` and `\\`, and take `\f` and `\v` for letters.
fn misread(field: &[u8]) -> bool {
    escapes_in(field).any(|c| c == b'f' || c == b'v')
}

fn finite(field: &[u8]) -> Result<(), &'static str> {
    match field.strip_prefix(b"-").unwrap_or(field).first() {
        Some(b'0'..=b'9') => Ok(()),
        Some(b'N') => Err("MySQL has no NaN"),
        _ => Err("MySQL has no infinity"),
    }
}

fn decimal(field: &[u8], whole: usize, scale: usize) -> Result<Shape, &'static str> {
    finite(field)?;
    let sign = usize::from(field[0] == b'-');
    let point = memchr::memchr(b'.', field).unwrap_or(field.len());
    if point - sign > whole && &field[sign..point] != b"0" {
        return Err("the number has more digits before the point than the column");
    }
    let room = point + 1 + scale;
    if field.len() <= room {
        return Ok(Shape::AsIs);
    }
    if field[room..].iter().any(|d| *d != b'0') {
        return Err("the number has more digits after the point than the column");
    }
    Ok(Shape::Cut(if scale == 0 { point } else { room }))
}

fn bytes(field: &[u8], limit: u64) -> Result<Shape, &'static str> {
    // COPY doubles the backslash of `\x`.
    let digits = field.len().saturating_sub(3);
    if !field.starts_with(b"\\\\x") || digits % 2 == 1 {
        return Err("the bytes are not in hexadecimal form (bytea_output)");
    }
    if digits as u64 / 2 > limit {
        return Err("the value is longer than the column");
    }
    Ok(Shape::Hex)
}

/// ISO dates of the years 1 to 9999 have their first dash at the fifth place; nothing else has.
fn date(field: &[u8]) -> Result<(), &'static str> {
    if field.ends_with(b"BC") {
        return Err("MySQL has no dates before the year 1");
    }
    match field.get(4) {
        Some(b'-') => Ok(()),
        _ if field.ends_with(b"infinity") => Err("MySQL has no infinite dates"),
        _ => Err("MySQL's dates end with the year 9999"),
    }
}

fn date_utc(field: &[u8]) -> Result<Shape, &'static str> {
    date(field)?;
    match field.strip_suffix(b"+00") {
        Some(rest) => Ok(Shape::Cut(rest.len())),
        None => Err("the time is not in UTC (TimeZone)"),
    }
}

/// Walks over JSON in COPY's escapes. A backslash of JSON is two bytes here.
fn json(field: &[u8]) -> Result<(), &'static str> {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&c) = field.get(at) {
        match c {
            b'"' => at = string_end(field, at + 1),
            b'-' | b'0'..=b'9' => {
                let end = field[at..].iter().position(|c| !matches!(c, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
                let end = end.map_or(field.len(), |n| at + n);
                if !survives(&field[at..end]) {
                    return Err("MySQL's JSON would round this number: it keeps 64-bit integers and doubles");
                }
                at = end;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > JSON_DEPTH {
                    return Err("the JSON is nested deeper than MySQL takes (100)");
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

/// The place after the quote that ends the string.
fn string_end(field: &[u8], mut at: usize) -> usize {
    while let Some(hit) = memchr::memchr2(b'"', b'\\', &field[at..]) {
        at += hit;
        if field[at] == b'"' {
            return at + 1;
        }
        at += 2;
        at += if field.get(at) == Some(&b'\\') { 2 } else { 1 };
        at = at.min(field.len());
    }
    field.len()
}

/// A number that comes back from a 64-bit integer or a double as the same number.
fn survives(number: &[u8]) -> bool {
    // Fifteen digits always do, and jsonb writes no exponents.
    if number.len() <= 15 {
        return true;
    }
    let Ok(text) = std::str::from_utf8(number) else { return false };
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = text.parse::<f64>() else { return false };
    double.is_finite() && significant(text) == significant(&as_mysql_prints(double))
}

/// The fewest digits that give the double again. Where two such numbers are equally near, Rust's own choice is the
/// greater one, and MySQL's the one with the even last digit, as rounding to a number of places gives it.
fn as_mysql_prints(double: f64) -> String {
    let shortest = format!("{double:e}");
    let places = significant(&shortest).1.len().saturating_sub(1);
    let rounded = format!("{double:.places$e}");
    if rounded.parse() == Ok(double) { rounded } else { shortest }
}

/// Sign, digits without zeros at either end, and the power of ten of the first digit.
fn significant(number: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.trim_matches('0').to_owned();
    if digits.is_empty() {
        return (false, digits, 0);
    }
    let place = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    (negative, digits, place(whole.len()) - place(leading) + exponent.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal_rule() -> Rule {
        Rule::Decimal { whole: 3, scale: 2 }
    }

    #[test]
    fn decimals_that_fit_pass_and_zeros_are_cut() {
        for (text, shape) in [
            ("0", Shape::AsIs),
            ("-999.99", Shape::AsIs),
            ("0.1", Shape::AsIs),
            ("1.50000", Shape::Cut(4)),
            ("-1.50000", Shape::Cut(5)),
        ] {
            assert_eq!(decimal_rule().judge(text.as_bytes(), false), Ok(shape), "{text}");
        }
        for text in ["1000", "-1000.00", "0.001", "1.501", "NaN", "Infinity", "-Infinity"] {
            assert!(decimal_rule().judge(text.as_bytes(), false).is_err(), "{text}");
        }
        assert_eq!(Rule::Decimal { whole: 0, scale: 2 }.judge(b"0.25", false), Ok(Shape::AsIs));
        assert_eq!(Rule::Decimal { whole: 5, scale: 0 }.judge(b"12.000", false), Ok(Shape::Cut(2)));
    }

    #[test]
    fn floats_are_finite() {
        for text in ["0", "-0", "5e-324", "1.7976931348623157e+308", "-1e-07"] {
            assert_eq!(Rule::Float.judge(text.as_bytes(), false), Ok(Shape::AsIs), "{text}");
        }
        for text in ["NaN", "Infinity", "-Infinity"] {
            assert!(Rule::Float.judge(text.as_bytes(), false).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_of_the_years_one_to_9999() {
        for text in ["0001-01-01", "9999-12-31", "9999-12-31 23:59:59.999999"] {
            assert_eq!(Rule::Date.judge(text.as_bytes(), false), Ok(Shape::AsIs), "{text}");
        }
        for text in
            ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "294276-12-31 23:59:59", "4713-01-01 00:00:00 BC"]
        {
            assert!(Rule::Date.judge(text.as_bytes(), false).is_err(), "{text}");
        }
        assert_eq!(Rule::DateUtc.judge(b"2024-02-29 12:00:00.5+00", false), Ok(Shape::Cut(21)));
        for text in ["2024-02-29 12:00:00+02", "0044-03-15 12:00:00+00 BC", "infinity"] {
            assert!(Rule::DateUtc.judge(text.as_bytes(), false).is_err(), "{text}");
        }
    }

    #[test]
    fn text_is_counted_in_characters_after_escapes() {
        let rule = Rule::Text(Limit::Chars(4));
        for text in ["abcd", "äöüß", "😀😀😀😀", r"\t\n\\\b", r"\\N\\N"] {
            assert_eq!(rule.judge(text.as_bytes(), true), Ok(Shape::AsIs), "{text}");
        }
        assert!(rule.judge("abcde".as_bytes(), false).is_err());
        assert!(rule.judge(r"\t\n\\\b.".as_bytes(), true).is_err());
        let rule = Rule::Text(Limit::Bytes(4));
        assert_eq!(rule.judge("äö".as_bytes(), false), Ok(Shape::AsIs));
        assert!(rule.judge("äöü".as_bytes(), false).is_err());
    }

    #[test]
    fn only_form_feed_and_vertical_tab_need_another_writing() {
        let rule = Rule::Text(Limit::None);
        for (text, shape) in [
            (r"a\tb\nc\\d\re\bf", Shape::AsIs),
            (r"\\f\\v", Shape::AsIs),
            (r"\\\f", Shape::Unescape),
            (r"\v", Shape::Unescape),
        ] {
            assert_eq!(rule.judge(text.as_bytes(), true), Ok(shape), "{text}");
        }
    }

    #[test]
    fn json_numbers_survive_or_are_refused() {
        for text in [
            r#"{"a": [1, -2.5, 1e3], "b": "12345678901234567890123"}"#,
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "100000000000000000000",
            "0.1000000000000000000000",
            "1.7976931348623157",
            "684205638.6445312",
            r#""\\"123456789012345678901234567890\\"""#,
            r#"{"k\\\\": 1}"#,
        ] {
            assert_eq!(Rule::Json.judge(text.as_bytes(), true), Ok(Shape::AsIs), "{text}");
        }
        for text in [
            "18446744073709551616.5",
            "[123456789012345678901234567890]",
            "0.12345678901234567890123",
            // Halfway between two numbers of as many digits; MySQL prints the other.
            "684205638.6445313",
            r#"{"a\\\\": 123456789012345678901234567890}"#,
            &format!("1{}", "0".repeat(400)),
        ] {
            assert!(Rule::Json.judge(text.as_bytes(), true).is_err(), "{text}");
        }
        assert!(Rule::Json.judge("[".repeat(101).as_bytes(), false).is_err());
    }

    #[test]
    fn bytes_are_hexadecimal() {
        assert_eq!(Rule::Bytes(2).judge(br"\\x00ff", true), Ok(Shape::Hex));
        assert_eq!(Rule::Bytes(2).judge(br"\\x", true), Ok(Shape::Hex));
        assert!(Rule::Bytes(2).judge(br"\\x00ff00", true).is_err());
        assert!(Rule::Bytes(2).judge(br"\\000", true).is_err());
    }
}
