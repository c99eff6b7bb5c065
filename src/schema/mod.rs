//! What a source table looks like on the target: types, keys, DDL, and how an existing table differs. Pure.
//!
//! [`plan()`] maps a source table by the type map (`types`) and fits it to the server's limits (`fit`);
//! [`drift()`] compares the result with a table that is there, and [`repair_sql`] ends the differences.
//!
//! Apart from the source, [`changes`] compares a table with what it was, and [`Definition`] has the lines that give it back.

#[cfg(test)]
mod any;
mod change;
mod ddl;
mod definition;
mod dialect;
mod difference;
#[cfg(test)]
mod docs;
mod drift;
mod fit;
mod model;
mod my_type;
mod narrow;
mod plan;
mod problem;
mod repair;
mod report;
mod spark;
#[cfg(test)]
pub(crate) mod testing;
mod types;

pub(crate) use change::PRIMARY;
pub use change::{Change, changes};
pub use definition::Definition;
pub use dialect::Dialect;
pub use difference::Difference;
pub use drift::drift;
pub use model::{TargetColumn, TargetKey, TargetTable, Transfer};
pub use plan::{Planned, enforced_key, plan, plan_all, planned_key, target_table};
pub use problem::Problem;
pub use repair::repair_sql;
pub use report::{SchemaReport, TableReport, TableState};
pub use spark::spark_fingerprint;
