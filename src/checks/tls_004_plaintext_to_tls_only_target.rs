//! TLS-004: see the check's own explanation.

use super::encryption::{speaks_plaintext, use_tls};
use super::logins::{Logins, has_code, on_rds};
use super::{Finding, Judged, Verdict};
use crate::facts::{Attempt, Facts, Refusal, Stage, Unknown};
use crate::pipeline::{EngineKind, TlsMode};

check! {
    /// # What it looks at
    /// The target is tried twice, without TLS and with it. This check fails when the pipeline connects without TLS and
    /// the server refuses that: MySQL says so with error 3159; MariaDB, and MySQL for an account that was made with
    /// `REQUIRE SSL`, only say 1045 `Access denied`, so a 1045 without TLS counts when the same login with TLS gets
    /// past the password.
    ///
    /// # Why it matters
    /// Nothing starts, and with 1045 people look for a wrong password for hours. `require_secure_transport` is ON by
    /// default in Aurora MySQL 8.4.
    ///
    /// # How to fix it by hand
    /// Connect with TLS:
    ///
    /// ```toml
    /// [target]
    /// tls = "verify-full"        # the certificates of RDS are built in
    /// ca_file = "my-ca.pem"      # only for a server with a certificate of your own authority
    /// ```
    ///
    /// A DMS endpoint for MySQL knows no `require`: it takes `verify-ca` or `verify-full`, and a certificate that was
    /// imported first.
    ///
    /// ```sh
    /// aws dms import-certificate --certificate-identifier rds-bundle --certificate-pem file://global-bundle.pem
    /// aws dms modify-endpoint --endpoint-arn ARN --ssl-mode verify-ca --certificate-arn CERTIFICATE-ARN
    /// ```
    ///
    /// The other way is to let plaintext in, with passwords and rows in clear on the network: `SET PERSIST
    /// require_secure_transport = OFF` on MySQL, `SET GLOBAL require_secure_transport = OFF` and the same line in the
    /// configuration file on MariaDB, the parameter group on RDS; for one account, `ALTER USER … REQUIRE NONE`.
    ///
    /// # Source
    /// MySQL documentation, `require_secure_transport`; AWS DMS User Guide, "Using SSL". Tried on MariaDB 10.11 and
    /// MySQL 9.7.
    code: "TLS-004",
    name: "plaintext-to-tls-only-target",
    area: Tls,
    severity: Error,
    title: "The target takes only TLS connections, and this pipeline connects without TLS",
    after: ["NET-022"],
}

fn judge(facts: &Facts) -> Judged {
    let endpoint = &facts.pipeline.target;
    let engine = facts.pipeline.sync.engine;
    let logins = Logins::target(facts);
    if !speaks_plaintext(endpoint, engine) {
        return logins.configured.outcome().map(|_| Verdict::Pass);
    }
    if !tls_is_the_way_in(&logins, endpoint.tls)? {
        return Ok(Verdict::Pass);
    }
    let at = format!("{}:{}", endpoint.host, endpoint.port);
    let finding = Finding::new(
        "target.tls",
        format!("{at} refuses the login without TLS and lets it in with TLS; tls is \"{}\"", endpoint.tls.as_str()),
    );
    let mut finding = logins.seen_by(finding);
    if let Some(demand) = facts.target.variables.value().and_then(|v| v.get("require_secure_transport")) {
        finding = finding.saw("require_secure_transport", demand);
    }
    if let Some(account) = facts.target.account.value().filter(|a| !a.ssl_type.is_empty()) {
        finding = finding.saw("account requires", &account.ssl_type);
    }
    let modes: &[&str] = match engine {
        EngineKind::Dms => &["verify-full", "verify-ca"],
        EngineKind::Direct | EngineKind::S3 => &["verify-full", "verify-ca", "require"],
    };
    let place = if on_rds(endpoint) { " in the parameter group" } else { "" };
    let fix = use_tls("target", endpoint, modes).or(format!(
        "set require_secure_transport = OFF{place}, and the account to REQUIRE NONE (passwords and rows then travel \
         in clear)"
    ));
    Ok(Verdict::Fail(vec![finding.fix(fix)]))
}

/// Plaintext is refused for being plaintext: the server says so, or it denies access that it grants with TLS.
fn tls_is_the_way_in(logins: &Logins<'_>, tls: TlsMode) -> Result<bool, Unknown> {
    let plaintext = match logins.plaintext {
        Attempt::NotTried(_) if tls == TlsMode::Disable => logins.configured,
        tried => tried,
    };
    let Some(refusal) = plaintext.outcome()? else { return Ok(false) };
    if says_insecure_transport(refusal) {
        return Ok(true);
    }
    if !access_denied(refusal) {
        return Ok(false);
    }
    Ok(match logins.encrypted.outcome()? {
        None => true,
        Some(later) => later.stage == Stage::Login && !access_denied(later),
    })
}

fn says_insecure_transport(refusal: &Refusal) -> bool {
    has_code(refusal, "3159") || refusal.message.contains("insecure transport are prohibited")
}

/// 1045, or 1698, which MariaDB uses where no password could have helped.
pub(super) fn access_denied(refusal: &Refusal) -> bool {
    has_code(refusal, "1045") || has_code(refusal, "1698")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        accepted, assert_pass, assert_unknown, causes, finding, healthy, healthy_mariadb, not_tried, refused, unseen,
    };
    use crate::facts::Facts;
    use crate::fixes::{Action, Mode};
    use crate::pipeline::{EngineKind, TlsMode};

    /// A pipeline without TLS to a server that takes nothing else.
    fn without_tls(mut facts: Facts) -> Facts {
        facts.pipeline.target.tls = TlsMode::Disable;
        facts.target.configured = facts.target.plaintext.clone();
        facts.target.session = unseen();
        facts.target.schemas = unseen();
        facts.target.tables = unseen();
        facts
    }

    #[test]
    fn mysql_says_it_and_the_cause_stands_alone() {
        let facts = without_tls(healthy());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.mode, Mode::Auto);
        assert_eq!(fix.steps[0].undo, Some(Action::edit("target.tls", "disable")));
        assert_eq!(causes(&facts), ["TLS-004"]);
    }

    #[test]
    fn mariadb_says_access_denied_and_the_password_is_not_blamed() {
        let facts = without_tls(healthy_mariadb());
        assert!(finding(&CHECK, &facts).evidence[0].1.contains("1045"));
        assert_eq!(causes(&facts), ["TLS-004"]);
    }

    #[test]
    fn a_wrong_password_with_and_without_tls_is_not_for_want_of_tls() {
        let mut facts = without_tls(healthy_mariadb());
        facts.target.encrypted = facts.target.plaintext.clone();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn getting_as_far_as_the_database_counts_as_let_in() {
        let mut facts = without_tls(healthy_mariadb());
        facts.target.encrypted = refused("1049", "Unknown database 'charts'");
        finding(&CHECK, &facts);
    }

    #[test]
    fn dms_is_not_offered_require_which_its_mysql_endpoints_lack() {
        let mut facts = without_tls(healthy());
        facts.pipeline.sync.engine = EngineKind::Dms;
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let Action::EditPipeline { choices, .. } = &fix.steps[0].action else { panic!("{fix:?}") };
        assert_eq!(choices, &["verify-full", "verify-ca"]);
    }

    #[test]
    fn passes_with_tls_and_where_plaintext_is_let_in() {
        assert_pass(&CHECK, &healthy());
        let mut facts = without_tls(healthy());
        facts.target.plaintext = accepted();
        facts.target.configured = accepted();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn unknown_when_a_denial_cannot_be_compared_with_tls() {
        let mut facts = without_tls(healthy_mariadb());
        facts.target.encrypted = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
