//! TLS-005: see the check's own explanation.

use super::aws_fixes::{CERTIFICATE, call, modify_endpoint};
use super::aws_parts::with_endpoints;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{AwsCall, Cost, Fix, Mode};

check! {
    /// # What it looks at
    /// Endpoints with `SslMode` `verify-ca` or `verify-full`: whether a certificate is named, exists among the
    /// imported ones, and is still valid.
    ///
    /// # Why it matters
    /// The connection test fails in the TLS handshake: DMS trusts no authority by itself, not even those of RDS.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// curl -O https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
    /// aws dms import-certificate --certificate-identifier rds-global --certificate-pem file://global-bundle.pem
    /// aws dms modify-endpoint --endpoint-arn ARN --certificate-arn ARN
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using SSL with AWS Database Migration Service".
    code: "TLS-005",
    name: "verify-without-certificate",
    area: Tls,
    severity: Error,
    title: "A DMS endpoint verifies the server and has no certificate to verify it by",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |part, endpoint| {
        if !endpoint.ssl_mode.starts_with("verify") {
            return Ok(Vec::new());
        }
        let why = match &endpoint.certificate {
            None => "names no certificate".to_owned(),
            Some(arn) => match part.dms.certificates.known()?.iter().find(|c| c.arn == *arn) {
                None => format!("names a certificate that is not there ({arn})"),
                Some(found) => match found.until.filter(|until| *until < facts.taken_at) {
                    Some(until) => format!("names a certificate that ended on {until:.0}"),
                    None => return Ok(Vec::new()),
                },
            },
        };
        let message = format!("The endpoint {} has SslMode {} and {why}", endpoint.identifier, endpoint.ssl_mode);
        let steps = vec![
            call(Cost::None, AwsCall::ImportCertificate { identifier: CERTIFICATE.to_owned() }),
            modify_endpoint(
                endpoint,
                &[("CertificateIdentifier", CERTIFICATE, None), ("SslMode", &endpoint.ssl_mode, None)],
            ),
        ];
        let fix = Fix::new(Mode::Confirm, format!("give {} the certificates of RDS", endpoint.identifier), steps);
        Ok(vec![Finding::new(&endpoint.identifier, message).saw("SslMode", &endpoint.ssl_mode).fix(fix)])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_endpoint};

    #[test]
    fn none_a_lost_one_and_an_old_one() {
        let mut facts = healthy_dms();
        target_endpoint(&mut facts).certificate = None;
        assert!(finding(&CHECK, &facts).message.ends_with("names no certificate"));
        assert_eq!(causes(&facts), ["TLS-005"]);
        target_endpoint(&mut facts).certificate = Some("arn:gone".into());
        assert!(finding(&CHECK, &facts).message.contains("is not there (arn:gone)"));
        let mut facts = healthy_dms();
        facts.taken_at = "2100-01-01T00:00:00Z".parse().unwrap();
        assert!(finding(&CHECK, &facts).message.contains("ended on"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.certificates = unseen());
    }
}
