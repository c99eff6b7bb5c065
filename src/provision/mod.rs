//! The DMS side of a pipeline as plan → apply → destroy.
//!
//! [`desired`] says what the pipeline file asks for, [`actual`] what is there, [`plan`] how the two differ; these and the
//! exports are values and pure functions, but for the reading. [`apply`] always works from a plan that was just made, so
//! that it goes on where an interrupted one ended.

pub mod actual;
pub mod apply;
mod calls;
mod cost;
pub mod desired;
mod destroy;
mod error;
pub mod export;
mod mappings;
mod measured;
pub mod model;
pub mod plan;
mod read;
mod settings;
pub(crate) mod text;

pub use destroy::destroy;
pub use error::ProvisionError;
pub use model::{Item, Kind, Resource};
pub use plan::{Plan, Verb};

#[cfg(test)]
mod tests;

use crate::aws::Session;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;

/// What a plan is made of, read from both sides. Changes nothing.
///
/// # Errors
/// The pipeline has no DMS part, AWS or the source cannot be read, or there is something DMS cannot do.
pub async fn plan(pipeline: &Pipeline, passwords: &Passwords, session: &Session) -> Result<Plan, ProvisionError> {
    let dms = pipeline.dms.as_ref().ok_or(ProvisionError::NoDms)?;
    let surroundings = read::surroundings(session, pipeline).await?;
    let actual = actual::read(session, pipeline, dms, &surroundings).await?;
    let measured = measured::read(pipeline, passwords).await?;
    let desired = desired::build(pipeline, dms, &surroundings, &measured, &actual)?;
    Ok(plan::compare(pipeline, &desired, &actual))
}

/// What is there of the pipeline, made by this program or not.
///
/// # Errors
/// The pipeline has no DMS part, or AWS cannot be read.
pub async fn status(pipeline: &Pipeline, session: &Session) -> Result<Vec<Item>, ProvisionError> {
    let dms = pipeline.dms.as_ref().ok_or(ProvisionError::NoDms)?;
    let surroundings = read::surroundings(session, pipeline).await?;
    let mut items = actual::read(session, pipeline, dms, &surroundings).await?.items;
    items.sort_by_key(|i| i.kind);
    Ok(items)
}

/// The plan that deletes all that carries the pipeline's tag. Changes nothing.
///
/// # Errors
/// As [`status`].
pub async fn destruction(pipeline: &Pipeline, session: &Session) -> Result<Plan, ProvisionError> {
    Ok(destroy::plan(pipeline, &status(pipeline, session).await?))
}
