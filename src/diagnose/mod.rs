//! Runs the checks, orders findings by cause, decodes error messages.

mod judge;

pub use crate::decode::{Decoded, decode, innermost};
pub use judge::{Judgement, Outcome, Summary, judge};
