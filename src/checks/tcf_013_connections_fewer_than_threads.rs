//! TCF-013: see the check's own explanation.

use super::aws_fixes::is_mysql;
use super::aws_parts::with_target;
use super::target_variables::{optional, set_global};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::{DmsEndpoint, DmsTask};

check! {
    /// # What it looks at
    /// `max_connections` and `max_user_connections` of the target against what the DMS task opens side by side during the
    /// full load: `MaxFullLoadSubTasks` tables with `ParallelLoadThreads` sessions each, and one more. What other programs
    /// hold comes on top. `direct` is content with fewer sessions than it asks for.
    ///
    /// # Why it matters
    /// The load fails with `1040 Too many connections`, or nobody else gets in.
    ///
    /// # How to fix it by hand
    /// Lower `MaxFullLoadSubTasks` of the task or `ParallelLoadThreads` of the endpoint, or raise the variable:
    /// `SET PERSIST max_connections = 500` (MySQL 8 and later), `SET GLOBAL` and a line under `[mysqld]` (MariaDB), the
    /// parameter group (RDS, Aurora; no reboot). Each session takes memory.
    ///
    /// # Source
    /// AWS DMS User Guide, "Full-load task settings"; MySQL documentation, "Too many connections".
    code: "TCF-013",
    name: "connections-fewer-than-threads",
    area: Tcf,
    severity: Warning,
    title: "The target takes fewer sessions than the full load opens",
    after: ["AUT-025", "IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        let Some(task) = part.dms.task(part.names)?.filter(|_| is_mysql(endpoint)) else { return Ok(Vec::new()) };
        let Some(need) = needed(task, endpoint) else { return Ok(Vec::new()) };
        let mut findings = Vec::new();
        for name in ["max_connections", "max_user_connections"] {
            // No limit, for a user, is 0.
            let limit = optional(facts, name)?.and_then(|v| v.parse::<u64>().ok()).filter(|n| *n > 0);
            let Some(limit) = limit.filter(|limit| *limit < need) else { continue };
            let (before, after) = (limit.to_string(), (need.saturating_mul(2)).to_string());
            let session = facts.target.session.known()?;
            let fix = set_global(facts, session, name, (&before, &after), "let there be more sessions")
                .or("lower MaxFullLoadSubTasks of the task, or ParallelLoadThreads of the endpoint");
            let message = format!("The full load opens {need} sessions, the target takes {limit} ({name})");
            findings.push(Finding::new(name, message).saw(name, before).fix(fix));
        }
        Ok(findings)
    })
}

/// Sessions that the full load opens side by side.
fn needed(task: &DmsTask, endpoint: &DmsEndpoint) -> Option<u64> {
    let tables = task.setting("/FullLoadSettings/MaxFullLoadSubTasks")?.as_u64()?;
    let by_settings = endpoint.mysql.as_ref().and_then(|s| s.parallel_load_threads).and_then(|n| u64::try_from(n).ok());
    let by_attribute = endpoint.attribute("parallelLoadThreads").and_then(|v| v.parse().ok());
    let threads = by_settings.or(by_attribute).unwrap_or(1).max(1);
    Some(tables.saturating_mul(threads).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use serde_json::json;

    use crate::checks::testing::{assert_pass, causes, finding, set_variable};
    use crate::checks::testing_aws::{assert_around_variables, healthy_dms, set_task, target_endpoint};

    #[test]
    fn tables_times_threads_is_what_is_needed() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "max_connections", "60");
        set_variable(&mut facts, "max_user_connections", "0");
        assert_pass(&CHECK, &facts);
        set_task(&mut facts, "/FullLoadSettings/MaxFullLoadSubTasks", json!(20));
        assert_pass(&CHECK, &facts);
        target_endpoint(&mut facts).mysql.as_mut().unwrap().parallel_load_threads = Some(3);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "The full load opens 61 sessions, the target takes 60 (max_connections)");
        assert!(found.fix.unwrap().steps[0].action.describe().contains("122"));
        assert_eq!(causes(&facts), ["TCF-013"]);
    }

    #[test]
    fn around() {
        assert_around_variables(&CHECK);
    }
}
