//! TLS-012: see the check's own explanation.

use super::logins::{describe, on_rds, words};
use super::{Finding, Judged, Verdict};
use crate::facts::{Attempt, Facts, Refusal, Stage};
use crate::fixes::Fix;
use crate::pipeline::{Endpoint, TlsMode};

check! {
    /// # What it looks at
    /// Whether the login to a source of your own fails because its certificate is self-signed, or is signed by an
    /// authority that nobody has named, while a login with TLS that verifies nothing gets further.
    ///
    /// # Why it matters
    /// `verify-ca` and `verify-full` trust the public authorities, those of Amazon RDS, and what `ca_file` names. DMS
    /// trusts no authority by itself: its endpoint needs the same certificate imported.
    ///
    /// # How to fix it by hand
    /// Have the certificate of the authority, with those between it and the server's in one PEM file, from whoever runs
    /// the server, or see what the server sends:
    ///
    /// ```sh
    /// openssl s_client -starttls postgres -connect pg.example.com:5432 -showcerts </dev/null
    /// aws dms import-certificate --certificate-identifier own-ca --certificate-pem file://chain.pem   # for DMS
    /// ```
    ///
    /// Compare it over another way than the network that you want to guard. Then name the file as `ca_file` in
    /// `[source]`. `tls = "require"` encrypts and does not check who answers; it is what DMS takes for self-signed ones.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using SSL with AWS Database Migration Service". Tried on PostgreSQL 15 and 17.
    code: "TLS-012",
    name: "private-authority-unknown",
    area: Tls,
    severity: Warning,
    title: "The source's certificate is of an authority that is not named",
    after: ["NET-020"],
}

fn judge(facts: &Facts) -> Judged {
    let endpoint = &facts.pipeline.source;
    if !matches!(endpoint.tls, TlsMode::VerifyCa | TlsMode::VerifyFull) || on_rds(endpoint) {
        return Ok(Verdict::NotApplicable("no server of your own is verified: tls says so, or the source is on RDS"));
    }
    let Some(refusal) = facts.source.configured.outcome()?.filter(|r| is_untrusted(r)) else {
        return Ok(Verdict::Pass);
    };
    match &facts.source.encrypted {
        // TLS fails for another reason too.
        Attempt::Refused(other) if other.stage != Stage::Login => Ok(Verdict::Pass),
        Attempt::NotTried(why) => Err(why.clone()),
        encrypted => Ok(Verdict::Fail(vec![finding(endpoint, refusal).saw("not verified", describe(encrypted))])),
    }
}

/// The authority is at fault, not the name or the date.
fn is_untrusted(refusal: &Refusal) -> bool {
    let of_authority = ["signed by an authority that is not trusted", "is that of an authority (self-signed)"];
    refusal.stage == Stage::Tls && of_authority.iter().any(|words| refusal.message.contains(words))
}

fn finding(endpoint: &Endpoint, refusal: &Refusal) -> Finding {
    let Endpoint { host, port, .. } = endpoint;
    let message = format!("The certificate of {host} is of an authority that the pipeline file does not name");
    let fix = Fix::manual(
        "name the authority",
        [
            format!("See what the server sends: openssl s_client -starttls postgres -connect {host}:{port} -showcerts"),
            "Put the authority's certificate, with those between, into one PEM file: ca_file in [source].".to_owned(),
            "For DMS, import the same file, and name it on the endpoint.".to_owned(),
        ],
    );
    let fix = fix.or("tls = \"require\" in [source], which encrypts and does not check who answers");
    Finding::new("source.ca_file", message).saw("as configured", words(refusal)).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_rds, not_tried, refused,
    };
    use crate::facts::{Attempt, Facts, Refusal, Stage};
    use crate::pipeline::TlsMode;

    fn untrusted(message: &str) -> Facts {
        let mut facts = healthy();
        facts.source.configured =
            Attempt::Refused(Refusal { stage: Stage::Tls, code: None, message: message.into(), detail: None });
        facts
    }

    const SELF_SIGNED: &str = "the server's own certificate is that of an authority (self-signed)";

    #[test]
    fn an_authority_that_nobody_named_is_the_only_cause() {
        let facts = untrusted(SELF_SIGNED);
        assert!(finding(&CHECK, &facts).evidence[1].1.starts_with("accepted"));
        assert_eq!(causes(&facts), ["TLS-012"]);
        finding(&CHECK, &untrusted("the server's certificate is signed by an authority that is not trusted: it is …"));
    }

    #[test]
    fn a_name_or_a_date_and_a_handshake_that_fails_anyway_are_other_matters() {
        assert_pass(&CHECK, &untrusted("the server's certificate expired on 2020-01-01"));
        let mut facts = untrusted(SELF_SIGNED);
        facts.source.encrypted = facts.source.configured.clone();
        assert_pass(&CHECK, &facts);
        facts.source.encrypted = refused("28P01", "password authentication failed for user \"cdc\"");
        finding(&CHECK, &facts);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.configured = not_tried();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy_rds());
        facts.pipeline.source.tls = TlsMode::Require;
        assert_not_applicable(&CHECK, &facts);
    }
}
