//! The harness: servers shared by all tests of a run.
