//! NET-013: see the check's own explanation.

use super::reach::{Here, lets_through, with_network};
use super::{Finding, Judged};
use crate::facts::aws::{Permission, VpcEndpoint};
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Where an endpoint takes its password from Secrets Manager: whether the replication instance's subnet has a way
    /// there: an interface endpoint with private DNS whose security groups let the instance in to port 443, or a
    /// default route (to an internet gateway only for an instance with a public address). An endpoint with
    /// `secretsManagerEndpointOverride` goes its own way; of one whose last connection test passed, nothing is said.
    /// Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// The replication instance reads the secret itself, through your VPC. Without a way, the connection test ends with
    /// `Unable to find Secrets Manager secret` and `curlCode: 28, Timeout was reached`.
    ///
    /// # How to fix it by hand
    /// `aws ec2 create-vpc-endpoint --vpc-endpoint-type Interface --service-name
    /// com.amazonaws.REGION.secretsmanager`, with a security group that lets the replication instance in to port 443.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using secrets to access AWS DMS endpoints".
    code: "NET-013",
    name: "no-route-to-secrets-manager",
    area: Net,
    severity: Error,
    title: "The replication instance has no way to Secrets Manager",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_network(facts, |here| {
        let mut asking = here.unreached()?;
        asking.retain(|e| e.secret.is_some() && e.attribute("secretsManagerEndpointOverride").is_none());
        if asking.is_empty() {
            return Ok(Vec::new());
        }
        let Some(why) = why_not(here)? else { return Ok(Vec::new()) };
        let names: Vec<&str> = asking.iter().map(|e| e.identifier.as_str()).collect();
        let message = format!(
            "{} reads the password of {} from Secrets Manager and has no way there: {why}",
            here.instance.identifier,
            names.join(" and ")
        );
        let command = format!(
            "aws ec2 create-vpc-endpoint --region {region} --vpc-endpoint-type Interface --vpc-id {} --service-name \
             com.amazonaws.{region}.secretsmanager --subnet-ids {} --security-group-ids GROUP_OPEN_FOR_443",
            here.instance.vpc.as_deref().unwrap_or("VPC"),
            here.instance.subnets.join(" "),
            region = here.region()
        );
        Ok(vec![Finding::new(&here.instance.identifier, message).fix(Fix::manual("give it a way", [command]))])
    })
}

/// Why there is no way to Secrets Manager; `None` where there is one.
fn why_not(here: &Here<'_>) -> Result<Option<String>, Unknown> {
    let named: Vec<&VpcEndpoint> = here.endpoints_to("secretsmanager")?.into_iter().filter(|e| e.private_dns).collect();
    // With an interface endpoint, the name leads to it and nowhere else.
    if let Some(endpoint) = named.first() {
        let groups = here.network.groups(&endpoint.security_groups)?;
        let ingress: Vec<&Permission> = groups.iter().flat_map(|g| &g.ingress).collect();
        let let_in = lets_through(&ingress, 443, &here.origins()?, &here.instance.security_groups);
        let why = format!("{} lets it in to port 443 by none of its security groups", endpoint.id);
        return Ok((!let_in).then_some(why));
    }
    for subnet in here.home()? {
        if !here.has_way_out(subnet)? {
            let vpc = &subnet.vpc;
            let why = format!("{vpc} has no interface endpoint for it, and {} no route out of the VPC", subnet.id);
            return Ok(Some(why));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{
        assert_around_network_with, interface_endpoint, known, network, source_endpoint, untested,
    };
    use crate::facts::{Fact, Facts};

    fn with_secret(facts: &mut Facts) {
        source_endpoint(facts).secret = Some("charts".into());
    }

    #[test]
    fn neither_endpoint_nor_way_out() {
        let mut facts = untested();
        known(&mut network(&mut facts).route_tables)[0].routes.truncate(1);
        assert_pass(&CHECK, &facts);
        with_secret(&mut facts);
        assert!(finding(&CHECK, &facts).message.ends_with("and subnet-1 no route out of the VPC"));
        source_endpoint(&mut facts).attributes = "secretsManagerEndpointOverride=vpce-1.example.com".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn an_endpoint_must_let_it_in() {
        let mut facts = untested();
        with_secret(&mut facts);
        network(&mut facts).vpc_endpoints = Fact::Known(vec![interface_endpoint("secretsmanager")]);
        assert!(finding(&CHECK, &facts).message.contains("vpce-1 lets it in to port 443 by none"));
        let ingress = &mut known(&mut network(&mut facts).security_groups)[0].ingress[0];
        ingress.ports = Some((443, 443));
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_network_with(&CHECK, with_secret, |network| network.vpc_endpoints = unseen());
    }
}
