//! NET-020: see the check's own explanation.

use super::{Judged, hosts};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether a TCP connection to the host and port of `[source]` opens from this machine.
    ///
    /// # Why it matters
    /// Nothing else can be looked at before it does. A refused connection means that the host answers but nobody
    /// listens on the port; silence means that a firewall or a security group drops the packets, or that the
    /// address is not routed from here.
    ///
    /// # How to fix it by hand
    /// Compare host and port with what the server publishes. On AWS, let the security group of the database admit
    /// this machine's address on the port, and check that the instance is reachable from outside its VPC at all:
    ///
    /// ```sh
    /// aws rds describe-db-instances --db-instance-identifier NAME \
    ///   --query 'DBInstances[].[Endpoint,PubliclyAccessible,VpcSecurityGroups]'
    /// aws ec2 authorize-security-group-ingress --group-id sg-… --protocol tcp --port 5432 --cidr ADDRESS/32
    /// ```
    ///
    /// On a server of your own, `listen_addresses` in `postgresql.conf` must name more than `localhost`; it takes a
    /// restart.
    ///
    /// # Source
    /// Tried on PostgreSQL 15, MariaDB 10.11 and MySQL 9.7.
    code: "NET-020",
    name: "source-unreachable",
    area: Net,
    severity: Error,
    title: "The source does not answer on its host and port",
    after: ["NET-019"],
}

fn judge(facts: &Facts) -> Judged {
    hosts::unreachable("source", &facts.pipeline.source, &facts.source.host)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, unseen};
    use crate::facts::Fact;

    #[test]
    fn a_closed_port_is_the_only_cause() {
        let mut facts = healthy();
        facts.source.host.tcp = Fact::Known(Some("connection refused".into()));
        facts.source.plaintext = not_tried();
        facts.source.encrypted = not_tried();
        facts.source.configured = not_tried();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("pg.example.com:5432: connection refused"), "{}", found.message);
        assert_eq!(causes(&facts), ["NET-020"]);
    }

    #[test]
    fn passes_with_a_connection_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.host.tcp = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
