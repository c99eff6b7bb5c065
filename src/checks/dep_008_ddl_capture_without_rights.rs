//! DEP-008: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{only, with_source};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `CaptureDdls` of the endpoint (on, unless it was switched off), and whether its login is the master user or a
    /// superuser. Elsewhere a table, a function and an event trigger must have been made by hand; where the event
    /// trigger `awsdms_intercept_ddl` is there, the check passes.
    ///
    /// # Why it matters
    /// The task fails at its start, or follows no schema change. Since PostgreSQL 15 nobody but the owner may create
    /// in the schema `public`, and event triggers are for superusers.
    ///
    /// # How to fix it by hand
    /// Switch it off, or let the master user make the artefacts that AWS documents:
    ///
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings CaptureDdls=false
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source", migrating without the master user.
    code: "DEP-008",
    name: "ddl-capture-without-rights",
    area: Dep,
    severity: Warning,
    title: "The source endpoint captures DDL, and its login may not make what that takes",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        let captures = endpoint.postgres.as_ref().and_then(|s| s.capture_ddls) != Some(false);
        if !captures || !part.follows_changes() || has_artefacts(facts) {
            return Ok(Vec::new());
        }
        let instance = part.aws.source.instance.value().and_then(Option::as_ref);
        let user = endpoint.user.as_deref();
        let master = user.is_some() && instance.and_then(|i| i.master_user.as_deref()) == user;
        // The role is that of the pipeline's login, which mostly is the endpoint's.
        let role = facts.source.role.known()?;
        let may = master || (user.is_none_or(|u| u == role.name) && (role.superuser || role.rds_superuser));
        let message = format!(
            "{} captures DDL as {}, who may not make what that takes",
            endpoint.identifier,
            user.unwrap_or("its login")
        );
        let step = || modify_endpoint(endpoint, &[("PostgreSQLSettings.CaptureDdls", "false", Some("true"))]);
        let fix = || {
            Fix::new(Mode::Confirm, "do not capture DDL", vec![step()])
                .or("let the master user make awsdms_ddl_audit, its function and its event trigger by hand")
        };
        only((!may).then(|| Finding::new(&endpoint.identifier, message).saw("CaptureDdls", "true").fix(fix())))
    })
}

/// Somebody has made what capturing DDL takes.
pub(super) fn has_artefacts(facts: &Facts) -> bool {
    let triggers = facts.source.installed.value().map(|i| i.event_triggers.as_slice()).unwrap_or_default();
    triggers.iter().any(|t| t.name == "awsdms_intercept_ddl" && t.enabled != "D")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, known, source_endpoint};
    use crate::facts::EventTrigger;

    #[test]
    fn only_the_master_user_may() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).postgres = None;
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("CaptureDdls=false"));
        source_endpoint(&mut facts).user = Some("postgres".into());
        assert_pass(&CHECK, &facts);
        source_endpoint(&mut facts).user = Some("cdc".into());
        let trigger = EventTrigger { name: "awsdms_intercept_ddl".into(), enabled: "O".into() };
        known(&mut facts.source.installed).event_triggers = vec![trigger];
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
