//! Certificates that endpoints trust.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::{ACCOUNT, seconds};
use crate::lab::aws::page::{dms_page, filter};
use crate::lab::aws::records::text;

/// The member that holds the ARN.
pub(super) const ARN: &str = "CertificateArn";
const ID: &str = "CertificateIdentifier";

/// `ImportCertificate`: PEM only; a wallet is for Oracle.
pub(super) fn import(account: &Account, input: &Input) -> Answer {
    let name = super::identifier(input, ID)?;
    let pem = input.text("CertificatePem").unwrap_or_default();
    let sound = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    if !sound.is_ok_and(|all| !all.is_empty()) {
        return Err(AwsError::bad("InvalidCertificateFault", "The certificate was not valid: it is not PEM."));
    }
    let mut state = account.state();
    if state.dms.certificates.find(ID, &name).is_some() {
        return Err(AwsError::exists(format!("Certificate {name} already exists.")));
    }
    let arn = super::new_arn(account, "cert", input);
    let certificate = json!({
        ID: name, ARN: arn, "CertificatePem": pem, "CertificateOwner": ACCOUNT, "SigningAlgorithm": "SIMULATION",
        "CertificateCreationDate": seconds(Timestamp::now()),
    });
    state.dms.tags.insert(arn, input.tags());
    state.dms.certificates.push(certificate.clone());
    Ok(json!({ "Certificate": certificate }))
}

/// Whether one of the certificates is an authority of RDS.
pub(super) fn is_of_rds(pem: &str) -> bool {
    CertificateDer::pem_slice_iter(pem.as_bytes()).flatten().any(|der| crate::connect::tls::is_rds_authority(&der))
}

/// `DescribeCertificates`.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let all = account.state().dms.certificates.all();
    dms_page(filter(all, input, &[("certificate-arn", ARN), ("certificate-id", ID)])?, "Certificates", input)
}

/// `DeleteCertificate`: not while an endpoint has it.
pub(super) fn delete(account: &Account, input: &Input) -> Answer {
    let arn = input.required(ARN)?;
    let mut state = account.state();
    let certificate = find(&state.dms, arn)?.clone();
    if state.dms.endpoints.iter().any(|endpoint| text(endpoint, ARN) == arn) {
        return Err(AwsError::state(format!("Certificate {arn} is in use by an endpoint.")));
    }
    state.dms.certificates.remove(ARN, arn);
    Ok(json!({ "Certificate": certificate }))
}

/// A certificate by its ARN.
pub(super) fn find<'a>(state: &'a super::State, arn: &str) -> Result<&'a Value, AwsError> {
    state.certificates.find(ARN, arn).ok_or_else(|| AwsError::not_found(format!("Certificate not found: {arn}")))
}
