//! The plan as code for other tools. Pure.

mod cloudformation;
mod terraform;

pub use cloudformation::render as cloudformation;
pub use terraform::render as terraform;
