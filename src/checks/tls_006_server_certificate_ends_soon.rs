//! TLS-006: see the check's own explanation.

use jiff::{SignedDuration, Timestamp};

use super::aws_parts::{OnRds, with_rds};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `CertificateDetails.ValidTill` of both RDS instances, and the validity of the imported certificates that the
    /// endpoints use.
    ///
    /// # Why it matters
    /// From that day on, clients that verify refuse to connect, DMS among them; on some engines the rotation restarts
    /// the instance.
    ///
    /// # How to fix it by hand
    /// Import the new authority into DMS first, then rotate:
    ///
    /// ```sh
    /// aws rds modify-db-instance --db-instance-identifier NAME --ca-certificate-identifier rds-ca-rsa2048-g1 \
    ///   --apply-immediately
    /// ```
    ///
    /// # Source
    /// Amazon RDS User Guide, "Rotating your SSL/TLS certificate".
    code: "TLS-006",
    name: "server-certificate-ends-soon",
    area: Tls,
    severity: Warning,
    title: "The certificate of an RDS instance, or one imported into DMS, ends within 60 days",
    after: ["IAM-001"],
}

/// How early it is told.
const AHEAD: SignedDuration = SignedDuration::from_hours(60 * 24);

fn judge(facts: &Facts) -> Judged {
    with_rds(facts, |side| {
        let soon = side.instance.certificate_until.filter(|until| *until < facts.taken_at + AHEAD);
        Ok(soon.map(|until| finding(side, until)).into_iter().collect())
    })
}

fn finding(side: &OnRds<'_>, until: Timestamp) -> Finding {
    let name = &side.instance.identifier;
    let day = until.strftime("%Y-%m-%d").to_string();
    let rotate = format!(
        "aws rds modify-db-instance --db-instance-identifier {name} --ca-certificate-identifier rds-ca-rsa2048-g1 \
         --apply-immediately (on some engines this restarts the instance)"
    );
    Finding::new(name, format!("The certificate of {name} ends on {day}"))
        .saw("authority", side.instance.ca.as_deref().unwrap_or("unknown"))
        .saw("valid until", day)
        .fix(Fix::manual("rotate the certificate", [rotate]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use jiff::SignedDuration;

    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, source_rds};

    #[test]
    fn sixty_days_before_it_is_told() {
        let mut facts = healthy_dms();
        source_rds(&mut facts).certificate_until = Some(facts.taken_at + SignedDuration::from_hours(24 * 59));
        assert!(finding(&CHECK, &facts).message.contains("ends on 1970-03-01"));
        source_rds(&mut facts).certificate_until = Some(facts.taken_at + SignedDuration::from_hours(24 * 61));
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.source.instance = unseen());
    }
}
