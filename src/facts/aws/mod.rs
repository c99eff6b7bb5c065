//! What AWS says of the pipeline: one file per service, all read-only. Pipelines without `[aws]` make no call.

mod cloudwatch;
mod collect;
mod convert;
mod discover;
mod dms;
mod dms_convert;
mod dms_model;
mod dms_records;
mod dms_serverless;
#[cfg(feature = "ec2")]
mod ec2;
mod glue;
mod glue_model;
mod glue_role;
mod iam;
mod logs;
mod model;
mod network;
mod rds;
mod rds_model;
mod s3;
mod sql_script;
mod sts;

pub(crate) use cloudwatch::serverless_dimensions;
pub(super) use collect::collect;
pub use discover::{Discovery, discover};
pub use dms_model::{DmsEndpoint, DmsFacts, DmsTask, MySqlSettings, PostgresSettings, ReplicationInstance, S3Settings};
pub use dms_records::{
    AssessmentRun, DmsCertificate, DmsConnection, DmsEvent, LogGroup, Maintenance, Quota, SchemaRefresh,
    TableStatistics,
};
pub(crate) use dms_serverless::STARTS as REPLICATION_STARTS;
#[cfg(feature = "ec2")]
pub use ec2::network as look_at_network;
pub use glue_model::{GlueConnection, GlueFacts, GlueJob, GlueRun, JdbcUrl, Lack};
pub use model::{AwsFacts, Caller, Role, UnreadableSecret};
pub use network::{
    AclRule, NatGateway, Network, NetworkAcl, Peering, PeeringSide, Permission, Places, Route, RouteTable,
    SecurityGroup, Subnet, VpcDns, VpcEndpoint,
};
pub(crate) use rds::sides as rds_sides;
pub use rds_model::{AppliedGroup, ClusterMember, RdsCluster, RdsFacts, RdsInstance, RdsParameter, Reading, Readings};
pub use s3::{BLOCKS as S3_BLOCKS, Bucket};
pub use sql_script::assignments;
