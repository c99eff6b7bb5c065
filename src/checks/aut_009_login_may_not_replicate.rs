//! AUT-009: see the check's own explanation.

use super::logins::{describe, has_code, on_rds};
use super::replication::needs_no_slot;
use super::{Finding, Judged, Verdict};
use crate::facts::{Attempt, Facts, PgRole, Refusal, UnknownKind};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// Whether the source's login may open a replication session. One is opened (`replication=database`, then
    /// `IDENTIFY_SYSTEM`); beside it stand the role's attributes: superuser, REPLICATION, and on RDS membership of
    /// `rds_replication`, which is what counts there. Pipelines without change capture do not need it.
    ///
    /// # Why it matters
    /// The full load works and then the changes never come. PostgreSQL says `must be superuser or replication role to
    /// start walsender`, and from 16 on `permission denied to start WAL sender`.
    ///
    /// # How to fix it by hand
    /// On RDS and Aurora, as the master user:
    ///
    /// ```sql
    /// GRANT rds_replication TO cdc;
    /// ```
    ///
    /// On a server of your own, as a superuser:
    ///
    /// ```sql
    /// ALTER ROLE cdc REPLICATION;
    /// ```
    ///
    /// Either works for the next connection. A role that may replicate can read the whole WAL of its server: give it
    /// to a login that does nothing else.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a PostgreSQL database as a source"; PostgreSQL documentation, "Role Attributes".
    /// Tried on PostgreSQL 15.
    code: "AUT-009",
    name: "login-may-not-replicate",
    area: Aut,
    severity: Error,
    title: "The source's login may not replicate",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    let attempt = &facts.source.replication;
    let role = facts.source.role.known();
    let denied = match attempt {
        Attempt::Accepted { .. } => false,
        Attempt::Refused(refusal) if is_denial(refusal) => true,
        Attempt::NotTried(why) if why.kind == UnknownKind::Pending => return Err(why.clone()),
        // Refused for another reason, or not tried: the attributes tell.
        Attempt::Refused(_) | Attempt::NotTried(_) => !may_replicate(role.clone()?),
    };
    if !denied {
        return Ok(Verdict::Pass);
    }
    let user = &facts.pipeline.source.user;
    let mut finding = Finding::new("source.user", format!("\"{user}\" may not open a replication session"))
        .saw("replication session", describe(attempt));
    if let Ok(role) = role {
        finding = finding.saw("role", attributes(role));
    }
    Ok(Verdict::Fail(vec![finding.fix(remedy(facts))]))
}

/// The server denies the right, or has no line for such sessions.
fn is_denial(refusal: &Refusal) -> bool {
    has_code(refusal, "42501") || has_code(refusal, "28000")
}

fn may_replicate(role: &PgRole) -> bool {
    role.superuser || role.replication || role.rds_replication
}

fn attributes(role: &PgRole) -> String {
    let mut words = Vec::new();
    words.push(if role.superuser { "superuser" } else { "no superuser" });
    words.push(if role.replication { "REPLICATION" } else { "no REPLICATION" });
    if role.has_rds_replication_role {
        words.push(if role.rds_replication { "member of rds_replication" } else { "not in rds_replication" });
    }
    words.join(", ")
}

fn remedy(facts: &Facts) -> Fix {
    let user = pg_ident(&facts.pipeline.source.user);
    let role = facts.source.role.value();
    let rds = role.is_some_and(|r| r.has_rds_replication_role) || on_rds(&facts.pipeline.source);
    if !rds {
        let sql = format!("ALTER ROLE {user} REPLICATION");
        return Fix::manual(sql.clone(), [format!("As a superuser: {sql}")]);
    }
    let sql = format!("GRANT rds_replication TO {user}");
    if !role.is_some_and(|r| r.rds_superuser) {
        return Fix::manual(sql.clone(), [format!("As the master user: {sql}")]);
    }
    let step =
        Step::new(Cost::None, Action::source(&sql)).undo(Action::source(format!("REVOKE rds_replication FROM {user}")));
    Fix::new(Mode::Confirm, sql, vec![step])
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_rds, not_tried, refused,
        unseen,
    };
    use crate::facts::{Fact, Facts, PgRole};
    use crate::fixes::{Action, Mode};
    use crate::pipeline::{EngineKind, SyncMode};

    fn role(facts: &mut Facts) -> &mut PgRole {
        match &mut facts.source.role {
            Fact::Known(role) => role,
            Fact::Unknown(why) => panic!("{why:?}"),
        }
    }

    fn denied(mut facts: Facts) -> Facts {
        facts.source.replication = refused("42501", "must be superuser or replication role to start walsender");
        role(&mut facts).replication = false;
        role(&mut facts).rds_replication = false;
        facts
    }

    #[test]
    fn a_server_of_ones_own_wants_the_attribute() {
        let facts = denied(healthy());
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[1].1, "no superuser, no REPLICATION");
        assert_eq!(found.fix.unwrap().summary, r#"ALTER ROLE "cdc" REPLICATION"#);
        assert_eq!(causes(&facts), ["AUT-009"]);
    }

    #[test]
    fn rds_wants_the_membership_which_the_master_user_can_give_itself() {
        let mut facts = denied(healthy_rds());
        assert_eq!(finding(&CHECK, &facts).fix.map(|f| f.mode), Some(Mode::Manual));
        role(&mut facts).rds_superuser = true;
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.mode, Mode::Confirm);
        assert_eq!(fix.steps[0].action, Action::source(r#"GRANT rds_replication TO "cdc""#));
    }

    #[test]
    fn a_full_server_is_not_a_missing_right() {
        let mut facts = healthy();
        facts.source.replication = refused("53300", "number of requested standby connections exceeds max_wal_senders");
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn the_attributes_tell_where_no_session_was_tried() {
        let mut facts = denied(healthy());
        facts.source.replication = not_tried();
        finding(&CHECK, &facts);
        facts.source.role = unseen();
        assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn passes_with_a_session_whatever_the_attributes() {
        let mut facts = healthy();
        role(&mut facts).replication = false;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn does_not_apply_without_change_capture() {
        let mut facts = denied(healthy());
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::Cdc;
        facts.pipeline.sync.engine = EngineKind::S3;
        assert_not_applicable(&CHECK, &facts);
    }
}
