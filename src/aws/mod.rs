//! The way to AWS: one session per pipeline, typed clients, time limits, retries, and errors that name the missing
//! permission or what to type.

mod credentials;
mod error;
mod nested;
mod pacer;
mod pages;
pub mod passwords;
pub mod policy;
mod session;

#[cfg(test)]
pub(crate) mod testing;

pub use error::{Error, ErrorKind};
pub(crate) use nested::{nested, put};
pub use pages::pages;
pub use session::Session;
