//! From the text of a change to the text of `COPY`, which the encoder reads: so a value takes the same way whether it
//! is loaded or changed. Pure.

use bytes::{BufMut, Bytes, BytesMut};

use super::batch::Change;
use crate::facts::PgColumn;
use crate::schema::Transfer;
use crate::sync::direct::layout::Layout;
use crate::sync::direct::tuple::{Field, Tuple};

/// How rows of changes go into a target table.
#[derive(Debug)]
pub(super) struct RowLayout {
    /// What is written, in the order of the source's rows.
    pub(super) layout: Layout,
    /// For each written column: its place in the source's rows, and how its text becomes that of `COPY`.
    pub(super) from: Vec<(usize, Turn)>,
    /// The places of the key in the source's rows, in the order of the target's key; empty without one.
    pub(super) key: Vec<usize>,
    /// Columns of the source's rows.
    pub(super) width: usize,
}

/// How the output form of a type becomes what the projection of a load selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// They are the same.
    Same,
    /// `t` and `f` to 1 and 0.
    Boolean,
    /// Without the blanks that pad `char(n)`.
    Blank,
    /// `money` in the form of the C locale, with so many places in truth.
    Money(u32),
}

impl Turn {
    /// That of a column.
    pub(super) fn of(column: &PgColumn, transfer: Transfer, money_places: u32) -> Self {
        match transfer {
            Transfer::Boolean => Self::Boolean,
            Transfer::Money => Self::Money(money_places),
            Transfer::Text if column.ty.name == "bpchar" => Self::Blank,
            _ => Self::Same,
        }
    }
}

impl RowLayout {
    /// The rows of the change have the columns that they should have.
    pub(super) fn fits(&self, change: &Change) -> bool {
        let fits = |tuple: &Tuple| tuple.width() == self.width;
        match change {
            Change::Insert(tuple) | Change::Delete(tuple) => fits(tuple),
            Change::Update { old, new } => fits(new) && old.as_ref().is_none_or(fits),
        }
    }

    /// Appends a row as `COPY` writes it. A value that is not carried is written as NULL: whoever writes such rows
    /// leaves the column out, see [`Self::carried`].
    pub(super) fn copy_row(&self, tuple: &Tuple, out: &mut BytesMut) {
        let mut fields = tuple.fields();
        let mut next = 0;
        for (index, (place, turn)) in self.from.iter().enumerate() {
            if index > 0 {
                out.put_u8(b'\t');
            }
            // Places rise, so each field is walked over once.
            let field = fields.nth(place - next);
            next = place + 1;
            match field {
                Some(Field::Text(text)) => turned(text, *turn, out),
                _ => out.put_slice(br"\N"),
            }
        }
        out.put_u8(b'\n');
    }

    /// Which of the written columns the row carries.
    pub(super) fn carried(&self, tuple: &Tuple) -> Vec<bool> {
        let fields: Vec<Field<'_>> = tuple.fields().collect();
        self.from.iter().map(|(place, _)| fields.get(*place).is_some_and(|f| *f != Field::Unchanged)).collect()
    }

    /// All written columns are carried.
    pub(super) fn whole(&self, tuple: &Tuple) -> bool {
        tuple.whole() || self.carried(tuple).iter().all(|c| *c)
    }

    /// What tells rows apart: the texts of the key's columns. Nothing when one is not there.
    pub(super) fn key_of(&self, tuple: &Tuple) -> Option<Bytes> {
        if let [place] = self.key.as_slice() {
            return tuple.text(*place);
        }
        let mut all = BytesMut::new();
        for place in &self.key {
            let text = tuple.text(*place)?;
            all.put_u64(text.len() as u64);
            all.put_slice(&text);
        }
        Some(all.freeze())
    }
}

fn turned(text: &[u8], turn: Turn, out: &mut BytesMut) {
    match turn {
        Turn::Same => escaped(text, out),
        Turn::Boolean => out.put_u8(if text == b"t" { b'1' } else { b'0' }),
        Turn::Blank => {
            let end = text.iter().rposition(|b| *b != b' ').map_or(0, |last| last + 1);
            escaped(&text[..end], out);
        }
        Turn::Money(places) => money(text, places as usize, out),
    }
}

/// `-$1,234.56` is a whole number of the smallest unit; where its point belongs is the database's locale's.
fn money(text: &[u8], places: usize, out: &mut BytesMut) {
    if text.contains(&b'-') || text.contains(&b'(') {
        out.put_u8(b'-');
    }
    let mut digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    while digits.len() <= places {
        digits.insert(0, b'0');
    }
    let (whole, part) = digits.split_at(digits.len() - places);
    let leading = whole.iter().take_while(|d| **d == b'0').count().min(whole.len() - 1);
    out.put_slice(&whole[leading..]);
    if !part.is_empty() {
        out.put_u8(b'.');
        out.put_slice(part);
    }
}

/// Appends text with the escapes of `COPY`.
fn escaped(text: &[u8], out: &mut BytesMut) {
    let mut kept = 0;
    for (at, byte) in text.iter().enumerate() {
        let letter = match byte {
            0x08 => b'b',
            0x09 => b't',
            0x0A => b'n',
            0x0B => b'v',
            0x0C => b'f',
            0x0D => b'r',
            b'\\' => b'\\',
            _ => continue,
        };
        out.put_slice(&text[kept..at]);
        out.put_slice(&[b'\\', letter]);
        kept = at + 1;
    }
    out.put_slice(&text[kept..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &[u8], turn: Turn) -> String {
        let mut out = BytesMut::new();
        turned(text, turn, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn text_is_escaped_as_copy_does() {
        assert_eq!(one(b"a\tb\nc\\d\x08\x0b\x0c\re", Turn::Same), r"a\tb\nc\\d\b\v\f\re");
        assert_eq!(one("ü😀".as_bytes(), Turn::Same), "ü😀");
        assert_eq!(one(br"\x00ff", Turn::Same), r"\\x00ff");
    }

    #[test]
    fn values_take_the_form_that_a_load_selects() {
        assert_eq!(one(b"t", Turn::Boolean), "1");
        assert_eq!(one(b"f", Turn::Boolean), "0");
        assert_eq!(one(b"ab  ", Turn::Blank), "ab");
        assert_eq!(one(b"   ", Turn::Blank), "");
        for (text, places, expected) in [
            ("-$12.34", 2, "-12.34"),
            ("$1,234,567.80", 2, "1234567.80"),
            ("$0.05", 2, "0.05"),
            ("$12.34", 0, "1234"),
            ("$0.05", 3, "0.005"),
            ("-$92,233,720,368,547,758.08", 2, "-92233720368547758.08"),
        ] {
            assert_eq!(one(text.as_bytes(), Turn::Money(places)), expected, "{text} {places}");
        }
    }

    #[test]
    fn keys_of_several_columns_do_not_run_together() {
        let layout = RowLayout {
            layout: Layout::of([], crate::facts::MyFlavor::MySql),
            from: vec![],
            key: vec![0, 1],
            width: 2,
        };
        let key = |a: &str, b: &str| {
            layout.key_of(&Tuple::of([Field::Text(a.as_bytes()), Field::Text(b.as_bytes())])).unwrap()
        };
        assert_ne!(key("a", "bc"), key("ab", "c"));
        assert_eq!(layout.key_of(&Tuple::of([Field::Text(b"a"), Field::Null])), None);
    }
}
