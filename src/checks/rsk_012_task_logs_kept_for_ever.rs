//! RSK-012: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// How long CloudWatch keeps the log group that the replication instance's tasks write to (`dms-tasks-INSTANCE`).
    ///
    /// # Why it matters
    /// DMS makes the group without a limit. Every line is stored, and paid for, until somebody deletes it; logs of a
    /// task may hold values of rows.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws logs put-retention-policy --log-group-name dms-tasks-INSTANCE --retention-in-days 30
    /// ```
    ///
    /// # Source
    /// CloudWatch Logs API Reference, `PutRetentionPolicy`.
    code: "RSK-012",
    name: "task-logs-kept-for-ever",
    area: Rsk,
    severity: Advice,
    title: "The logs of the tasks are kept for ever",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, _| {
        let group = part.dms.log_group.known()?.as_ref().filter(|group| group.retention_days.is_none());
        only(group.map(|group| {
            let name = &group.name;
            let todo = format!("aws logs put-retention-policy --log-group-name {name} --retention-in-days 30");
            Finding::new(name, format!("The log group {name} keeps every line for ever"))
                .saw("stored bytes", group.bytes.to_string())
                .fix(Fix::manual("keep the logs for a month", [todo]))
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known};
    use crate::facts::Fact;

    #[test]
    fn a_group_without_a_limit() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.log_group).as_mut().unwrap().retention_days = None;
        assert_eq!(finding(&CHECK, &facts).subject, "dms-tasks-charts-ri");
        aws(&mut facts).dms.log_group = Fact::Known(None);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.log_group = unseen());
    }
}
