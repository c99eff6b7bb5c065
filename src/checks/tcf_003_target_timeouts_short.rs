//! TCF-003: see the check's own explanation.

use super::aws_fixes::is_mysql;
use super::aws_parts::with_target;
use super::endpoint_session::session_variable;
use super::target_variables::{optional, set_global};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `net_read_timeout`, `net_write_timeout` and `wait_timeout` of the target, unless the DMS endpoint sets them for its
    /// sessions: less than five minutes. The first two are 30 and 60 seconds on every server where nobody changed them.
    /// `direct` sets them for its own sessions.
    ///
    /// # Why it matters
    /// The target ends a session of DMS that sends nothing for so long, as while it fetches long values from the source:
    /// `2013 Lost connection to MySQL server during query`. The load of that table begins again.
    ///
    /// # How to fix it by hand
    /// `SET PERSIST net_read_timeout = 300` (MySQL 8 and later), `SET GLOBAL` and a line under `[mysqld]` (MariaDB), or
    /// the parameter group (RDS, Aurora; no reboot). New sessions have it.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting", connections to a target MySQL instance are disconnected during a task, and
    /// premigration assessment `mysql-check-target-network-parameter`. Tried on MySQL 9.7 and MariaDB 10.11.
    code: "TCF-003",
    name: "target-timeouts-short",
    area: Tcf,
    severity: Advice,
    title: "The target gives DMS up after less than five minutes of silence",
    after: ["AUT-025", "IAM-001"],
}

const NAMES: [&str; 3] = ["net_read_timeout", "net_write_timeout", "wait_timeout"];

/// Seconds that AWS asks for at least.
const LEAST: u64 = 300;

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |_, endpoint| {
        let mut findings = Vec::new();
        for name in NAMES.into_iter().filter(|_| is_mysql(endpoint)) {
            let Some(global) = optional(facts, name)? else { continue };
            let seconds = session_variable(endpoint, name).unwrap_or_else(|| global.to_owned()).parse::<u64>();
            if seconds.as_ref().map_or(true, |s| *s >= LEAST) {
                continue;
            }
            let session = facts.target.session.known()?;
            let fix = set_global(facts, session, name, (global, "300"), "wait for five minutes");
            let message =
                format!("The target waits {} seconds ({name}) before it ends a session of DMS", seconds.unwrap_or(0));
            findings.push(Finding::new(name, message).saw(name, global).fix(fix));
        }
        Ok(findings)
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, causes, findings, set_variable};
    use crate::checks::testing_aws::{assert_around_variables, healthy_dms, target_endpoint};

    #[test]
    fn each_short_one_is_raised() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "net_read_timeout", "30");
        set_variable(&mut facts, "net_write_timeout", "60");
        set_variable(&mut facts, "wait_timeout", "28800");
        let found = findings(&CHECK, &facts);
        let subjects: Vec<&str> = found.iter().map(|f| f.subject.as_str()).collect();
        assert_eq!(subjects, ["net_read_timeout", "net_write_timeout"]);
        let step = &found[0].fix.as_ref().unwrap().steps[0];
        assert!(step.action.describe().contains("net_read_timeout"), "{}", step.action.describe());
        assert_eq!(causes(&facts), ["TCF-003"]);
    }

    #[test]
    fn what_the_endpoint_sets_counts() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "net_read_timeout", "30");
        target_endpoint(&mut facts).attributes = "Initstmt=SET FOREIGN_KEY_CHECKS=0, net_read_timeout=600".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_variables(&CHECK);
    }
}
