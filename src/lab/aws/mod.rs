//! A simulation of the AWS account that a pipeline lives in: RDS, DMS and what they need, on this machine, over HTTP.
//!
//! [`Simulator`] answers the calls of any AWS SDK at one loopback address. Behind it stand the lab's real servers:
//! they are its RDS instances, its DMS logs in to them, and its tasks move their rows. It says that it is a simulation
//! in a header of every answer and in the descriptions of what it makes up.
//!
//! One file has one purpose: [`http`] serves, [`wire`] knows the protocols, [`account`] holds the state and sends
//! calls to [`rds`], [`dms`], [`ec2`], [`iam`], [`sts`], [`secrets`], [`cloudwatch`], [`logs`], [`glue`] and [`s3`];
//! [`control`] and [`pretence`] are what tests steer.
//!
//! # Simpler than AWS
//!
//! - Signatures are not verified; a request must only carry one. Policies are not enforced: [`Simulator::fault`]
//!   refuses calls on demand, and [`Simulator::calls`] tells which permissions a program needed.
//! - There is one account, one region, one VPC with three subnets in three zones, and no KMS. EC2 describes the network
//!   around the instances, and stops nobody: what is closed there, checks see and packets do not.
//! - RDS: two instances, no clusters, nothing can be created or deleted but parameter groups. A default group lists
//!   what the real server has. Of MySQL, parameters that need a restart change nothing. A restart that fails leaves
//!   the instance in `incompatible-parameters`.
//! - DMS: only the two servers are reached; every other host does not resolve, and no other port is open. The TLS mode
//!   `none` never encrypts. What a task does to tables is what this program's own engine does: types and LOBs are its
//!   own, and validation is never enabled. `TargetTablePrepMode` drops tables or removes their rows before a load;
//!   `DO_NOTHING` refuses a table that has rows.
//! - Whoever trusts one of RDS's authorities trusts the lab's here, as it has signed the instances' certificates.
//! - A table whose changes cannot be told apart (no key, no `REPLICA IDENTITY FULL`) fails where changes are to be
//!   followed; on AWS its new rows arrive, and its other changes do not.
//! - Table mappings: selection rules without filters, renaming of schemas. Changes of data types are ignored with a
//!   warning in the task's log; other rules are refused. A start position or time, and a stop position, are refused.
//! - Settings that a modification of a task does not name go back to their defaults. AWS does not say what it does.
//! - Where a table fails, the engine stops at once; the simulation marks the table, and runs it again without it. A
//!   task that has no table left fails.
//! - A task has a log when its settings say so and the role `dms-cloudwatch-logs-role` is whole. Its lines have DMS's
//!   form and the engine's words.
//! - Statistics count what was applied: what came in and is not applied is not seen, and they begin anew with a start.
//! - An endpoint that is modified must be tested again. Assessments pass at once, but for tables without a primary
//!   key.
//! - Serverless replications run at once with the capacity that was asked for; one whose assessment fails stands as if
//!   it had never been started.
//! - Latency is the engine's lag; of the other metrics there is what [`Simulator::metric`] was given. Alarms
//!   are kept and never evaluated; there are none on expressions, and no composite ones.
//! - Glue runs no Spark: a run starts, lasts a moment and has succeeded, and no row is moved. It fails where the job's
//!   role does not trust Glue, a connection is missing, or a connection's security groups do not let Glue's workers
//!   reach each other; that a subnet has no way to S3 does not happen. What else fails is written down by
//!   [`Simulator::glue_run`]. Nothing is tried again, whatever `MaxRetries` is, and nothing waits for its turn.
//!   Connections are kept and never tried.
//! - S3 holds buckets and no objects, by path only. Their encryption can be changed and never be off, as on AWS; no key
//!   is looked at. A policy is public when it lets everybody in without one of the conditions that S3 lists, whatever
//!   the public access block says; of their values only wildcards count, and the size of a network does not. There are
//!   no ACLs.
//! - `SimulatePrincipalPolicy` looks at effect, action and resource, and at no condition.
//! - Refusals have AWS's codes. Their words are AWS's where those are documented or reported, and otherwise our own.

mod account;
mod alarms;
mod cloudwatch;
mod control;
mod dms;
mod ec2;
mod errors;
mod glue;
mod http;
mod iam;
mod input;
mod logs;
mod names;
mod page;
mod policies;
mod pretence;
mod rds;
mod records;
mod s3;
mod secrets;
mod simulator;
mod sts;
mod wire;

pub use control::{Delays, Fault};
pub use pretence::Pretended;
pub use simulator::{Simulator, SimulatorError, Stage};
