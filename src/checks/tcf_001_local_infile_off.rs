//! TCF-001: see the check's own explanation.

use super::target_variables::{is_on, switch_on, variable};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::pipeline::EngineKind;

check! {
    /// # What it looks at
    /// The target's global variable `local_infile`. MySQL has it off by default, MariaDB on.
    ///
    /// # Why it matters
    /// The full load goes in by `LOAD DATA LOCAL INFILE`, the fastest way into MySQL. With `local_infile` off the
    /// server refuses it. What follows depends on the engine. With `dms` the full load fails. With `direct` it falls
    /// back to multi-row INSERT: the same rows arrive, in about one and a half times the time. So this is a warning,
    /// although with `dms` nothing is loaded before it is dealt with.
    ///
    /// # How to fix it by hand
    /// `SET PERSIST local_infile = ON` (MySQL 8 and later), `SET GLOBAL local_infile = ON` and a line under `[mysqld]`
    /// (MariaDB and older MySQL), or `local_infile = 1` in the parameter group (RDS, Aurora; no reboot). The switch
    /// lets clients send files of their own machine; it does not let anybody read files of the server. A client that
    /// connects to a hostile server with the feature on could be asked for files: switch it off after the load if
    /// other clients of this server do not need it.
    ///
    /// # Source
    /// AWS DMS, "Using a MySQL-compatible database as a target", and premigration assessment
    /// `mysql-check-target-localinfile-set`. Tried: MariaDB 10.11 answers 4166, MySQL 9.7 answers 3948.
    code: "TCF-001",
    name: "local-infile-off",
    area: Tcf,
    severity: Warning,
    title: "The target refuses LOAD DATA LOCAL INFILE",
    after: ["AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    let session = facts.target.session.known()?;
    let value = variable(facts, "local_infile")?;
    if is_on(value) {
        return Ok(Verdict::Pass);
    }
    let message = match facts.pipeline.sync.engine {
        EngineKind::Dms => "The target refuses LOAD DATA LOCAL INFILE: the full load of DMS fails",
        EngineKind::Direct | EngineKind::S3 => {
            "The target refuses LOAD DATA LOCAL INFILE: the full load uses INSERT instead, which is slower"
        }
    };
    let fix = switch_on(facts, session, "local_infile", "let clients send files with LOAD DATA LOCAL");
    Ok(Verdict::Fail(vec![Finding::new("local_infile", message).saw("local_infile", value).fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, set_variable, unseen};
    use crate::checks::testing_aws::healthy_dms;
    use crate::facts::Fact;
    use crate::pipeline::EngineKind;

    #[test]
    fn off_is_slower_with_direct_and_fatal_with_dms() {
        let mut facts = healthy();
        set_variable(&mut facts, "local_infile", "OFF");
        assert!(finding(&CHECK, &facts).message.contains("slower"));
        assert_eq!(causes(&facts), ["TCF-001"]);
        facts.pipeline.sync.engine = EngineKind::Dms;
        assert!(finding(&CHECK, &facts).message.contains("fails"));
    }

    #[test]
    fn with_aws_the_parameter_group_is_changed() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "local_infile", "OFF");
        let step = finding(&CHECK, &facts).fix.unwrap().steps.remove(0);
        assert!(step.action.describe().contains("ParameterName=local_infile,ParameterValue=1,ApplyMethod=immediate"));
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.variables = Fact::Known(std::collections::BTreeMap::new());
        assert_unknown(&CHECK, &facts);
        facts.target.variables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
