//! TLS-003: see the check's own explanation.

use super::aws_fixes::{is_mysql, use_tls};
use super::aws_parts::{only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// The `SslMode` of an endpoint whose engine is `mysql`, `mariadb` or `aurora`.
    ///
    /// # Why it matters
    /// MySQL endpoints take `none`, `verify-ca` and `verify-full` only. With `require` the endpoint cannot be used.
    ///
    /// # How to fix it by hand
    /// Import the certificates of RDS and take `verify-ca`:
    ///
    /// ```sh
    /// aws dms import-certificate --certificate-identifier rds-global --certificate-pem file://global-bundle.pem
    /// aws dms modify-endpoint --endpoint-arn ARN --certificate-arn ARN --ssl-mode verify-ca
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using SSL with AWS Database Migration Service".
    code: "TLS-003",
    name: "require-on-a-mysql-endpoint",
    area: Tls,
    severity: Error,
    title: "A MySQL endpoint of DMS has the SSL mode require, which it does not take",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let wrong = is_mysql(endpoint) && endpoint.ssl_mode == "require";
        let message = format!("The endpoint {} ({}) has SslMode require", endpoint.identifier, endpoint.engine);
        let finding = Finding::new(&endpoint.identifier, message).saw("SslMode", &endpoint.ssl_mode);
        let fix = || Fix::new(Mode::Confirm, format!("set verify-ca on {}", endpoint.identifier), use_tls(endpoint));
        only(wrong.then(|| finding.fix(fix())))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_endpoint};

    #[test]
    fn mysql_takes_verify_ca_instead() {
        let mut facts = healthy_dms();
        target_endpoint(&mut facts).ssl_mode = "require".into();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[1].action.describe().contains("--ssl-mode verify-ca"));
        assert_eq!(causes(&facts), ["TLS-003"]);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
