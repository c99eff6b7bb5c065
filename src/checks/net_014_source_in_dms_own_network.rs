//! NET-014: see the check's own explanation.

use std::net::Ipv4Addr;

use super::aws_parts::with_instance;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The addresses of the source, as its name resolves here, against 192.168.0.0/24.
    ///
    /// # Why it matters
    /// AWS DMS uses that network inside its replication instances. What it sends to an address in it never leaves the
    /// instance, and the connection test ends in a timeout, whatever routes and security groups say.
    ///
    /// # How to fix it by hand
    /// Give the source an address in another network, or put something in front of it that has one: a Network Load
    /// Balancer, or a proxy on a small instance. Then use that address in the endpoint.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting migration tasks": networking issues.
    code: "NET-014",
    name: "source-in-the-network-of-dms-itself",
    area: Net,
    severity: Error,
    title: "The source has an address in a network that DMS uses inside",
    after: ["NET-019"],
}

/// 192.168.0.0/24.
fn reserved(address: &str) -> bool {
    address.parse::<Ipv4Addr>().is_ok_and(|ip| ip.octets()[..3] == [192, 168, 0])
}

fn judge(facts: &Facts) -> Judged {
    with_instance(facts, |_, instance| {
        let addresses = facts.source.host.addresses.known()?;
        let found = addresses.iter().find(|address| reserved(address)).map(|address| {
            let host = &facts.pipeline.source.host;
            let message =
                format!("{host} is {address}, which {} takes for an address inside itself", instance.identifier);
            let todo = "Reach it by an address outside 192.168.0.0/24, through a load balancer or a proxy.";
            Finding::new("source", message).fix(Fix::manual("give it another address", [todo]))
        });
        Ok(found.into_iter().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms};
    use crate::facts::Fact;

    #[test]
    fn only_that_network() {
        let mut facts = healthy_dms();
        for (address, wrong) in
            [("192.168.1.7", false), ("10.192.168.0", false), ("fe80::1", false), ("192.168.0.7", true)]
        {
            facts.source.host.addresses = Fact::Known(vec!["10.0.0.1".into(), address.into()]);
            if wrong {
                assert!(finding(&CHECK, &facts).message.contains("is 192.168.0.7"));
            } else {
                assert_pass(&CHECK, &facts);
            }
        }
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.instances = unseen());
    }
}
