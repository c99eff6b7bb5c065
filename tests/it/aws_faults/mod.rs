//! Faults on the AWS side, seeded in the simulated account: the check that knows each tells it, and passes when it is
//! mended.

#[macro_use]
pub mod seeded;

mod assessments;
mod certificates;
mod credentials;
mod databases;
#[cfg(feature = "ec2")]
mod denied;
mod endpoints;
#[cfg(feature = "ec2")]
mod glue;
mod instances;
mod logins;
#[cfg(feature = "ec2")]
mod network;
mod roles;
mod runs;
mod settings;
mod tasks;
