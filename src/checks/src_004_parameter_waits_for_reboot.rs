//! SRC-004: see the check's own explanation.

use super::aws_fixes::reboot;
use super::aws_parts::with_source_rds;
use super::tls_009_tls_parameter_not_in_force::states;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `ParameterApplyStatus` of the source's groups on RDS (on Aurora, of the writer in its cluster), and
    /// `rds.logical_replication` in the group against `wal_level` of the running server.
    ///
    /// # Why it matters
    /// A static parameter was changed, or a group attached, and the server still runs with the old values: logical
    /// replication stays off until it is rebooted.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws rds reboot-db-instance --db-instance-identifier NAME
    /// ```
    ///
    /// # Source
    /// Amazon RDS User Guide, "Working with parameter groups"; Amazon RDS API Reference, `DBParameterGroupStatus`.
    code: "SRC-004",
    name: "parameter-waits-for-reboot",
    area: Src,
    severity: Warning,
    title: "A parameter group of the source waits for a reboot",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source_rds(facts, |side| {
        let cluster = side.rds.cluster.value().and_then(Option::as_ref);
        let member = cluster.and_then(|c| c.members.iter().find(|m| m.identifier == side.instance.identifier));
        let of_cluster = member.and_then(|m| m.group_status.as_deref()) == Some("pending-reboot");
        let waits = of_cluster || side.instance.parameter_groups.iter().any(|g| g.status == "pending-reboot");
        if !waits {
            return Ok(Vec::new());
        }
        let name = &side.instance.identifier;
        let mut finding =
            Finding::new(name, format!("Parameters of {name} wait for a reboot")).saw("groups", states(side));
        if let Some(wanted) = side.rds.parameters.value().and_then(|p| p.get("rds.logical_replication")) {
            finding = finding.saw("rds.logical_replication", wanted.value.as_deref().unwrap_or("default"));
        }
        if let Some(level) = facts.source.settings.value().and_then(|s| s.get("wal_level")) {
            finding = finding.saw("wal_level in force", &level.value);
        }
        Ok(vec![finding.fix(Fix::new(Mode::Confirm, format!("reboot {name}"), vec![reboot(side)]))])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, rds_cluster, source_rds};
    use crate::facts::Fact;
    use crate::fixes::Cost;

    #[test]
    fn a_reboot_that_waits() {
        let mut facts = healthy_dms();
        source_rds(&mut facts).parameter_groups[0].status = "pending-reboot".into();
        let found = finding(&CHECK, &facts);
        assert!(found.evidence.contains(&("groups".into(), "charts-pg15 pending-reboot".into())));
        assert_eq!(found.fix.unwrap().cost(), Cost::Reboot);
    }

    #[test]
    fn on_aurora_the_writers_state_in_the_cluster_counts() {
        let mut facts = healthy_dms();
        let mut cluster = rds_cluster("c", "charts-source");
        cluster.members[0].group_status = Some("pending-reboot".into());
        aws(&mut facts).source.cluster = Fact::Known(Some(cluster));
        finding(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.instance = unseen());
    }
}
