//! AUT-026: see the check's own explanation.

use super::logins::{Logins, has_code, words};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Refusal};
use crate::fixes::Fix;
use crate::quote::my_literal;

check! {
    /// # What it looks at
    /// Whether the target answers a login with `1040 Too many connections`, or with `1203` or `1226`: the account has as
    /// many sessions as it may have (`max_user_connections`), or has logged in as often as it may in an hour.
    ///
    /// # Why it matters
    /// No engine gets a session. With `1040` nobody else does either: the server says so before it asks for a password.
    ///
    /// # How to fix it by hand
    /// As an administrator, for whom MySQL keeps one connection, look who holds them, and end what nobody needs:
    ///
    /// ```sql
    /// SELECT user, host, command, count(*) FROM information_schema.processlist GROUP BY 1, 2, 3 ORDER BY 4 DESC;
    /// KILL 123;
    /// SET GLOBAL max_connections = 500;
    /// ALTER USER 'cdc'@'%' WITH MAX_USER_CONNECTIONS 0 MAX_CONNECTIONS_PER_HOUR 0;
    /// ```
    ///
    /// On RDS `max_connections` is in the parameter group, and follows the memory of the instance unless it is set.
    ///
    /// # Source
    /// MySQL documentation, "Too many connections" and "Setting Account Resource Limits". Tried on MySQL 9.7 and
    /// MariaDB 10.11.
    code: "AUT-026",
    name: "no-target-connection-left",
    area: Aut,
    severity: Error,
    title: "The target has no connection left for the login",
    after: ["NET-022"],
}

fn judge(facts: &Facts) -> Judged {
    let full = |r: &Refusal| ["1040", "1203", "1226"].iter().any(|code| has_code(r, code));
    let Some(refusal) = Logins::target(facts).refused(full)? else { return Ok(Verdict::Pass) };
    let user = &facts.pipeline.target.user;
    let of_server = has_code(refusal, "1040");
    let (message, raise) = if of_server {
        let message = format!("The target has no connection left for '{user}'");
        (message, "As an administrator: SET GLOBAL max_connections = 500, in the parameter group on RDS".to_owned())
    } else {
        let unlimited = "WITH MAX_USER_CONNECTIONS 0 MAX_CONNECTIONS_PER_HOUR 0";
        let raise = format!("As an administrator: ALTER USER {}@'%' {unlimited}", my_literal(user));
        (format!("The account '{user}' has used up the sessions that the target lets it have"), raise)
    };
    let look = "As an administrator: SELECT id, user, host, command, time FROM information_schema.processlist";
    let steps = [look.to_owned(), "End what nobody needs: KILL ID".to_owned(), raise];
    let subject = if of_server { "max_connections" } else { "max_user_connections" };
    let finding = Finding::new(subject, message).saw("server", words(refusal));
    Ok(Verdict::Fail(vec![finding.fix(Fix::manual("free connections, or let there be more", steps))]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};

    #[test]
    fn a_full_server_and_a_full_account_are_told_apart() {
        for (code, words, subject) in [
            ("1040", "Too many connections", "max_connections"),
            (
                "1203",
                "User cdc already has more than 'max_user_connections' active connections",
                "max_user_connections",
            ),
            ("1226", "User 'cdc' has exceeded the 'max_user_connections' resource", "max_user_connections"),
        ] {
            let mut facts = healthy();
            facts.target.configured = refused(code, words);
            facts.target.encrypted = facts.target.configured.clone();
            assert_eq!(finding(&CHECK, &facts).subject, subject);
            assert_eq!(causes(&facts), ["AUT-026"]);
        }
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
