//! RUN-006: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `CDCLatencyTarget` of the task, where reading is not late itself.
    ///
    /// # Why it matters
    /// The target is slower than the source: missing indexes, a table without a key, locks, a small instance, or one
    /// change at a time.
    ///
    /// # How to fix it by hand
    /// Look for tables without a key (TBL-001, TSC-001) and locks on the target; `BatchApplyEnabled` applies changes
    /// in groups.
    ///
    /// # Source
    /// AWS DMS User Guide, "Monitoring AWS DMS tasks".
    code: "RUN-006",
    name: "target-latency-high",
    area: Run,
    severity: Warning,
    title: "The task applies changes late",
    after: ["IAM-001"],
}

/// Seconds that are much for a stream of changes.
const MUCH: f64 = 300.0;

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let metrics = part.dms.task_metrics.known()?;
        let last = |name: &str| metrics.get(name).map_or(0.0, |m| m.last);
        let late = last("CDCLatencyTarget");
        let wrong = late > MUCH && late > last("CDCLatencySource") * 1.5;
        let message = format!("The task {} is {late:.0} s behind with applying", task.identifier);
        let fix = Fix::manual(
            "find what holds it up",
            ["Look for missing keys on the target (TSC-001) and locks; consider BatchApplyEnabled."],
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
        known(&mut aws(&mut facts).dms.task_metrics).insert("CDCLatencyTarget".into(), steady(600.0));
        assert!(finding(&CHECK, &facts).message.contains("is 600 s behind"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.task_metrics = unseen());
    }
}
