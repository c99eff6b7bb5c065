//! What lets a packet from the replication instance to where it is to go: routes, network ACLs, security groups. Pure.

use std::net::IpAddr;

use ipnet::IpNet;

use super::aws_parts::{NO_DMS, NO_INSTANCE, OnRds, Part, region};
use super::vantage::passed;
use super::{Finding, Judged, Verdict, aws_parts};
use crate::facts::aws::{
    AclRule, DmsEndpoint, Network, NetworkAcl, Permission, RdsInstance, ReplicationInstance, Route, RouteTable,
    SecurityGroup, Subnet, VpcEndpoint,
};
use crate::facts::{Facts, Unknown};
use crate::fixes::Fix;

/// Without the feature `ec2`.
pub(super) const NO_EC2: &str = "this build does not look at networks: make it with cargo install --features ec2";
/// Linux hands out ports from 32768 to 60999 for connections that it opens; a network ACL must let answers to both in.
pub(super) const ANSWER_PORTS: [u16; 2] = [32_768, 60_999];

/// The replication instance in its network.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub part: Part<'a>,
    pub instance: &'a ReplicationInstance,
    pub network: &'a Network,
}

/// Judges what surrounds the replication instance.
pub(super) fn with_network(facts: &Facts, look: impl FnOnce(&Here<'_>) -> aws_parts::Looked) -> Judged {
    let Some(part) = Part::of(facts) else { return Ok(Verdict::NotApplicable(NO_DMS)) };
    let Some(network) = &part.aws.network else { return Ok(Verdict::NotApplicable(NO_EC2)) };
    match part.dms.instance(part.names)? {
        Some(instance) => look(&Here { part, instance, network }).map(Verdict::from_findings),
        None => Ok(Verdict::NotApplicable(NO_INSTANCE)),
    }
}

/// A database on RDS that the replication instance did not get to by its last test.
pub(super) struct Goal<'a> {
    pub side: &'static str,
    pub rds: &'a RdsInstance,
    pub port: u16,
    /// Where its name leads from this machine.
    pub addresses: Vec<IpNet>,
}

impl<'a> Here<'a> {
    /// The databases on RDS that are still to be reached: a test that passed has found a way, whatever is seen here.
    pub fn goals(&self, facts: &'a Facts) -> Result<Vec<Goal<'a>>, Unknown> {
        let sides = [
            ("source", self.part.source()?, &facts.source.host, &facts.pipeline.source),
            ("target", self.part.target()?, &facts.target.host, &facts.pipeline.target),
        ];
        let mut goals = Vec::new();
        for (side, endpoint, host, at) in sides {
            let Some(on_rds) = OnRds::of(facts, side)? else { continue };
            if !passed(&self.part, endpoint)? {
                let addresses = nets(host.addresses.value().into_iter().flatten());
                let port = on_rds.instance.port.unwrap_or(at.port);
                goals.push(Goal { side, rds: on_rds.instance, port, addresses });
            }
        }
        Ok(goals)
    }

    /// The endpoints through which no test got yet.
    pub fn unreached(&self) -> Result<Vec<&'a DmsEndpoint>, Unknown> {
        let mut all = Vec::new();
        for endpoint in [self.part.source()?, self.part.target()?].into_iter().flatten() {
            if !passed(&self.part, Some(endpoint))? {
                all.push(endpoint);
            }
        }
        Ok(all)
    }

    /// The subnets that the replication instance may be in: that of its address, or all of its subnet group.
    pub fn home(&self) -> Result<Vec<&'a Subnet>, Unknown> {
        let of_group = self.network.subnets(&self.instance.subnets)?;
        let own = nets(&self.instance.private_addresses);
        let holds = |s: &&&Subnet| own.iter().any(|own| net(&s.cidr).is_some_and(|net| net.contains(own)));
        let home: Vec<&Subnet> = of_group.iter().filter(holds).copied().collect();
        Ok(if home.is_empty() { of_group } else { home })
    }

    /// The region, for commands.
    pub fn region(&self) -> &'a str {
        region(self.part.pipeline)
    }

    /// The addresses that the replication instance's packets may come from: its own, or else its subnets'; its public
    /// ones, and those of NAT gateways that it may go through.
    pub fn origins(&self) -> Result<Vec<IpNet>, Unknown> {
        let mut all = nets(&self.instance.private_addresses);
        if all.is_empty() {
            all = self.home()?.iter().filter_map(|s| net(&s.cidr)).collect();
        }
        all.extend(nets(&self.instance.public_addresses));
        let gateways = self.network.nat_gateways.value().into_iter().flatten();
        all.extend(gateways.flat_map(|g| nets(&g.public_addresses)));
        Ok(all)
    }

    /// Whether packets from a subnet get out to addresses of the world, by what their default route leads to.
    pub fn has_way_out(&self, subnet: &Subnet) -> Result<bool, Unknown> {
        // An internet gateway serves only those who have a public address themselves.
        let way = self.network.default_route_of(subnet)?;
        Ok(way.is_some_and(|r| self.instance.public || !r.target.starts_with("igw-")))
    }

    /// The VPC endpoints to a service that the instance's VPC has in working order.
    pub fn endpoints_to(&self, service: &str) -> Result<Vec<&'a VpcEndpoint>, Unknown> {
        self.network.endpoints_to(self.instance.vpc.as_deref().unwrap_or_default(), service)
    }
}

/// Judges whether the security groups of a side let the replication instance in.
pub(super) fn not_admitted(facts: &Facts, side: &str) -> Judged {
    with_network(facts, |here| {
        let Some(goal) = here.goals(facts)?.into_iter().find(|g| g.side == side) else { return Ok(Vec::new()) };
        let groups = here.network.groups(&goal.rds.security_groups)?;
        let ingress: Vec<&Permission> = groups.iter().flat_map(|g| &g.ingress).collect();
        let own = &here.instance.security_groups;
        if lets_through(&ingress, goal.port, &here.origins()?, own) {
            return Ok(Vec::new());
        }
        let named = |g: &&SecurityGroup| format!("{} ({})", g.id, g.name);
        let known_by = listed(own.iter().chain(&here.instance.private_addresses).map(String::as_str));
        let message = format!(
            "Nothing in {} lets {} ({known_by}) in to port {}",
            groups.iter().map(named).collect::<Vec<_>>().join(", "),
            here.instance.identifier,
            goal.port
        );
        let command = format!(
            "aws ec2 authorize-security-group-ingress --region {} --group-id {} --protocol tcp --port {} --source-group {}",
            here.region(),
            groups.first().map_or("GROUP", |g| g.id.as_str()),
            goal.port,
            own.first().map_or("GROUP_OF_THE_REPLICATION_INSTANCE", String::as_str)
        );
        let fix = Fix::manual("let the replication instance in", [command]);
        Ok(vec![Finding::new(&goal.rds.identifier, message).fix(fix)])
    })
}

/// A network, or a single address as one.
pub(super) fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// All that can be read.
pub(super) fn nets<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<IpNet> {
    texts.into_iter().filter_map(|text| net(text)).collect()
}

/// Whether a permission of a security group covers a TCP port.
pub(super) fn covers(permission: &Permission, port: u16) -> bool {
    let of_protocol = matches!(permission.protocol.as_str(), "-1" | "tcp" | "6");
    of_protocol && permission.ports.is_none_or(|(first, last)| (first..=last).contains(&i32::from(port)))
}

/// Whether any permission lets a TCP port through for one of these networks, or for a member of one of these groups.
/// What is in a prefix list is not known here, so it counts as letting through.
pub(super) fn lets_through(permissions: &[&Permission], port: u16, peers: &[IpNet], groups: &[String]) -> bool {
    permissions.iter().filter(|p| covers(p, port)).any(|p| {
        let by_group = p.groups.iter().any(|g| groups.contains(g));
        let by_network = nets(&p.cidrs).iter().any(|net| peers.iter().any(|peer| overlap(net, peer)));
        by_group || by_network || !p.prefix_lists.is_empty()
    })
}

fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// The rule of a network ACL by which a TCP packet to this port is refused; `None` where it passes.
pub(super) fn refusing(acl: &NetworkAcl, egress: bool, port: u16, peer: &IpNet) -> Option<AclRule> {
    let fits = |r: &&AclRule| {
        r.egress == egress
            && matches!(r.protocol.as_str(), "-1" | "6")
            && r.ports.is_none_or(|(first, last)| (first..=last).contains(&i32::from(port)))
            && net(&r.cidr).is_some_and(|net| net.contains(&peer.addr()))
    };
    let first = acl.rules.iter().filter(fits).min_by_key(|r| r.number);
    match first {
        Some(rule) if rule.allow => None,
        Some(rule) => Some(rule.clone()),
        // Each ACL ends with a rule that refuses the rest; where it is not told, it is there all the same.
        None => Some(AclRule {
            number: 32_767,
            egress,
            allow: false,
            protocol: "-1".into(),
            cidr: "0.0.0.0/0".into(),
            ports: None,
        }),
    }
}

/// The route that a packet to this network takes: of those that hold it the narrowest.
pub(super) fn route<'a>(table: &'a RouteTable, to: &IpNet) -> Option<&'a Route> {
    let holding = table.routes.iter().filter_map(|r| Some((net(&r.destination)?, r)));
    holding.filter(|(net, _)| net.contains(to)).max_by_key(|(net, _)| net.prefix_len()).map(|(_, route)| route)
}

/// Names for a sentence: `sg-1, sg-2`.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The network around [`healthy_dms`](super::testing_aws::healthy_dms): one VPC, two subnets, everything open that is
/// needed and nothing more.
#[cfg(test)]
pub(super) fn healthy_network() -> Network {
    use std::collections::BTreeMap;

    use crate::facts::Fact;
    use crate::facts::aws::VpcDns;

    let subnet = |id: &str, zone: &str, cidr: &str| Subnet {
        id: id.into(),
        vpc: "vpc-1".into(),
        zone: zone.into(),
        cidr: cidr.into(),
        free_addresses: 200,
    };
    let from = |cidr: &str, group: &str, ports: (i32, i32)| Permission {
        protocol: "tcp".into(),
        ports: Some(ports),
        cidrs: if cidr.is_empty() { Vec::new() } else { vec![cidr.into()] },
        groups: if group.is_empty() { Vec::new() } else { vec![group.into()] },
        prefix_lists: Vec::new(),
    };
    let all = Permission { protocol: "-1".into(), cidrs: vec!["0.0.0.0/0".into()], ..Permission::default() };
    let rule = |number, egress, allow| AclRule {
        number,
        egress,
        allow,
        protocol: "-1".into(),
        cidr: "0.0.0.0/0".into(),
        ports: None,
    };
    Network {
        subnets: Fact::Known(vec![
            subnet("subnet-1", "eu-west-2a", "10.0.0.0/24"),
            subnet("subnet-2", "eu-west-2b", "10.0.1.0/24"),
        ]),
        security_groups: Fact::Known(vec![
            SecurityGroup {
                id: "sg-1".into(),
                name: "databases".into(),
                ingress: vec![from("", "sg-2", (5432, 5432)), from("10.0.0.0/16", "", (3306, 3306))],
                egress: Vec::new(),
            },
            SecurityGroup { id: "sg-2".into(), name: "dms".into(), ingress: Vec::new(), egress: vec![all.clone()] },
            SecurityGroup {
                id: "sg-3".into(),
                name: "glue".into(),
                ingress: vec![from("", "sg-3", (0, 65_535))],
                egress: vec![all],
            },
        ]),
        route_tables: Fact::Known(vec![RouteTable {
            id: "rtb-1".into(),
            vpc: "vpc-1".into(),
            main: true,
            subnets: Vec::new(),
            routes: vec![
                Route { destination: "10.0.0.0/16".into(), target: "local".into(), active: true },
                Route { destination: "0.0.0.0/0".into(), target: "nat-1".into(), active: true },
            ],
        }]),
        acls: Fact::Known(vec![NetworkAcl {
            id: "acl-1".into(),
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            rules: vec![
                rule(100, false, true),
                rule(100, true, true),
                rule(32_767, false, false),
                rule(32_767, true, false),
            ],
        }]),
        vpc_endpoints: Fact::Known(Vec::new()),
        peerings: Fact::Known(Vec::new()),
        nat_gateways: Fact::Known(vec![crate::facts::aws::NatGateway {
            id: "nat-1".into(),
            public_addresses: vec!["198.51.100.9".into()],
        }]),
        dns: Fact::Known(BTreeMap::from([("vpc-1".to_owned(), VpcDns { support: true, hostnames: true })])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(number: i32, allow: bool, cidr: &str, ports: Option<(i32, i32)>) -> AclRule {
        AclRule { number, egress: false, allow, protocol: "6".into(), cidr: cidr.into(), ports }
    }

    #[test]
    fn of_an_acl_the_lowest_rule_that_fits_decides() {
        let rules = vec![
            rule(200, true, "0.0.0.0/0", None),
            rule(100, false, "10.0.9.0/24", Some((5000, 6000))),
            rule(50, true, "10.0.9.7/32", Some((5432, 5432))),
            AclRule { protocol: "17".into(), ..rule(10, false, "0.0.0.0/0", None) },
        ];
        let acl = NetworkAcl { id: "acl-1".into(), subnets: Vec::new(), rules };
        let refused = |port, peer: &str| refusing(&acl, false, port, &net(peer).unwrap()).map(|r| r.number);
        assert_eq!(refused(5432, "10.0.9.7"), None);
        assert_eq!(refused(5433, "10.0.9.7"), Some(100));
        assert_eq!(refused(443, "10.0.9.7"), None);
        assert_eq!(refused(5432, "10.0.8.1"), None);
        // No rule for what leaves: the last one, which refuses.
        assert_eq!(refusing(&acl, true, 443, &net("10.0.8.1").unwrap()).map(|r| r.number), Some(32_767));
    }

    #[test]
    fn a_security_group_lets_through_by_network_group_or_list() {
        let peers = nets(&["10.0.0.7".to_owned()]);
        let groups = ["sg-2".to_owned()];
        let permission = |change: fn(&mut Permission)| {
            let mut permission =
                Permission { protocol: "tcp".into(), ports: Some((5000, 6000)), ..Permission::default() };
            change(&mut permission);
            permission
        };
        let lets = |p: Permission| lets_through(&[&p], 5432, &peers, &groups);
        assert!(!lets(permission(|_| {})));
        assert!(lets(permission(|p| p.cidrs = vec!["10.0.0.0/8".into()])));
        assert!(lets(permission(|p| p.groups = vec!["sg-2".into()])));
        assert!(lets(permission(|p| p.prefix_lists = vec!["pl-1".into()])));
        assert!(!lets(permission(|p| p.cidrs = vec!["10.0.0.8/32".into(), "::/0".into()])));
        assert!(!lets(permission(|p| (p.groups, p.ports) = (vec!["sg-2".into()], Some((3306, 3306))))));
        assert!(!lets(permission(|p| (p.groups, p.protocol) = (vec!["sg-2".into()], "udp".into()))));
        assert!(lets(permission(|p| (p.groups, p.protocol, p.ports) = (vec!["sg-2".into()], "-1".into(), None))));
    }

    #[test]
    fn the_narrowest_route_is_taken() {
        let to = |destination: &str, target: &str| Route {
            destination: destination.into(),
            target: target.into(),
            active: true,
        };
        let table = RouteTable {
            id: "rtb-1".into(),
            vpc: "vpc-1".into(),
            main: true,
            subnets: Vec::new(),
            routes: vec![to("0.0.0.0/0", "nat-1"), to("10.9.0.0/16", "pcx-1"), to("pl-1", "vpce-1")],
        };
        let target = |address: &str| route(&table, &net(address).unwrap()).map(|r| r.target.as_str());
        assert_eq!(target("10.9.1.0/24"), Some("pcx-1"));
        assert_eq!(target("203.0.113.5"), Some("nat-1"));
        assert_eq!(target("::1"), None);
    }
}
