//! TLS-010: see the check's own explanation.

use super::encryption::use_tls;
use super::logins::{Logins, describe};
use super::{Finding, Judged, Verdict};
use crate::facts::{Attempt, Facts, Unknown};
use crate::fixes::Fix;
use crate::pipeline::Endpoint;

check! {
    /// # What it looks at
    /// Whether the pipeline's own session with the source or the target runs without TLS, which takes both: a file
    /// that does not ask for it (`tls = "disable"`, or `"prefer"` and a server without TLS) and a server that does
    /// not demand it (`rds.force_ssl = 0`, `host` lines in `pg_hba.conf`, `require_secure_transport = OFF`).
    /// Connections to this machine itself (`localhost`, `127.0.0.1`, `::1`) never leave it and are not meant.
    ///
    /// # Why it matters
    /// Rows cross the network in clear, and with some authentication methods the password does too. It is often what
    /// is left of a hurried repair: `rds.force_ssl` was set to 0 to make a refused connection work, where TLS on the
    /// endpoint would have done. This program never proposes that first.
    ///
    /// # How to fix it by hand
    /// Use TLS, then demand it, so that nothing else connects in clear either.
    ///
    /// ```toml
    /// [source]
    /// tls = "verify-full"
    /// ```
    ///
    /// On RDS for PostgreSQL set `rds.force_ssl` back to 1, on RDS for MySQL `require_secure_transport` to 1, in the
    /// parameter group. On servers of your own, after the certificate is in place:
    ///
    /// ```sql
    /// ALTER SYSTEM SET ssl = on;               -- PostgreSQL; then hostssl lines in pg_hba.conf
    /// SELECT pg_reload_conf();
    /// SET PERSIST require_secure_transport = ON;   -- MySQL; on MariaDB SET GLOBAL and the configuration file
    /// ```
    ///
    /// # Source
    /// Policy. Amazon RDS User Guide, "Requiring SSL for all connections".
    code: "TLS-010",
    name: "tls-neither-demanded-nor-used",
    area: Tls,
    severity: Advice,
    title: "Rows travel in clear: TLS is neither demanded by the server nor used",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    let demands = |name: &str| facts.source.settings.value().and_then(|s| s.get(name)).map(|s| s.value.clone());
    let forced = demands("rds.force_ssl");
    let secure = facts.target.variables.value().and_then(|v| v.get("require_secure_transport")).cloned();
    let mut findings = Vec::new();
    let mut unseen = None;
    for (side, endpoint, logins, setting, value) in [
        ("source", &facts.pipeline.source, Logins::source(facts), "rds.force_ssl", forced),
        ("target", &facts.pipeline.target, Logins::target(facts), "require_secure_transport", secure),
    ] {
        match in_clear(side, endpoint, &logins) {
            Ok(None) => {}
            Ok(Some(finding)) => findings.push(match value {
                Some(value) => finding.saw(setting, value),
                None => finding,
            }),
            Err(why) => unseen = Some(why),
        }
    }
    match unseen {
        Some(why) if findings.is_empty() => Err(why),
        _ => Ok(Verdict::from_findings(findings)),
    }
}

/// The finding for one side, when its session runs without TLS over a network.
fn in_clear(side: &str, endpoint: &Endpoint, logins: &Logins<'_>) -> Result<Option<Finding>, Unknown> {
    if stays_here(&endpoint.host) {
        return Ok(None);
    }
    match logins.configured {
        Attempt::NotTried(why) => return Err(why.clone()),
        Attempt::Accepted { tls: None } => {}
        Attempt::Accepted { tls: Some(_) } | Attempt::Refused(_) => return Ok(None),
    }
    let fix = if logins.encrypted.accepted() {
        use_tls(side, endpoint, &["verify-full", "verify-ca", "require"])
    } else {
        let notes = [
            format!("Turn TLS on at the {side}'s server (see cdc-doctor explain TLS-010)."),
            format!("Then set tls = \"verify-full\" in [{side}] of the pipeline file."),
        ];
        Fix::manual(format!("turn TLS on at the {side}, then use it"), notes)
    };
    let finding = Finding::new(
        format!("{side}.tls"),
        format!(
            "The session with the {side} at {} runs without TLS, and rows cross the network in clear",
            endpoint.host
        ),
    )
    .saw("as configured", format!("{}, without TLS", describe(logins.configured)))
    .saw("with TLS", describe(logins.encrypted));
    Ok(Some(finding.fix(fix)))
}

/// The host is this machine.
fn stays_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_pass, assert_unknown, causes, finding, findings, healthy, healthy_rds, not_tried, refused, set,
    };
    use crate::facts::{Attempt, Facts};
    use crate::fixes::{Action, Mode};
    use crate::pipeline::TlsMode;

    /// A source that takes plaintext, and a pipeline that uses it.
    fn clear_source(mut facts: Facts) -> Facts {
        facts.pipeline.source.tls = TlsMode::Disable;
        facts.source.plaintext = Attempt::Accepted { tls: None };
        facts.source.configured = Attempt::Accepted { tls: None };
        facts
    }

    #[test]
    fn what_is_left_of_force_ssl_0_is_told() {
        let mut facts = clear_source(healthy_rds());
        set(&mut facts, "rds.force_ssl", "0");
        let found = finding(&CHECK, &facts);
        assert!(found.evidence.contains(&("rds.force_ssl".into(), "0".into())));
        assert_eq!(found.fix.unwrap().steps[0].undo, Some(Action::edit("source.tls", "disable")));
        assert_eq!(causes(&facts), ["TLS-010"]);
    }

    #[test]
    fn each_side_has_its_own_finding() {
        let mut facts = clear_source(healthy());
        facts.target.configured = Attempt::Accepted { tls: None };
        let subjects: Vec<String> = findings(&CHECK, &facts).into_iter().map(|f| f.subject).collect();
        assert_eq!(subjects, ["source.tls", "target.tls"]);
    }

    #[test]
    fn a_server_without_tls_must_get_it_first() {
        let mut facts = clear_source(healthy());
        facts.source.encrypted = refused("", "server does not support TLS");
        assert_eq!(finding(&CHECK, &facts).fix.map(|f| f.mode), Some(Mode::Manual));
    }

    #[test]
    fn what_stays_on_this_machine_is_not_meant() {
        for host in ["localhost", "127.0.0.1", "::1"] {
            let mut facts = clear_source(healthy());
            facts.pipeline.source.host = host.into();
            assert_pass(&CHECK, &facts);
        }
    }

    #[test]
    fn passes_with_tls_and_is_unknown_without_a_session() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
