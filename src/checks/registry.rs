//! The one table of checks, a line each.

use super::Check;

/// Every check, in the order in which a connection meets what they look at.
pub static ALL: &[&Check] = &[&super::net_source_unreachable::CHECK];

/// The check with this code or name, in any case.
#[must_use]
pub fn find(code_or_name: &str) -> Option<&'static Check> {
    ALL.iter().copied().find(|c| c.code.eq_ignore_ascii_case(code_or_name) || c.name.eq_ignore_ascii_case(code_or_name))
}
