//! The collectors of all services, side by side.

use super::super::board::{Board, Settle, fact};
use super::super::{Fact, Unknown, UnknownKind};
use super::dms_model::DmsFacts;
use super::model::{AwsFacts, role_name};
#[cfg(feature = "ec2")]
use super::network::Places;
use super::rds_model::{RdsCluster, RdsFacts, RdsInstance};
use super::{cloudwatch, dms, dms_serverless, iam, rds, sts};
use crate::aws::{Error, ErrorKind, Session};
use crate::pipeline::{Dms, Pipeline};

/// Asks AWS what it knows of the pipeline; nobody is asked where the pipeline has no `[aws]`.
pub(in super::super) async fn collect(board: &Board<'_>, pipeline: &Pipeline) {
    let Some(aws) = &pipeline.aws else { return };
    let session = Session::open(aws).await;
    let caller = sts::caller(&session).await;
    // Without a way in, every other call would wait for the same.
    let barred = match &caller {
        Err(why) if matches!(why.kind, ErrorKind::Credentials { .. } | ErrorKind::Unreachable { .. }) => {
            Some(Unknown::from(why.clone()))
        }
        _ => None,
    };
    board.aws(|facts| facts.caller = seen(caller.clone()));
    if let Some(why) = barred {
        board.aws(|facts| facts.settle(&why));
        return;
    }
    let denied = async {
        let Ok(caller) = &caller else { return };
        let denied = seen(iam::denied(&session, caller, pipeline).await);
        board.aws(|facts| facts.denied = denied);
    };
    let parts = async {
        let databases = Box::pin(databases(board, &session, pipeline));
        let replication = async {
            Box::pin(replication(board, &session, pipeline)).await;
            Box::pin(beside::buckets(board, &session, pipeline)).await;
        };
        let job = Box::pin(beside::glue(board, &session, pipeline, &caller));
        tokio::join!(databases, Box::pin(replication), job);
        #[cfg(feature = "ec2")]
        Box::pin(network(board, &session, pipeline)).await;
    };
    tokio::join!(parts, Box::pin(denied));
    let rest = Unknown::new(UnknownKind::NotConfigured, "there is nothing here to look at");
    board.aws(|facts| facts.settle(&rest));
}

pub(super) fn seen<T>(answer: Result<T, Error>) -> Fact<T> {
    fact(answer.map_err(Unknown::from))
}

/// RDS, for both sides.
async fn databases(board: &Board<'_>, session: &Session, pipeline: &Pipeline) {
    let (instances, clusters, proxies) =
        tokio::join!(rds::instances(session), rds::clusters(session), rds::proxies(session));
    let (instances, clusters) = (seen(instances), seen(clusters));
    board.aws(|facts| {
        facts.instances = instances.clone();
        facts.clusters = clusters.clone();
        facts.proxies = seen(proxies);
    });
    let known = match (&instances, &clusters) {
        (Fact::Known(instances), Fact::Known(clusters)) => Ok((instances.as_slice(), clusters.as_slice())),
        // Clusters alone may be forbidden, or unknown to whoever answers; most databases are in none.
        (Fact::Known(instances), Fact::Unknown(_)) => Ok((instances.as_slice(), &[][..])),
        (Fact::Unknown(why), _) => Err(why.clone()),
    };
    let sides = [(&pipeline.source, true), (&pipeline.target, false)];
    let looks = sides.map(|(endpoint, source)| {
        let found = known.clone().map(|(instances, clusters)| rds::find(endpoint, instances, clusters));
        async move {
            let facts = side(session, found).await;
            board.aws(|all| if source { all.source = facts } else { all.target = facts });
        }
    });
    futures_util::future::join_all(looks).await;
}

async fn side(session: &Session, found: Result<(Option<RdsInstance>, Option<RdsCluster>), Unknown>) -> RdsFacts {
    let mut facts = RdsFacts::pending();
    match found {
        Err(why) => facts.settle(&why),
        Ok((instance, cluster)) => {
            if let Some(instance) = &instance {
                let dimensions = [("DBInstanceIdentifier", instance.identifier.as_str())];
                let (parameters, metrics, alarms) = tokio::join!(
                    rds::parameters(session, instance, cluster.as_ref()),
                    cloudwatch::readings(session, "AWS/RDS", &dimensions, cloudwatch::RDS),
                    cloudwatch::alarms(session, "AWS/RDS", &dimensions, cloudwatch::RDS_ALARMS),
                );
                (facts.parameters, facts.metrics, facts.alarms) = (seen(parameters), seen(metrics), seen(alarms));
            }
            (facts.instance, facts.cluster) = (Fact::Known(instance), Fact::Known(cluster));
            let why = "no RDS instance of this account and region is this side of the pipeline";
            facts.settle(&Unknown::new(UnknownKind::NotConfigured, why));
        }
    }
    facts
}

/// DMS and the roles it works with.
async fn replication(board: &Board<'_>, session: &Session, pipeline: &Pipeline) {
    let Some(dms) = &pipeline.dms else {
        let why = Unknown::new(UnknownKind::NotConfigured, "the pipeline file has no section [dms]");
        board.aws(|facts| {
            facts.dms.settle(&why);
            facts.roles.settle(&why);
            facts.not_passable.settle(&why);
            facts.unreadable_secrets.settle(&why);
            facts.s3_role_lacks.settle(&why);
        });
        return;
    };
    let tasks = async { if dms.serverless { dms_serverless::tasks(session).await } else { dms::tasks(session).await } };
    let (instances, endpoints, connections, tasks) =
        tokio::join!(dms::instances(session), dms::endpoints(session), dms::connections(session), tasks);
    let mut first = DmsFacts::pending();
    first.instances = seen(instances);
    first.endpoints = seen(endpoints);
    first.connections = seen(connections);
    first.tasks = seen(tasks);
    board.aws(|facts| facts.dms = first.clone());
    let around = Box::pin(around(board, session, dms, &first));
    let task = Box::pin(task::task(board, session, dms, &first));
    tokio::join!(around, task, Box::pin(roles::roles(board, session, dms, &first)));
}

/// What lies between the parts that were found.
#[cfg(feature = "ec2")]
async fn network(board: &Board<'_>, session: &Session, pipeline: &Pipeline) {
    let mut places = Places::default();
    board.aws(|facts| places = facts.places(pipeline.dms.as_ref()));
    let network = super::ec2::network(session, &places).await;
    board.aws(|facts| facts.network = Some(network));
}

/// What does not hang on a task.
async fn around(board: &Board<'_>, session: &Session, dms: &Dms, first: &DmsFacts) {
    let source = first.endpoint(&dms.source_endpoint).ok().flatten();
    let instance = first.instance(dms).ok().flatten();
    let refresh = async {
        match source {
            Some(endpoint) => Some(seen(dms::refresh(session, endpoint).await)),
            None => None,
        }
    };
    let metrics = async {
        let identifier = &instance?.identifier;
        let dimensions = [("ReplicationInstanceIdentifier", identifier.as_str())];
        Some(seen(cloudwatch::readings(session, "AWS/DMS", &dimensions, cloudwatch::INSTANCE).await))
    };
    let (certificates, maintenance, quotas, classes, refresh, metrics) = tokio::join!(
        dms::certificates(session),
        dms::maintenance(session),
        dms::quotas(session),
        dms::classes(session),
        refresh,
        metrics,
    );
    board.aws(|facts| {
        facts.dms.certificates = seen(certificates);
        facts.dms.maintenance = seen(maintenance);
        facts.dms.quotas = seen(quotas);
        facts.dms.classes = seen(classes);
        facts.dms.refresh = refresh.unwrap_or(Fact::Known(None));
        facts.dms.instance_metrics = metrics.unwrap_or_else(|| absent("the replication instance"));
    });
}

fn absent<T>(what: &str) -> Fact<T> {
    Fact::unknown(UnknownKind::NotConfigured, format!("{what} does not exist yet"))
}

impl AwsFacts {
    /// Where the replication instance, both databases and the Glue job's connections are.
    #[cfg(feature = "ec2")]
    fn places(&self, dms: Option<&Dms>) -> Places {
        let mut places = Places::default();
        if let Some(Ok(Some(instance))) = dms.map(|dms| self.dms.instance(dms)) {
            places.add(instance.vpc.as_ref(), &instance.subnets, &instance.security_groups);
        }
        for database in [&self.source, &self.target].into_iter().filter_map(|side| side.instance.value()?.as_ref()) {
            places.add(database.vpc.as_ref(), &database.subnets, &database.security_groups);
        }
        for connection in self.glue.connections.value().into_iter().flatten() {
            // Its VPC is its subnet's, which EC2 tells.
            places.add(None, connection.subnet.as_slice(), &connection.security_groups);
        }
        places
    }

    /// The role of this ARN, where it was looked at.
    #[must_use]
    pub fn role_of(&self, arn: &str) -> Option<&super::model::Role> {
        self.roles.value()?.get(role_name(arn))?.as_ref()
    }
}

mod beside;
mod roles;
mod serverless;
mod task;
#[cfg(test)]
mod tests;
