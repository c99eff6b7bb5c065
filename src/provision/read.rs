//! What is around the DMS side: the account, and the databases as RDS knows them.

use super::ProvisionError;
use crate::aws::Session;
use crate::facts::aws::{RdsCluster, RdsInstance, rds_sides};
use crate::pipeline::Pipeline;

/// The account and both databases.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// Account number.
    pub account: String,
    /// `aws`, or that of another part of the world.
    pub partition: String,
    /// Region.
    pub region: String,
    /// The source, where it is on RDS.
    pub source: Option<RdsInstance>,
    /// The cluster that the source belongs to.
    pub source_cluster: Option<RdsCluster>,
    /// The target, where it is on RDS.
    pub target: Option<RdsInstance>,
}

/// Reads both.
pub(super) async fn surroundings(session: &Session, pipeline: &Pipeline) -> Result<Surroundings, ProvisionError> {
    let who = session.call("sts:GetCallerIdentity", session.sts().get_caller_identity().send()).await?;
    let (source, source_cluster, target) = rds_sides(session, pipeline).await?;
    let arn = who.arn().unwrap_or("arn:aws");
    Ok(Surroundings {
        account: who.account().unwrap_or_default().to_owned(),
        partition: arn.split(':').nth(1).unwrap_or("aws").to_owned(),
        region: session.aws().region.clone(),
        source,
        source_cluster,
        target,
    })
}
