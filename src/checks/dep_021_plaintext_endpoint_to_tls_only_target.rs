//! DEP-021: see the check's own explanation.

use super::aws_fixes::{test_connection, use_tls};
use super::aws_parts::{Part, with_target};
use super::vantage::{side_by_side, test_of};
use super::{Finding, Judged};
use crate::decode::decode;
use crate::facts::aws::DmsEndpoint;
use crate::facts::{Facts, Unknown};
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// The endpoint's `SslMode`, and whether the target demands TLS: `require_secure_transport` in the running server
    /// or in the parameter group, or MySQL's refusal 3159 in the words of DMS's connection test.
    ///
    /// # Why it matters
    /// The connection test fails (`Connections using insecure transport are prohibited`, 3159; MariaDB and accounts
    /// with `REQUIRE SSL` answer 1045, as for a wrong password). Aurora MySQL 8.4 has `require_secure_transport = ON`
    /// by default.
    ///
    /// # How to fix it by hand
    /// A MySQL endpoint takes `none`, `verify-ca` or `verify-full`, and needs a certificate imported into DMS:
    ///
    /// ```sh
    /// curl -O https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
    /// aws dms import-certificate --certificate-identifier rds-global --certificate-pem file://global-bundle.pem
    /// aws dms modify-endpoint --endpoint-arn ARN --certificate-arn ARN --ssl-mode verify-ca
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using SSL with AWS Database Migration Service" and "Using a MySQL-compatible database as
    /// a target".
    code: "DEP-021",
    name: "plaintext-endpoint-to-tls-only-target",
    area: Dep,
    severity: Error,
    title: "The target endpoint of DMS connects without TLS, and the target takes only TLS connections",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        if endpoint.engine == "s3" || endpoint.ssl_mode != "none" || !demanded(facts, part, endpoint)? {
            return Ok(Vec::new());
        }
        let message =
            format!("The endpoint {} connects without TLS, and the target takes only TLS", endpoint.identifier);
        let finding = Finding::new(&endpoint.identifier, message).saw("SslMode", &endpoint.ssl_mode);
        let finding = side_by_side(facts, part, endpoint, finding);
        let mut steps = use_tls(endpoint);
        if let Some(instance) = part.dms.instance(part.names)? {
            steps.push(test_connection(instance, endpoint));
        }
        let summary = format!("import the RDS certificates and set SslMode verify-ca on {}", endpoint.identifier);
        Ok(vec![finding.fix(Fix::new(Mode::Confirm, summary, steps))])
    })
}

/// Whether the target demands TLS; unknown only where nothing tells.
fn demanded(facts: &Facts, part: &Part<'_>, endpoint: &DmsEndpoint) -> Result<bool, Unknown> {
    const NAME: &str = "require_secure_transport";
    let failure = test_of(part, endpoint).ok().flatten().and_then(|t| t.failure.as_deref());
    if failure.and_then(decode).is_some_and(|d| d.code == "TLS-004") {
        return Ok(true);
    }
    let group = part.aws.target.parameters.value().and_then(|p| p.get(NAME)).and_then(|p| p.value.clone());
    let value = match facts.target.variables.known() {
        Ok(variables) => variables.get(NAME).cloned().or(group),
        Err(why) => Some(group.ok_or(why)?),
    };
    Ok(value.is_some_and(|v| matches!(v.to_ascii_uppercase().as_str(), "ON" | "1")))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, causes, finding, set_variable, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_endpoint};

    #[test]
    fn the_certificate_comes_before_the_mode() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "require_secure_transport", "ON");
        target_endpoint(&mut facts).ssl_mode = "none".into();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let steps: Vec<String> = fix.steps.iter().map(|s| s.action.describe()).collect();
        assert!(
            steps[0].starts_with("aws dms import-certificate") && steps[1].contains("--ssl-mode verify-ca"),
            "{steps:?}"
        );
        assert_eq!(causes(&facts), ["DEP-021"]);
    }

    #[test]
    fn an_s3_endpoint_has_no_such_mode() {
        let mut facts = healthy_dms();
        set_variable(&mut facts, "require_secure_transport", "ON");
        let endpoint = target_endpoint(&mut facts);
        (endpoint.ssl_mode, endpoint.engine) = ("none".into(), "s3".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
