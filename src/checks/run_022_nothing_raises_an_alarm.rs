//! RUN-022: see the check's own explanation.

use super::aws_parts::{OnRds, only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// CloudWatch alarms on the task's latencies (`CDCLatencySource`, `CDCLatencyTarget`), and on the source's
    /// `FreeStorageSpace` and `OldestReplicationSlotLag` where the source is an RDS instance. Alarms on an expression
    /// over metrics and composite alarms are not seen: CloudWatch does not list those by metric.
    ///
    /// # Why it matters
    /// A task that stands still keeps the source from deleting WAL. Without an alarm the first to notice is the
    /// database, when its disk is full.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws cloudwatch put-metric-alarm --alarm-name charts-slot-lag --namespace AWS/RDS \
    ///   --metric-name OldestReplicationSlotLag --dimensions Name=DBInstanceIdentifier,Value=INSTANCE \
    ///   --statistic Maximum --period 300 --evaluation-periods 3 --threshold 5000000000 \
    ///   --comparison-operator GreaterThanThreshold --alarm-actions TOPIC_ARN
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Monitoring AWS DMS tasks"; CloudWatch API Reference, `DescribeAlarmsForMetric`.
    code: "RUN-022",
    name: "nothing-raises-an-alarm",
    area: Run,
    severity: Advice,
    title: "No alarm watches the task, or the WAL that it holds back",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        if !part.follows_changes() {
            return Ok(Vec::new());
        }
        let mut unwatched: Vec<String> = Vec::new();
        let mut look = |alarms: &std::collections::BTreeMap<String, usize>, of: &str| {
            let none = alarms.iter().filter(|(_, count)| **count == 0);
            unwatched.extend(none.map(|(metric, _)| format!("{metric} of {of}")));
        };
        look(part.dms.alarms.known()?, &task.identifier);
        if let Some(source) = OnRds::of(facts, "source")? {
            look(source.rds.alarms.known()?, &source.instance.identifier);
        }
        only((!unwatched.is_empty()).then(|| {
            let list = unwatched.join(", ");
            Finding::new(&task.identifier, format!("No alarm watches {list}")).fix(Fix::manual(
                "have CloudWatch raise an alarm",
                [format!("Make an alarm (put-metric-alarm) on {list}.")],
            ))
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};
    use crate::facts::Fact;
    use crate::pipeline::SyncMode;

    #[test]
    fn a_metric_that_nobody_watches() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).source.alarms).insert("OldestReplicationSlotLag".into(), 0);
        known(&mut aws(&mut facts).dms.alarms).insert("CDCLatencyTarget".into(), 0);
        let message = finding(&CHECK, &facts).message;
        assert_eq!(
            message,
            "No alarm watches CDCLatencyTarget of charts-task, OldestReplicationSlotLag of charts-source"
        );
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn a_source_elsewhere_has_no_alarms_here() {
        let mut facts = healthy_dms();
        aws(&mut facts).source.alarms = unseen();
        assert_unknown(&CHECK, &facts);
        aws(&mut facts).source.instance = Fact::Known(None);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.alarms = unseen());
    }
}
