//! AUT-003: see the check's own explanation.

use super::logins::{Logins, hba_line, hba_rejects, refused_address, words};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;
use crate::pipeline::Endpoint;

check! {
    /// # What it looks at
    /// Whether a line of the source's `pg_hba.conf` with the method `reject` is the first that fits this client, user
    /// and database, with TLS as well as without: `pg_hba.conf rejects connection for host …`. Where TLS gets past it,
    /// TLS-001 speaks instead.
    ///
    /// # Why it matters
    /// Somebody shut this client out on purpose, and no password opens it. A line further down that would let it in is
    /// never reached: PostgreSQL takes the first line that fits.
    ///
    /// # How to fix it by hand
    /// As a superuser, find the line; then put one that lets the login in above it, with the address that the message
    /// names, and load the file; no restart:
    ///
    /// ```sql
    /// SELECT line_number, type, database, user_name, address, netmask, auth_method FROM pg_hba_file_rules ORDER BY 1;
    /// SELECT pg_reload_conf();
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, "The pg_hba.conf File". Tried on PostgreSQL 15.
    code: "AUT-003",
    name: "pg-hba-rejects-connection",
    area: Aut,
    severity: Error,
    title: "A line of the source's pg_hba.conf rejects this client",
    after: ["NET-020", "TLS-001"],
}

fn judge(facts: &Facts) -> Judged {
    let logins = Logins::source(facts);
    let Some(refusal) = logins.refused_with_tls_too(hba_rejects)? else { return Ok(Verdict::Pass) };
    let endpoint = &facts.pipeline.source;
    let from = refused_address(refusal);
    let message = format!(
        "A line of the source's pg_hba.conf rejects \"{}\" from {from} to \"{}\"",
        endpoint.user, endpoint.database
    );
    let finding = logins.seen_by(Finding::new("pg_hba.conf", message).saw("server", words(refusal)));
    Ok(Verdict::Fail(vec![finding.fix(remedy(endpoint, from))]))
}

fn remedy(endpoint: &Endpoint, from: &str) -> Fix {
    Fix::manual(
        "let this client in above the line that rejects it",
        [
            "Find the line, as a superuser: SELECT line_number, type, database, user_name, address, auth_method FROM \
             pg_hba_file_rules ORDER BY line_number"
                .to_owned(),
            format!("Above it, in pg_hba.conf: {}", hba_line(endpoint, from)),
            "Then, as a superuser: SELECT pg_reload_conf()".to_owned(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{accepted, assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};
    use crate::facts::Facts;

    fn rejected() -> Facts {
        let mut facts = healthy();
        let words =
            r#"pg_hba.conf rejects connection for host "10.0.0.9", user "cdc", database "music", SSL encryption"#;
        facts.source.configured = refused("28000", words);
        facts.source.encrypted = facts.source.configured.clone();
        facts
    }

    #[test]
    fn the_line_that_lets_in_is_written_out() {
        let facts = rejected();
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with(r#"rejects "cdc" from 10.0.0.9 to "music""#), "{}", found.message);
        let line = found.fix.unwrap().steps[1].action.describe();
        assert!(line.ends_with(r#"hostssl "music" "cdc" 10.0.0.9/32 scram-sha-256"#), "{line}");
        assert_eq!(causes(&facts), ["AUT-003"]);
    }

    #[test]
    fn passes_where_tls_gets_past_it() {
        let mut facts = rejected();
        facts.source.encrypted = accepted();
        assert_pass(&CHECK, &facts);
        facts.source.encrypted = refused("28P01", "password authentication failed for user \"cdc\"");
        assert_pass(&CHECK, &facts);
        facts.source.encrypted = not_tried();
        assert_unknown(&CHECK, &facts);
        assert_pass(&CHECK, &healthy());
    }
}
