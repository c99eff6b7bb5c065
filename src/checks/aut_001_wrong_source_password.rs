//! AUT-001: see the check's own explanation.

use super::logins::{Logins, has_code, words};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;
use crate::pipeline::PasswordSource;

check! {
    /// # What it looks at
    /// Whether the source refuses the password: SQLSTATE 28P01, `password authentication failed for user …`, on any
    /// try to log in, with TLS or without. Only the first message counts: with libpq's `sslmode=prefer` a second line
    /// about `pg_hba.conf` follows and hides the cause.
    ///
    /// # Why it matters
    /// Nothing starts. PostgreSQL says the same when the role does not exist, when it has no password at all, and
    /// when its password has expired (`VALID UNTIL`), so the user name is as suspect as the password. On RDS a
    /// master password that Secrets Manager manages is changed every seven days unless the rotation was set otherwise.
    ///
    /// # How to fix it by hand
    /// See that the place named in `password` of `[source]` holds what the server knows: no newline or space at the
    /// end, no other environment's variable. Or set a new one, as a superuser or the master user:
    ///
    /// ```sql
    /// SELECT rolname, rolcanlogin, rolvaliduntil FROM pg_roles WHERE rolname = 'cdc';
    /// ALTER ROLE cdc LOGIN PASSWORD '…' VALID UNTIL 'infinity';
    /// ```
    ///
    /// In psql, `\password cdc` sets it without leaving it in the server's log. A DMS endpoint keeps its own copy:
    ///
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --password …
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, "PostgreSQL Error Codes" and "Password Authentication". Tried on PostgreSQL 15.
    code: "AUT-001",
    name: "wrong-source-password",
    area: Aut,
    severity: Error,
    title: "The source refuses the user name or password",
    after: ["NET-020"],
}

fn judge(facts: &Facts) -> Judged {
    let Some(refusal) = Logins::source(facts).refused(|r| has_code(r, "28P01"))? else { return Ok(Verdict::Pass) };
    let endpoint = &facts.pipeline.source;
    let user = &endpoint.user;
    let at = match &endpoint.password {
        Some(place) => held_in(place),
        None => "nowhere: [source] has no password".to_owned(),
    };
    let finding = Finding::new(
        "source.user",
        format!("The source refuses the password of \"{user}\", or has no login role of that name"),
    )
    .saw("server", words(refusal))
    .saw("password from", &at)
    .fix(Fix::manual(
        format!("correct user in [source], or the password of \"{user}\""),
        [
            format!("See that the password is right where it is kept: {at}."),
            format!("Or set a new one as a superuser or the master user, in psql: \\password {user}"),
        ],
    ));
    Ok(Verdict::Fail(vec![finding]))
}

/// Where a password comes from, in words; never the password.
pub(super) fn held_in(place: &PasswordSource) -> String {
    match place {
        PasswordSource::Env(name) => format!("the environment variable {name}"),
        PasswordSource::File(path) => format!("the first line of the file {}", path.display()),
        PasswordSource::Secret(name) => format!("the secret {name}"),
        PasswordSource::RdsIam => "the token signed with this machine's AWS credentials".to_owned(),
        PasswordSource::Prompt => "what was typed at the prompt".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};
    use crate::facts::Facts;
    use crate::pipeline::TlsMode;

    fn wrong_password() -> Facts {
        let mut facts = healthy();
        facts.source.configured = refused("28P01", r#"password authentication failed for user "cdc""#);
        facts.source.encrypted = facts.source.configured.clone();
        facts
    }

    #[test]
    fn a_refused_password_is_the_only_cause() {
        let facts = wrong_password();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[0].1, r#"28P01 password authentication failed for user "cdc""#);
        assert_eq!(found.evidence[1].1, "the environment variable PASSWORD");
        assert_eq!(causes(&facts), ["AUT-001"]);
    }

    #[test]
    fn it_is_seen_behind_a_plaintext_refusal_too() {
        let mut facts = wrong_password();
        facts.pipeline.source.tls = TlsMode::Disable;
        facts.source.configured = facts.source.plaintext.clone();
        assert_eq!(causes(&facts), ["TLS-001", "AUT-001"]);
    }

    #[test]
    fn passes_with_a_session_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.configured = not_tried();
        facts.source.encrypted = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
