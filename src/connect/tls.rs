//! TLS: which authorities are trusted, what each mode verifies, and certificate errors in plain words.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::ConnectError;
use crate::facts::Stage;
use crate::pipeline::{Endpoint, TlsMode};

/// Certificate authorities of Amazon RDS and Aurora, all regions.
static RDS_BUNDLE: &[u8] = include_bytes!("../../assets/rds-ca/global-bundle.pem");

/// The certificate authorities of Amazon RDS and Aurora, as AWS publishes them (PEM).
#[must_use]
pub fn rds_bundle() -> &'static str {
    // The bundle is part of the program, and a test parses it.
    std::str::from_utf8(RDS_BUNDLE).unwrap_or_default()
}

/// The RDS authorities that parse; a certificate that does not is left out, the others still serve.
static RDS_ROOTS: LazyLock<Vec<CertificateDer<'static>>> = LazyLock::new(|| {
    CertificateDer::pem_slice_iter(RDS_BUNDLE)
        .filter_map(Result::ok)
        .filter(|der| RootCertStore::empty().add(der.clone()).is_ok())
        .collect()
});

/// Whether a certificate is one of Amazon RDS's authorities.
pub(crate) fn is_rds_authority(certificate: &CertificateDer<'_>) -> bool {
    RDS_ROOTS.iter().any(|root| root.as_ref() == certificate.as_ref())
}

/// The one crypto provider of the process.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

/// Makes the provider the process's default, which libraries that build their own TLS configuration ask for. Does
/// nothing when there is one already.
pub fn install_provider() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread was first, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

/// The authorities trusted beside the public ones: those of RDS and those of the endpoint's `ca_file`.
///
/// # Errors
/// The `ca_file` cannot be read or holds no certificate.
pub(super) fn extra_roots(endpoint: &Endpoint) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let mut roots = RDS_ROOTS.clone();
    if let Some(path) = &endpoint.ca_file {
        roots.extend(ca_file(path).map_err(|(message, advice)| {
            ConnectError::at(endpoint, Stage::Local, format!("ca_file {}: {message}", path.display()), Some(advice))
        })?);
    }
    Ok(roots)
}

fn ca_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, (String, &'static str)> {
    let bytes = std::fs::read(path).map_err(|e| {
        (format!("cannot be read: {e}"), "Correct the path, or remove ca_file: the RDS authorities are built in.")
    })?;
    let garbage = "It must hold certificates in PEM form, each between BEGIN CERTIFICATE and END CERTIFICATE.";
    let all: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|e| (format!("is not valid PEM: {e:?}"), garbage))?;
    if all.is_empty() {
        return Err(("holds no certificate".into(), garbage));
    }
    let usable: Vec<_> = all.into_iter().filter(|der| RootCertStore::empty().add(der.clone()).is_ok()).collect();
    if usable.is_empty() {
        return Err(("holds no certificate that can be parsed".into(), garbage));
    }
    Ok(usable)
}

/// The TLS configuration of an endpoint; `require` and `prefer` verify nothing, as in libpq.
///
/// # Errors
/// The `ca_file` cannot be used.
pub fn client_config(endpoint: &Endpoint) -> Result<ClientConfig, ConnectError> {
    let local = |e: rustls::Error| ConnectError::at(endpoint, Stage::Local, e.to_string(), None::<String>);
    let builder =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(local)?;
    let verifier: Arc<dyn ServerCertVerifier> = match endpoint.tls {
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => Arc::new(AnyCertificate { provider: provider() }),
        TlsMode::VerifyCa | TlsMode::VerifyFull => {
            let pinned = extra_roots(endpoint)?;
            let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            roots.add_parsable_certificates(pinned.iter().cloned());
            let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
                .build()
                .map_err(|e| local(rustls::Error::General(e.to_string())))?;
            Arc::new(Trusted { chain, pinned, name: endpoint.tls == TlsMode::VerifyFull })
        }
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Verifies nothing: encryption without knowing with whom.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // Without trust in the certificate its signature proves nothing; and certificates that the parser does not
    // take (version 1, as old MySQL servers make them) must do here.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Verifies the chain, and the name unless the mode is `verify-ca`.
#[derive(Debug)]
struct Trusted {
    chain: Arc<WebPkiServerVerifier>,
    /// A self-signed server certificate that is itself in the `ca_file` is trusted as it stands.
    pinned: Vec<CertificateDer<'static>>,
    name: bool,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let error = match self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        // The library looks at the name last, so a wrong name means that the chain is right.
        if names_differ(&error) && !self.name {
            return Ok(ServerCertVerified::assertion());
        }
        // It looks at the dates before it objects to a CA certificate as a server's own, so those are right too.
        if is_ca_certificate(&error) && self.pinned.iter().any(|der| der.as_ref() == end_entity.as_ref()) {
            if self.name {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

fn names_differ(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    )
}

fn is_ca_certificate(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(other))
        if format!("{other:?}").contains("CaUsedAsEndEntity"))
}

/// The TLS library's error inside a driver's error, if that is what it stands on.
pub(super) fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = find(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The names in the certificate that did not fit the host, if that was the error; otherwise nothing.
pub(super) fn presented_names(error: &rustls::Error) -> Option<Vec<String>> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => {
            Some(presented.iter().map(|name| plain_name(name)).collect())
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForName) => Some(Vec::new()),
        _ => None,
    }
}

/// `DnsName("a.example")` and `IpAddress(10.0.0.1)`, as the library writes them, to the name alone.
fn plain_name(presented: &str) -> String {
    let inner = presented.split_once('(').map_or(presented, |(_, rest)| rest.trim_end_matches(')'));
    inner.trim_matches('"').to_string()
}

/// A TLS failure as a person can use it: what happened, and what to do about it.
pub(super) fn refusal(endpoint: &Endpoint, error: &rustls::Error) -> ConnectError {
    let (message, advice) = match error {
        rustls::Error::InvalidCertificate(why) => certificate_words(endpoint, why, error),
        rustls::Error::InvalidMessage(_) => (
            "the answer to the TLS handshake was not TLS".to_string(),
            "Something between here and the server, or another kind of server, answers on this port.".to_string(),
        ),
        rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(_) => (
            format!("the TLS handshake failed: {error}"),
            "The server may offer only TLS 1.0 or 1.1, which are not safe and not spoken here; set its minimum to \
             TLS 1.2."
                .to_string(),
        ),
        other => (format!("the TLS handshake failed: {other}"), String::new()),
    };
    ConnectError::at(endpoint, Stage::Tls, message, (!advice.is_empty()).then_some(advice))
}

fn certificate_words(endpoint: &Endpoint, why: &CertificateError, error: &rustls::Error) -> (String, String) {
    let host = &endpoint.host;
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let when = match why {
                CertificateError::ExpiredContext { not_after, .. } => format!(" on {}", day(*not_after)),
                _ => String::new(),
            };
            (
                format!("the server's certificate expired{when}"),
                "Renew it on the server; on RDS choose a current certificate authority for the instance \
                 (aws rds modify-db-instance --ca-certificate-identifier rds-ca-rsa2048-g1)."
                    .to_string(),
            )
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let when = match why {
                CertificateError::NotValidYetContext { not_before, .. } => format!(" before {}", day(*not_before)),
                _ => " yet".to_string(),
            };
            (format!("the server's certificate is not valid{when}"), "Compare this machine's clock.".to_string())
        }
        CertificateError::UnknownIssuer => {
            let known = match &endpoint.ca_file {
                Some(path) => format!("a public one, nor one of Amazon RDS, nor one in {}", path.display()),
                None => "a public one nor one of Amazon RDS".to_string(),
            };
            (
                format!(
                    "the server's certificate is signed by an authority that is not trusted: it is neither {known}"
                ),
                "Put the certificate of the authority that signed it (PEM) into a file and name it as ca_file."
                    .to_string(),
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = presented_names(error).unwrap_or_default();
            let has = match names.as_slice() {
                [] => "it names no host at all".to_string(),
                names => format!("it is for {}", names.join(", ")),
            };
            let advice = match (names.as_slice(), endpoint.tls) {
                // Only the MySQL driver comes here: it checks no authority without a name.
                ([], TlsMode::VerifyCa) => {
                    "Give the server a certificate with a host name; one without cannot be verified. \
                     tls = \"require\" encrypts and verifies nothing."
                }
                ([], _) => {
                    "Give the server a certificate with its host name, or set tls = \"verify-ca\" to check the \
                     authority but not the name."
                }
                _ => {
                    "Connect by a name that is in the certificate, or set tls = \"verify-ca\" to check the authority \
                     but not the name."
                }
            };
            (format!("the server's certificate is not for the name \"{host}\": {has}"), advice.to_string())
        }
        _ if is_ca_certificate(error) => (
            "the server's own certificate is that of an authority (self-signed)".to_string(),
            "Name this certificate (PEM) as ca_file to trust it as it stands, or give the server one that an \
             authority signed."
                .to_string(),
        ),
        other => (format!("the server's certificate was not accepted: {other}"), String::new()),
    }
}

fn day(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|s| jiff::Timestamp::from_second(s).ok())
        .map_or_else(|| "an unreadable date".to_string(), |t| t.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(ca_file: Option<&Path>) -> Endpoint {
        Endpoint {
            host: "db.example".into(),
            port: 5432,
            database: "postgres".into(),
            user: "u".into(),
            password: None,
            tls: TlsMode::VerifyFull,
            ca_file: ca_file.map(Into::into),
            rds_instance: None,
        }
    }

    #[test]
    fn rds_authorities_are_built_in() {
        assert!(RDS_ROOTS.len() > 100, "only {} of the bundle parse", RDS_ROOTS.len());
        assert!(client_config(&endpoint(None)).is_ok());
    }

    #[test]
    fn an_unusable_ca_file_is_said_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no.pem");
        let error = client_config(&endpoint(Some(&missing))).unwrap_err();
        assert_eq!(error.refusal.stage, Stage::Local);
        assert!(error.to_string().contains("no.pem: cannot be read"), "{error}");
        for (text, says) in [
            ("not a certificate", "holds no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "can be parsed"),
            ("-----BEGIN CERTIFICATE-----\n*\n", "not valid PEM"),
        ] {
            std::fs::write(&missing, text).unwrap();
            let error = client_config(&endpoint(Some(&missing))).unwrap_err();
            assert!(error.to_string().contains(says), "{text:?} gave {error}");
        }
    }

    #[test]
    fn certificate_errors_are_plain_words_with_advice() {
        let name = rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("db.example").unwrap(),
            presented: vec!["DnsName(\"a.example\")".into(), "IpAddress(10.0.0.1)".into()],
        });
        let said = refusal(&endpoint(None), &name);
        assert_eq!(
            said.refusal.message,
            "the server's certificate is not for the name \"db.example\": it is for a.example, 10.0.0.1"
        );
        assert!(said.to_string().contains("verify-ca"));
        let expired = rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            time: UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000)),
            not_after: UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_700_000_000)),
        });
        assert!(refusal(&endpoint(None), &expired).refusal.message.ends_with("expired on 2023-11-14"));
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(refusal(&endpoint(None), &unknown).to_string().contains("ca_file"));
    }

    #[test]
    fn the_tls_error_is_found_inside_io_errors() {
        let inner = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let outer = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, inner.clone()));
        assert_eq!(find(&outer), Some(&inner));
        assert_eq!(find(&io::Error::other("plain")), None);
    }
}
