//! Whole-program tests on real servers, a module for each area.

#[path = "../support/mod.rs"]
mod support;

mod checks;
mod cli;
mod facts;
mod fixes;
mod lab;
mod pipeline;
mod schema;
mod servers;
mod sync;
mod tui;
