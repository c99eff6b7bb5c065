//! A row as changes carry it: which columns are there, and their text. Pure.

use bytes::{BufMut, Bytes, BytesMut};

/// One column of a [`Tuple`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// NULL.
    Null,
    /// A stored-out value (TOAST) that the change did not touch and does not carry.
    Unchanged,
    /// The type's text form, in UTF-8.
    Text(&'a [u8]),
}

/// A row in one piece of memory, shared with the message that it came in: for each column `n`, `u`, or `t` with a
/// length of four bytes and the text, as PostgreSQL's `TupleData` has it. Its form has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple {
    raw: Bytes,
    width: u16,
}

impl Tuple {
    /// Checks that `raw` begins with so many columns, and takes them off it. Nothing if it does not.
    pub(super) fn split_from(raw: &mut Bytes, width: u16) -> Option<Self> {
        let mut at = 0;
        for _ in 0..width {
            at += match raw.get(at)? {
                b'n' | b'u' => 1,
                b't' => 5 + length(raw.get(at + 1..at + 5)?),
                _ => return None,
            };
        }
        (at <= raw.len()).then(|| Self { raw: raw.split_to(at), width })
    }

    /// A row of these columns.
    pub(super) fn of<'a>(fields: impl IntoIterator<Item = Field<'a>>) -> Self {
        let mut raw = BytesMut::new();
        let mut width = 0;
        for field in fields {
            width += 1;
            match field {
                Field::Null => raw.put_u8(b'n'),
                Field::Unchanged => raw.put_u8(b'u'),
                Field::Text(text) => {
                    raw.put_u8(b't');
                    // PostgreSQL's values are shorter than 1 GB.
                    raw.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
                    raw.put_slice(text);
                }
            }
        }
        Self { raw: raw.freeze(), width }
    }

    /// The columns in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let mut rest = &self.raw[..];
        (0..self.width).map(move |_| match rest[0] {
            b't' => {
                let (head, tail) = rest.split_at(5);
                let (text, tail) = tail.split_at(length(&head[1..]));
                rest = tail;
                Field::Text(text)
            }
            kind => {
                rest = &rest[1..];
                if kind == b'n' { Field::Null } else { Field::Unchanged }
            }
        })
    }

    /// A column's text, sharing this row's memory; nothing for NULL and for what is not carried.
    pub(super) fn text(&self, place: usize) -> Option<Bytes> {
        match self.fields().nth(place)? {
            Field::Text(text) => Some(self.raw.slice_ref(text)),
            _ => None,
        }
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width.into()
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.raw.len()
    }

    /// Every value is carried.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.fields().all(|f| f != Field::Unchanged)
    }

    /// This row, with what it does not carry taken from an older version of it.
    pub(super) fn over(&self, older: &Self) -> Self {
        Self::of(self.fields().zip(older.fields()).map(|(new, old)| if new == Field::Unchanged { old } else { new }))
    }
}

fn length(four: &[u8]) -> usize {
    four.iter().fold(0, |n, b| n << 8 | usize::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out() {
        let fields = [Field::Text(b"a"), Field::Null, Field::Unchanged, Field::Text(b"")];
        let tuple = Tuple::of(fields);
        assert_eq!(tuple.fields().collect::<Vec<_>>(), fields);
        assert_eq!(tuple.text(0).unwrap(), "a");
        assert_eq!((tuple.text(1), tuple.text(2), tuple.text(9)), (None, None, None));
        let mut raw = BytesMut::from(&tuple.raw[..]);
        raw.put_slice(b"rest");
        let mut raw = raw.freeze();
        assert_eq!(Tuple::split_from(&mut raw, 4), Some(tuple));
        assert_eq!(raw, "rest");
    }

    #[test]
    fn what_is_cut_or_strange_is_no_tuple() {
        for bytes in [&b""[..], b"t", b"t\0\0\0\x02a", b"t\xff\xff\xff\xffabc", b"b\0\0\0\x01a", b"x"] {
            assert_eq!(Tuple::split_from(&mut Bytes::copy_from_slice(bytes), 1), None, "{bytes:?}");
        }
    }

    #[test]
    fn untouched_values_come_from_the_older_row() {
        let old = Tuple::of([Field::Text(b"1"), Field::Text(b"long"), Field::Unchanged]);
        let new = Tuple::of([Field::Text(b"2"), Field::Unchanged, Field::Unchanged]);
        let over = new.over(&old);
        assert_eq!(over, Tuple::of([Field::Text(b"2"), Field::Text(b"long"), Field::Unchanged]));
        assert!(!over.whole() && Tuple::of([Field::Null]).whole());
    }
}
