//! The way to AWS: one session per pipeline, typed clients, time limits, retries, and errors that name the missing
//! permission or what to type.

mod credentials;
mod error;
mod pacer;
pub mod passwords;
mod session;

#[cfg(test)]
pub(crate) mod testing;

pub use error::{Error, ErrorKind};
pub use session::Session;
