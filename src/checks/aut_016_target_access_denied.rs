//! AUT-016: see the check's own explanation.

use super::aut_001_wrong_source_password::held_in;
use super::logins::{Logins, words};
use super::tls_004_plaintext_to_tls_only_target::access_denied;
use super::{Finding, Judged, Verdict};
use crate::facts::{Attempt, Facts, Stage};
use crate::fixes::Fix;
use crate::quote::my_literal;

check! {
    /// # What it looks at
    /// Whether the target refuses user name or password: error 1045 `Access denied for user …` (1698 on MariaDB for
    /// accounts that log in by socket only). The same 1045 comes from an account that demands TLS, and from MariaDB for
    /// every connection without TLS under `require_secure_transport`; so the try with TLS is compared first, and where
    /// TLS gets further TLS-004 speaks instead.
    ///
    /// # Why it matters
    /// Nothing starts. MySQL gives the same message for a wrong password, for an unknown user, and for an address that
    /// no account of that user admits: an account is a user *and* a host pattern, and the most specific pattern wins.
    /// `(using password: NO)` means that no password was sent at all. A fresh MariaDB may have anonymous accounts, which
    /// shadow `'cdc'@'%'` for connections from the machine itself.
    ///
    /// # How to fix it by hand
    /// As an administrator on the target, look at the accounts before changing a password:
    ///
    /// ```sql
    /// SELECT user, host, plugin, ssl_type FROM mysql.user WHERE user IN ('cdc', '');
    /// ALTER USER 'cdc'@'%' IDENTIFIED BY '…';
    /// CREATE USER 'cdc'@'10.0.0.%' IDENTIFIED BY '…';   -- where no pattern matches the address in the message
    /// ```
    ///
    /// An `ssl_type` of `X509` or `SPECIFIED` asks for a client certificate, which neither AWS DMS nor this program
    /// sends: `ALTER USER 'cdc'@'%' REQUIRE SSL`.
    ///
    /// # Source
    /// MySQL documentation, "Troubleshooting Problems Connecting to MySQL". Tried on MariaDB 10.11 and MySQL 9.7.
    code: "AUT-016",
    name: "target-access-denied",
    area: Aut,
    severity: Error,
    title: "The target refuses the user name or password",
    after: ["NET-022"],
}

fn judge(facts: &Facts) -> Judged {
    let logins = Logins::target(facts);
    let Some(refusal) = logins.refused(access_denied)? else { return Ok(Verdict::Pass) };
    let endpoint = &facts.pipeline.target;
    // Where TLS gets past the password, the password is right.
    match logins.encrypted {
        Attempt::Refused(later) if access_denied(later) || later.stage == Stage::Tls => {}
        Attempt::Refused(_) | Attempt::Accepted { .. } => return Ok(Verdict::Pass),
        Attempt::NotTried(why) => return Err(why.clone()),
    }
    let at = match &endpoint.password {
        Some(place) => held_in(place),
        None => "nowhere: [target] has no password".to_owned(),
    };
    let user = &endpoint.user;
    let finding = Finding::new(
        "target.user",
        format!("The target refuses the password of '{user}', or has no account of that name for this address"),
    )
    .saw("server", words(refusal))
    .saw("password from", &at);
    let finding = logins.seen_by(finding).fix(Fix::manual(
        format!("correct user in [target], the password of '{user}', or the account's host pattern"),
        [
            format!("See that the password is right where it is kept: {at}."),
            format!(
                "As an administrator: SELECT user, host, plugin, ssl_type FROM mysql.user WHERE user IN ({}, '')",
                my_literal(user)
            ),
            "Then ALTER USER … IDENTIFIED BY …, or CREATE USER with a host pattern that admits the address above."
                .to_owned(),
        ],
    ));
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        accepted, assert_pass, assert_unknown, causes, finding, healthy, healthy_mariadb, not_tried, refused,
    };
    use crate::facts::{Attempt, Facts, Refusal, Stage};
    use crate::pipeline::TlsMode;

    fn denied(mut facts: Facts) -> Facts {
        facts.target.configured = refused("1045", "Access denied for user 'cdc'@'10.0.0.9' (using password: YES)");
        facts.target.encrypted = facts.target.configured.clone();
        facts
    }

    #[test]
    fn denied_with_tls_it_is_the_only_cause() {
        for facts in [denied(healthy()), denied(healthy_mariadb())] {
            let found = finding(&CHECK, &facts);
            assert!(found.evidence[0].1.contains("(using password: YES)"));
            assert_eq!(causes(&facts), ["AUT-016"]);
        }
    }

    #[test]
    fn denied_without_tls_only_it_is_not_the_password() {
        let mut facts = healthy_mariadb();
        facts.pipeline.target.tls = TlsMode::Disable;
        facts.target.configured = facts.target.plaintext.clone();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn a_wrong_password_is_seen_behind_the_demand_for_tls() {
        let mut facts = denied(healthy());
        facts.pipeline.target.tls = TlsMode::Disable;
        facts.target.configured = facts.target.plaintext.clone();
        assert_eq!(causes(&facts), ["TLS-004", "AUT-016"]);
    }

    #[test]
    fn a_server_without_tls_leaves_only_the_password() {
        let mut facts = healthy_mariadb();
        facts.pipeline.target.tls = TlsMode::Disable;
        facts.target.configured = facts.target.plaintext.clone();
        facts.target.encrypted = Attempt::Refused(Refusal {
            stage: Stage::Tls,
            code: None,
            message: "the server has no TLS".into(),
            detail: None,
        });
        assert_eq!(causes(&facts), ["AUT-016"]);
    }

    #[test]
    fn passes_with_a_session_and_when_denied_for_another_reason() {
        assert_pass(&CHECK, &healthy());
        let mut facts = denied(healthy());
        facts.target.configured = refused("1049", "Unknown database 'charts'");
        facts.target.encrypted = accepted();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn unknown_when_a_denial_cannot_be_compared_with_tls() {
        let mut facts = denied(healthy());
        facts.pipeline.target.tls = TlsMode::Disable;
        facts.target.plaintext = facts.target.configured.clone();
        facts.target.encrypted = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
