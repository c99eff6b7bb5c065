//! DRI-011: see the check's own explanation.

use super::aws_parts::{only, with_dms};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::text::nearest;

check! {
    /// # What it looks at
    /// `instance_class` in `[dms]` against `DescribeOrderableReplicationInstances`.
    ///
    /// # Why it matters
    /// Provisioning fails with `InsufficientResourceCapacityFault` or an unknown class.
    ///
    /// # How to fix it by hand
    /// Choose one of those that are offered: `aws dms describe-orderable-replication-instances --query
    /// 'OrderableReplicationInstances[].ReplicationInstanceClass'`.
    ///
    /// # Source
    /// AWS DMS API Reference, `DescribeOrderableReplicationInstances`.
    code: "DRI-011",
    name: "instance-class-not-offered",
    area: Dri,
    severity: Error,
    title: "The instance class of the pipeline file cannot be had in this region",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_dms(facts, |part| {
        let classes = part.dms.classes.known()?;
        let class = &part.names.instance_class;
        // A region that offers none at all did not answer the question.
        if classes.is_empty() || part.names.serverless || classes.contains(class) {
            return Ok(Vec::new());
        }
        let message = format!("The class {class} is not offered in this region");
        let finding = Finding::new("dms.instance_class", message).saw("offered", classes.join(", "));
        let near = nearest(class, classes.iter().map(String::as_str)).unwrap_or(&classes[0]);
        let edit =
            Action::EditPipeline { key: "dms.instance_class".into(), value: near.into(), choices: classes.clone() };
        let step = Step::new(Cost::None, edit).undo(Action::edit("dms.instance_class", class));
        only(Some(finding.fix(Fix::new(Mode::Confirm, format!("take {near}"), vec![step]))))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms};

    #[test]
    fn the_nearest_class_is_offered() {
        let mut facts = healthy_dms();
        facts.pipeline.dms.as_mut().unwrap().instance_class = "dms.r6i.lagre".into();
        assert_eq!(finding(&CHECK, &facts).fix.unwrap().summary, "take dms.r6i.large");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.classes = unseen());
    }
}
