//! AUT-025: see the check's own explanation.

use super::logins::{describe, words};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Stage};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether the target lets the login in, exactly as the pipeline file says. It stands behind every check that
    /// knows a particular cause, so it speaks only when the refusal is none of those; and every check that needs a
    /// session stands behind it.
    ///
    /// # Why it matters
    /// Without a session nothing more can be seen, and no engine can start.
    ///
    /// # How to fix it by hand
    /// Read the server's own words in the evidence. Common ones beside those with a check of their own: the host is
    /// blocked after many failed tries (`1129`), a locked account (`3118`), a plugin that this client does not speak
    /// (`2059`). Try the same login with
    ///
    /// ```sh
    /// mysql --host=… --port=3306 --user=… --password --ssl-mode=VERIFY_IDENTITY --ssl-ca=… charts
    /// ```
    ///
    /// and look at the server's error log.
    ///
    /// # Source
    /// MySQL documentation, "Server Error Message Reference"; tried on MariaDB 10.11 and MySQL 9.7.
    code: "AUT-025",
    name: "target-login-refused",
    area: Aut,
    severity: Error,
    title: "The target refuses the login",
    after: ["NET-022", "TLS-004", "AUT-016", "AUT-017", "AUT-026"],
}

fn judge(facts: &Facts) -> Judged {
    let Some(refusal) = facts.target.configured.outcome()? else { return Ok(Verdict::Pass) };
    let at = format!("{}:{}", facts.pipeline.target.host, facts.pipeline.target.port);
    let what = match refusal.stage {
        Stage::Resolve | Stage::Tcp => format!("The target at {at} cannot be reached"),
        Stage::Tls => format!("TLS with the target at {at} fails"),
        Stage::Login => format!("The target at {at} refuses the login"),
        Stage::Local => "The login to the target could not be tried".to_owned(),
    };
    let finding = Finding::new("target", format!("{what}: {}", words(refusal)))
        .saw("as configured", describe(&facts.target.configured))
        .saw("with TLS", describe(&facts.target.encrypted))
        .saw("without TLS", describe(&facts.target.plaintext))
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
        facts.target.configured = refused("3118", "Access denied for user 'cdc'@'%'. Account is locked.");
        facts.target.encrypted = facts.target.configured.clone();
        facts.target.plaintext = facts.target.configured.clone();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("3118 Access denied"), "{}", found.message);
        assert_eq!(causes(&facts), ["AUT-025"]);
    }

    #[test]
    fn passes_with_a_session_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
