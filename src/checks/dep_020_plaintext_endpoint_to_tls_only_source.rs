//! DEP-020: see the check's own explanation.

use super::aws_fixes::{modify_endpoint, set_parameter, test_connection};
use super::aws_parts::{OnRds, Part, with_source};
use super::logins::Logins;
use super::tls_001_plaintext_to_tls_only_source::tls_is_the_way_in;
use super::vantage::{side_by_side, test_of};
use super::{Finding, Judged};
use crate::decode::decode;
use crate::facts::aws::DmsEndpoint;
use crate::facts::{Facts, Unknown};
use crate::fixes::{Fix, Mode};

check! {
    /// # What it looks at
    /// The endpoint's `SslMode`, and whether the source demands TLS: seen from this machine by trying both ways, in
    /// the parameter group (`rds.force_ssl`), in the running server, and in the words of DMS's own connection test.
    /// Both vantage points are shown: this machine, and the replication instance.
    ///
    /// # Why it matters
    /// The connection test fails with `no pg_hba.conf entry for host …, no encryption`, although the same login works
    /// elsewhere: `psql` and most clients upgrade to TLS by themselves (`sslmode=prefer`), a DMS endpoint with
    /// `SslMode` none never does. RDS for PostgreSQL 15 and later has `rds.force_ssl = 1` by default.
    ///
    /// # How to fix it by hand
    /// Give the endpoint TLS. Nothing changes on the source and nothing is rebooted:
    ///
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --ssl-mode require
    /// aws dms test-connection --replication-instance-arn ARN --endpoint-arn ARN
    /// ```
    ///
    /// The other way is `rds.force_ssl = 0` in a parameter group of your own: passwords and rows then travel in
    /// clear, for every client.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using SSL with AWS Database Migration Service"; Amazon RDS User Guide, "Using SSL with a
    /// PostgreSQL DB instance".
    code: "DEP-020",
    name: "plaintext-endpoint-to-tls-only-source",
    area: Dep,
    severity: Error,
    title: "The source endpoint of DMS connects without TLS, and the source takes only TLS connections",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_source(facts, |part, endpoint| {
        if endpoint.ssl_mode != "none" || !demanded(facts, part, endpoint)? {
            return Ok(Vec::new());
        }
        let here = facts.source.configured.accepted();
        let why = if here { ": a client here upgrades to TLS by itself, the endpoint will not" } else { "" };
        let message =
            format!("The endpoint {} connects without TLS, and the source takes only TLS{why}", endpoint.identifier);
        let mut finding = Finding::new(&endpoint.identifier, message).saw("SslMode", &endpoint.ssl_mode);
        if let Some(parameter) = part.aws.source.parameters.value().and_then(|p| p.get("rds.force_ssl")) {
            let value = parameter.value.as_deref().unwrap_or("the engine's default");
            finding = finding.saw("rds.force_ssl", format!("{value} in {}", parameter.group));
        }
        let finding = side_by_side(facts, part, endpoint, finding);
        Ok(vec![finding.fix(remedy(facts, part, endpoint)?)])
    })
}

/// Whether the source demands TLS, by whatever tells; unknown only where nothing does.
fn demanded(facts: &Facts, part: &Part<'_>, endpoint: &DmsEndpoint) -> Result<bool, Unknown> {
    let failure = test_of(part, endpoint).ok().flatten().and_then(|t| t.failure.as_deref());
    if failure.and_then(decode).is_some_and(|d| d.code == "TLS-001") {
        return Ok(true);
    }
    let in_force = facts.source.settings.value().and_then(|s| s.get("rds.force_ssl")).map(|s| s.value.as_str());
    if let Some(value) = in_force {
        return Ok(matches!(value, "1" | "on"));
    }
    let group = part.aws.source.parameters.value().and_then(|p| p.get("rds.force_ssl"));
    match group.and_then(|p| p.value.as_deref()) {
        Some(value) => Ok(value == "1"),
        None => tls_is_the_way_in(&Logins::source(facts), facts.pipeline.source.tls),
    }
}

fn remedy(facts: &Facts, part: &Part<'_>, endpoint: &DmsEndpoint) -> Result<Fix, Unknown> {
    let mut steps = vec![modify_endpoint(endpoint, &[("SslMode", "require", Some("none"))])];
    if let Some(instance) = part.dms.instance(part.names)? {
        steps.push(test_connection(instance, endpoint));
    }
    let fix = Fix::new(Mode::Auto, format!("set SslMode require on the endpoint {}", endpoint.identifier), steps);
    let other = OnRds::of(facts, "source")?.and_then(|side| set_parameter(&side, "rds.force_ssl", "0"));
    Ok(match other {
        Some(other) => {
            let commands: Vec<String> = other.steps.iter().map(|s| s.action.describe()).collect();
            fix.or(format!("let plaintext in (passwords and rows then travel in clear): {}", commands.join("; ")))
        }
        None => fix,
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, causes, finding, unseen};
    use crate::checks::testing_aws::{
        assert_around, aws, healthy_dms, source_connection, source_endpoint, source_parameter,
    };
    use crate::facts::{Fact, Facts};
    use crate::fixes::{Cost, Mode};

    const FAILED: &str = "Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect Network \
        error has occurred, Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 NativeError: 101 Message: \
        FATAL: no pg_hba.conf entry for host \"10.0.0.7\", user \"cdc\", database \"music\", no encryption";

    fn broken() -> Facts {
        let mut facts = healthy_dms();
        source_endpoint(&mut facts).ssl_mode = "none".into();
        let test = source_connection(&mut facts);
        (test.status, test.failure) = ("failed".into(), Some(FAILED.into()));
        facts
    }

    #[test]
    fn both_vantage_points_stand_side_by_side_and_tls_comes_first() {
        let facts = broken();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("a client here upgrades to TLS by itself, the endpoint will not"));
        let saw = |what: &str| found.evidence.iter().find(|(w, _)| w == what).map(|(_, v)| v.as_str());
        assert_eq!(saw("rds.force_ssl"), Some("1 in charts-pg15"));
        assert_eq!(saw("this machine"), Some("accepted TLSv1.3"));
        assert!(saw("replication instance").unwrap().starts_with("failed: FATAL: no pg_hba.conf entry"));
        let fix = found.fix.unwrap();
        assert_eq!((fix.mode, fix.cost()), (Mode::Auto, Cost::None));
        assert!(fix.steps[0].action.describe().ends_with("--ssl-mode require"));
        assert!(fix.steps[1].action.describe().starts_with("aws dms test-connection"));
        assert!(fix.alternatives[0].contains("ParameterName=rds.force_ssl,ParameterValue=0"));
        assert_eq!(causes(&facts), ["DEP-020"], "the failed test stands behind it");
    }

    #[test]
    fn the_group_alone_tells_where_the_source_cannot_be_asked() {
        let mut facts = broken();
        aws(&mut facts).dms.connections = Fact::Known(Vec::new());
        facts.source.settings = unseen();
        finding(&CHECK, &facts);
        source_parameter(&mut facts, "rds.force_ssl").value = Some("0".into());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
