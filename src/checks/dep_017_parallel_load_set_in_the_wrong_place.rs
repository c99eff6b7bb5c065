//! DEP-017: see the check's own explanation.

use serde_json::{Value, json};

use super::aws_fixes::{is_mysql, modify_endpoint, modify_task};
use super::aws_parts::{only, with_target};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `ParallelLoadThreads` of the task, where the target endpoint is MySQL.
    ///
    /// # Why it matters
    /// For MySQL it is a setting of the endpoint (1 to 5); on the task it has no effect, and the load is slower than
    /// it looks.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --my-sql-settings ParallelLoadThreads=4
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Target metadata task settings"; "Using a MySQL-compatible database as a target".
    code: "DEP-017",
    name: "parallel-load-set-in-the-wrong-place",
    area: Dep,
    severity: Advice,
    title: "Threads for loading are set on the task, where a MySQL target does not look",
    after: ["IAM-001"],
}

const SETTING: &str = "/TargetMetadata/ParallelLoadThreads";

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        let Some(task) = part.dms.task(part.names)?.filter(|_| is_mysql(endpoint)) else { return Ok(Vec::new()) };
        let threads = task.setting(SETTING).and_then(Value::as_i64).unwrap_or(0);
        let message = format!(
            "ParallelLoadThreads is {threads} on the task {}; MySQL takes it from the endpoint",
            task.identifier
        );
        let own = endpoint.mysql.as_ref().and_then(|s| s.parallel_load_threads).unwrap_or(1).to_string();
        let wanted = threads.clamp(1, 5).to_string();
        let fix = || {
            let mut fix = modify_task(task, "set it on the endpoint", &[(SETTING, json!(0))]);
            fix.steps.push(modify_endpoint(endpoint, &[("MySQLSettings.ParallelLoadThreads", &wanted, Some(&own))]));
            fix
        };
        only((threads > 0).then(|| Finding::new(&task.identifier, message).fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, set_task};

    #[test]
    fn it_moves_to_the_endpoint() {
        let mut facts = healthy_dms();
        set_task(&mut facts, "/TargetMetadata/ParallelLoadThreads", json!(8));
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[1].action.describe().ends_with("ParallelLoadThreads=5"), "{fix:?}");
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
