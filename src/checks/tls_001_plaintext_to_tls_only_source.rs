//! TLS-001: see the check's own explanation.

use super::encryption::{speaks_plaintext, use_tls};
use super::logins::{Logins, hba_rejects, no_hba_entry, on_rds};
use super::{Finding, Judged, Verdict};
use crate::facts::{Attempt, Facts, Refusal, Stage};
use crate::pipeline::TlsMode;

check! {
    /// # What it looks at
    /// The source is tried twice, without TLS and with it. This check fails when the pipeline connects without TLS
    /// (`tls = "disable"`, or `"prefer"` with AWS DMS, which never upgrades), the server refuses that with
    /// `no pg_hba.conf entry for host …, no encryption` (`SSL off` before PostgreSQL 14) or with `pg_hba.conf rejects
    /// connection …`, and with TLS it lets the same login past that point.
    ///
    /// # Why it matters
    /// Nothing starts. RDS for PostgreSQL 15 and later has `rds.force_ssl = 1` by default, and a server of your own
    /// does the same when its `pg_hba.conf` has `hostssl` lines only, or begins with `hostnossl … reject`. The message speaks of `pg_hba.conf`, which
    /// nobody can edit on RDS; what it means is "not without TLS". AWS DMS wraps it as
    /// `Application-Status: 1020912 … SqlState: 08001 … Message: FATAL: no pg_hba.conf entry …`.
    ///
    /// # How to fix it by hand
    /// Connect with TLS. It takes no change on the server and no reboot. In the pipeline file:
    ///
    /// ```toml
    /// [source]
    /// tls = "verify-full"        # the certificates of RDS are built in
    /// ca_file = "my-ca.pem"      # only for a server with a certificate of your own authority
    /// ```
    ///
    /// The same on a DMS endpoint, which can be tested afterwards with `test-connection`:
    ///
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --ssl-mode require
    /// ```
    ///
    /// The other way is to let plaintext in: passwords and rows then cross the network in clear. On RDS that needs a
    /// parameter group of your own (a default group cannot be changed):
    ///
    /// ```sh
    /// aws rds modify-db-parameter-group --db-parameter-group-name GROUP \
    ///   --parameters "ParameterName=rds.force_ssl,ParameterValue=0,ApplyMethod=immediate"
    /// ```
    ///
    /// On a server of your own it is a `host` line in `pg_hba.conf` and `SELECT pg_reload_conf()`.
    ///
    /// # Source
    /// Amazon RDS User Guide, "Using SSL with a PostgreSQL DB instance"; AWS DMS User Guide, "Using SSL". Tried on
    /// PostgreSQL 15 with `hostssl` lines only, and with a line that rejects the rest.
    code: "TLS-001",
    name: "plaintext-to-tls-only-source",
    area: Tls,
    severity: Error,
    title: "The source takes only TLS connections, and this pipeline connects without TLS",
    after: ["NET-020"],
}

fn judge(facts: &Facts) -> Judged {
    let endpoint = &facts.pipeline.source;
    let logins = Logins::source(facts);
    if !speaks_plaintext(endpoint, facts.pipeline.sync.engine) {
        return logins.configured.outcome().map(|_| Verdict::Pass);
    }
    if !tls_is_the_way_in(&logins, endpoint.tls)? {
        return Ok(Verdict::Pass);
    }
    let at = format!("{}:{}", endpoint.host, endpoint.port);
    let price = if on_rds(endpoint) {
        "set rds.force_ssl = 0 in the parameter group (passwords and rows then travel in clear)"
    } else {
        "add a host line for this login to pg_hba.conf (passwords and rows then travel in clear)"
    };
    let finding = Finding::new(
        "source.tls",
        format!("{at} refuses the login without TLS and lets it in with TLS; tls is \"{}\"", endpoint.tls.as_str()),
    );
    let mut finding = logins.seen_by(finding);
    if let Some(forced) = facts.source.settings.value().and_then(|s| s.get("rds.force_ssl")) {
        finding = finding.saw("rds.force_ssl", &forced.value);
    }
    let fix = use_tls("source", endpoint, &["verify-full", "verify-ca", "require"]).or(price);
    Ok(Verdict::Fail(vec![finding.fix(fix)]))
}

/// Plaintext is refused for want of a `pg_hba.conf` line, and TLS gets past that.
pub(super) fn tls_is_the_way_in(logins: &Logins<'_>, tls: TlsMode) -> Result<bool, crate::facts::Unknown> {
    let plaintext = match logins.plaintext {
        Attempt::NotTried(_) if tls == TlsMode::Disable => logins.configured,
        tried => tried,
    };
    match plaintext.outcome()? {
        Some(refusal) if refused_for_want_of_tls(refusal) => Ok(match logins.encrypted.outcome()? {
            None => true,
            Some(later) => later.stage == Stage::Login && !by_hba(later),
        }),
        _ => Ok(false),
    }
}

fn refused_for_want_of_tls(refusal: &Refusal) -> bool {
    by_hba(refusal) && ["no encryption", "SSL off"].iter().any(|words| refusal.message.contains(words))
}

fn by_hba(refusal: &Refusal) -> bool {
    no_hba_entry(refusal) || hba_rejects(refusal)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        accepted, assert_pass, assert_unknown, causes, finding, healthy, healthy_rds, not_tried, refused, unseen,
    };
    use crate::facts::{Attempt, Facts, Refusal, Stage};
    use crate::fixes::{Action, Cost, Mode};
    use crate::pipeline::{EngineKind, TlsMode};

    /// A server that takes only TLS, and a pipeline without.
    fn broken() -> Facts {
        let mut facts = healthy();
        facts.pipeline.source.tls = TlsMode::Disable;
        facts.source.configured = facts.source.plaintext.clone();
        facts.source.replication = not_tried();
        facts.source.session = unseen();
        facts.source.tables = unseen();
        facts
    }

    #[test]
    fn a_line_that_rejects_plaintext_says_the_same() {
        let mut facts = broken();
        let words = r#"pg_hba.conf rejects connection for host "::1", user "cdc", database "music", no encryption"#;
        facts.source.configured = refused("28000", words);
        facts.source.plaintext = facts.source.configured.clone();
        assert_eq!(causes(&facts), ["TLS-001"]);
    }

    #[test]
    fn the_cause_stands_alone_and_its_fix_is_one_edit() {
        let facts = broken();
        let found = finding(&CHECK, &facts);
        assert_eq!(
            found.evidence[0].1,
            "refused 28000 no pg_hba.conf entry for host \"10.0.0.9\", user \"cdc\", database \"music\", no encryption"
        );
        assert_eq!(found.evidence[1].1, "accepted TLSv1.3");
        let fix = found.fix.unwrap();
        assert_eq!((fix.mode, fix.cost()), (Mode::Auto, Cost::None));
        let Action::EditPipeline { key, value, choices } = &fix.steps[0].action else { panic!("{fix:?}") };
        assert_eq!((key.as_str(), value.as_str()), ("source.tls", "verify-full"));
        assert!(choices.contains(value));
        assert_eq!(fix.steps[0].undo, Some(Action::edit("source.tls", "disable")));
        assert!(fix.alternatives[0].contains("in clear"));
        assert_eq!(causes(&facts), ["TLS-001"]);
    }

    #[test]
    fn on_rds_the_other_way_is_the_parameter() {
        let mut facts = healthy_rds();
        facts.pipeline.source.tls = TlsMode::Disable;
        facts.source.configured = facts.source.plaintext.clone();
        let found = finding(&CHECK, &facts);
        assert!(found.fix.unwrap().alternatives[0].contains("rds.force_ssl = 0"));
        assert!(found.evidence.contains(&("rds.force_ssl".into(), "1".into())));
    }

    #[test]
    fn a_later_refusal_with_tls_still_shows_that_tls_is_let_in() {
        for later in [
            refused("3D000", r#"database "charts-source" does not exist"#),
            refused("28P01", r#"password authentication failed for user "cdc""#),
        ] {
            let mut facts = broken();
            facts.source.encrypted = later;
            finding(&CHECK, &facts);
        }
    }

    #[test]
    fn the_words_of_postgresql_13_are_known() {
        let mut facts = broken();
        facts.source.plaintext =
            refused("28000", r#"no pg_hba.conf entry for host "::1", user "cdc", database "music", SSL off"#);
        facts.source.configured = facts.source.plaintext.clone();
        finding(&CHECK, &facts);
    }

    #[test]
    fn tls_is_not_blamed_where_it_would_not_help() {
        let mut facts = broken();
        facts.source.encrypted =
            refused("28000", r#"no pg_hba.conf entry for host "::1", user "cdc", database "music", SSL encryption"#);
        assert_pass(&CHECK, &facts);
        facts.source.encrypted = Attempt::Refused(Refusal {
            stage: Stage::Tls,
            code: None,
            message: "server does not support TLS".into(),
            detail: None,
        });
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn passes_when_plaintext_is_welcome_or_not_used() {
        let mut facts = broken();
        facts.source.plaintext = accepted();
        facts.source.configured = accepted();
        assert_pass(&CHECK, &facts);
        assert_pass(&CHECK, &healthy());
    }

    #[test]
    fn prefer_fails_for_dms_which_never_upgrades() {
        let mut facts = healthy();
        facts.pipeline.source.tls = TlsMode::Prefer;
        assert_pass(&CHECK, &facts);
        facts.pipeline.sync.engine = EngineKind::Dms;
        finding(&CHECK, &facts);
    }

    #[test]
    fn unknown_while_one_of_the_two_was_not_tried() {
        let mut facts = broken();
        facts.source.encrypted = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
