//! The pipeline file (`cdc-doctor.toml`): its model, how it is read, edited, and where passwords
//! come from.

mod model;

pub use model::{
    Aws, Dms, Endpoint, EngineKind, Glue, OnSchemaChange, OnUnrepresentable, PasswordSource, Pipeline, S3, SyncMode,
    SyncSettings, TableSelection, TlsMode,
};
