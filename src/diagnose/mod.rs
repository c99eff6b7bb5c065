//! Runs collectors and checks, orders findings by cause, decodes error messages.

mod judge;

pub use judge::{Judgement, Outcome, Summary, judge};
