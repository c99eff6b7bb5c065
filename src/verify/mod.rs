//! Are source and target equal? Row counts and checksums, computed inside both servers, narrowed down to the rows that
//! differ; those are fetched from both sides and compared value by value.
//!
//! [`run()`] looks at both sides ([`prepare`]) and lets workers compare tables, large ones by slices of their key
//! ([`work`]). A slice is one statement on either side, which digests the rows' texts ([`statement`]). A text is made of
//! fields that print equal values alike on both servers ([`column`], [`source_sql`], [`target_sql`]), and no two
//! different rows have the same. A slice that differs is parted into buckets, if it is large, and listed ([`narrow`]);
//! what that leaves is looked at row by row ([`confirm`]), with patience for a sync that is on its way ([`tide`]).
//!
//! Digests may differ where values do not: the servers write JSON differently. They never agree where values differ,
//! but for a chance of one in 2^60. Rows decide.
//!
//! No snapshot is held over a comparison. It would keep the source from vacuuming for as long, and the target has no
//! counterpart of it; that rows are looked at again before they are called different does what it would do.

mod column;
mod confirm;
mod error;
mod json;
mod keyless;
mod multiset;
mod narrow;
mod number;
mod prepare;
mod report;
mod rows;
mod run;
mod select;
mod sides;
mod source_sql;
mod statement;
mod table;
mod target_sql;
#[cfg(test)]
mod testing;
mod text;
mod tide;
mod value;
mod work;

pub use error::VerifyError;
pub use report::{ColumnDifference, ComparedBy, Comparison, Difference, Kind, Outcome, SyncState, TableResult};
pub(crate) use text::{render as text, shell};

pub use run::{Progress, VerifyOptions, run};
