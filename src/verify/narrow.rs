//! Where to look next: from digests that differ to buckets, from buckets to the keys of rows that may differ. Pure.

use std::collections::HashMap;

use super::column::Column;
use super::number;
use super::statement::Key;

/// Rows of a slice. A slice that differs is listed: hash and key of each of its rows.
pub(super) const SLICE: u64 = 50_000;
/// Rows that are listed at most at once. A slice of more is parted into buckets first.
pub(super) const LISTED: u64 = 200_000;
/// Rows of a bucket.
const BUCKET: u64 = 250;
/// Rows of a sample for each slice.
const SAMPLE: u64 = 500;
/// Slices of a table at most.
const SLICES: u64 = 2_000;
/// Bytes up to which a table is sliced although its rows do not lie in the order of its key: it is likely to stay in
/// the source's memory, where their order does not matter.
const CACHED: u64 = 1 << 30;

/// Rows and the sum of their hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Digest {
    /// Rows.
    pub(super) rows: u64,
    /// Sum of hashes.
    pub(super) sum: String,
}

/// Digests by bucket.
pub(super) type BucketDigests = HashMap<u64, Digest>;

/// How a table is sliced: into so many pieces, by a sample of so many percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slicing {
    /// Slices.
    pub(super) pieces: u64,
    /// Percent of the table's pages.
    pub(super) percent: f64,
}

/// How to slice a table of so many rows and bytes; none for a small one, and for a large one whose rows do not lie in
/// the order of its key (`correlation` of the planner's statistics): each slice would read all of it.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn slicing(rows: u64, bytes: u64, correlation: Option<f64>) -> Option<Slicing> {
    let pieces = (rows / SLICE).min(SLICES);
    let ordered = correlation.is_none_or(|c| c.abs() > 0.5) || bytes <= CACHED;
    if pieces < 2 || !ordered {
        return None;
    }
    let percent = 100.0 * (pieces * SAMPLE) as f64 / rows as f64;
    Some(Slicing { pieces, percent: percent.clamp(0.000_1, 100.0) })
}

/// The cuts at values that the target has, too: not at infinity, a date before our era, or NaN.
pub(super) fn usable(lead: &Column, mut cuts: Vec<String>) -> Vec<String> {
    let dated = matches!(lead.ty.as_str(), "date" | "timestamp" | "timestamptz");
    let usable = |cut: &String| match lead.ty.as_str() {
        "uuid" => true,
        _ if dated => cut.as_bytes().get(4) == Some(&b'-') && !cut.ends_with("BC"),
        _ => number::canonical(cut).is_some(),
    };
    cuts.retain(usable);
    cuts
}

/// The bits of the hash by which a slice of so many rows is parted.
pub(super) fn mask(rows: u64) -> u64 {
    (rows / BUCKET).clamp(16, 1 << 16).next_power_of_two() - 1
}

/// Buckets that differ, with the rows of the larger side, in ascending order.
pub(super) fn differing(source: &BucketDigests, target: &BucketDigests) -> Vec<(u64, u64)> {
    let mut found: Vec<(u64, u64)> = source
        .iter()
        .filter(|(bucket, digest)| target.get(bucket) != Some(digest))
        .map(|(bucket, digest)| (*bucket, digest.rows.max(target.get(bucket).map_or(0, |d| d.rows))))
        .chain(target.iter().filter(|(bucket, _)| !source.contains_key(bucket)).map(|(bucket, d)| (*bucket, d.rows)))
        .collect();
    found.sort_unstable();
    found
}

/// Groups of buckets that are listed together: each as many as [`LISTED`] allows, and one at least.
pub(super) fn groups(buckets: &[(u64, u64)]) -> Vec<Vec<u64>> {
    let mut groups: Vec<Vec<u64>> = Vec::new();
    let mut rows = u64::MAX;
    for (bucket, more) in buckets {
        rows = rows.saturating_add(*more);
        match groups.last_mut() {
            Some(group) if rows <= LISTED => group.push(*bucket),
            _ => {
                groups.push(vec![*bucket]);
                rows = *more;
            }
        }
    }
    groups
}

/// Finds the keys whose rows may differ: first all rows of the source are added, then those of the target met.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// By key; none for a key that several rows have.
    source: HashMap<Key, Option<u64>>,
    suspects: Vec<Key>,
}

impl Listing {
    /// A row of the source.
    pub(super) fn add(&mut self, key: Key, hash: u64) {
        self.source.entry(key).and_modify(|seen| *seen = None).or_insert(Some(hash));
    }

    /// A row of the target.
    pub(super) fn meet(&mut self, key: Key, hash: u64) {
        // What is met is taken out, so that a second row of the same key finds nothing and is suspect.
        if self.source.remove(&key) != Some(Some(hash)) {
            self.suspects.push(key);
        }
    }

    /// The keys to look at, each once, in order.
    pub(super) fn suspects(self) -> Vec<Key> {
        let mut all = self.suspects;
        all.extend(self.source.into_keys());
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Transfer;
    use crate::verify::testing::pair;

    fn digest(rows: u64, sum: &str) -> Digest {
        Digest { rows, sum: sum.into() }
    }

    fn key(text: &str) -> Key {
        Key(vec![Some(text.into())])
    }

    #[test]
    fn large_tables_are_sliced_unless_each_slice_would_read_them_whole() {
        assert_eq!(slicing(99_999, 1 << 40, None), None);
        assert_eq!(slicing(1_000_000, 1 << 20, Some(0.0)), Some(Slicing { pieces: 20, percent: 1.0 }));
        assert_eq!(slicing(1_000_000, 1 << 40, Some(0.0)), None);
        assert_eq!(slicing(1_000_000, 1 << 40, Some(-0.9)).map(|s| s.pieces), Some(20));
        assert_eq!(slicing(u64::MAX / 2, 1 << 50, None).map(|s| s.pieces), Some(2_000));
    }

    #[test]
    fn tables_are_cut_where_the_target_can_be_cut() {
        let usable = |ty, transfer, have, cuts: &[&str]| {
            usable(&pair(ty, transfer, have), cuts.iter().map(|cut| (*cut).to_owned()).collect())
        };
        let moments = ["infinity", "0044-03-15 00:00:00 BC", "2024-01-01 00:00:00", "10000-01-01 00:00:00"];
        assert_eq!(usable("timestamp", Transfer::Timestamp, "datetime(6)", &moments), ["2024-01-01 00:00:00"]);
        assert_eq!(usable("int8", Transfer::Integer, "bigint", &["-7", "8"]), ["-7", "8"]);
        let decimal = Transfer::Decimal { precision: 9, scale: 2 };
        assert_eq!(usable("numeric", decimal, "decimal(9,2)", &["1.5", "NaN"]), ["1.5"]);
    }

    #[test]
    fn buckets_are_small_and_not_too_many() {
        assert_eq!([0, 1_000_000, u64::MAX / 2].map(mask), [15, 4095, 65_535]);
    }

    #[test]
    fn buckets_that_differ_are_found_on_either_side() {
        let source = HashMap::from([(1, digest(5, "9")), (2, digest(5, "9")), (3, digest(1, "4"))]);
        let target = HashMap::from([(1, digest(5, "9")), (2, digest(6, "9")), (7, digest(2, "1"))]);
        assert_eq!(differing(&source, &target), [(2, 6), (3, 1), (7, 2)]);
    }

    #[test]
    fn groups_stay_within_what_may_be_listed() {
        let half = LISTED / 2;
        let buckets = [(1, half), (2, half), (3, half), (4, LISTED * 3), (5, 1)];
        assert_eq!(groups(&buckets), [vec![1, 2], vec![3], vec![4], vec![5]]);
        assert_eq!(groups(&[]), [[0; 0]; 0]);
    }

    #[test]
    fn suspects_are_missing_extra_changed_and_doubled_rows() {
        let mut listing = Listing::default();
        for (name, hash) in [("same", 1), ("changed", 2), ("missing", 3), ("twice here", 4), ("twice there", 5)] {
            listing.add(key(name), hash);
        }
        listing.add(key("twice here"), 4);
        for (name, hash) in [("same", 1), ("changed", 9), ("extra", 3), ("twice here", 4), ("twice there", 5)] {
            listing.meet(key(name), hash);
        }
        listing.meet(key("twice there"), 5);
        let names = ["changed", "extra", "missing", "twice here", "twice there"];
        assert_eq!(listing.suspects(), names.map(key));
    }
}
