//! NET-001: see the check's own explanation.

use super::aws_fixes::modify_endpoint;
use super::aws_parts::{OnRds, with_endpoints};
use super::tls_007_name_not_in_certificate::verifies_alias;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// The `ServerName` of each endpoint against the address of the RDS instance (or its cluster's writer) that the
    /// pipeline names, and for spaces, a scheme or a port inside it. An alias whose name is verified is told by TLS-007.
    ///
    /// # Why it matters
    /// The endpoint reaches nothing, or another database: an old instance, a reader, a copy. A stray port or space in
    /// the host shows as `Incorrect thread connection string`.
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws rds describe-db-instances --db-instance-identifier NAME --query 'DBInstances[].Endpoint'
    /// aws dms modify-endpoint --endpoint-arn ARN --server-name HOST
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks"; Amazon RDS API Reference, `Endpoint`.
    code: "NET-001",
    name: "endpoint-host-is-not-the-published-one",
    area: Net,
    severity: Error,
    title: "A DMS endpoint points at another host than the one that RDS publishes",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_endpoints(facts, |_, endpoint| {
        let side = if endpoint.side == "source" { "source" } else { "target" };
        let Some(host) = endpoint.host.as_ref().filter(|_| !verifies_alias(endpoint)) else { return Ok(Vec::new()) };
        let Some(on_rds) = OnRds::of(facts, side)? else { return Ok(Vec::new()) };
        let cluster = on_rds.rds.cluster.value().and_then(Option::as_ref).and_then(|c| c.host.as_ref());
        let published: Vec<&String> = cluster.into_iter().chain(on_rds.instance.host.as_ref()).collect();
        let Some(right) = published.first() else { return Ok(Vec::new()) };
        if published.iter().any(|p| p.eq_ignore_ascii_case(host)) {
            return Ok(Vec::new());
        }
        let message = format!(
            "The endpoint {} points at {host}; RDS publishes {} at {right}",
            endpoint.identifier, on_rds.instance.identifier
        );
        let step = modify_endpoint(endpoint, &[("ServerName", right, Some(host))]);
        let fix = Fix::new(Mode::Confirm, format!("set ServerName on {}", endpoint.identifier), vec![step]);
        Ok(vec![Finding::new(&endpoint.identifier, message).saw("ServerName", host).saw("published", *right).fix(fix)])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, causes, finding, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, rds_cluster, source_endpoint};
    use crate::facts::Fact;

    #[test]
    fn another_host_is_replaced_by_the_published_one() {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).host = Some("charts.abc.eu-west-2.rds.amazonaws.com:5432".into());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("--server-name charts.abc.eu-west-2.rds.amazonaws.com"));
        assert_eq!(causes(&facts), ["NET-001"]);
    }

    #[test]
    fn the_writer_of_a_cluster_will_do() {
        let mut facts = healthy_dms();
        let cluster = rds_cluster("c", "charts-source");
        source_endpoint(&mut facts).host = cluster.host.clone();
        aws(&mut facts).source.cluster = Fact::Known(Some(cluster));
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
