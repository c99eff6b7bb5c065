//! SRC-003: see the check's own explanation.

use super::aws_fixes::set_parameter;
use super::aws_parts::with_source_rds;
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// On Aurora: the instance's parameter group and the cluster's. `rds.logical_replication` belongs into the
    /// cluster's.
    ///
    /// # Why it matters
    /// The value in the instance's group has no effect. The console shows it, a reboot was done, and logical
    /// replication is still off.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws rds modify-db-cluster-parameter-group --db-cluster-parameter-group-name GROUP \
    ///   --parameters "ParameterName=rds.logical_replication,ParameterValue=1,ApplyMethod=pending-reboot"
    /// aws rds reboot-db-instance --db-instance-identifier WRITER
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", Aurora; Amazon Aurora User Guide, "Working with parameter
    /// groups".
    code: "SRC-003",
    name: "parameter-set-in-instance-group-of-aurora",
    area: Src,
    severity: Error,
    title: "A parameter of Aurora is set in the instance's group, and the cluster's group decides",
    after: ["IAM-001", "AUT-024"],
}

const NAME: &str = "rds.logical_replication";

fn judge(facts: &Facts) -> Judged {
    with_source_rds(facts, |side| {
        if side.rds.cluster.known()?.is_none() || !facts.pipeline.sync.mode.has_cdc() {
            return Ok(Vec::new());
        }
        let Some(parameter) = side.rds.parameters.known()?.get(NAME) else { return Ok(Vec::new()) };
        let off = parameter.value.as_deref().is_none_or(|v| v == "0");
        if !off && parameter.of_cluster {
            return Ok(Vec::new());
        }
        let in_force =
            facts.source.settings.value().and_then(|s| s.get("wal_level")).is_some_and(|s| s.value == "logical");
        if in_force {
            return Ok(Vec::new());
        }
        let value = parameter.value.as_deref().unwrap_or("the default");
        let message = format!("{NAME} is {value} in {}; on Aurora the cluster's group decides", parameter.group);
        let finding = Finding::new(NAME, message).saw(&parameter.group, value);
        Ok(vec![match set_parameter(side, NAME, "1") {
            Some(fix) => finding.fix(fix),
            None => finding,
        }])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, set, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, rds_cluster, source_parameter};
    use crate::facts::Fact;

    #[test]
    fn the_clusters_group_is_changed() {
        let mut facts = healthy_dms();
        aws(&mut facts).source.cluster = Fact::Known(Some(rds_cluster("c", "charts-source")));
        let parameter = source_parameter(&mut facts, "rds.logical_replication");
        (parameter.value, parameter.of_cluster, parameter.group) = (Some("0".into()), true, "charts-aurora15".into());
        assert_pass(&CHECK, &facts);
        set(&mut facts, "wal_level", "replica");
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().contains("modify-db-cluster-parameter-group"), "{fix:?}");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.instance = unseen());
    }
}
