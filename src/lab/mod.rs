//! A practice pipeline on this machine: real database servers with the faults of a real pipeline, and a simulated AWS
//! account on top of them.

pub mod aws;
mod kept;
mod practice;

pub mod install;
pub mod servers;

pub use kept::{Kept, down, status};
pub use practice::{Lab, LabError, LabOptions};
