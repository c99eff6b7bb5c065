//! Whole-program tests on real servers, a module for each area.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../support/mod.rs"]
mod support;

mod account;
mod aws;
#[macro_use]
mod aws_faults;
mod canary;
mod cdc;
mod changes;
mod checks;
mod cli;
mod dms;
mod drift;
mod exports;
mod facts;
mod fixes;
mod glue;
mod keep;
mod lab;
mod login_faults;
#[cfg(feature = "ec2")]
mod network;
mod pipeline;
mod provision;
mod schema;
mod servers;
mod setup;
mod simulated_aws;
mod simulated_glue_and_s3;
mod slots;
mod source_faults;
mod sync;
mod target_faults;
mod tui;
mod verify;
