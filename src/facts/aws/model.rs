//! Facts about AWS. No type here is the SDK's, and none holds a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Fact;
use super::super::board::Settle;
use super::super::model::Unknown;
use super::dms_model::DmsFacts;
use super::glue_model::GlueFacts;
use super::network::Network;
use super::rds_model::{RdsCluster, RdsFacts, RdsInstance};
use super::s3::Bucket;

/// What AWS says of the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwsFacts {
    /// Who asks.
    pub caller: Fact<Caller>,
    /// All RDS instances of the region: what `rds_instance` may be.
    pub instances: Fact<Vec<RdsInstance>>,
    /// All clusters of the region.
    pub clusters: Fact<Vec<RdsCluster>>,
    /// The addresses of all RDS proxies of the region.
    pub proxies: Fact<Vec<String>>,
    /// The source.
    pub source: RdsFacts,
    /// The target.
    pub target: RdsFacts,
    /// DMS.
    pub dms: DmsFacts,
    /// The roles that DMS works with, by name; `None` where there is no such role.
    pub roles: Fact<BTreeMap<String, Option<Role>>>,
    /// The calls that this program makes and that the caller's policies do not allow, by IAM's own simulation.
    pub denied: Fact<Vec<String>>,
    /// ARNs of roles of the endpoints that the caller may not hand to DMS (`iam:PassRole`), by the same simulation.
    pub not_passable: Fact<Vec<String>>,
    /// Secrets that the endpoints name and that their roles do not get at, by the same simulation.
    pub unreadable_secrets: Fact<Vec<UnreadableSecret>>,
    /// The actions that DMS needs on S3, and where it validates or catalogues files on Athena and Glue, and that the
    /// policies of the S3 endpoint's role do not allow, by the same simulation. Empty without such an endpoint.
    #[serde(default = "Fact::pending")]
    pub s3_role_lacks: Fact<Vec<String>>,
    /// The Glue job.
    #[serde(default = "GlueFacts::pending")]
    pub glue: GlueFacts,
    /// The buckets that the pipeline file and the target endpoint name, by name; `None` where there is no such bucket.
    #[serde(default = "Fact::pending")]
    pub buckets: Fact<BTreeMap<String, Option<Bucket>>>,
    /// The networks of the replication instance, of both databases and of the Glue job; `None` in builds without the feature `ec2`.
    #[serde(default)]
    pub network: Option<Network>,
}

impl AwsFacts {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            caller: Fact::pending(),
            instances: Fact::pending(),
            clusters: Fact::pending(),
            proxies: Fact::pending(),
            source: RdsFacts::pending(),
            target: RdsFacts::pending(),
            dms: DmsFacts::pending(),
            roles: Fact::pending(),
            denied: Fact::pending(),
            not_passable: Fact::pending(),
            unreadable_secrets: Fact::pending(),
            s3_role_lacks: Fact::pending(),
            glue: GlueFacts::pending(),
            buckets: Fact::pending(),
            network: cfg!(feature = "ec2").then(Network::pending),
        }
    }
}

#[cfg(test)]
impl AwsFacts {
    /// Every fact an unknown for this reason.
    pub(crate) fn settle_all(&mut self, why: &Unknown) {
        *self = Self::pending();
        self.settle(why);
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Account number.
    pub account: String,
    /// User or assumed role.
    pub arn: String,
    /// Region that is looked at.
    pub region: String,
    /// When the credentials end, where that is known.
    pub until: Option<jiff::Timestamp>,
}

/// A secret that DMS, or Glue, cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableSecret {
    /// Name or ARN, as the endpoint or the connection has it.
    pub secret: String,
    /// The role that it is read by.
    pub role: String,
    /// The action that the role's policies do not allow, and on what; `None` where there is no such secret.
    pub refused: Option<(String, String)>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// Who may take it: the trust policy.
    pub trust: Value,
    /// ARNs of the managed policies attached.
    pub attached: Vec<String>,
    /// Names of the policies written into it.
    pub inline: Vec<String>,
}

/// The name of a role that may be told by its ARN: `arn:aws:iam::123456789012:role/path/name`.
pub(super) fn role_name(role: &str) -> &str {
    role.rsplit('/').next().unwrap_or(role)
}

impl Role {
    /// The services that may take the role, as the trust policy's allowing statements name them.
    #[must_use]
    pub fn trusted_services(&self) -> Vec<&str> {
        let statements = self.trust.get("Statement").map_or(&[][..], as_list);
        let allowing = statements.iter().filter(|s| s.get("Effect").and_then(Value::as_str) == Some("Allow"));
        let services = allowing.filter_map(|s| s.pointer("/Principal/Service")).flat_map(as_list);
        services.filter_map(Value::as_str).collect()
    }

    /// The conditions of the trust policy, as text.
    #[must_use]
    pub fn conditions(&self) -> Vec<String> {
        let statements = self.trust.get("Statement").map_or(&[][..], as_list);
        statements.iter().filter_map(|s| s.get("Condition")).map(ToString::to_string).collect()
    }
}

/// A policy may say one where it may say many.
fn as_list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

impl Settle for AwsFacts {
    fn settle(&mut self, why: &Unknown) {
        self.caller.settle(why);
        self.instances.settle(why);
        self.clusters.settle(why);
        self.proxies.settle(why);
        self.source.settle(why);
        self.target.settle(why);
        self.dms.settle(why);
        self.roles.settle(why);
        self.denied.settle(why);
        self.not_passable.settle(why);
        self.unreadable_secrets.settle(why);
        self.s3_role_lacks.settle(why);
        self.glue.settle(why);
        self.buckets.settle(why);
        if let Some(network) = &mut self.network {
            network.settle(why);
        }
    }
}

impl Settle for RdsFacts {
    fn settle(&mut self, why: &Unknown) {
        self.instance.settle(why);
        self.cluster.settle(why);
        self.parameters.settle(why);
        self.metrics.settle(why);
        self.alarms.settle(why);
    }
}

impl Settle for DmsFacts {
    fn settle(&mut self, why: &Unknown) {
        self.instances.settle(why);
        self.endpoints.settle(why);
        self.connections.settle(why);
        self.tasks.settle(why);
        self.certificates.settle(why);
        self.tables.settle(why);
        self.assessments.settle(why);
        self.events.settle(why);
        self.log.settle(why);
        self.maintenance.settle(why);
        self.quotas.settle(why);
        self.classes.settle(why);
        self.refresh.settle(why);
        self.instance_metrics.settle(why);
        self.task_metrics.settle(why);
        self.alarms.settle(why);
        self.log_group.settle(why);
    }
}
