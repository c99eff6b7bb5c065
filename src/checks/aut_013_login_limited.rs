//! AUT-013: see the check's own explanation.

use super::aws_parts::Part;
use super::logins::{Logins, has_code, words};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, PgRights, Refusal, Sessions};
use crate::fixes::Fix;
use crate::pipeline::EngineKind;
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// Whether the source says that the role may not log in, or has as many sessions as it or the database may have;
    /// and, where it lets the login in, what is left of that: `rolvaliduntil`, `rolconnlimit` and `datconnlimit`. They
    /// do not hold for superusers, but for the end of the password.
    ///
    /// # Why it matters
    /// A role without LOGIN, or without a session left, gets no further. A password that ends breaks the pipeline later:
    /// sessions that are open live on, and the next login is refused as if the password were wrong.
    ///
    /// # How to fix it by hand
    /// As a superuser, or on RDS as the master user:
    ///
    /// ```sql
    /// ALTER ROLE cdc LOGIN VALID UNTIL 'infinity' CONNECTION LIMIT -1;
    /// ALTER DATABASE music CONNECTION LIMIT -1;
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, "CREATE ROLE" and "CREATE DATABASE". Tried on PostgreSQL 15 and 17.
    code: "AUT-013",
    name: "login-limited",
    area: Aut,
    severity: Error,
    title: "The source's login may not log in, or not for long, or not often enough",
    after: ["NET-020"],
}

/// A password that ends within so many days is told.
const SOON_DAYS: f64 = 14.0;

const DAY: f64 = 86_400.0;

fn judge(facts: &Facts) -> Judged {
    let endpoint = &facts.pipeline.source;
    let (user, database) = (pg_ident(&endpoint.user), pg_ident(&endpoint.database));
    if let Some(refusal) = Logins::source(facts).refused(is_mine)? {
        let sql = match refusal.message.as_str() {
            m if m.contains("for database") => format!("ALTER DATABASE {database} CONNECTION LIMIT -1"),
            m if m.contains("for role") => format!("ALTER ROLE {user} CONNECTION LIMIT -1"),
            _ => format!("ALTER ROLE {user} LOGIN"),
        };
        let message = format!("The source does not let {user} in: {}", refusal.message);
        return Ok(Verdict::Fail(vec![told("source.user", message, sql).saw("server", words(refusal))]));
    }
    if !facts.source.configured.accepted() {
        // Refused for a reason of another check.
        return Ok(Verdict::Pass);
    }
    let (role, rights) = (facts.source.role.known()?, facts.source.rights.known()?);
    let mut findings: Vec<Finding> = end(rights, &user).into_iter().collect();
    if !role.superuser {
        let need = needed(facts);
        let role = limit(rights.role_sessions, need, &user, format!("ALTER ROLE {user} CONNECTION LIMIT -1"));
        let whole = format!("the database {database}");
        let sql = format!("ALTER DATABASE {database} CONNECTION LIMIT -1");
        findings.extend(role.into_iter().chain(limit(rights.database_sessions, need, &whole, sql)));
    }
    Ok(Verdict::from_findings(findings))
}

/// The server names the role or a limit of its own. That all connections are taken is AUT-015's.
fn is_mine(refusal: &Refusal) -> bool {
    let message = &refusal.message;
    has_code(refusal, "28000") && message.contains("is not permitted to log in")
        || has_code(refusal, "53300") && is_own_limit(message)
}

/// The limit of a role or a database, not the server's.
pub(super) fn is_own_limit(message: &str) -> bool {
    message.contains("too many connections for role") || message.contains("too many connections for database")
}

fn told(subject: &str, message: String, sql: String) -> Finding {
    let todo = format!("As a superuser, or on RDS as the master user: {sql}");
    Finding::new(subject, message).fix(Fix::manual(sql, [todo]))
}

/// The password ends soon, or has ended.
fn end(rights: &PgRights, user: &str) -> Option<Finding> {
    let seconds = rights.valid_seconds.filter(|s| *s < SOON_DAYS * DAY)?;
    let days = (seconds.abs() / DAY).floor();
    let message = match (seconds < 0.0, days) {
        (true, _) => format!("The password of {user} has ended: a login by password is refused"),
        (false, d) if d < 1.0 => format!("The password of {user} ends within a day"),
        (false, d) if d < 2.0 => format!("The password of {user} ends in a day"),
        (false, d) => format!("The password of {user} ends in {d} days"),
    };
    Some(told("source.user", message, format!("ALTER ROLE {user} VALID UNTIL 'infinity'")))
}

/// Fewer sessions than are needed at all, or none left.
fn limit(sessions: Sessions, need: u32, whose: &str, sql: String) -> Option<Finding> {
    let limit = sessions.limit.filter(|limit| *limit < need || *limit <= sessions.open)?;
    let message = format!("{limit} sessions are allowed for {whose}, {} are open, {need} are needed", sessions.open);
    let finding = told("source.user", message, sql).saw("limit", limit.to_string());
    Some(finding.saw("open", sessions.open.to_string()))
}

/// Sessions on the source that the engine cannot do without.
fn needed(facts: &Facts) -> u32 {
    // One that holds the snapshot, or reads the changes, and one that reads rows. `direct` is content with that.
    let least = 2;
    if facts.pipeline.sync.engine != EngineKind::Dms {
        return least;
    }
    let task = Part::of(facts).and_then(|part| part.dms.task(part.names).ok().flatten());
    let side_by_side = task.and_then(|t| t.setting("/FullLoadSettings/MaxFullLoadSubTasks")?.as_u64());
    side_by_side.and_then(|n| u32::try_from(n).ok()).map_or(least, |n| n.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, findings, healthy, not_tried, refused};
    use crate::checks::testing::{rights, unseen};
    use crate::checks::testing_aws::{healthy_dms, known};
    use crate::facts::Sessions;

    #[test]
    fn what_the_server_says_of_the_role_is_a_cause_of_its_own() {
        for (code, message, sql) in [
            ("28000", r#"role "cdc" is not permitted to log in"#, r#"ALTER ROLE "cdc" LOGIN"#),
            ("53300", r#"too many connections for role "cdc""#, r#"ALTER ROLE "cdc" CONNECTION LIMIT -1"#),
            ("53300", r#"too many connections for database "music""#, r#"ALTER DATABASE "music" CONNECTION LIMIT -1"#),
        ] {
            let mut facts = healthy();
            facts.source.configured = refused(code, message);
            facts.source.encrypted = facts.source.configured.clone();
            assert_eq!(finding(&CHECK, &facts).fix.unwrap().summary, sql);
            assert_eq!(causes(&facts), ["AUT-013"]);
        }
    }

    #[test]
    fn the_end_of_the_password_is_told_two_weeks_before() {
        for (days, words) in [(-3.0, "has ended"), (0.4, "within a day"), (1.5, "in a day"), (13.5, "in 13 days")] {
            let mut facts = healthy();
            rights(&mut facts).valid_seconds = Some(days * super::DAY);
            assert!(finding(&CHECK, &facts).message.contains(words), "{}", finding(&CHECK, &facts).message);
        }
        let mut facts = healthy();
        rights(&mut facts).valid_seconds = Some(15.0 * super::DAY);
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn limits_count_where_they_are_below_the_need_or_used_up() {
        let mut facts = healthy();
        rights(&mut facts).role_sessions = Sessions { limit: Some(5), open: 5 };
        rights(&mut facts).database_sessions = Sessions { limit: Some(1), open: 0 };
        assert_eq!(findings(&CHECK, &facts).len(), 2);
        rights(&mut facts).role_sessions.open = 4;
        rights(&mut facts).database_sessions.limit = Some(20);
        assert_pass(&CHECK, &facts);
        let mut dms = healthy_dms();
        rights(&mut dms).role_sessions = Sessions { limit: Some(5), open: 1 };
        assert!(finding(&CHECK, &dms).message.ends_with("9 are needed"));
        known(&mut dms.source.role).superuser = true;
        assert_pass(&CHECK, &dms);
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.rights = unseen();
        assert_unknown(&CHECK, &facts);
        facts.source.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
