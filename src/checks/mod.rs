//! The rule book. One file per check: its explanation, what it is, and one pure function from
//! facts to a verdict. [`registry::ALL`] lists them, a line each.

#[macro_use]
mod declare;
mod after;
mod model;
pub mod registry;

mod net_source_unreachable;

pub use model::{Area, Check, Finding, Judged, Severity, Verdict};
