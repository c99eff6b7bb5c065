//! The rule book. One file per check: its explanation, what it is, and one pure function from
//! facts to a verdict. [`registry::ALL`] lists them, a line each.

#[macro_use]
mod declare;
mod after;
mod model;
pub mod registry;

mod hosts;
mod logins;

mod aut_024_source_login_refused;
mod aut_025_target_login_refused;
mod net_019_source_name_does_not_resolve;
mod net_020_source_unreachable;
mod net_021_target_name_does_not_resolve;
mod net_022_target_unreachable;

#[cfg(test)]
pub(crate) mod testing;

pub use model::{Area, Check, Finding, Judged, Severity, Verdict};
