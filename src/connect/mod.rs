//! Opening sessions: TLS modes, passwords, time limits, and session settings that every other module relies on.

pub mod mysql;
pub mod postgres;
pub mod tls;
