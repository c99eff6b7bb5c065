//! RUN-005: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `CDCLatencySource` of the task.
    ///
    /// # Why it matters
    /// Changes are read later than they are made, and the source keeps WAL meanwhile. The figure falls to 0 on an
    /// idle source, so a low one proves nothing.
    ///
    /// # How to fix it by hand
    /// Look for long transactions on the source (SRC-012), for tables outside the task that change much (the slot
    /// decodes all), and for the memory of the replication instance.
    ///
    /// # Source
    /// AWS DMS User Guide, "Monitoring AWS DMS tasks".
    code: "RUN-005",
    name: "source-latency-high",
    area: Run,
    severity: Warning,
    title: "The task reads changes late",
    after: ["IAM-001"],
}

/// Seconds that are much for a stream of changes.
const MUCH: f64 = 300.0;

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let metrics = part.dms.task_metrics.known()?;
        let last = |name: &str| metrics.get(name).map_or(0.0, |m| m.last);
        let late = last("CDCLatencySource");
        let wrong = late > MUCH;
        let message = format!("The task {} is {late:.0} s behind with reading", task.identifier);
        let fix = Fix::manual(
            "find what holds it up",
            ["Look for long transactions (SRC-012) and for the load of the replication instance (RUN-008)."],
        );
        only(wrong.then(|| Finding::new(&task.identifier, message).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, steady};

    #[test]
    fn ten_minutes_behind() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.task_metrics).insert("CDCLatencySource".into(), steady(600.0));
        assert!(finding(&CHECK, &facts).message.contains("is 600 s behind"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.task_metrics = unseen());
    }
}
