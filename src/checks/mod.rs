//! The rule book. One file per check: its explanation, what it is, and one pure function from
//! facts to a verdict. [`registry::ALL`] lists them, a line each.

#[macro_use]
mod declare;
mod model;
pub mod registry;

mod hosts;
mod logins;
mod source_keys;
mod source_tables;
mod target_variables;

mod aut_024_source_login_refused;
mod aut_025_target_login_refused;
mod net_019_source_name_does_not_resolve;
mod net_020_source_unreachable;
mod net_021_target_name_does_not_resolve;
mod net_022_target_unreachable;
mod tbl_001_no_primary_key;
mod tbl_002_only_nullable_unique_key;
mod tbl_003_replica_identity_nothing;
mod tbl_009_unlogged_table;
mod tbl_014_generated_column;
mod tbl_019_selection_matches_nothing;
mod tcf_001_local_infile_off;
mod tcf_006_database_not_utf8mb4;
mod tcf_008_target_read_only;
mod tcf_012_no_guard_against_keyless_tables;

#[cfg(test)]
pub(crate) mod testing;

pub use model::{Area, Check, Finding, Judged, Severity, Verdict};
