//! NET-009: see the check's own explanation.

use super::reach::with_network;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// DNS in the VPC of the replication instance: `enableDnsSupport`, and, where the VPC has an interface endpoint
    /// that takes a service's usual name, `enableDnsHostnames`. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// Without the first, the replication instance resolves no name, that of a database included. Without the second,
    /// the name of Secrets Manager or S3 leads past the interface endpoint to the internet.
    ///
    /// # How to fix it by hand
    /// `aws ec2 modify-vpc-attribute --vpc-id VPC --enable-dns-support` (or `--enable-dns-hostnames`).
    ///
    /// # Source
    /// Amazon VPC User Guide, "DNS attributes for your VPC".
    code: "NET-009",
    name: "dns-off-in-the-vpc",
    area: Net,
    severity: Error,
    title: "DNS is off in the VPC of the replication instance",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_network(facts, |here| {
        let Some(vpc) = &here.instance.vpc else { return Ok(Vec::new()) };
        let Some(dns) = here.network.dns.known()?.get(vpc) else { return Ok(Vec::new()) };
        let interfaces = here.network.vpc_endpoints.value().into_iter().flatten();
        let by_name = interfaces.filter(|e| e.vpc == *vpc && e.private_dns).count();
        let missing = match (dns.support, dns.hostnames) {
            (false, _) => ("enableDnsSupport is off: it resolves no name", "--enable-dns-support"),
            (true, false) if by_name > 0 => {
                ("enableDnsHostnames is off: names of its VPC endpoints lead past them", "--enable-dns-hostnames")
            }
            _ => return Ok(Vec::new()),
        };
        let message = format!("In {vpc}, where {} is, {}", here.instance.identifier, missing.0);
        let command = format!("aws ec2 modify-vpc-attribute --region {} --vpc-id {vpc} {}", here.region(), missing.1);
        Ok(vec![Finding::new(vpc, message).fix(Fix::manual("turn it on", [command]))])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_network, interface_endpoint, known, network, untested};
    use crate::facts::{Fact, Facts};

    fn dns(facts: &mut Facts) -> &mut crate::facts::aws::VpcDns {
        known(&mut network(facts).dns).get_mut("vpc-1").unwrap()
    }

    #[test]
    fn off_altogether_or_for_names_of_endpoints() {
        let mut facts = untested();
        dns(&mut facts).hostnames = false;
        assert_pass(&CHECK, &facts);
        network(&mut facts).vpc_endpoints = Fact::Known(vec![interface_endpoint("secretsmanager")]);
        assert!(finding(&CHECK, &facts).message.contains("enableDnsHostnames is off"));
        dns(&mut facts).support = false;
        assert!(finding(&CHECK, &facts).message.contains("enableDnsSupport is off"));
    }

    #[test]
    fn around() {
        assert_around_network(&CHECK, |network| network.dns = unseen());
    }
}
