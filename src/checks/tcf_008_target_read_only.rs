//! TCF-008: see the check's own explanation.

use super::target_variables::{has_global_privilege, is_on, optional};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Unknown, UnknownKind};
use crate::fixes::{Action, Cost, Fix, Mode, Step};

check! {
    /// # What it looks at
    /// The target's variables `innodb_read_only`, `super_read_only` and `read_only`. With `read_only` alone, logins
    /// with `SUPER`, `CONNECTION_ADMIN` (MySQL) or `READ ONLY ADMIN` (MariaDB) can write; where the grants are known to
    /// hold one of them, the check passes.
    ///
    /// # Why it matters
    /// Nothing can be written. Usually the pipeline names a reader: the reader endpoint of an Aurora cluster, a read
    /// replica, or a server that has been switched to standby.
    ///
    /// # How to fix it by hand
    /// Point `host` in `[target]` at the writer. For Aurora the writer's name is the cluster endpoint, the one without
    /// `-ro-`. If the server is not a replica and has only been left read-only, an administrator switches it back with
    /// `SET GLOBAL read_only = OFF`. Never do that on a replica: its data would part from the writer's.
    ///
    /// # Source
    /// MySQL, "Server System Variables". Tried on MariaDB 10.11: `1290 The MariaDB server is running with the
    /// --read-only option`.
    code: "TCF-008",
    name: "target-read-only",
    area: Tcf,
    severity: Error,
    title: "The target cannot be written to",
    after: ["AUT-025"],
}

/// The switches, the strictest first.
const SWITCHES: [&str; 3] = ["innodb_read_only", "super_read_only", "read_only"];

/// Privileges that write in spite of `read_only`.
const WRITERS: [&str; 4] = ["SUPER", "CONNECTION_ADMIN", "READ_ONLY ADMIN", "READ ONLY ADMIN"];

fn judge(facts: &Facts) -> Judged {
    let mut on = Vec::new();
    let mut seen = false;
    for name in SWITCHES {
        let Some(value) = optional(facts, name)? else { continue };
        seen = true;
        if is_on(value) {
            on.push((name, value));
        }
    }
    if !seen {
        return Err(Unknown::new(UnknownKind::Failed, "the target does not show the variable read_only"));
    }
    let writes_anyway =
        on.iter().all(|(name, _)| *name == "read_only") && has_global_privilege(facts, &WRITERS) == Some(true);
    if on.is_empty() || writes_anyway {
        return Ok(Verdict::Pass);
    }
    let host = &facts.pipeline.target.host;
    let mut found = Finding::new("target.host", format!("{host} is read-only: no table can be created or filled"));
    for (name, value) in on {
        found = found.saw(name, value);
    }
    Ok(Verdict::Fail(vec![found.fix(fix(host))]))
}

fn fix(host: &str) -> Fix {
    // Aurora's reader endpoint differs from the writer's in this part alone.
    let fix = if host.contains(".cluster-ro-") {
        let writer = host.replacen(".cluster-ro-", ".cluster-", 1);
        let step =
            Step::new(Cost::None, Action::edit("target.host", writer.as_str())).undo(Action::edit("target.host", host));
        Fix::new(Mode::Confirm, format!("write to the cluster's writer endpoint, {writer}"), vec![step])
    } else {
        Fix::manual(
            "write to the writer",
            ["Set host in [target] to the writer: this server is a replica or a standby."],
        )
    };
    fix.or("SET GLOBAL read_only = OFF, if it is no replica (on a replica the data would part from the writer's)")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, set_variable, unseen};
    use crate::facts::Fact;
    use crate::fixes::{Action, Mode};

    #[test]
    fn a_replica_is_told_by_its_switches() {
        let mut facts = healthy();
        set_variable(&mut facts, "read_only", "ON");
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence, [("read_only".to_owned(), "ON".to_owned())]);
        assert_eq!(found.fix.unwrap().mode, Mode::Manual);
        assert_eq!(causes(&facts), ["TCF-008"]);
    }

    #[test]
    fn auroras_reader_endpoint_has_a_writer_beside_it() {
        let mut facts = healthy();
        facts.pipeline.target.host = "charts.cluster-ro-abc.eu-west-2.rds.amazonaws.com".into();
        set_variable(&mut facts, "innodb_read_only", "1");
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let writer = "charts.cluster-abc.eu-west-2.rds.amazonaws.com";
        assert_eq!(fix.steps[0].action, Action::edit("target.host", writer));
    }

    #[test]
    fn a_login_that_may_write_in_spite_of_it_passes() {
        let mut facts = healthy();
        set_variable(&mut facts, "read_only", "ON");
        facts.target.grants = Fact::Known(vec!["GRANT READ ONLY ADMIN ON *.* TO `cdc`@`%`".into()]);
        assert_pass(&CHECK, &facts);
        set_variable(&mut facts, "super_read_only", "ON");
        finding(&CHECK, &facts);
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.variables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
