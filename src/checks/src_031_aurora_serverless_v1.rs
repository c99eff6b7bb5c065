//! SRC-031: see the check's own explanation.

use super::aws_parts::{only, with_source_rds};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `EngineMode` of the source's cluster.
    ///
    /// # Why it matters
    /// It can be loaded, but no change can be followed.
    ///
    /// # How to fix it by hand
    /// Move the cluster to Serverless v2 or to provisioned instances: restore a snapshot, or upgrade in place.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source".
    code: "SRC-031",
    name: "aurora-serverless-v1",
    area: Src,
    severity: Error,
    title: "The source is Aurora Serverless v1, which has no logical replication",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source_rds(facts, |side| {
        let cluster = side.rds.cluster.known()?.as_ref();
        let v1 =
            cluster.filter(|c| c.engine_mode.as_deref() == Some("serverless") && facts.pipeline.sync.mode.has_cdc());
        let fix = Fix::manual("move it to v2", ["Move the cluster to Serverless v2 or to provisioned instances."]);
        only(v1.map(|c| Finding::new(&c.identifier, format!("{} is Aurora Serverless v1", c.identifier)).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, rds_cluster};
    use crate::facts::Fact;

    #[test]
    fn v1_follows_nothing() {
        let mut facts = healthy_dms();
        let mut cluster = rds_cluster("c", "charts-source");
        cluster.engine_mode = Some("serverless".into());
        aws(&mut facts).source.cluster = Fact::Known(Some(cluster));
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.cluster = unseen());
    }
}
