//! The guided setup: questions whose answers become a pipeline file.
//!
//! The draft ([`draft`]) is the text of the file itself, so that what is answered, what is kept for the next time and
//! what is written are one thing. [`steps`] says which question comes next, [`given`] takes answers without asking; both
//! are pure. [`probe`] looks at servers, [`prompt`] asks, [`dialogue`] joins them, a function a question.

mod aws;
mod dialogue;
mod draft;
mod given;
mod probe;
mod prompt;
mod server;
mod steps;
mod tables;

pub use dialogue::{Outcome, SetupError, run};
pub use draft::{Draft, DraftError};
pub use given::{Given, from_environment, given};
