//! SRC-020: see the check's own explanation.

use super::aws_parts::NO_AWS;
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::{Action, Cost, Fix, Mode, Step};

check! {
    /// # What it looks at
    /// The host of the pipeline file and of the source endpoint against the addresses of the RDS proxies of the
    /// region.
    ///
    /// # Why it matters
    /// A proxy speaks the ordinary protocol only: logical replication is refused or hangs, although queries work.
    ///
    /// # How to fix it by hand
    /// Take the address of the instance or of the cluster's writer:
    ///
    /// ```sh
    /// aws rds describe-db-proxies --query 'DBProxies[].Endpoint'
    /// aws rds describe-db-instances --db-instance-identifier NAME --query 'DBInstances[].Endpoint.Address'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using PostgreSQL as a source"; Amazon RDS User Guide, "Amazon RDS Proxy limitations".
    code: "SRC-020",
    name: "source-behind-rds-proxy",
    area: Src,
    severity: Error,
    title: "The source is reached through an RDS proxy, which passes no replication on",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    let Some(aws) = &facts.aws else { return Ok(Verdict::NotApplicable(NO_AWS)) };
    if !facts.pipeline.sync.mode.has_cdc() {
        return Ok(Verdict::NotApplicable("no change is followed"));
    }
    let proxies = aws.proxies.known()?;
    let is_proxy = |host: &str| proxies.iter().any(|p| p.eq_ignore_ascii_case(host.trim_end_matches('.')));
    let mut findings = Vec::new();
    let host = &facts.pipeline.source.host;
    if is_proxy(host) {
        let direct = aws.source.instance.value().and_then(|i| i.as_ref()?.host.clone());
        let fix = match direct {
            Some(direct) => {
                let step = Step::new(Cost::None, Action::edit("source.host", direct));
                Fix::new(
                    Mode::Confirm,
                    "take the instance's own address",
                    vec![step.undo(Action::edit("source.host", host))],
                )
            }
            None => {
                Fix::manual("take the instance's own address", ["Set host in [source] to the instance's own address."])
            }
        };
        findings.push(Finding::new("source.host", format!("{host} is an RDS proxy")).fix(fix));
    }
    let named = facts.pipeline.dms.as_ref().and_then(|dms| aws.dms.endpoint(&dms.source_endpoint).ok().flatten());
    if let Some((endpoint, host)) = named.and_then(|e| Some((e, e.host.as_deref()?))).filter(|(_, host)| is_proxy(host))
    {
        let message = format!("The endpoint {} points at {host}, an RDS proxy", endpoint.identifier);
        let todo = "Set ServerName to the address of the instance or of the cluster's writer.";
        findings.push(
            Finding::new(&endpoint.identifier, message).fix(Fix::manual("take the instance's own address", [todo])),
        );
    }
    Ok(Verdict::from_findings(findings))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{findings, unseen};
    use crate::checks::testing_aws::{assert_around, aws, healthy_dms, source_endpoint};
    use crate::facts::Fact;
    use crate::fixes::Action;

    #[test]
    fn a_proxy_in_the_file_and_on_the_endpoint() {
        let mut facts = healthy_dms();
        let proxy = "p.proxy-abc.eu-west-2.rds.amazonaws.com";
        aws(&mut facts).proxies = Fact::Known(vec![proxy.into()]);
        facts.pipeline.source.host = proxy.into();
        source_endpoint(&mut facts).host = Some(proxy.into());
        let found = findings(&CHECK, &facts);
        assert_eq!(found.len(), 2);
        let direct = "charts.abc.eu-west-2.rds.amazonaws.com";
        assert_eq!(found[0].fix.as_ref().unwrap().steps[0].action, Action::edit("source.host", direct));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.proxies = unseen());
    }
}
