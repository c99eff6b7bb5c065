//! TLS-007: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{OnRds, only, with_endpoints};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::DmsEndpoint;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// `ServerName` of endpoints with `verify-full` to a database on RDS: an alias of one's own, or an address.
    ///
    /// # Why it matters
    /// The certificate of RDS names the addresses that RDS publishes. `verify-full` compares, and refuses all others.
    ///
    /// # How to fix it by hand
    /// Name the published address, or be content with `verify-ca`:
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --server-name PUBLISHED
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using SSL with AWS Database Migration Service".
    code: "TLS-007",
    name: "name-not-in-certificate",
    area: Tls,
    severity: Error,
    title: "An endpoint verifies the server's name, and uses one that is not in its certificate",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let side = if endpoint.side == "source" { "source" } else { "target" };
        let Some(on_rds) = OnRds::of(facts, side)?.filter(|_| verifies_alias(endpoint)) else { return Ok(Vec::new()) };
        let cluster = on_rds.rds.cluster.value().and_then(Option::as_ref).and_then(|c| c.host.as_ref());
        let host = endpoint.host.as_deref().unwrap_or_default();
        let published = cluster.or(on_rds.instance.host.as_ref());
        // A simulated RDS publishes names of its own.
        let other = |published: &&String| !published.eq_ignore_ascii_case(host.trim_end_matches('.'));
        only(published.filter(other).map(|published| {
            let message =
                format!("{} verifies the name {host}; the certificate names {published}", endpoint.identifier);
            let step = modify_endpoint(endpoint, &[("ServerName", published, Some(host))]);
            let fix = Fix::new(Mode::Confirm, format!("set ServerName on {}", endpoint.identifier), vec![step]);
            Finding::new(&endpoint.identifier, message).saw("ServerName", host).fix(fix)
        }))
    })
}

/// It verifies a name that cannot be in a certificate of RDS.
pub(super) fn verifies_alias(endpoint: &DmsEndpoint) -> bool {
    let host = endpoint.host.as_deref().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let of_rds = [".rds.amazonaws.com", ".rds.amazonaws.com.cn"].iter().any(|end| host.ends_with(end));
    endpoint.ssl_mode == "verify-full" && !host.is_empty() && !of_rds
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_endpoint, target_rds};

    #[test]
    fn an_alias_is_not_in_the_certificate() {
        let mut facts = healthy_dms();
        target_endpoint(&mut facts).ssl_mode = "verify-full".into();
        assert_pass(&CHECK, &facts);
        target_endpoint(&mut facts).host = Some("db.charts.example".into());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let what = fix.steps[0].action.describe();
        assert!(what.ends_with("--server-name charts-mysql.abc.eu-west-2.rds.amazonaws.com"), "{what}");
        assert_eq!(causes(&facts), ["TLS-007"]);
    }

    #[test]
    fn the_name_that_rds_publishes_is_no_alias() {
        let mut facts = healthy_dms();
        target_endpoint(&mut facts).ssl_mode = "verify-full".into();
        target_endpoint(&mut facts).host = Some("Localhost.".into());
        assert_eq!(finding(&CHECK, &facts).evidence[0].1, "Localhost.");
        target_rds(&mut facts).host = Some("localhost".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
