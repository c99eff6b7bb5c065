//! All rows of a table in one sum, computed here. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::narrow::Digest;
use super::statement::Shape;
use super::value::{self, Seen};

/// Rows and the sum of their hashes; the order of rows plays no part.
#[derive(Debug, Default)]
pub(super) struct Multiset {
    rows: u64,
    sum: u128,
}

impl Multiset {
    /// Adds a row. Equal values count as equal, however they are written.
    pub(super) fn add(&mut self, shape: &Shape, values: impl Iterator<Item = Seen>) {
        let forms: Vec<Option<String>> =
            shape.columns.iter().zip(values).map(|(c, seen)| value::form(c, &seen)).collect();
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, &forms).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        self.rows += 1;
        self.sum = self.sum.wrapping_add(half(0) << 64 | half(1));
    }

    pub(super) fn digest(&self) -> Digest {
        Digest { rows: self.rows, sum: self.sum.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Transfer;
    use crate::verify::testing::{pair, shape};

    fn of(rows: &[[Option<&str>; 2]]) -> Digest {
        let columns = vec![pair("text", Transfer::Text, "longtext"), pair("jsonb", Transfer::Json, "json")];
        let shape = shape(columns, &[]);
        let mut all = Multiset::default();
        for row in rows {
            all.add(&shape, row.iter().map(|v| v.map_or(Seen::Null, |text| Seen::Text(text.into()))));
        }
        all.digest()
    }

    #[test]
    fn order_and_writing_mean_nothing_and_every_row_counts() {
        let (a, b) = ([Some("a"), Some("[1.0]")], [None, Some("{}")]);
        assert_eq!(of(&[a, b]), of(&[b, [Some("a"), Some("[1]")]]));
        assert_ne!(of(&[a, a, b]), of(&[a, b, b]));
        assert_ne!(of(&[a]), of(&[a, a]));
        assert_ne!(of(&[[Some("a"), None]]), of(&[[None, Some("a")]]));
        assert_ne!(of(&[[None, None]]), of(&[[Some(""), None]]));
    }
}
