//! AUT-002: see the check's own explanation.

use super::logins::{Logins, hba_line, no_hba_entry, on_rds, refused_address, words};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Refusal};
use crate::fixes::Fix;
use crate::pipeline::Endpoint;

check! {
    /// # What it looks at
    /// Whether the source has no line in `pg_hba.conf` for this client, user and database, and TLS does not help: the
    /// server says `no pg_hba.conf entry for host …` to a try with TLS as well, or it has no TLS at all. Where TLS
    /// does help, TLS-001 speaks instead.
    ///
    /// # Why it matters
    /// Nothing starts, whatever the password. PostgreSQL reads `pg_hba.conf` from the top and takes the first line that
    /// matches connection type, database, user and address; when none does, the connection is refused. The address is
    /// the one that the server sees: behind a NAT gateway that is the gateway's.
    ///
    /// # How to fix it by hand
    /// On a server of your own, add a line with exactly what the message names, then load it; no restart:
    ///
    /// ```text
    /// hostssl  music  cdc  10.0.0.9/32  scram-sha-256
    /// ```
    ///
    /// ```sql
    /// SELECT pg_reload_conf();
    /// SELECT line_number, type, database, user_name, address, auth_method, error FROM pg_hba_file_rules;
    /// ```
    ///
    /// On RDS nobody can edit that file, and it admits every address that the security group admits. There the message
    /// comes from a connection without TLS (TLS-001), from a database that only RDS itself may use (`rdsadmin`), or
    /// from a role such as `rdsadmin`: choose another database or role.
    ///
    /// # Source
    /// PostgreSQL documentation, "The pg_hba.conf File". Tried on PostgreSQL 15.
    code: "AUT-002",
    name: "no-pg-hba-entry",
    area: Aut,
    severity: Error,
    title: "The source's pg_hba.conf has no line for this client, user and database",
    after: ["NET-020", "TLS-001"],
}

fn judge(facts: &Facts) -> Judged {
    let logins = Logins::source(facts);
    let Some(refusal) = logins.refused_with_tls_too(no_hba_entry)? else { return Ok(Verdict::Pass) };
    let endpoint = &facts.pipeline.source;
    let finding = Finding::new(
        "pg_hba.conf",
        format!(
            "The source lets \"{}\" into \"{}\" neither with TLS nor without, from here",
            endpoint.user, endpoint.database
        ),
    );
    let finding = logins.seen_by(finding.saw("server", words(refusal)));
    Ok(Verdict::Fail(vec![finding.fix(remedy(endpoint, refusal))]))
}

fn remedy(endpoint: &Endpoint, refusal: &Refusal) -> Fix {
    if on_rds(endpoint) {
        return Fix::manual(
            "choose a database and role that RDS lets in",
            ["pg_hba.conf cannot be edited on RDS: see that database and user in [source] are yours, not rdsadmin."],
        );
    }
    Fix::manual(
        "add a line to the source's pg_hba.conf and load it",
        [
            format!("In pg_hba.conf: {}", hba_line(endpoint, refused_address(refusal))),
            "Then, as a superuser: SELECT pg_reload_conf()".to_owned(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};
    use crate::facts::{Attempt, Facts, Refusal, Stage};
    use crate::fixes::Action;
    use crate::pipeline::TlsMode;

    fn locked_out() -> Facts {
        let mut facts = healthy();
        facts.source.configured = refused(
            "28000",
            r#"no pg_hba.conf entry for host "10.0.0.9", user "cdc", database "music", SSL encryption"#,
        );
        facts.source.encrypted = facts.source.configured.clone();
        facts
    }

    #[test]
    fn the_missing_line_is_written_out() {
        let facts = locked_out();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let Action::Note(line) = &fix.steps[0].action else { panic!("{fix:?}") };
        assert!(line.ends_with(r#"hostssl "music" "cdc" 10.0.0.9/32 scram-sha-256"#), "{line}");
        assert_eq!(causes(&facts), ["AUT-002"]);
    }

    #[test]
    fn on_rds_no_file_is_to_be_edited() {
        let mut facts = locked_out();
        facts.pipeline.source.rds_instance = Some("charts-source".into());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(!fix.summary.contains("pg_hba.conf"));
    }

    #[test]
    fn a_server_without_tls_that_refuses_plaintext_lacks_the_line() {
        let mut facts = healthy();
        facts.pipeline.source.tls = TlsMode::Disable;
        facts.source.configured = facts.source.plaintext.clone();
        facts.source.encrypted = Attempt::Refused(Refusal {
            stage: Stage::Tls,
            code: None,
            message: "the server has no TLS".into(),
            detail: None,
        });
        assert_eq!(causes(&facts), ["AUT-002"]);
    }

    #[test]
    fn passes_with_a_session_and_where_tls_helps() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.pipeline.source.tls = TlsMode::Disable;
        facts.source.configured = facts.source.plaintext.clone();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn unknown_while_tls_was_not_tried() {
        let mut facts = locked_out();
        facts.source.encrypted = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
