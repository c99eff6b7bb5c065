//! A practice pipeline on this machine: real database servers with the faults of a real pipeline.

pub mod install;
pub mod servers;
