//! Diagnoses, sets up and runs change data capture from PostgreSQL to MySQL and MariaDB.
//!
//! The modules stand in the order in which data flows; each knows only those above it.
//! `checks`, `schema`, `diagnose::judge`, `report` and `tui::update` do no I/O.

pub mod quote;
pub mod text;

pub mod pipeline;

pub mod aws;
pub mod connect;
pub mod facts;

pub mod fixes;

pub mod schema;

pub mod decode;

pub mod checks;

pub mod diagnose;

pub mod report;

pub mod provision;

pub mod sync;

pub mod verify;

pub mod canary;

pub mod lab;

pub mod setup;

pub mod tui;

pub mod cli;
