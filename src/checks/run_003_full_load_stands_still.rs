//! RUN-003: see the check's own explanation.

use super::aws_parts::{only, with_task};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Tables in the state `Full load` of a running task, and `FullLoadThroughputRowsTarget` in CloudWatch: no row in
    /// any step of the last hour.
    ///
    /// # Why it matters
    /// The task stays green while it waits: for a lock on the target, for a query of the source, for memory.
    ///
    /// # How to fix it by hand
    /// Look for what it waits for: `SHOW PROCESSLIST` on the target, `pg_stat_activity` on the source, the task's log.
    /// Then reload the table: `aws dms reload-tables`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Replication task metrics".
    code: "RUN-003",
    name: "full-load-stands-still",
    area: Run,
    severity: Warning,
    title: "Tables are being loaded, and no row has arrived for a while",
    after: ["IAM-001"],
}

const METRIC: &str = "FullLoadThroughputRowsTarget";

fn judge(facts: &Facts) -> Judged {
    with_task(facts, |part, task| {
        let loading = part.dms.tables.known()?.iter().filter(|t| t.state == "Full load");
        let tables: Vec<String> = loading.map(|t| format!("{}.{}", t.schema, t.table)).collect();
        if tables.is_empty() || task.status != "running" {
            return Ok(Vec::new());
        }
        let reading = part.dms.task_metrics.known()?.get(METRIC);
        let still = reading.is_some_and(|r| r.most <= 0.0);
        let message = format!("{} loads {}, and no row arrives", task.identifier, tables.join(", "));
        let fix = Fix::manual(
            "look for what it waits for",
            [
                "On the target: SHOW PROCESSLIST",
                "On the source: SELECT pid, state, wait_event, query FROM pg_stat_activity",
            ],
        );
        only(still.then(|| Finding::new(&task.identifier, message).saw(METRIC, "0").fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::{CHECK, METRIC};
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, known, steady};

    #[test]
    fn a_load_without_rows() {
        let mut facts = healthy_dms();
        known(&mut aws(&mut facts).dms.task_metrics).insert(METRIC.into(), steady(0.0));
        assert_pass(&CHECK, &facts);
        known(&mut aws(&mut facts).dms.tables)[0].state = "Full load".into();
        assert!(finding(&CHECK, &facts).message.contains("loads public.weekly_chart"));
        known(&mut aws(&mut facts).dms.task_metrics).insert(METRIC.into(), steady(900.0));
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.tables = unseen());
    }
}
