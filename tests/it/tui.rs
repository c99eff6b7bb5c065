//! Tests of this area on real servers.
