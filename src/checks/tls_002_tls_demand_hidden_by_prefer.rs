//! TLS-002: see the check's own explanation.

use super::encryption::use_tls;
use super::logins::Logins;
use super::tls_001_plaintext_to_tls_only_source::tls_is_the_way_in;
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::pipeline::TlsMode;

check! {
    /// # What it looks at
    /// Whether `tls = "prefer"` in `[source]` works only because it turns to TLS by itself: the server refuses the
    /// same login without TLS.
    ///
    /// # Why it matters
    /// `prefer` hides two things. A test from this machine (or with `psql`, whose default is also `prefer`) goes well,
    /// while a DMS endpoint with SSL mode `none`, a Glue connection or a driver without TLS is refused with the same
    /// settings. And the certificate is not verified, so whoever answers in the server's place gets the password.
    /// When a login fails under `prefer`, clients try again without TLS and print that second refusal last, so that a
    /// wrong password looks like a `pg_hba.conf` fault: the first message is the cause.
    ///
    /// # How to fix it by hand
    /// Say what the server demands anyway:
    ///
    /// ```toml
    /// [source]
    /// tls = "verify-full"
    /// ```
    ///
    /// and give every other client of this server an explicit mode too (`sslmode=verify-full` for libpq,
    /// `--ssl-mode require` on a DMS endpoint).
    ///
    /// # Source
    /// PostgreSQL documentation, "SSL Support" of libpq, table of modes. Tried on PostgreSQL 15 with `hostssl` lines
    /// only.
    code: "TLS-002",
    name: "tls-demand-hidden-by-prefer",
    area: Tls,
    severity: Warning,
    title: "tls = \"prefer\" hides that the source takes only TLS connections",
    after: ["TLS-001", "AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    let endpoint = &facts.pipeline.source;
    let logins = Logins::source(facts);
    if endpoint.tls != TlsMode::Prefer {
        return logins.configured.outcome().map(|_| Verdict::Pass);
    }
    if !tls_is_the_way_in(&logins, endpoint.tls)? {
        return Ok(Verdict::Pass);
    }
    let finding = Finding::new(
        "source.tls",
        "The login works only because \"prefer\" turns to TLS by itself; another client, such as a DMS endpoint with \
         SSL mode none, is refused",
    );
    let fix = use_tls("source", endpoint, &["verify-full", "verify-ca", "require"]);
    Ok(Verdict::Fail(vec![logins.seen_by(finding).fix(fix)]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried};
    use crate::facts::{Attempt, Facts};
    use crate::fixes::Action;
    use crate::pipeline::TlsMode;

    fn preferring() -> Facts {
        let mut facts = healthy();
        facts.pipeline.source.tls = TlsMode::Prefer;
        facts
    }

    #[test]
    fn prefer_on_a_server_that_refuses_plaintext_is_told() {
        let facts = preferring();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.steps[0].undo, Some(Action::edit("source.tls", "prefer")));
        assert_eq!(causes(&facts), ["TLS-002"]);
    }

    #[test]
    fn passes_where_plaintext_is_let_in_or_the_mode_is_explicit() {
        let mut facts = preferring();
        facts.source.plaintext = Attempt::Accepted { tls: None };
        assert_pass(&CHECK, &facts);
        assert_pass(&CHECK, &healthy());
    }

    #[test]
    fn unknown_when_plaintext_was_not_tried() {
        let mut facts = preferring();
        facts.source.plaintext = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
