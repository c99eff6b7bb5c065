//! The pipeline file (`cdc-doctor.toml`): its model, how it is read, edited, and where passwords
//! come from.

mod build;
pub mod edit;
mod errors;
mod keys;
mod load;
mod model;
pub mod secrets;
mod surgery;
mod url;
mod values;

pub use errors::{PipelineError, PipelineErrorKind, Place, Problem};
pub use load::overridden;
pub(crate) use model::pattern_matches;
pub use model::{
    Aws, Dms, Endpoint, EngineKind, Glue, OnSchemaChange, OnUnrepresentable, Origin, PasswordSource, Pipeline, S3,
    SyncMode, SyncSettings, TableSelection, TlsMode,
};

#[cfg(test)]
mod tests;

#[cfg(test)]
mod bad_files;
