//! A finding's remedy: what a fix is, how fixes become one plan, and how a plan is applied.

pub mod apply;
mod errors;
mod execute;
pub mod journal;
mod lines;
mod model;
mod plan;
mod undo;

pub use errors::{ApplyError, Stopped};
pub use lines::{PlanLine, PlanLineKind};
pub use model::{Action, Cost, Fix, Mode, Permits, Step};
pub use plan::{NoSuchChoice, Plan, PlanNote, PlanStep};
