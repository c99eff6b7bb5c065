//! One [`Report`] value, and a renderer for each format. Pure.

mod json;
mod model;
mod text;

pub use json::render as json;
pub use model::{CanaryReport, CheckReport, FindingReport, FixReport, Report, Tool};
pub(crate) use text::{BOLD, DIM, GREEN, RED, YELLOW, pad, push_wrapped};
pub use text::{Style, checks_table, render as text};
