//! tls sessions.
