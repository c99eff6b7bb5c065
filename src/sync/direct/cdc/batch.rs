//! Merging changes into as few row writes as possible: within a batch each key is written once. Pure.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::change::{Batch, KeyedRow, Keys, Reached, Stage, TableWork, What};
use super::row::RowLayout;
use crate::sync::Kinds;
use crate::sync::direct::tuple::Tuple;

/// Bytes of changes in a batch. Seven may be in memory: four that are applied, two that wait, one that grows.
pub(super) const BYTES: usize = 3 << 20;
/// Row writes in a batch.
pub(super) const ROWS: usize = 10_000;

/// A batch that grows.
#[derive(Debug, Default)]
pub(super) struct Builder {
    tables: Vec<TableWork>,
    /// The place of a table in `tables`.
    at: HashMap<usize, usize>,
    /// For each of `tables`, where its last stage has which key.
    keys: Vec<Keys>,
    changes: u64,
    bytes: usize,
    rows: usize,
    reached: Option<Reached>,
    began: Option<Instant>,
}

/// A change of a row, with the columns it is told in.
#[derive(Debug)]
pub(super) enum Change {
    /// A new row.
    Insert(Tuple),
    /// A changed row; the old one where it is told.
    Update {
        /// A row that holds the old key, where it may be another than the new one.
        old: Option<Tuple>,
        /// The new row.
        new: Tuple,
    },
    /// A row that is gone; at least its key.
    Delete(Tuple),
}

impl Change {
    fn kind(&self) -> Kinds {
        match self {
            Self::Insert(_) => Kinds { inserts: 1, ..Kinds::default() },
            Self::Update { .. } => Kinds { updates: 1, ..Kinds::default() },
            Self::Delete(_) => Kinds { deletes: 1, ..Kinds::default() },
        }
    }
}

impl Builder {
    /// Nothing to apply, and no position to write down.
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.reached.is_none()
    }

    /// Big enough to be applied, whatever comes.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BYTES || self.rows >= ROWS
    }

    /// When its first change came.
    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// A source transaction has ended here.
    pub(super) fn reached(&mut self, reached: Reached) {
        let time = reached.time.or(self.reached.and_then(|r| r.time));
        self.reached = Some(Reached { time, ..reached });
        self.began.get_or_insert_with(Instant::now);
    }

    /// A further source transaction has begun: the position that was reached holds no longer for all that follows.
    pub(super) fn goes_on(&mut self) -> Option<Reached> {
        self.reached.take()
    }

    /// The batch so far; what follows is another one.
    pub(super) fn take(&mut self) -> Batch {
        let mut all = std::mem::take(self);
        for (work, keys) in all.tables.iter_mut().zip(all.keys) {
            // Those of the last stage, which must be the only one.
            work.keys = matches!(work.stages.as_slice(), [Stage::Keyed(..)]).then_some(keys);
        }
        Batch { tables: all.tables, reached: all.reached, changes: all.changes, bytes: all.bytes }
    }

    /// All rows of the table go.
    pub(super) fn truncate(&mut self, place: usize) {
        let (work, keys) = self.table(place);
        // What was done to the rows before is of no account.
        work.stages.clear();
        work.stages.push(Stage::Clear);
        work.changes += 1;
        keys.clear();
        self.changes += 1;
        self.rows += 1;
    }

    /// Adds a change of a table without a key.
    pub(super) fn add_keyless(&mut self, place: usize, layout: &Arc<RowLayout>, change: Change) {
        self.count(&change);
        let (work, _) = self.table(place);
        work.changes += 1;
        work.kinds += change.kind();
        let exact = |old, new| Stage::Exact { layout: Arc::clone(layout), old, new };
        match change {
            Change::Insert(new) => match work.stages.last_mut() {
                Some(Stage::Append(same, rows)) if Arc::ptr_eq(same, layout) => rows.push(new),
                _ => work.stages.push(Stage::Append(Arc::clone(layout), vec![new])),
            },
            Change::Update { old: Some(old), new } => {
                let new = new.over(&old);
                work.stages.push(exact(old, Some(new)));
            }
            // Refused before: without a key, changes carry the whole old row.
            Change::Update { old: None, new } => work.stages.push(exact(new.clone(), Some(new))),
            Change::Delete(old) => work.stages.push(exact(old, None)),
        }
    }

    /// Adds a change of a table with a key. False when the change does not carry the key.
    #[must_use]
    pub(super) fn add(&mut self, place: usize, layout: &Arc<RowLayout>, change: Change) -> bool {
        self.count(&change);
        let (work, keys) = self.table(place);
        work.changes += 1;
        work.kinds += change.kind();
        let mut stage = Keyed { layout, work, keys };
        match change {
            Change::Insert(new) => stage.put(new),
            Change::Delete(old) => stage.delete(old),
            Change::Update { old, new } => stage.update(old, new),
        }
        .is_some()
    }

    fn table(&mut self, place: usize) -> (&mut TableWork, &mut Keys) {
        self.began.get_or_insert_with(Instant::now);
        let at = *self.at.entry(place).or_insert_with(|| {
            self.tables.push(TableWork { place, stages: Vec::new(), keys: None, changes: 0, kinds: Kinds::default() });
            self.keys.push(Keys::default());
            self.tables.len() - 1
        });
        (&mut self.tables[at], &mut self.keys[at])
    }

    fn count(&mut self, change: &Change) {
        self.changes += 1;
        self.rows += 1;
        self.bytes += match change {
            Change::Insert(tuple) | Change::Delete(tuple) => tuple.size(),
            Change::Update { old, new } => new.size() + old.as_ref().map_or(0, Tuple::size),
        };
    }
}

/// The last stage of a table, which takes rows by key.
struct Keyed<'a> {
    layout: &'a Arc<RowLayout>,
    work: &'a mut TableWork,
    keys: &'a mut Keys,
}

impl Keyed<'_> {
    /// The rows of the stage; a new one where the last is of another kind or has other columns.
    fn rows(&mut self) -> &mut Vec<KeyedRow> {
        let same = matches!(self.work.stages.last(), Some(Stage::Keyed(layout, _)) if Arc::ptr_eq(layout, self.layout));
        if !same {
            self.keys.clear();
            self.work.stages.push(Stage::Keyed(Arc::clone(self.layout), Vec::new()));
        }
        match self.work.stages.last_mut() {
            Some(Stage::Keyed(_, rows)) => rows,
            _ => unreachable!("the last stage was just made so"),
        }
    }

    fn known(&mut self, key: &Bytes) -> Option<&mut KeyedRow> {
        self.rows();
        let at = *self.keys.get(key)?;
        self.rows().get_mut(at)
    }

    fn write(&mut self, key: Bytes, what: What, tuple: Tuple) {
        if let Some(row) = self.known(&key) {
            *row = KeyedRow { what, tuple };
        } else {
            let rows = self.rows();
            rows.push(KeyedRow { what, tuple });
            let at = rows.len() - 1;
            self.keys.insert(key, at);
        }
    }

    fn put(&mut self, new: Tuple) -> Option<()> {
        let key = self.layout.key_of(&new)?;
        self.write(key, What::Put, new);
        Some(())
    }

    fn delete(&mut self, old: Tuple) -> Option<()> {
        let key = self.layout.key_of(&old)?;
        self.write(key, What::Delete, old);
        Some(())
    }

    fn update(&mut self, old: Option<Tuple>, new: Tuple) -> Option<()> {
        let key = self.layout.key_of(&new)?;
        let old_key = old.as_ref().map(|old| self.layout.key_of(old));
        match (old, old_key) {
            (Some(old), Some(old_key)) => {
                let old_key = old_key?;
                if old_key == key { self.set(key, new) } else { self.rekey(old, &old_key, key, new) }
            }
            _ => self.set(key, new),
        }
        Some(())
    }

    /// The row keeps its key.
    fn set(&mut self, key: Bytes, new: Tuple) {
        if self.layout.whole(&new) {
            return self.write(key, What::Put, new);
        }
        match self.known(&key) {
            Some(row) if row.what != What::Delete => row.tuple = new.over(&row.tuple),
            _ => self.write(key, What::Set, new),
        }
    }

    /// The row gets another key.
    fn rekey(&mut self, old: Tuple, old_key: &Bytes, key: Bytes, new: Tuple) {
        let new = match self.known(old_key) {
            Some(row) if row.what == What::Put => new.over(&row.tuple),
            _ => new,
        };
        if self.layout.whole(&new) {
            self.write(old_key.clone(), What::Delete, old);
            return self.write(key, What::Put, new);
        }
        // Only the target knows the rest of the row, so this change is made there, in its turn.
        self.work.stages.push(Stage::Rekey { layout: Arc::clone(self.layout), old, new });
        self.keys.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::MyFlavor;
    use crate::sync::direct::cdc::row::Turn;
    use crate::sync::direct::layout::Layout;
    use crate::sync::direct::tuple::Field;

    fn layout() -> Arc<RowLayout> {
        let layout = Layout::of([], MyFlavor::MySql);
        Arc::new(RowLayout { layout, from: vec![(0, Turn::Same), (1, Turn::Same)], key: vec![0], width: 2 })
    }

    fn row(id: &'static str, value: Option<&'static str>) -> Tuple {
        let value = value.map_or(Field::Unchanged, |v| Field::Text(v.as_bytes()));
        Tuple::of([Field::Text(id.as_bytes()), value])
    }

    fn key(id: &'static str) -> Tuple {
        Tuple::of([Field::Text(id.as_bytes()), Field::Null])
    }

    /// What a batch does, in words.
    fn told(builder: &mut Builder) -> Vec<String> {
        let text = |t: &Tuple| {
            let fields = t.fields().map(|f| match f {
                Field::Null => "-".to_owned(),
                Field::Unchanged => "?".to_owned(),
                Field::Text(text) => String::from_utf8_lossy(text).into_owned(),
            });
            fields.collect::<Vec<_>>().join("=")
        };
        let mut all = Vec::new();
        for work in builder.take().tables {
            for stage in work.stages {
                match stage {
                    Stage::Clear => all.push("clear".to_owned()),
                    Stage::Keyed(_, rows) => {
                        all.push(
                            rows.iter()
                                .map(|r| format!("{:?} {}", r.what, text(&r.tuple)))
                                .collect::<Vec<_>>()
                                .join(", "),
                        );
                    }
                    Stage::Rekey { old, new, .. } => all.push(format!("rekey {} {}", text(&old), text(&new))),
                    Stage::Append(_, rows) => all.push(format!("append {}", rows.len())),
                    Stage::Exact { old, new, .. } => {
                        all.push(format!("exact {} {}", text(&old), new.map_or("gone".to_owned(), |n| text(&n))));
                    }
                }
            }
        }
        all
    }

    #[test]
    fn changes_of_one_row_become_one_write() {
        let (mut builder, layout) = (Builder::default(), layout());
        let mut add = |change| assert!(builder.add(0, &layout, change));
        add(Change::Insert(row("1", Some("a"))));
        add(Change::Update { old: None, new: row("1", Some("b")) });
        add(Change::Insert(row("2", Some("a"))));
        add(Change::Delete(key("2")));
        add(Change::Delete(key("3")));
        add(Change::Insert(row("3", Some("again"))));
        add(Change::Update { old: None, new: row("4", None) });
        add(Change::Update { old: None, new: row("4", Some("whole")) });
        assert_eq!(told(&mut builder), ["Put 1=b, Delete 2=-, Put 3=again, Put 4=whole"]);
        assert!(builder.is_empty());
    }

    #[test]
    fn values_that_are_not_carried_come_from_the_row_that_waits() {
        let (mut builder, layout) = (Builder::default(), layout());
        let mut add = |change| assert!(builder.add(0, &layout, change));
        add(Change::Insert(row("1", Some("long"))));
        add(Change::Update { old: None, new: row("1", None) });
        add(Change::Update { old: Some(key("1")), new: row("2", None) });
        add(Change::Update { old: None, new: row("3", None) });
        assert_eq!(told(&mut builder), ["Delete 1=-, Put 2=long, Set 3=?"]);
    }

    #[test]
    fn a_new_key_with_values_that_only_the_target_has_is_set_there() {
        let (mut builder, layout) = (Builder::default(), layout());
        let mut add = |change| assert!(builder.add(0, &layout, change));
        add(Change::Insert(row("9", Some("x"))));
        add(Change::Update { old: Some(key("1")), new: row("2", None) });
        add(Change::Update { old: None, new: row("2", Some("y")) });
        assert_eq!(told(&mut builder), ["Put 9=x", "rekey 1=- 2=?", "Put 2=y"]);
    }

    #[test]
    fn truncate_makes_earlier_changes_of_no_account() {
        let (mut builder, layout) = (Builder::default(), layout());
        assert!(builder.add(0, &layout, Change::Insert(row("1", Some("a")))));
        assert!(builder.add(1, &layout, Change::Insert(row("1", Some("a")))));
        builder.truncate(0);
        assert!(builder.add(0, &layout, Change::Insert(row("1", Some("b")))));
        assert_eq!(told(&mut builder), ["clear", "Put 1=b", "Put 1=a"]);
    }

    #[test]
    fn rows_without_a_key_keep_their_order() {
        let (mut builder, layout) = (Builder::default(), layout());
        builder.add_keyless(0, &layout, Change::Insert(row("1", Some("a"))));
        builder.add_keyless(0, &layout, Change::Insert(row("1", Some("a"))));
        builder.add_keyless(0, &layout, Change::Update { old: Some(row("1", Some("a"))), new: row("1", None) });
        builder.add_keyless(0, &layout, Change::Delete(row("1", Some("a"))));
        assert_eq!(told(&mut builder), ["append 2", "exact 1=a 1=a", "exact 1=a gone"]);
    }

    #[test]
    fn other_columns_begin_another_stage() {
        let (mut builder, one, two) = (Builder::default(), layout(), layout());
        assert!(builder.add(0, &one, Change::Insert(row("1", Some("a")))));
        assert!(builder.add(0, &two, Change::Update { old: None, new: row("1", None) }));
        assert_eq!(told(&mut builder), ["Put 1=a", "Set 1=?"]);
    }

    #[test]
    fn a_change_without_its_key_is_told() {
        let (mut builder, layout) = (Builder::default(), layout());
        assert!(!builder.add(0, &layout, Change::Delete(Tuple::of([Field::Null, Field::Null]))));
    }
}
