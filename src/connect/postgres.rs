//! postgres sessions.
