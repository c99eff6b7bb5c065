//! DRI-003: see the check's own explanation.

use super::aws_fixes::modify_instance;
use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `ReplicationInstanceClass` (`dms.t2`, `dms.t3`), and the CPU of the last hour.
    ///
    /// # Why it matters
    /// A burstable class works on credit. A task that follows changes for weeks uses it up, and then runs at a
    /// fraction of its speed: latency grows and does not come back.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-replication-instance --replication-instance-arn ARN \
    ///   --replication-instance-class dms.r6i.large --apply-immediately
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Choosing the right AWS DMS replication instance for your migration".
    code: "DRI-003",
    name: "replication-instance-burstable",
    area: Dri,
    severity: Advice,
    title: "The replication instance is of a burstable class, and follows changes for long",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |part, instance| {
        let class = &instance.class;
        let burstable = class.starts_with("dms.t");
        let message = format!("{} is a {class}, which slows down when its credit is used up", instance.identifier);
        let mut finding = Finding::new(&instance.identifier, message).saw("class", class);
        if let Some(cpu) = part.dms.instance_metrics.value().and_then(|m| m.get("CPUUtilization")) {
            finding = finding.saw("CPU, last hour", format!("at most {:.0} %", cpu.most));
        }
        let fix = || {
            modify_instance(instance, "take dms.r6i.large", "ReplicationInstanceClass", "dms.r6i.large", Some(class))
        };
        only((burstable && part.follows_changes()).then(|| finding.fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, replication_instance};

    #[test]
    fn a_t3_that_follows_changes() {
        let mut facts = healthy_dms();
        replication_instance(&mut facts).class = "dms.t3.medium".into();
        let found = finding(&CHECK, &facts);
        assert!(found.evidence.contains(&("CPU, last hour".into(), "at most 20 %".into())));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
