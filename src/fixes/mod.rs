//! A finding's remedy: what a fix is, how fixes become one plan, and how a plan is applied.

pub mod apply;
mod aws_call;
mod errors;
mod execute;
mod execute_aws;
mod execute_rds;
mod execute_task;
pub mod journal;
mod lines;
mod model;
mod plan;
mod undo;

pub use aws_call::AwsCall;
pub use errors::{ApplyError, Stopped};
pub use lines::{PlanLine, PlanLineKind};
pub use model::{Action, Cost, Fix, Mode, Permits, Step};
pub use plan::{NoSuchChoice, Plan, PlanNote, PlanStep};
