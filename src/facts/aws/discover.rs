//! What there is to choose from.

use serde::{Deserialize, Serialize};

use super::super::Fact;
use super::super::board::fact;
use super::dms_model::{DmsEndpoint, DmsTask, ReplicationInstance};
use super::rds_model::{RdsCluster, RdsInstance};
use super::{dms, rds};
use crate::aws::Session;

/// Everything of a region that a pipeline file can name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discovery {
    /// `rds_instance`.
    pub instances: Fact<Vec<RdsInstance>>,
    /// `rds_instance`, too.
    pub clusters: Fact<Vec<RdsCluster>>,
    /// `[dms] instance`.
    pub replication_instances: Fact<Vec<ReplicationInstance>>,
    /// `[dms] source_endpoint` and `target_endpoint`.
    pub endpoints: Fact<Vec<DmsEndpoint>>,
    /// `[dms] task`.
    pub tasks: Fact<Vec<DmsTask>>,
}

/// Lists what there is to choose from; what may not be seen is an unknown with its reason.
pub async fn discover(session: &Session) -> Discovery {
    let (instances, clusters, replication_instances, endpoints, tasks) = tokio::join!(
        rds::instances(session),
        rds::clusters(session),
        dms::instances(session),
        dms::endpoints(session),
        dms::tasks(session),
    );
    Discovery {
        instances: fact(instances.map_err(Into::into)),
        clusters: fact(clusters.map_err(Into::into)),
        replication_instances: fact(replication_instances.map_err(Into::into)),
        endpoints: fact(endpoints.map_err(Into::into)),
        tasks: fact(tasks.map_err(Into::into)),
    }
}
