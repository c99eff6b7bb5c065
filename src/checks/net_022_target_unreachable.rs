//! NET-022: see the check's own explanation.

use super::{Judged, hosts};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether a TCP connection to the host and port of `[target]` opens from this machine.
    ///
    /// # Why it matters
    /// Nothing else can be looked at before it does. A refused connection means that the host answers but nobody
    /// listens on the port; silence means that a firewall or a security group drops the packets, or that the
    /// address is not routed from here.
    ///
    /// # How to fix it by hand
    /// Compare host and port with what the server publishes. On AWS, let the security group of the database admit
    /// this machine's address on the port:
    ///
    /// ```sh
    /// aws rds describe-db-instances --db-instance-identifier NAME \
    ///   --query 'DBInstances[].[Endpoint,PubliclyAccessible,VpcSecurityGroups]'
    /// aws ec2 authorize-security-group-ingress --group-id sg-… --protocol tcp --port 3306 --cidr ADDRESS/32
    /// ```
    ///
    /// On a server of your own, `bind-address` must not be `127.0.0.1` alone, and `skip-networking` must be off:
    /// Debian's MariaDB listens on the loopback address until `bind-address` is changed in
    /// `/etc/mysql/mariadb.conf.d/50-server.cnf` and the server restarted.
    ///
    /// # Source
    /// Tried on MariaDB 10.11 and MySQL 9.7.
    code: "NET-022",
    name: "target-unreachable",
    area: Net,
    severity: Error,
    title: "The target does not answer on its host and port",
    after: ["NET-021"],
}

fn judge(facts: &Facts) -> Judged {
    hosts::unreachable("target", &facts.pipeline.target, &facts.target.host)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, unseen};
    use crate::facts::Fact;

    #[test]
    fn a_closed_port_is_the_only_cause() {
        let mut facts = healthy();
        facts.target.host.tcp = Fact::Known(Some("connection timed out".into()));
        facts.target.plaintext = not_tried();
        facts.target.encrypted = not_tried();
        facts.target.configured = not_tried();
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("my.example.com:3306: connection timed out"), "{}", found.message);
        assert_eq!(causes(&facts), ["NET-022"]);
    }

    #[test]
    fn passes_with_a_connection_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.host.tcp = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
