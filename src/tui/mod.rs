//! The interactive session.
//!
//! | file | what it is |
//! | --- | --- |
//! | `model` | everything the screens show |
//! | `message` | everything that can happen |
//! | `update` | what a message changes; pure, gives effects |
//! | `effects` | runs effects on the runtime, sends messages back |
//! | `confirm` | the only door to effects that change something |
//! | `keys` | the one key map: handling, footers and help are made from it |
//! | `rows`, `plan`, `schema_list`, `provision_run`, `sync_run`, `log`, `job`, `page`, `palette` | parts of the model |
//! | `words` | what several screens say of the same thing |
//! | `view` | one file a screen; pure functions of the model |
//! | `theme` | styles and signs, and what becomes of them without colour or in ASCII |
//! | `terminal` | raw mode and back, whatever happens |
//! | `session` | the loop that joins them |
//! | `measure` | frames of a session with very many tables, timed |
//!
//! Screens never await and never talk to a database; colour never carries a meaning alone.

mod confirm;
mod effects;
mod job;
mod keys;
mod log;
pub mod measure;
mod message;
mod model;
mod page;
mod palette;
mod plan;
mod provision_run;
mod rows;
mod schema_list;
mod session;
mod sync_run;
mod terminal;
mod theme;
mod update;
mod view;
mod widgets;
mod words;

#[cfg(test)]
mod testing;

pub use session::{TuiError, TuiOptions, run};
