//! A certificate authority for one set of throw-away servers.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
};

use super::error::ServerError;

/// Signs server certificates; its own certificate is in a file for clients.
#[derive(Debug)]
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, rcgen::KeyPair>,
    file: PathBuf,
}

/// A server's certificate and private key (PEM).
pub(super) struct KeyPair {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Authority {
    /// Makes an authority and writes its certificate to `file`.
    pub(super) fn new(file: &Path) -> Result<Self, ServerError> {
        let mut params = named("cdc-doctor throw-away authority", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = rcgen::KeyPair::generate().map_err(wrong)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(wrong)?;
        fs::write(file, issuer.pem()).map_err(ServerError::io(format!("write {}", file.display())))?;
        Ok(Self { issuer, file: file.to_owned() })
    }

    /// The authority's certificate.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// A certificate for `localhost` and 127.0.0.1.
    pub(super) fn issue(&self) -> Result<KeyPair, ServerError> {
        let mut params = named("localhost", &["localhost", "127.0.0.1"])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = rcgen::KeyPair::generate().map_err(wrong)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(wrong)?;
        Ok(KeyPair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn named(common_name: &str, hosts: &[&str]) -> Result<CertificateParams, ServerError> {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).map_err(wrong)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands the error over by value")]
fn wrong(error: rcgen::Error) -> ServerError {
    ServerError::Certificate(error.to_string())
}
