//! One pass over the bytes of a `COPY` row: into the lines that `LOAD DATA` reads, or into the literals of an
//! `INSERT`. Pure.
//!
//! COPY's text form and `LOAD DATA`'s own differ little: both part fields by tabs, end rows by newlines, write NULL as
//! `\N` and escape by a backslash and one letter. So most of a row is copied as it stands, and only the fields that a
//! [`Rule`] wants otherwise are written anew.

use bytes::{BufMut, BytesMut};

use super::rules::{Rule, Shape};
use crate::pipeline::OnUnrepresentable;

/// What the encoder knows of one column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its name on the source, for messages.
    pub(super) name: String,
    /// Its name on the target, quoted.
    pub(super) ident: String,
    /// How its fields are judged.
    pub(super) rule: Rule,
    /// Its literals are numbers, which are compared as such when they stand without quotes.
    pub(super) number: bool,
    /// The target takes NULL.
    pub(super) nullable: bool,
    /// It is part of the key that names a row.
    pub(super) key: bool,
}

/// Why a row was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rejection {
    /// A value that the target cannot hold.
    Value {
        /// The column's name.
        column: String,
        /// The row's key, as `id = 7`; nothing for a table without a key.
        key: Option<String>,
        /// The value, cut.
        value: String,
        /// Why.
        why: &'static str,
    },
    /// The row has not the form of COPY's text, or not as many fields as it should have.
    Malformed,
}

/// Re-writes rows. One encoder serves one part of a table.
#[derive(Debug)]
pub(super) struct Encoder<'a> {
    columns: &'a [Column],
    policy: OnUnrepresentable,
    /// Values written as NULL because the target cannot hold them.
    pub(super) nulled: u64,
}

/// How fields are put into the output.
trait Form {
    /// Between two fields.
    const COMMA: u8;
    /// What COPY wrote is right for this form as it stands.
    const VERBATIM: bool;
    fn null(out: &mut BytesMut);
    fn text(out: &mut BytesMut, field: &[u8]);
    fn plain(out: &mut BytesMut, field: &[u8]);
    fn number(out: &mut BytesMut, field: &[u8]);
    fn hex(out: &mut BytesMut, digits: &[u8]);
}

impl<'a> Encoder<'a> {
    /// An encoder for rows of these columns.
    pub(super) fn new(columns: &'a [Column], policy: OnUnrepresentable) -> Self {
        Self { columns, policy, nulled: 0 }
    }

    /// Appends a COPY row as a line for `LOAD DATA`.
    pub(super) fn line(&mut self, row: &[u8], out: &mut BytesMut) -> Result<(), Rejection> {
        self.row::<Line>(row, out)?;
        out.put_u8(b'\n');
        Ok(())
    }

    /// Appends a COPY row as `(…)` for `INSERT … VALUES`.
    pub(super) fn values(&mut self, row: &[u8], out: &mut BytesMut) -> Result<(), Rejection> {
        out.put_u8(b'(');
        self.row::<Values>(row, out)?;
        out.put_u8(b')');
        Ok(())
    }

    /// Appends those fields of a COPY row that are wanted as `` `a`='1',`b`=NULL ``, for `UPDATE … SET`.
    pub(super) fn assignments(
        &mut self,
        row: &[u8],
        wanted: impl Fn(usize) -> bool,
        out: &mut BytesMut,
    ) -> Result<(), Rejection> {
        self.each(row, wanted, b",", out, |column, field, written, out| {
            out.put_slice(column.ident.as_bytes());
            out.put_u8(b'=');
            put::<Values>(out, column, field, written);
        })
    }

    /// Appends the wanted fields as `` `a`=1 AND `b`='x' ``, for a condition on a key.
    pub(super) fn key_condition(
        &mut self,
        row: &[u8],
        wanted: impl Fn(usize) -> bool,
        out: &mut BytesMut,
    ) -> Result<(), Rejection> {
        self.each(row, wanted, b" AND ", out, |column, field, written, out| {
            out.put_slice(column.ident.as_bytes());
            out.put_u8(b'=');
            put::<Compared>(out, column, field, written);
        })
    }

    /// Appends the wanted fields as literals to compare with, a comma between them.
    pub(super) fn key_values(
        &mut self,
        row: &[u8],
        wanted: impl Fn(usize) -> bool,
        out: &mut BytesMut,
    ) -> Result<(), Rejection> {
        self.each(row, wanted, b",", out, |column, field, written, out| put::<Compared>(out, column, field, written))
    }

    /// Appends a condition that the row with exactly these values meets, to the last byte of its texts; NULL is equal
    /// to NULL.
    pub(super) fn exact_condition(&mut self, row: &[u8], out: &mut BytesMut) -> Result<(), Rejection> {
        self.each(
            row,
            |_| true,
            b" AND ",
            out,
            |column, field, written, out| {
                let (before, middle, after) = match column.rule {
                    Rule::Text(_) => ("CAST(CONVERT(", " USING utf8mb4) AS BINARY) <=> CAST(", " AS BINARY)"),
                    Rule::Json => ("", " <=> CAST(", " AS JSON)"),
                    _ => ("", " <=> ", ""),
                };
                out.put_slice(before.as_bytes());
                out.put_slice(column.ident.as_bytes());
                out.put_slice(middle.as_bytes());
                put::<Compared>(out, column, field, written);
                out.put_slice(after.as_bytes());
            },
        )
    }

    /// Hands over the wanted fields one by one, with `between` written between them.
    fn each(
        &mut self,
        row: &[u8],
        wanted: impl Fn(usize) -> bool,
        between: &[u8],
        out: &mut BytesMut,
        mut write: impl FnMut(&Column, &[u8], Option<Shape>, &mut BytesMut),
    ) -> Result<(), Rejection> {
        let fields = row.strip_suffix(b"\n").ok_or(Rejection::Malformed)?.split(|b| *b == b'\t');
        let columns = self.columns;
        let mut first = true;
        for (index, (column, field)) in columns.iter().zip(fields).enumerate() {
            if !wanted(index) {
                continue;
            }
            let written = self.field(column, field, true).or_else(|why| self.instead(column, field, row, why))?;
            if !std::mem::take(&mut first) {
                out.put_slice(between);
            }
            write(column, field, written, out);
        }
        Ok(())
    }

    fn row<F: Form>(&mut self, row: &[u8], out: &mut BytesMut) -> Result<(), Rejection> {
        let row = row.strip_suffix(b"\n").ok_or(Rejection::Malformed)?;
        let escapes = memchr::memchr(b'\\', row).is_some();
        // Where a stretch of fields begins that is copied as it stands.
        let mut kept = 0;
        let mut start = 0;
        let mut tabs = memchr::memchr_iter(b'\t', row);
        let last = self.columns.len() - 1;
        for (index, column) in self.columns.iter().enumerate() {
            let end = if index == last { row.len() } else { tabs.next().ok_or(Rejection::Malformed)? };
            let field = &row[start..end];
            let written = self.field(column, field, escapes).or_else(|why| self.instead(column, field, row, why))?;
            if !F::VERBATIM {
                if index > 0 {
                    out.put_u8(F::COMMA);
                }
                put::<F>(out, column, field, written);
            } else if written != Some(Shape::AsIs) && !(written.is_none() && field == NULL) {
                out.put_slice(&row[kept..start]);
                put::<F>(out, column, field, written);
                kept = end;
            }
            start = end + 1;
        }
        if tabs.next().is_some() {
            return Err(Rejection::Malformed);
        }
        if F::VERBATIM {
            out.put_slice(&row[kept..]);
        }
        Ok(())
    }

    /// How a field is written; `None` is NULL.
    fn field(&self, column: &Column, field: &[u8], escapes: bool) -> Result<Option<Shape>, &'static str> {
        if escapes && field == NULL {
            return if column.nullable { Ok(None) } else { Err("the target's column does not take NULL") };
        }
        column.rule.judge(field, escapes).map(Some)
    }

    /// What becomes of a value that the target cannot hold.
    #[cold]
    fn instead(
        &mut self,
        column: &Column,
        field: &[u8],
        row: &[u8],
        why: &'static str,
    ) -> Result<Option<Shape>, Rejection> {
        if self.policy == OnUnrepresentable::Null && column.nullable {
            self.nulled += 1;
            return Ok(None);
        }
        Err(Rejection::Value { column: column.name.clone(), key: self.key(row), value: shown(field), why })
    }

    /// The row's key in words.
    pub(super) fn key(&self, row: &[u8]) -> Option<String> {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        let fields = self.columns.iter().zip(row.split(|b| *b == b'\t'));
        let parts: Vec<String> = fields
            .filter(|(c, _)| c.key)
            .map(|(c, f)| format!("{} = {}", crate::text::safe(&c.name), shown(f)))
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// COPY's and `LOAD DATA`'s NULL.
const NULL: &[u8] = br"\N";

fn put<F: Form>(out: &mut BytesMut, column: &Column, field: &[u8], written: Option<Shape>) {
    let text = |out: &mut BytesMut, field: &[u8]| match column.rule {
        _ if column.number => F::number(out, field),
        Rule::Plain => F::plain(out, field),
        _ => F::text(out, field),
    };
    match written {
        None => F::null(out),
        Some(Shape::AsIs | Shape::Unescape) => text(out, field),
        Some(Shape::Cut(length)) => text(out, &field[..length]),
        Some(Shape::Hex) => F::hex(out, &field[3..]),
    }
}

/// A field as a person reads it: unescaped, made safe, cut.
fn shown(field: &[u8]) -> String {
    if field == NULL {
        return "NULL".to_owned();
    }
    // Enough for what is shown, whatever the escapes.
    let head = &field[..field.len().min(400)];
    let mut raw = BytesMut::new();
    unescape(head, &mut raw);
    crate::text::fit(&String::from_utf8_lossy(&raw), 60)
}

/// Undoes COPY's escapes.
fn unescape(field: &[u8], out: &mut BytesMut) {
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        out.put_u8(match byte {
            b'\\' => bytes.next().map_or(b'\\', |c| unescaped(*c)),
            byte => *byte,
        });
    }
}

fn unescaped(letter: u8) -> u8 {
    match letter {
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0B,
        other => other,
    }
}

/// Copies text, with form feed and vertical tab unescaped and, for a literal, quotes escaped.
fn put_text(out: &mut BytesMut, field: &[u8], quote: bool) {
    let mut kept = 0;
    let mut at = 0;
    while at < field.len() {
        match (field[at], field.get(at + 1)) {
            (b'\\', Some(b'f' | b'v')) => {
                out.put_slice(&field[kept..at]);
                out.put_u8(unescaped(field[at + 1]));
                at += 2;
                kept = at;
            }
            (b'\\', _) => at += 2,
            (b'\'', _) if quote => {
                out.put_slice(&field[kept..at]);
                out.put_u8(b'\\');
                kept = at;
                at += 1;
            }
            _ => at += 1,
        }
    }
    out.put_slice(&field[kept..]);
}

/// `LOAD DATA` with `FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'`, read as bytes.
struct Line;

impl Form for Line {
    const COMMA: u8 = b'\t';
    const VERBATIM: bool = true;

    fn null(out: &mut BytesMut) {
        out.put_slice(NULL);
    }

    fn text(out: &mut BytesMut, field: &[u8]) {
        put_text(out, field, false);
    }

    fn plain(out: &mut BytesMut, field: &[u8]) {
        out.put_slice(field);
    }

    fn number(out: &mut BytesMut, field: &[u8]) {
        out.put_slice(field);
    }

    /// The bytes themselves: half as long as their digits, and no function call a row on the server.
    fn hex(out: &mut BytesMut, digits: &[u8]) {
        out.reserve(digits.len());
        for pair in digits.chunks_exact(2) {
            match HEX[usize::from(pair[0])] << 4 | HEX[usize::from(pair[1])] {
                b'\\' => out.put_slice(br"\\"),
                b'\t' => out.put_slice(br"\t"),
                b'\n' => out.put_slice(br"\n"),
                byte => out.put_u8(byte),
            }
        }
    }
}

/// The values of a hexadecimal digit.
static HEX: [u8; 256] = {
    let mut table = [0; 256];
    let mut digit: u8 = 0;
    while digit < 16 {
        table[b"0123456789abcdef"[digit as usize] as usize] = digit;
        table[b"0123456789ABCDEF"[digit as usize] as usize] = digit;
        digit += 1;
    }
    table
};

/// Literals of MySQL, with backslash escapes on.
struct Values;

impl Form for Values {
    const COMMA: u8 = b',';
    const VERBATIM: bool = false;

    fn null(out: &mut BytesMut) {
        out.put_slice(b"NULL");
    }

    /// Quoted, numbers too: a quoted number goes into the column without passing through another type.
    fn text(out: &mut BytesMut, field: &[u8]) {
        out.put_u8(b'\'');
        put_text(out, field, true);
        out.put_u8(b'\'');
    }

    fn plain(out: &mut BytesMut, field: &[u8]) {
        Self::text(out, field);
    }

    fn number(out: &mut BytesMut, field: &[u8]) {
        Self::text(out, field);
    }

    fn hex(out: &mut BytesMut, digits: &[u8]) {
        out.put_slice(b"X'");
        out.put_slice(digits);
        out.put_u8(b'\'');
    }
}

/// Literals to compare a column with: a quoted number would be compared as a double, and two large ones be equal.
struct Compared;

impl Form for Compared {
    const COMMA: u8 = Values::COMMA;
    const VERBATIM: bool = false;

    fn null(out: &mut BytesMut) {
        Values::null(out);
    }

    fn text(out: &mut BytesMut, field: &[u8]) {
        Values::text(out, field);
    }

    fn plain(out: &mut BytesMut, field: &[u8]) {
        Values::plain(out, field);
    }

    fn number(out: &mut BytesMut, field: &[u8]) {
        out.put_slice(field);
    }

    fn hex(out: &mut BytesMut, digits: &[u8]) {
        Values::hex(out, digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::direct::rules::Limit;
    use proptest::prelude::*;

    fn column(name: &str, rule: Rule) -> Column {
        Column { name: name.into(), ident: name.into(), rule, number: false, nullable: true, key: name == "id" }
    }

    fn columns(rules: &[Rule]) -> Vec<Column> {
        rules.iter().enumerate().map(|(i, r)| column(if i == 0 { "id" } else { "v" }, r.clone())).collect()
    }

    fn line(rules: &[Rule], row: &[u8]) -> Result<Vec<u8>, Rejection> {
        let columns = columns(rules);
        let mut out = BytesMut::new();
        Encoder::new(&columns, OnUnrepresentable::Stop).line(row, &mut out)?;
        Ok(out.to_vec())
    }

    fn values(rules: &[Rule], row: &[u8]) -> Result<Vec<u8>, Rejection> {
        let columns = columns(rules);
        let mut out = BytesMut::new();
        Encoder::new(&columns, OnUnrepresentable::Stop).values(row, &mut out)?;
        Ok(out.to_vec())
    }

    /// What PostgreSQL's `CopyAttributeOutText` does.
    fn copy_escape(raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in raw {
            let letter = match byte {
                0x08 => b'b',
                0x0C => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0B => b'v',
                b'\\' => b'\\',
                other => {
                    out.push(*other);
                    continue;
                }
            };
            out.extend([b'\\', letter]);
        }
        out
    }

    /// What MySQL's `READ_INFO::unescape` and its lexer do inside a field or a quoted literal.
    fn my_unescape(field: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut bytes = field.iter();
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                b'\\' => match bytes.next().expect("an escape has a letter") {
                    b'0' => 0,
                    b'b' => 0x08,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'Z' => 0x1A,
                    other => *other,
                },
                byte => *byte,
            });
        }
        out
    }

    const TEXT: Rule = Rule::Text(Limit::None);

    #[test]
    fn rows_without_anything_special_are_copied() {
        let row = b"1\t\\N\ta\\tb\\\\N\t2024-01-01\n";
        assert_eq!(line(&[Rule::Plain, TEXT, TEXT, Rule::Date], row).unwrap(), row);
    }

    #[test]
    fn only_what_differs_is_written_anew() {
        let rules = [Rule::Plain, Rule::DateUtc, TEXT, Rule::Bytes(99), Rule::Decimal { whole: 3, scale: 1 }, TEXT];
        let row = b"7\t2024-01-01 00:00:00+00\ta\\fb\\v\t\\\\x5c090a00ff\t1.50000\t\\N\n";
        assert_eq!(line(&rules, row).unwrap(), b"7\t2024-01-01 00:00:00\ta\x0Cb\x0B\t\\\\\\t\\n\x00\xff\t1.5\t\\N\n");
        assert_eq!(values(&rules, row).unwrap(), b"('7','2024-01-01 00:00:00','a\x0Cb\x0B',X'5c090a00ff','1.5',NULL)");
    }

    #[test]
    fn quotes_cannot_leave_a_literal() {
        assert_eq!(values(&[TEXT], br"a'b\\'c").unwrap_err(), Rejection::Malformed);
        assert_eq!(values(&[TEXT], b"a'b\\\\'c\n").unwrap(), br"('a\'b\\\'c')");
    }

    #[test]
    fn conditions_compare_numbers_as_numbers_and_texts_to_the_byte() {
        let mut columns = columns(&[Rule::Plain, TEXT, Rule::Bytes(9), Rule::Json]);
        columns[0].number = true;
        let mut encoder = Encoder::new(&columns, OnUnrepresentable::Stop);
        let row = b"9007199254740993\ta'b\t\\\\x00ff\t\\N\n";
        let mut told = |write: &dyn Fn(&mut Encoder<'_>, &mut BytesMut) -> Result<(), Rejection>| {
            let mut out = BytesMut::new();
            write(&mut encoder, &mut out).unwrap();
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(told(&|e, o| e.key_values(row, |i| i < 2, o)), r"9007199254740993,'a\'b'");
        assert_eq!(told(&|e, o| e.key_condition(row, |i| i == 2, o)), "v=X'00ff'");
        assert_eq!(told(&|e, o| e.assignments(row, |i| i != 1, o)), "id='9007199254740993',v=X'00ff',v=NULL");
        assert_eq!(
            told(&|e, o| e.exact_condition(row, o)),
            r"id <=> 9007199254740993 AND CAST(CONVERT(v USING utf8mb4) AS BINARY) <=> CAST('a\'b' AS BINARY) AND v <=> X'00ff' AND v <=> CAST(NULL AS JSON)"
        );
    }

    #[test]
    fn a_refused_value_is_named_with_its_key() {
        let error = line(&[Rule::Plain, Rule::Float], b"42\tNaN\n").unwrap_err();
        let expected = Rejection::Value {
            column: "v".into(),
            key: Some("id = 42".into()),
            value: "NaN".into(),
            why: "MySQL has no NaN",
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn a_refused_value_becomes_null_where_asked_and_possible() {
        let mut columns = columns(&[Rule::Plain, Rule::Float]);
        let mut out = BytesMut::new();
        let mut encoder = Encoder::new(&columns, OnUnrepresentable::Null);
        encoder.line(b"1\tNaN\n", &mut out).unwrap();
        assert_eq!((out.as_ref(), encoder.nulled), (&b"1\t\\N\n"[..], 1));
        columns[1].nullable = false;
        let mut encoder = Encoder::new(&columns, OnUnrepresentable::Null);
        assert!(encoder.line(b"1\tNaN\n", &mut out).is_err());
        assert!(encoder.line(b"1\t\\N\n", &mut out).is_err());
    }

    #[test]
    fn rows_of_another_width_are_malformed() {
        for row in [&b"1\n"[..], b"1\t2\t3\n", b"1\t2", b""] {
            assert_eq!(line(&[Rule::Plain, TEXT], row).unwrap_err(), Rejection::Malformed);
        }
    }

    proptest! {
        #[test]
        fn any_text_and_any_bytes_arrive(text in any::<Vec<u8>>(), bytes in any::<Vec<u8>>(), quotes in "['\\\\\x08\x0b\x0c\t\n\rN]*") {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            let mut row = copy_escape(&text);
            row.push(b'\t');
            row.extend(copy_escape(format!("\\x{hex}").as_bytes()));
            row.push(b'\t');
            row.extend(copy_escape(quotes.as_bytes()));
            row.push(b'\n');
            let rules = [TEXT, Rule::Bytes(u64::MAX), TEXT];

            let line = line(&rules, &row).unwrap();
            let mut fields = line.strip_suffix(b"\n").unwrap().split(|b| *b == b'\t');
            prop_assert_eq!(my_unescape(fields.next().unwrap()), text.clone());
            prop_assert_eq!(my_unescape(fields.next().unwrap()), bytes);
            prop_assert_eq!(my_unescape(fields.next().unwrap()), quotes.as_bytes());
            prop_assert!(fields.next().is_none());
            prop_assert!(!line[..line.len() - 1].contains(&b'\n'));

            let values = values(&rules, &row).unwrap();
            prop_assert!(values.starts_with(b"('") && values.ends_with(b"')"));
            let inner = &values[2..values.len() - 2];
            let cut = inner.windows(4).position(|w| w == b"',X'").unwrap();
            prop_assert_eq!(my_unescape(&inner[..cut]), text);
            let rest = &inner[cut + 4 + hex.len()..];
            prop_assert_eq!(my_unescape(rest.strip_prefix(b"','").unwrap()), quotes.as_bytes());
        }
    }
}
