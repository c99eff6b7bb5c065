//! mysql sessions.
