//! A finding's remedy: what a fix is, how fixes become one plan, and how a plan is applied.

mod model;

pub use model::{Action, Cost, Fix, Mode, Step};
