//! AUT-024: see the check's own explanation.

use super::logins::{describe, words};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Stage};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether the source lets the login in, exactly as the pipeline file says. It stands behind every check that
    /// knows a particular cause, so it speaks only when the refusal is none of those; and every check that needs a
    /// session stands behind it.
    ///
    /// # Why it matters
    /// Without a session nothing more can be seen, and no engine can start.
    ///
    /// # How to fix it by hand
    /// Read the server's own words in the evidence. Common ones beside those with a check of their own: the server
    /// is still starting (`57P03`), a password is asked for and none is configured. Try the same login with
    ///
    /// ```sh
    /// psql "host=… port=5432 dbname=… user=… sslmode=verify-full sslrootcert=…"
    /// ```
    ///
    /// and look at the server's log, which says more than it tells a client. On RDS:
    ///
    /// ```sh
    /// aws rds describe-db-log-files --db-instance-identifier NAME
    /// aws rds download-db-log-file-portion --db-instance-identifier NAME --log-file-name error/postgresql.log.…
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, appendix "PostgreSQL Error Codes"; tried on PostgreSQL 15.
    code: "AUT-024",
    name: "source-login-refused",
    area: Aut,
    severity: Error,
    title: "The source refuses the login",
    after: ["NET-020", "TLS-001", "TLS-012", "AUT-001", "AUT-002", "AUT-003", "AUT-005", "AUT-006", "AUT-007", "AUT-008",
        "AUT-013", "AUT-014", "AUT-015"],
}

fn judge(facts: &Facts) -> Judged {
    let Some(refusal) = facts.source.configured.outcome()? else { return Ok(Verdict::Pass) };
    let at = format!("{}:{}", facts.pipeline.source.host, facts.pipeline.source.port);
    let what = match refusal.stage {
        Stage::Resolve | Stage::Tcp => format!("The source at {at} cannot be reached"),
        Stage::Tls => format!("TLS with the source at {at} fails"),
        Stage::Login => format!("The source at {at} refuses the login"),
        Stage::Local => "The login to the source could not be tried".to_owned(),
    };
    let finding = Finding::new("source", format!("{what}: {}", words(refusal)))
        .saw("as configured", describe(&facts.source.configured))
        .saw("with TLS", describe(&facts.source.encrypted))
        .saw("without TLS", describe(&facts.source.plaintext))
        .fix(Fix::manual(
            "act on what the server says",
            ["Ask what it means: cdc-doctor explain --error 'the message'", "Look at the server's own log."],
        ));
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};

    #[test]
    fn a_refusal_that_no_other_check_knows_is_told_in_the_servers_words() {
        let mut facts = healthy();
        facts.source.configured = refused("57P03", "the database system is starting up");
        facts.source.encrypted = facts.source.configured.clone();
        facts.source.plaintext = facts.source.configured.clone();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("57P03 the database system is starting up"), "{}", found.message);
        assert_eq!(causes(&facts), ["AUT-024"]);
    }

    #[test]
    fn passes_with_a_session_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
