//! What the tries to log in say together, for the checks of either side.

use super::Finding;
use crate::facts::{Attempt, Facts, Refusal, Stage, Unknown, UnknownKind};
use crate::pipeline::Endpoint;
use crate::quote::pg_ident;

/// The three tries on one side.
#[derive(Clone, Copy)]
pub(super) struct Logins<'a> {
    /// As the pipeline file says.
    pub configured: &'a Attempt,
    /// With TLS, certificate not verified.
    pub encrypted: &'a Attempt,
    /// Without TLS.
    pub plaintext: &'a Attempt,
}

impl<'a> Logins<'a> {
    /// The source's.
    pub fn source(facts: &'a Facts) -> Self {
        let side = &facts.source;
        Self { configured: &side.configured, encrypted: &side.encrypted, plaintext: &side.plaintext }
    }

    /// The target's.
    pub fn target(facts: &'a Facts) -> Self {
        let side = &facts.target;
        Self { configured: &side.configured, encrypted: &side.encrypted, plaintext: &side.plaintext }
    }

    /// The first refusal of the kind asked for. A login that works as configured has no fault, whatever the other
    /// tries met.
    ///
    /// # Errors
    /// No try was refused in this way, and some were not made.
    pub fn refused(&self, kind: impl Fn(&Refusal) -> bool) -> Result<Option<&'a Refusal>, Unknown> {
        if self.configured.accepted() {
            return Ok(None);
        }
        let all = [self.configured, self.encrypted, self.plaintext];
        if let Some(refusal) = all.iter().filter_map(|a| a.refusal()).find(|r| kind(r)) {
            return Ok(Some(refusal));
        }
        match all.iter().find_map(|a| a.outcome().err().filter(|why| why.kind == UnknownKind::Pending)) {
            Some(pending) => Err(pending),
            None => self.configured.outcome().map(|_| None),
        }
    }

    /// The first refusal of the kind asked for, where a try with TLS does not get past that either.
    ///
    /// # Errors
    /// As [`refused`](Self::refused), or TLS was not tried.
    pub fn refused_with_tls_too(&self, kind: impl Fn(&Refusal) -> bool) -> Result<Option<&'a Refusal>, Unknown> {
        let Some(refusal) = self.refused(&kind)? else { return Ok(None) };
        let tls_helps = match self.encrypted {
            Attempt::Accepted { .. } => true,
            Attempt::Refused(r) => r.stage != Stage::Tls && !kind(r),
            Attempt::NotTried(why) => return Err(why.clone()),
        };
        Ok((!tls_helps).then_some(refusal))
    }

    /// The finding with both probes as evidence.
    pub fn seen_by(&self, finding: Finding) -> Finding {
        finding.saw("without TLS", describe(self.plaintext)).saw("with TLS", describe(self.encrypted))
    }
}

/// `accepted TLSv1.3`, or the refusal in the server's words.
pub(super) fn describe(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Accepted { tls: Some(version) } => format!("accepted {version}"),
        Attempt::Accepted { tls: None } => "accepted".to_owned(),
        Attempt::Refused(refusal) => format!("refused {}", words(refusal)),
        Attempt::NotTried(why) => format!("not tried: {}", why.reason),
    }
}

/// Code, message and detail of a refusal.
pub(super) fn words(refusal: &Refusal) -> String {
    let mut out = String::new();
    if let Some(code) = &refusal.code {
        out.push_str(code);
        out.push(' ');
    }
    out.push_str(&refusal.message);
    if let Some(detail) = &refusal.detail {
        out.push_str(" (");
        out.push_str(detail);
        out.push(')');
    }
    out
}

/// The refusal carries this SQLSTATE or error number.
pub(super) fn has_code(refusal: &Refusal, code: &str) -> bool {
    refusal.code.as_deref() == Some(code)
}

/// PostgreSQL found no line in `pg_hba.conf`.
pub(super) fn no_hba_entry(refusal: &Refusal) -> bool {
    has_code(refusal, "28000") && refusal.message.contains("no pg_hba.conf entry for host")
}

/// A line of `pg_hba.conf` with the method `reject` was the first that fits.
pub(super) fn hba_rejects(refusal: &Refusal) -> bool {
    has_code(refusal, "28000") && refusal.message.contains("pg_hba.conf rejects connection for host")
}

/// The client's address as a refusal by `pg_hba.conf` names it first.
pub(super) fn refused_address(refusal: &Refusal) -> &str {
    refusal.message.split('"').nth(1).unwrap_or("ADDRESS")
}

/// The line of `pg_hba.conf` that lets the endpoint's login in from an address, with TLS.
pub(super) fn hba_line(endpoint: &Endpoint, from: &str) -> String {
    let bits = if from.contains(':') { 128 } else { 32 };
    let (database, user) = (pg_ident(&endpoint.database), pg_ident(&endpoint.user));
    format!("hostssl {database} {user} {from}/{bits} scram-sha-256")
}

/// The endpoint is on Amazon RDS or Aurora, as far as the pipeline file tells.
pub(super) fn on_rds(endpoint: &Endpoint) -> bool {
    let host = endpoint.host.trim_end_matches('.').to_ascii_lowercase();
    endpoint.rds_instance.is_some() || host.ends_with(".rds.amazonaws.com") || host.ends_with(".rds.amazonaws.com.cn")
}
