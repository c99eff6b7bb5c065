//! SRC-002: see the check's own explanation.

use super::aws_fixes::set_parameter;
use super::aws_parts::with_source_rds;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The names of the parameter groups of the source on RDS, or of its cluster: those that begin with `default.`
    /// belong to AWS.
    ///
    /// # Why it matters
    /// Change capture needs `rds.logical_replication = 1`, which no default group has, and other settings later.
    /// Every one of them needs a group of your own first, and attaching it to a running instance needs a reboot:
    /// better once, at a time you choose.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws rds create-db-parameter-group --db-parameter-group-name charts-pg15 --db-parameter-group-family postgres15 \
    ///   --description "change data capture"
    /// aws rds modify-db-instance --db-instance-identifier NAME --db-parameter-group-name charts-pg15
    /// aws rds reboot-db-instance --db-instance-identifier NAME
    /// ```
    ///
    /// # Source
    /// Amazon RDS User Guide, "Parameter groups for Amazon RDS".
    code: "SRC-002",
    name: "default-parameter-group",
    area: Src,
    severity: Advice,
    title: "The source has a default parameter group, which cannot be changed",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source_rds(facts, |side| {
        let cluster = side.rds.cluster.value().and_then(Option::as_ref).and_then(|c| c.parameter_group.as_deref());
        let own = side.instance.parameter_groups.first().map(|g| g.name.as_str());
        // On Aurora the parameters that matter are the cluster's.
        let Some(group) = cluster.or(own).filter(|g| g.starts_with("default.")) else { return Ok(Vec::new()) };
        let message = format!("{} has the group {group}, which cannot be changed", side.instance.identifier);
        let finding = Finding::new(group, message).saw("group", group);
        Ok(vec![finding.fix(set_parameter(side, "rds.logical_replication", "1").unwrap_or_else(|| {
            Fix::manual("make a group of your own", ["Make a parameter group, attach it, and reboot when it suits."])
        }))])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_parameter, source_rds};
    use crate::fixes::Cost;

    #[test]
    fn a_default_group_is_told_with_the_whole_way() {
        let mut facts = healthy_dms();
        source_rds(&mut facts).parameter_groups[0].name = "default.postgres15".into();
        source_parameter(&mut facts, "rds.logical_replication").group = "default.postgres15".into();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!((fix.steps.len(), fix.cost()), (4, Cost::Reboot));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.instance = unseen());
    }
}
