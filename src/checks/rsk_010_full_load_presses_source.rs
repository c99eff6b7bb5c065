//! RSK-010: see the check's own explanation.

use serde_json::json;

use super::aws_fixes::modify_task;
use super::aws_parts::{OnRds, only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// The source's `CPUUtilization` in CloudWatch while tables are in the state `Full load`.
    ///
    /// # Why it matters
    /// Each table that is loaded reads the whole of it; eight at a time take the processors from everybody else on that
    /// server.
    ///
    /// # How to fix it by hand
    /// Lower `FullLoadSettings.MaxFullLoadSubTasks`: stop the task, `aws dms modify-replication-task`, resume.
    ///
    /// # Source
    /// AWS DMS User Guide, "Best practices", reducing the load on your source database.
    code: "RSK-010",
    name: "full-load-presses-source",
    area: Rsk,
    severity: Warning,
    title: "The full load takes most of the source's processors",
    after: ["IAM-001"],
}

/// Percent.
const BUSY: f64 = 80.0;
const SUBTASKS: &str = "/FullLoadSettings/MaxFullLoadSubTasks";

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let loading = part.dms.tables.known()?.iter().filter(|t| t.state == "Full load").count();
        let Some(source) = OnRds::of(facts, "source")?.filter(|_| loading > 0) else { return Ok(Vec::new()) };
        let cpu = source.rds.metrics.known()?.get("CPUUtilization").map_or(0.0, |r| r.last);
        let now = task.setting(SUBTASKS).and_then(serde_json::Value::as_i64).unwrap_or(8);
        let fewer = (now / 2).max(1);
        let message = format!("{} is at {cpu:.0} % CPU while {} loads", source.instance.identifier, task.identifier);
        let finding =
            Finding::new(&source.instance.identifier, message).saw("tables being loaded", loading.to_string());
        let finding = finding.saw("MaxFullLoadSubTasks", now.to_string());
        let fix = || modify_task(task, &format!("load {fewer} at a time"), &[(SUBTASKS, json!(fewer))]);
        only((cpu >= BUSY).then(|| if now > 1 { finding.fix(fix()) } else { finding }))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, steady};

    #[test]
    fn busy_only_counts_while_loading() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).source.metrics).insert("CPUUtilization".into(), steady(93.0));
        assert_pass(&CHECK, &facts);
        known(&mut aws(&mut facts).dms.tables)[0].state = "Full load".into();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("at 93 % CPU"), "{}", found.message);
        assert!(found.fix.unwrap().summary.contains("4 at a time"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tables = unseen());
    }
}
