//! RUN-012: see the check's own explanation.

use super::aws_parts::with_task;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Events of the replication instance and the task: failure, failover, low storage, a missing key.
    ///
    /// # Why it matters
    /// They are shown in the console only, unless somebody subscribed to them.
    ///
    /// # How to fix it by hand
    /// Read the message; a subscription sends them on: `aws dms create-event-subscription`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Working with Amazon SNS events and notifications".
    code: "RUN-012",
    name: "dms-events-of-trouble",
    area: Run,
    severity: Warning,
    title: "DMS has reported trouble within the last day",
    after: ["IAM-001"],
}

const TROUBLE: &[&str] = &["fail", "low storage", "storage is full", "incompatible", "kms", "paused", "low on"];

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, _| {
        let bad = part.dms.events.known()?.iter().filter(|e| {
            let message = e.message.to_lowercase();
            TROUBLE.iter().any(|word| message.contains(word))
        });
        let finding = |e: &crate::facts::aws::DmsEvent| {
            let at = e.at.map_or_else(String::new, |t| t.strftime("%Y-%m-%d %H:%M UTC").to_string());
            let fix = Fix::manual("read it", ["Look at the replication instance and the task in the console."]);
            Finding::new(&e.identifier, format!("{}: {}", e.identifier, e.message)).saw("at", at).fix(fix)
        };
        Ok(bad.map(finding).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms};
    use crate::facts::Fact;
    use crate::facts::aws::DmsEvent;

    #[test]
    fn a_failover_is_told() {
        let mut facts = healthy_dms();
        let event = |message: &str| DmsEvent {
            about: "replication-instance".into(),
            identifier: "charts-ri".into(),
            message: message.into(),
            at: None,
        };
        let all = vec![event("Replication instance created"), event("Multi-AZ failover started")];
        aws(&mut facts).dms.events = Fact::Known(all);
        assert!(finding(&CHECK, &facts).message.contains("failover"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.events = unseen());
    }
}
