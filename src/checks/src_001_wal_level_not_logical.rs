//! SRC-001: see the check's own explanation.

use super::aws_fixes::set_parameter;
use super::aws_parts::OnRds;
use super::logins::on_rds;
use super::replication::{needs_no_slot, setting};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::{Action, Cost, Fix, Mode, Step};

check! {
    /// # What it looks at
    /// Whether the source's setting `wal_level` is `logical`. Pipelines without change capture do not need it.
    ///
    /// # Why it matters
    /// A logical replication slot cannot be made: `logical decoding requires wal_level >= logical` (SQLSTATE 55000). The
    /// full load works, and the changes never come.
    ///
    /// # How to fix it by hand
    /// On RDS and Aurora `wal_level` itself is not the knob: set `rds.logical_replication = 1` in a parameter group of
    /// your own (for Aurora, the *cluster* parameter group). It is a static parameter, so the instance must be rebooted:
    ///
    /// ```sh
    /// aws rds modify-db-parameter-group --db-parameter-group-name GROUP \
    ///   --parameters "ParameterName=rds.logical_replication,ParameterValue=1,ApplyMethod=pending-reboot"
    /// aws rds reboot-db-instance --db-instance-identifier NAME
    /// ```
    ///
    /// On a server of your own, as a superuser, then restart the server:
    ///
    /// ```sql
    /// ALTER SYSTEM SET wal_level = 'logical';
    /// ```
    ///
    /// The WAL grows by a few per cent; more where tables have REPLICA IDENTITY FULL.
    ///
    /// # Source
    /// AWS re:Post knowledge centre, "How do I replicate tables in RDS for PostgreSQL using logical replication?";
    /// PostgreSQL documentation, `wal_level`. Tried on PostgreSQL 15.
    code: "SRC-001",
    name: "wal-level-not-logical",
    area: Src,
    severity: Error,
    title: "The source does not write the WAL that change capture reads",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let level = setting(facts, "wal_level")?;
    if level.value == "logical" {
        return Ok(Verdict::Pass);
    }
    let waiting = level.pending_restart;
    let message = if waiting {
        "wal_level was changed, but the server has not been restarted since".to_owned()
    } else {
        format!("wal_level is {}, and change capture needs logical", level.value)
    };
    let mut finding = Finding::new("wal_level", message).saw("wal_level", &level.value);
    if let Some(rds) = facts.source.settings.value().and_then(|s| s.get("rds.logical_replication")) {
        finding = finding.saw("rds.logical_replication", &rds.value);
    }
    Ok(Verdict::Fail(vec![finding.fix(remedy(facts, waiting))]))
}

fn remedy(facts: &Facts, waiting: bool) -> Fix {
    // Where AWS can be asked, it can also be told.
    let on_aws = OnRds::of(facts, "source").ok().flatten();
    let in_group = on_aws.filter(|_| !waiting).and_then(|side| set_parameter(&side, "rds.logical_replication", "1"));
    if let Some(fix) = in_group {
        return fix;
    }
    let reboot = |what: &str| Step::new(Cost::Reboot, Action::Note(what.to_owned()));
    // Only where that knob is there: a server may carry other settings named rds.* to look like one.
    let knob = facts.source.settings.value().is_some_and(|s| s.contains_key("rds.logical_replication"));
    let rds = on_rds(&facts.pipeline.source) || knob;
    let superuser = facts.source.role.value().is_some_and(|r| r.superuser);
    let alter = "ALTER SYSTEM SET wal_level = 'logical'";
    let change = if rds {
        let how = "In the parameter group (for Aurora, of the cluster): rds.logical_replication = 1";
        Step::new(Cost::None, Action::Note(how.to_owned()))
    } else if superuser {
        Step::new(Cost::None, Action::source(alter)).undo(Action::source("ALTER SYSTEM RESET wal_level"))
    } else {
        Step::new(Cost::None, Action::Note(format!("As a superuser: {alter}")))
    };
    let restart = reboot(if rds { "Reboot the instance." } else { "Restart the source's server." });
    if waiting {
        return Fix::new(Mode::Manual, "restart the source", vec![restart]);
    }
    let summary =
        if rds { "set rds.logical_replication = 1 and reboot" } else { "set wal_level = logical and restart" };
    let mode = if superuser && !rds { Mode::Confirm } else { Mode::Manual };
    Fix::new(mode, summary, vec![change, restart])
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_rds, set, unseen,
    };
    use crate::checks::testing_aws::{healthy_dms, source_parameter};
    use crate::facts::{Fact, Facts};
    use crate::fixes::{Action, Cost, Mode};
    use crate::pipeline::SyncMode;

    fn replica_level(mut facts: Facts) -> Facts {
        set(&mut facts, "wal_level", "replica");
        facts
    }

    #[test]
    fn a_server_of_ones_own_is_altered_and_restarted() {
        let mut facts = replica_level(healthy());
        assert_eq!(finding(&CHECK, &facts).fix.map(|f| f.mode), Some(Mode::Manual));
        if let Fact::Known(role) = &mut facts.source.role {
            role.superuser = true;
        }
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!((fix.mode, fix.cost()), (Mode::Confirm, Cost::Reboot));
        assert_eq!(fix.steps[0].action, Action::source("ALTER SYSTEM SET wal_level = 'logical'"));
        assert_eq!(causes(&facts), ["SRC-001"]);
    }

    #[test]
    fn rds_has_another_knob() {
        let fix = finding(&CHECK, &replica_level(healthy_rds())).fix.unwrap();
        assert_eq!(fix.mode, Mode::Manual);
        assert!(fix.steps[0].action.describe().contains("rds.logical_replication = 1"));
    }

    #[test]
    fn with_aws_the_parameter_group_is_changed() {
        let mut facts = replica_level(healthy_dms());
        source_parameter(&mut facts, "rds.logical_replication").value = Some("0".into());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!((fix.mode, fix.cost(), fix.steps.len()), (Mode::Confirm, Cost::Reboot, 2));
        assert!(fix.steps[0].action.describe().contains("ParameterName=rds.logical_replication,ParameterValue=1"));
    }

    #[test]
    fn a_change_that_waits_only_needs_the_restart() {
        let mut facts = replica_level(healthy());
        if let Fact::Known(settings) = &mut facts.source.settings {
            settings.get_mut("wal_level").unwrap().pending_restart = true;
        }
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("has not been restarted"));
        assert_eq!(found.fix.unwrap().steps.len(), 1);
    }

    #[test]
    fn passes_unknown_and_not_applicable() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.settings = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
