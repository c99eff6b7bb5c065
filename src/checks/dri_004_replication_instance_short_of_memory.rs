//! DRI-004: see the check's own explanation.

use super::aws_fixes::larger_class;
use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `FreeableMemory` and `SwapUsage` of the last hour.
    ///
    /// # Why it matters
    /// DMS keeps open transactions and LOB batches in memory. When it runs short it swaps, reading pauses (events
    /// 0091), and at last tasks stop (`STOPPED_DUE_TO_LOW_MEMORY`).
    ///
    /// # How to fix it by hand
    /// Take a larger class, a smaller `LobMaxSize` or `CommitRate`, or fewer tasks on the instance.
    ///
    /// # Source
    /// AWS DMS User Guide, "Monitoring AWS DMS tasks".
    code: "DRI-004",
    name: "replication-instance-short-of-memory",
    area: Dri,
    severity: Warning,
    title: "The replication instance is short of memory",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |part, instance| {
        let metrics = part.dms.instance_metrics.known()?;
        let free = metrics.get("FreeableMemory").map_or(f64::MAX, |m| m.least);
        let swap = metrics.get("SwapUsage").map_or(0.0, |m| m.most);
        let wrong = free < 256e6 || swap > 256e6;
        let message =
            format!("{} had {:.0} MB of memory left and {:.0} MB in swap", instance.identifier, free / 1e6, swap / 1e6);
        only(wrong.then(|| Finding::new(&instance.identifier, message).fix(larger_class(instance))))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, steady};

    #[test]
    fn little_memory_or_swap() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.instance_metrics).insert("SwapUsage".into(), steady(900e6));
        assert!(finding(&CHECK, &facts).message.ends_with("8000 MB of memory left and 900 MB in swap"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instance_metrics = unseen());
    }
}
