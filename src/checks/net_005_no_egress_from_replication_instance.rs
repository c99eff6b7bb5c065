//! NET-005: see the check's own explanation.

use ipnet::IpNet;

use super::reach::{Here, covers, lets_through, listed, nets, with_network};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::facts::aws::{DmsEndpoint, Permission};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// What the security groups of the replication instance let out: to the port of each database on RDS, and, where
    /// an endpoint takes its password from Secrets Manager or writes to S3, to port 443. Where the last connection test
    /// passed, nothing is said of that endpoint. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// A new security group lets everything out; one that was tightened forgets one of these ports easily. The
    /// connection test ends in a timeout, or with `secrets_manager get secret value failed: curlCode: 28, Timeout was
    /// reached`.
    ///
    /// # How to fix it by hand
    /// `aws ec2 authorize-security-group-egress --group-id GROUP --protocol tcp --port PORT --cidr NETWORK`.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks"; "Using secrets to access AWS DMS endpoints".
    code: "NET-005",
    name: "no-egress-from-replication-instance",
    area: Net,
    severity: Error,
    title: "The security groups of the replication instance do not let it out to where it must go",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_network(facts, |here| {
        let groups = here.network.groups(&here.instance.security_groups)?;
        let out: Vec<&Permission> = groups.iter().flat_map(|g| &g.egress).collect();
        let mut findings = Vec::new();
        for goal in here.goals(facts)? {
            let subnets = here.network.subnets(&goal.rds.subnets)?;
            let peers: Vec<IpNet> = nets(subnets.iter().map(|s| &s.cidr)).into_iter().chain(goal.addresses).collect();
            if !lets_through(&out, goal.port, &peers, &goal.rds.security_groups) {
                findings.push(finding(
                    here,
                    goal.port,
                    &format!("the {}", goal.side),
                    "--cidr NETWORK_OF_THE_DATABASE",
                ));
            }
        }
        let services = services(&here.unreached()?);
        if !services.is_empty() && !out.iter().any(|p| covers(p, 443)) {
            findings.push(finding(here, 443, &services.join(" and "), "--cidr 0.0.0.0/0"));
        }
        Ok(findings)
    })
}

/// What is spoken to by HTTPS from inside the VPC.
fn services(endpoints: &[&DmsEndpoint]) -> Vec<&'static str> {
    let secret = endpoints.iter().any(|e| e.secret.is_some()).then_some("Secrets Manager");
    let s3 = endpoints.iter().any(|e| e.s3.is_some()).then_some("S3");
    [secret, s3].into_iter().flatten().collect()
}

fn finding(here: &Here<'_>, port: u16, to: &str, peer: &str) -> Finding {
    let instance = here.instance;
    let groups = listed(instance.security_groups.iter().map(String::as_str));
    let message = format!("Nothing in {groups} lets {} out to port {port} of {to}", instance.identifier);
    let command = format!(
        "aws ec2 authorize-security-group-egress --region {} --group-id {} --protocol tcp --port {port} {peer}",
        here.region(),
        instance.security_groups.first().map_or("GROUP", String::as_str)
    );
    Finding::new(&instance.identifier, message).fix(Fix::manual("let it out", [command]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, findings, unseen};
    use crate::checks::testing_aws::{assert_around_network, known, network, source_endpoint, untested};

    #[test]
    fn to_a_database_by_network_or_by_group() {
        let mut facts = untested();
        let out = &mut known(&mut network(&mut facts).security_groups)[1].egress[0];
        (out.protocol, out.ports, out.cidrs) = ("tcp".into(), Some((5432, 5432)), vec!["10.0.1.0/24".into()]);
        assert!(finding(&CHECK, &facts).message.ends_with("out to port 3306 of the target"));
        let out = &mut known(&mut network(&mut facts).security_groups)[1].egress[0];
        (out.ports, out.cidrs, out.groups) = (Some((3000, 6000)), Vec::new(), vec!["sg-1".into()]);
        assert_pass(&CHECK, &facts);
        known(&mut network(&mut facts).security_groups)[1].egress.clear();
        assert_eq!(findings(&CHECK, &facts).len(), 2);
    }

    #[test]
    fn to_secrets_manager_where_a_password_is_kept_there() {
        let mut facts = untested();
        let out = &mut known(&mut network(&mut facts).security_groups)[1].egress[0];
        (out.protocol, out.ports) = ("tcp".into(), Some((3306, 5432)));
        assert_pass(&CHECK, &facts);
        source_endpoint(&mut facts).secret = Some("charts".into());
        assert!(finding(&CHECK, &facts).message.ends_with("out to port 443 of Secrets Manager"));
    }

    #[test]
    fn around() {
        assert_around_network(&CHECK, |network| network.security_groups = unseen());
    }
}
