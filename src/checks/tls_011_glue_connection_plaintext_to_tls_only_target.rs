//! TLS-011: see the check's own explanation.

use super::glue_parts::{Job, with_unproven_job};
use super::{Finding, Judged};
use crate::facts::aws::{GlueConnection, JdbcUrl};
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The connections of the Glue job that lead to the target, where the target takes only TLS
    /// (`require_secure_transport`, or an account with `REQUIRE SSL`): whether they turn TLS off, by `sslMode=DISABLED` or
    /// `useSSL=false` in the URL. The driver of MySQL uses TLS where nothing is said; that of MariaDB
    /// (`jdbc:mariadb:`) does not. Where the last run succeeded, nothing is said.
    ///
    /// # Why it matters
    /// The job fails when it opens its first connection: `Connections using insecure transport are prohibited`, or on
    /// MariaDB and for an account with `REQUIRE SSL`, as wrong password: `Access denied`.
    ///
    /// # How to fix it by hand
    /// Set `JDBC_ENFORCE_SSL` to `true` in the connection (in the console: Require SSL connection), or write
    /// `?sslMode=REQUIRED` behind its URL (`jdbc:mariadb:`: `?sslMode=trust`, or `verify-full` with a certificate).
    ///
    /// # Source
    /// MySQL Connector/J, "Connection properties: security", `sslMode`; MariaDB Connector/J, "TLS parameters"; AWS Glue
    /// Developer Guide, "Connection API".
    code: "TLS-011",
    name: "glue-connection-plaintext-to-tls-only-target",
    area: Tls,
    severity: Warning,
    title: "A connection of the Glue job turns TLS off, and the target takes nothing else",
    after: ["IAM-001", "NET-022"],
}

fn judge(facts: &Facts) -> Judged {
    with_unproven_job(facts, |job| {
        let connections = job.connections_to(&facts.pipeline.target.host, &["mysql", "mariadb"])?;
        let plain: Vec<_> = connections.into_iter().filter(|(c, url)| !c.enforce_ssl && is_plaintext(url)).collect();
        let mut findings = Vec::new();
        for (connection, url) in plain {
            let demand = demand(job, connection)?;
            findings.extend(demand.map(|demand| finding(job, connection, url, &demand)));
        }
        Ok(findings)
    })
}

/// Whether the driver that the URL is for opens a session without TLS.
fn is_plaintext(url: &JdbcUrl) -> bool {
    let option = |name: &str| url.tls.get(name).map(|value| value.to_lowercase());
    match (option("sslmode").as_deref(), option("usessl").as_deref()) {
        (Some(mode), _) => matches!(mode, "disabled" | "disable"),
        (None, Some(used)) => used == "false",
        (None, None) => url.engine == "mariadb",
    }
}

/// What of the target demands TLS of this connection; `None` where it takes plaintext too.
fn demand(job: &Job<'_>, connection: &GlueConnection) -> Result<Option<String>, Unknown> {
    let variables = job.facts.target.variables.known()?;
    if variables.get("require_secure_transport").is_some_and(|v| v.eq_ignore_ascii_case("on") || v == "1") {
        return Ok(Some("require_secure_transport is on".to_owned()));
    }
    let requires = !job.account_of(connection)?.ssl_type.is_empty();
    Ok(requires.then(|| format!("the account {} is made with REQUIRE SSL", job.facts.pipeline.target.user)))
}

fn finding(job: &Job<'_>, connection: &GlueConnection, url: &JdbcUrl, demand: &str) -> Finding {
    let said = url.tls.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    let message = format!(
        "The Glue connection {} opens sessions without TLS, and the target refuses them: {demand}",
        connection.name
    );
    let option = match url.engine.as_str() {
        "mariadb" => "sslMode=trust",
        // Connector/J 5.1 does not know the newer word.
        _ if job.is_old() => "useSSL=true&requireSSL=true",
        _ => "sslMode=REQUIRED",
    };
    let todo = format!(
        "In the connection {}, set JDBC_ENFORCE_SSL to true, or write {option} into its URL in place of what turns TLS off",
        connection.name
    );
    Finding::new(&connection.name, message)
        .saw(
            "its URL says of TLS",
            if said.is_empty() { "nothing, and this driver's default is off".to_owned() } else { said },
        )
        .saw("JDBC_ENFORCE_SSL", connection.enforce_ssl.to_string())
        .fix(Fix::manual("let it use TLS", [todo]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, set_variable, unseen};
    use crate::checks::testing_aws::{assert_around_glue, glue, glue_run, known, not_yet_run};
    use crate::facts::Facts;
    use crate::facts::aws::JdbcUrl;

    fn with_url(url: &str) -> Facts {
        let mut facts = not_yet_run();
        set_variable(&mut facts, "require_secure_transport", "ON");
        let url = url.replace("HOST", &facts.pipeline.target.host);
        known(&mut glue(&mut facts).connections)[0].url = JdbcUrl::read(&url);
        facts
    }

    #[test]
    fn what_turns_tls_off_and_what_does_not() {
        for (url, off) in [
            ("jdbc:mysql://HOST/charts", false),
            ("jdbc:mysql://HOST/charts?useSSL=false", true),
            ("jdbc:mysql://HOST/charts?useSSL=false&sslMode=REQUIRED", false),
            ("jdbc:mysql://HOST/charts?sslMode=disabled", true),
            ("jdbc:mariadb://HOST/charts", true),
            ("jdbc:mariadb://HOST/charts?sslMode=trust", false),
            ("jdbc:mysql://elsewhere/charts?useSSL=false", false),
        ] {
            let mut facts = with_url(url);
            if off {
                let found = finding(&CHECK, &facts);
                assert!(found.message.ends_with("refuses them: require_secure_transport is on"), "{url}: {found:?}");
                known(&mut glue(&mut facts).connections)[0].enforce_ssl = true;
            }
            assert_pass(&CHECK, &facts);
        }
    }

    #[test]
    fn a_target_that_takes_plaintext_or_tells_nothing() {
        let mut facts = with_url("jdbc:mysql://HOST/charts?useSSL=false");
        set_variable(&mut facts, "require_secure_transport", "OFF");
        known(&mut facts.target.account).ssl_type = String::new();
        known(&mut glue(&mut facts).connections)[0].user = Some(facts.pipeline.target.user.clone());
        assert_pass(&CHECK, &facts);
        known(&mut facts.target.account).ssl_type = "ANY".into();
        // It is not the account of the connection, which nobody has looked at.
        known(&mut glue(&mut facts).connections)[0].user = Some("etl".into());
        assert_unknown(&CHECK, &facts);
        known(&mut glue(&mut facts).connections)[0].user = Some(facts.pipeline.target.user.clone());
        assert!(finding(&CHECK, &facts).message.ends_with("is made with REQUIRE SSL"));
        let mut unseen_account = facts.clone();
        unseen_account.target.account = unseen();
        assert_unknown(&CHECK, &unseen_account);
        let mut proven = facts.clone();
        known(&mut glue(&mut proven).runs).push(glue_run());
        assert_pass(&CHECK, &proven);
        facts.target.variables = unseen();
        assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_glue(&CHECK, |glue| glue.connections = unseen());
    }
}
