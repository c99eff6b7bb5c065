//! AUT-008: see the check's own explanation.

use super::logins::{Logins, has_code, words};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// Whether the source says `permission denied for database …` (SQLSTATE 42501) to any try to log in: the password
    /// was right, but the role lacks the CONNECT privilege.
    ///
    /// # Why it matters
    /// Nothing starts. By default everybody may connect to every database; somebody took that away with
    /// `REVOKE CONNECT ON DATABASE … FROM PUBLIC`, which is good practice, and this login was not given it back.
    ///
    /// # How to fix it by hand
    /// As the database's owner or a superuser (on RDS the master user, where it owns the database):
    ///
    /// ```sql
    /// GRANT CONNECT ON DATABASE music TO cdc;
    /// ```
    ///
    /// It works at once.
    ///
    /// # Source
    /// PostgreSQL documentation, "Privileges". Tried on PostgreSQL 15.
    code: "AUT-008",
    name: "no-connect-privilege",
    area: Aut,
    severity: Error,
    title: "The source's login may not connect to the database",
    after: ["NET-020"],
}

fn judge(facts: &Facts) -> Judged {
    let denied =
        |r: &crate::facts::Refusal| has_code(r, "42501") && r.message.contains("permission denied for database");
    let Some(refusal) = Logins::source(facts).refused(denied)? else { return Ok(Verdict::Pass) };
    let endpoint = &facts.pipeline.source;
    let grant = format!("GRANT CONNECT ON DATABASE {} TO {}", pg_ident(&endpoint.database), pg_ident(&endpoint.user));
    let finding = Finding::new(
        "source.user",
        format!("\"{}\" may not connect to the database \"{}\"", endpoint.user, endpoint.database),
    )
    .saw("server", words(refusal))
    .fix(Fix::manual(grant.clone(), [format!("As the database's owner or a superuser: {grant}")]));
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};
    use crate::facts::Attempt;

    #[test]
    fn the_grant_is_written_out() {
        let mut facts = healthy();
        facts.source.configured = refused("42501", r#"permission denied for database "music""#);
        if let Attempt::Refused(refusal) = &mut facts.source.configured {
            refusal.detail = Some("User does not have CONNECT privilege.".into());
        }
        facts.source.encrypted = facts.source.configured.clone();
        let found = finding(&CHECK, &facts);
        assert!(found.evidence[0].1.ends_with("(User does not have CONNECT privilege.)"));
        assert_eq!(found.fix.unwrap().summary, r#"GRANT CONNECT ON DATABASE "music" TO "cdc""#);
        assert_eq!(causes(&facts), ["AUT-008"]);
    }

    #[test]
    fn passes_with_a_session_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
