//! RUN-008: see the check's own explanation.

use super::aws_fixes::larger_class;
use super::aws_parts::{only, with_instance};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `CPUUtilization` of the last hour, and events of the last day that say that reading was paused (swap limit,
    /// disk limit).
    ///
    /// # Why it matters
    /// Latency grows, and a pause of reading ends only when somebody helps.
    ///
    /// # How to fix it by hand
    /// Take a larger class, or move tasks to another instance.
    ///
    /// # Source
    /// AWS DMS User Guide, "Monitoring AWS DMS tasks" and "Working with Amazon SNS events".
    code: "RUN-008",
    name: "replication-instance-exhausted",
    area: Run,
    severity: Warning,
    title: "The replication instance works at its limit",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |part, instance| {
        let cpu = part.dms.instance_metrics.known()?.get("CPUUtilization").map_or(0.0, |m| m.least);
        let paused =
            part.dms.events.value().into_iter().flatten().find(|e| e.message.to_lowercase().contains("reading paused"));
        let message = match paused {
            Some(event) => format!("{}: {}", instance.identifier, event.message),
            None => format!("{} has been at {cpu:.0} % CPU or more for an hour", instance.identifier),
        };
        only(
            (cpu > 90.0 || paused.is_some())
                .then(|| Finding::new(&instance.identifier, message).fix(larger_class(instance))),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, steady};

    #[test]
    fn an_hour_at_the_limit() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.instance_metrics).insert("CPUUtilization".into(), steady(97.0));
        assert!(finding(&CHECK, &facts).message.contains("97 % CPU"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instance_metrics = unseen());
    }
}
