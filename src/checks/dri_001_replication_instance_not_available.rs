//! DRI-001: see the check's own explanation.

use super::aws_fixes::modify_instance;
use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::ReplicationInstance;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `ReplicationInstanceStatus` of the pipeline's replication instance.
    ///
    /// # Why it matters
    /// No connection is tested and no task runs. `storage-full` needs more storage; `incompatible-network` a look at
    /// the subnet group and its free addresses; `creating`, `modifying`, `upgrading` and `rebooting` pass by themselves
    /// in some minutes. A lost KMS key is told by DRI-010.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms describe-replication-instances \
    ///   --query 'ReplicationInstances[].[ReplicationInstanceIdentifier,ReplicationInstanceStatus]'
    /// aws dms modify-replication-instance --replication-instance-arn ARN --allocated-storage 100 --apply-immediately
    /// ```
    ///
    /// # Source
    /// AWS DMS API Reference, `ReplicationInstance`.
    code: "DRI-001",
    name: "replication-instance-not-available",
    area: Dri,
    severity: Error,
    title: "The replication instance is not available",
    after: ["IAM-001", "DRI-010"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |_, instance| {
        let message = format!("The replication instance {} is {}", instance.identifier, instance.status);
        let finding = Finding::new(&instance.identifier, message).saw("status", &instance.status);
        only((instance.status != "available").then(|| finding.fix(remedy(instance))))
    })
}

fn remedy(instance: &ReplicationInstance) -> Fix {
    let by_hand = |summary: &str, what: &str| Fix::manual(summary, [what]);
    match instance.status.as_str() {
        "storage-full" => {
            let more = (instance.storage_gb * 2).max(100).to_string();
            // Storage cannot be made smaller again.
            modify_instance(instance, &format!("give it {more} GB"), "AllocatedStorage", &more, None)
        }
        "incompatible-network" => by_hand(
            "look at its subnets",
            "Give the replication subnet group subnets with free addresses in two zones.",
        ),
        "failed" => by_hand("make another", "Delete it and make another; its events say why it failed."),
        _ => by_hand("wait until it is available", "Wait some minutes, then run check again."),
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, replication_instance};
    use crate::fixes::Mode;

    #[test]
    fn a_full_one_gets_more_and_one_on_its_way_is_waited_for() {
        let mut facts = healthy_dms();
        replication_instance(&mut facts).status = "storage-full".into();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().contains("--allocated-storage 200"), "{fix:?}");
        assert!(fix.steps[0].undo.is_none());
        assert_eq!(causes(&facts), ["DRI-001"]);
        replication_instance(&mut facts).status = "rebooting".into();
        assert_eq!(finding(&CHECK, &facts).fix.unwrap().mode, Mode::Manual);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
