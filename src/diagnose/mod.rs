//! Runs collectors and checks, orders findings by cause, decodes error messages.

mod decode;
mod judge;

pub use decode::{Decoded, decode};
pub use judge::{Judgement, Outcome, Summary, judge};
