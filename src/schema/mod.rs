//! What a source table looks like on the target: types, keys, DDL, and how an existing table differs. Pure.

mod model;

pub use model::{TargetColumn, TargetKey, TargetTable, Transfer};
