//! Which checks stand in front of others: lists that many checks share.
#![cfg_attr(not(test), expect(dead_code, reason = "the checks that use them follow"))]

/// Codes of what keeps one from logging in to the source. A check that needs a source session stands behind these.
pub(super) const SOURCE_LOGIN: &[&str] =
    &["NET-019", "NET-020", "TLS-001", "AUT-001", "AUT-002", "AUT-005", "AUT-006", "AUT-007", "AUT-008"];

/// Codes of what keeps one from logging in to the target. A check that needs a target session stands behind these.
pub(super) const TARGET_LOGIN: &[&str] = &["NET-021", "NET-022", "TLS-004", "AUT-016", "AUT-017"];

/// Both: for a check that compares the two sides.
pub(super) const BOTH_LOGINS: &[&str] = &[
    "NET-019", "NET-020", "TLS-001", "AUT-001", "AUT-002", "AUT-005", "AUT-006", "AUT-007", "AUT-008", //
    "NET-021", "NET-022", "TLS-004", "AUT-016", "AUT-017",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_logins_is_the_two_lists() {
        assert_eq!(BOTH_LOGINS, [SOURCE_LOGIN, TARGET_LOGIN].concat());
    }
}
