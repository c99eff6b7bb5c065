//! The pipeline file (`cdc-doctor.toml`): its model, how it is read, edited, and where passwords
//! come from.

mod build;
mod errors;
mod keys;
mod load;
mod model;
pub mod secrets;
mod url;
mod values;

pub use errors::{PipelineError, PipelineErrorKind, Place, Problem};
pub use load::overridden;
pub use model::{
    Aws, Dms, Endpoint, EngineKind, Glue, OnSchemaChange, OnUnrepresentable, PasswordSource, Pipeline, S3, SyncMode,
    SyncSettings, TableSelection, TlsMode,
};

#[cfg(test)]
mod tests;
