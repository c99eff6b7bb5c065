//! Who calls: always the same made-up user.

use serde_json::json;

use super::errors::Answer;
use super::names::ACCOUNT;

/// The caller's ARN.
pub(super) const CALLER: &str = "arn:aws:iam::000000000000:user/simulation";

/// Answers a call of STS; nothing where it is none.
pub(super) fn answer(operation: &str) -> Option<Answer> {
    (operation == "GetCallerIdentity")
        .then(|| Ok(json!({"Arn": CALLER, "UserId": "AIDASIMULATION0000000", "Account": ACCOUNT})))
}
