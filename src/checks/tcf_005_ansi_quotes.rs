//! TCF-005: see the check's own explanation.

use super::aws_fixes::is_mysql;
use super::aws_parts::{only, with_target};
use super::endpoint_session::session_variable;
use super::target_variables::{set_global, variable};
use super::{Finding, Judged};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// `sql_mode` of the target, unless the DMS endpoint sets it for its sessions: whether it holds `ANSI_QUOTES`, by
    /// itself or by way of `ANSI`. `direct` sets `sql_mode` for its own sessions.
    ///
    /// # Why it matters
    /// What stands in double quotes is a name then, and no text. DMS writes the file's name in double quotes in
    /// `LOAD DATA LOCAL INFILE`, and the full load ends with `1064 You have an error in your SQL syntax`.
    ///
    /// # How to fix it by hand
    /// Take `ANSI_QUOTES` out of `sql_mode`, and `ANSI` too, which brings it back: `SET PERSIST sql_mode = '…'` (MySQL 8
    /// and later), `SET GLOBAL` and a line under `[mysqld]` (MariaDB), or the parameter group (RDS, Aurora; no reboot).
    /// Programs that rely on it set it for their own sessions.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting", MySQL; MySQL documentation, "Server SQL Modes". Tried on MySQL 9.7 and
    /// MariaDB 10.11.
    code: "TCF-005",
    name: "ansi-quotes",
    area: Tcf,
    severity: Error,
    title: "The target takes double quotes for names, which the full load of DMS is not written for",
    after: ["AUT-025", "IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |_, endpoint| {
        let global = variable(facts, "sql_mode")?;
        let in_force = session_variable(endpoint, "sql_mode").unwrap_or_else(|| global.to_owned());
        if !is_mysql(endpoint) || !in_force.split(',').any(is_ansi) {
            return Ok(Vec::new());
        }
        let kept: Vec<&str> = global.split(',').filter(|mode| !is_ansi(mode)).collect();
        let session = facts.target.session.known()?;
        let summary = "let double quotes hold text";
        let fix = set_global(facts, session, "sql_mode", (global, &kept.join(",")), summary);
        let message = "sql_mode holds ANSI_QUOTES: the full load of DMS ends with a syntax error";
        only(Some(Finding::new("sql_mode", message).saw("sql_mode", in_force).fix(fix)))
    })
}

fn is_ansi(mode: &str) -> bool {
    matches!(
        mode.trim().to_ascii_uppercase().as_str(),
        "ANSI_QUOTES" | "ANSI" | "DB2" | "ORACLE" | "MSSQL" | "POSTGRESQL" | "MAXDB"
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, causes, finding, set_variable};
    use crate::checks::testing_aws::{assert_around_variables, healthy_dms, target_endpoint};

    #[test]
    fn it_is_taken_out_with_the_mode_that_brings_it_back() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "sql_mode", "REAL_AS_FLOAT,ANSI_QUOTES,STRICT_TRANS_TABLES,ANSI");
        let found = finding(&CHECK, &facts);
        let step = &found.fix.unwrap().steps[0];
        assert!(step.action.describe().contains("REAL_AS_FLOAT,STRICT_TRANS_TABLES"), "{}", step.action.describe());
        assert_eq!(causes(&facts), ["TCF-005"]);
        target_endpoint(&mut facts).attributes = "Initstmt=SET sql_mode='STRICT_TRANS_TABLES'".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_variables(&CHECK);
    }
}
