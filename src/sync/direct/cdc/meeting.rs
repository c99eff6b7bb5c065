//! Whether batches may be applied side by side. Pure.

use super::change::{Batch, Keys, TableWork};
use crate::facts::MyTable;

/// True unless it is certain that no row, and no value of a unique key, is touched by both. `table` is the target's, by
/// its place.
pub(super) fn may_meet<'a>(one: &Batch, other: &Batch, table: &impl Fn(usize) -> &'a MyTable) -> bool {
    // Pieces of a transaction belong together.
    let piece = one.reached.is_none() || other.reached.is_none();
    // A trigger reaches any table.
    let trigger = one.tables.iter().chain(&other.tables).any(|work| !table(work.place).triggers.is_empty());
    let met = |work: &TableWork| {
        let same = other.tables.iter().find(|w| w.place == work.place);
        same.is_some_and(|same| !table(work.place).unique_keys.is_empty() || share_a_key(work, same))
    };
    piece || trigger || one.tables.iter().any(met)
}

fn share_a_key(one: &TableWork, other: &TableWork) -> bool {
    let (Some(a), Some(b)) = (&one.keys, &other.keys) else { return true };
    let (few, many): (&Keys, &Keys) = if a.len() < b.len() { (a, b) } else { (b, a) };
    few.keys().any(|key| many.contains_key(key))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::facts::MyKey;
    use crate::schema::testing::{MYSQL, created, pipeline, table};
    use crate::sync::Kinds;
    use crate::sync::direct::cdc::change::Reached;

    fn my_table() -> MyTable {
        created(&crate::schema::target_table(&table("t", vec![], &[]), &pipeline(), MYSQL))
    }

    /// Rows with these keys of the table at this place.
    fn batch(place: usize, keys: Option<&[&'static str]>) -> Batch {
        let keys = keys.map(|k| k.iter().map(|k| (Bytes::from_static(k.as_bytes()), 0)).collect());
        let tables = vec![TableWork { place, stages: vec![], keys, changes: 1, kinds: Kinds::default() }];
        Batch { tables, reached: Some(Reached::default()), changes: 1, bytes: 1 }
    }

    fn meet(one: &Batch, other: &Batch, table: &MyTable) -> bool {
        let met = may_meet(one, other, &|_| table);
        assert_eq!(met, may_meet(other, one, &|_| table));
        met
    }

    #[test]
    fn only_rows_with_other_keys_are_apart() {
        let plain = my_table();
        let one = batch(0, Some(&["1", "2"]));
        assert!(!meet(&one, &batch(0, Some(&["3"])), &plain));
        assert!(meet(&one, &batch(0, Some(&["3", "2", "4"])), &plain));
        assert!(!meet(&one, &batch(1, Some(&["1"])), &plain));
        assert!(meet(&one, &batch(0, None), &plain));
        assert!(!meet(&one, &batch(1, None), &plain));
        assert!(!meet(&Batch { reached: Some(Reached::default()), ..Batch::default() }, &one, &plain));
    }

    #[test]
    fn values_of_unique_keys_and_what_triggers_do_may_meet() {
        let (one, other) = (batch(0, Some(&["1"])), batch(0, Some(&["2"])));
        let unique = MyTable { unique_keys: vec![MyKey { name: "u".into(), columns: vec!["a".into()] }], ..my_table() };
        assert!(meet(&one, &other, &unique));
        assert!(!meet(&one, &batch(1, Some(&["2"])), &unique));
        let triggered = MyTable { triggers: vec!["t".into()], ..my_table() };
        assert!(meet(&one, &batch(1, Some(&["2"])), &triggered));
    }

    #[test]
    fn a_piece_of_a_transaction_meets_all() {
        let piece = Batch { reached: None, ..batch(0, Some(&["1"])) };
        assert!(meet(&piece, &batch(1, Some(&["2"])), &my_table()));
    }
}
