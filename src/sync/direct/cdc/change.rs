//! Changes as they are applied: what is done to which rows, however the source told it. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::row::RowLayout;
use crate::sync::direct::tuple::Tuple;
use crate::sync::{Kinds, Lsn};

/// Work for one target transaction, or for a piece of one.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The tables that change.
    pub(super) tables: Vec<TableWork>,
    /// The position that is reached with it; none for a piece of a source transaction that goes on.
    pub(super) reached: Option<Reached>,
    /// Row changes on the source that it comes from.
    pub(super) changes: u64,
    /// Bytes of those changes.
    pub(super) bytes: usize,
}

/// Where the target stands after a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reached {
    /// Everything that commits before it is there.
    pub(super) lsn: Lsn,
    /// When the newest transaction committed on the source, microseconds since 2000; none where nothing was applied.
    pub(super) time: Option<i64>,
}

/// What is done to one table, in order. Tables do not wait for each other: foreign keys are not checked.
#[derive(Debug)]
pub(super) struct TableWork {
    /// Place of the table in the run.
    pub(super) place: usize,
    /// In order.
    pub(super) stages: Vec<Stage>,
    /// The keys of all rows that are touched; nothing where that is not known.
    pub(super) keys: Option<Keys>,
    /// Row changes on the source.
    pub(super) changes: u64,
    /// The same by what they did.
    pub(super) kinds: Kinds,
}

/// Rows by their keys, see [`RowLayout::key_of`], and the place of each.
pub(super) type Keys = HashMap<Bytes, usize, foldhash::fast::RandomState>;

/// A step in the work on a table.
#[derive(Debug)]
pub(super) enum Stage {
    /// All rows go.
    Clear,
    /// Rows by their keys, each key once: deletes first, then the others, in any order.
    Keyed(Arc<RowLayout>, Vec<KeyedRow>),
    /// A row gets another key, and keeps values that the change did not carry.
    Rekey {
        /// The columns.
        layout: Arc<RowLayout>,
        /// A row that holds the old key.
        old: Tuple,
        /// The new row.
        new: Tuple,
    },
    /// New rows of a table without a key.
    Append(Arc<RowLayout>, Vec<Tuple>),
    /// One of the equal rows of a table without a key changes or goes.
    Exact {
        /// The columns.
        layout: Arc<RowLayout>,
        /// The whole old row.
        old: Tuple,
        /// The new one; none when the row goes.
        new: Option<Tuple>,
    },
}

/// What becomes of the row with a key.
#[derive(Debug)]
pub(super) struct KeyedRow {
    /// What is done.
    pub(super) what: What,
    /// The row, or at least its key.
    pub(super) tuple: Tuple,
}

/// What is done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// It is written whole, whether it is there or not.
    Put,
    /// It is there, and what is carried is written.
    Set,
    /// It goes.
    Delete,
}
