//! Facts about the networks of the replication instance, of both databases and of the Glue job, as EC2 knows them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::Fact;
use super::super::board::Settle;
use super::super::model::{Unknown, UnknownKind};

/// Subnets, and what lets a packet from one to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// The subnets of the replication instance, of both databases and of the Glue job's connections.
    pub subnets: Fact<Vec<Subnet>>,
    /// Their security groups, and those of the VPC endpoints.
    pub security_groups: Fact<Vec<SecurityGroup>>,
    /// All route tables of their VPCs.
    pub route_tables: Fact<Vec<RouteTable>>,
    /// The network ACLs of the subnets.
    pub acls: Fact<Vec<NetworkAcl>>,
    /// The VPC endpoints to S3 and to Secrets Manager.
    pub vpc_endpoints: Fact<Vec<VpcEndpoint>>,
    /// Peerings of their VPCs.
    pub peerings: Fact<Vec<Peering>>,
    /// NAT gateways of their VPCs.
    pub nat_gateways: Fact<Vec<NatGateway>>,
    /// DNS in their VPCs, by VPC.
    pub dns: Fact<BTreeMap<String, VpcDns>>,
}

impl Network {
    /// All pending.
    #[must_use]
    pub fn pending() -> Self {
        Self {
            subnets: Fact::pending(),
            security_groups: Fact::pending(),
            route_tables: Fact::pending(),
            acls: Fact::pending(),
            vpc_endpoints: Fact::pending(),
            peerings: Fact::pending(),
            nat_gateways: Fact::pending(),
            dns: Fact::pending(),
        }
    }
}

impl Network {
    /// Subnets by name.
    ///
    /// # Errors
    /// They are not known.
    pub fn subnets(&self, ids: &[String]) -> Result<Vec<&Subnet>, Unknown> {
        Ok(self.subnets.known()?.iter().filter(|s| ids.contains(&s.id)).collect())
    }

    /// Security groups by name.
    ///
    /// # Errors
    /// They are not known, or one of them is in no answer (it may be another account's).
    pub fn groups(&self, ids: &[String]) -> Result<Vec<&SecurityGroup>, Unknown> {
        let all = self.security_groups.known()?;
        let found = ids.iter().map(|id| {
            let missing = || Unknown::new(UnknownKind::Failed, format!("EC2 tells nothing of the security group {id}"));
            all.iter().find(|g| g.id == *id).ok_or_else(missing)
        });
        found.collect()
    }

    /// The route table of a subnet: its own, or its VPC's main one.
    ///
    /// # Errors
    /// Route tables are not known.
    pub fn table_of(&self, subnet: &Subnet) -> Result<Option<&RouteTable>, Unknown> {
        let tables = self.route_tables.known()?;
        let own = tables.iter().find(|t| t.subnets.contains(&subnet.id));
        Ok(own.or_else(|| tables.iter().find(|t| t.main && t.vpc == subnet.vpc)))
    }

    /// The route by which packets from a subnet leave for addresses of the world.
    ///
    /// # Errors
    /// Route tables are not known.
    pub fn default_route_of(&self, subnet: &Subnet) -> Result<Option<&Route>, Unknown> {
        let table = self.table_of(subnet)?;
        Ok(table.and_then(|t| t.routes.iter().find(|r| r.active && r.destination == "0.0.0.0/0")))
    }

    /// The network ACL of a subnet.
    ///
    /// # Errors
    /// Network ACLs are not known.
    pub fn acl_of(&self, subnet: &Subnet) -> Result<Option<&NetworkAcl>, Unknown> {
        Ok(self.acls.known()?.iter().find(|a| a.subnets.contains(&subnet.id)))
    }

    /// The VPC endpoints to a service that a VPC has in working order.
    ///
    /// # Errors
    /// VPC endpoints are not known.
    pub fn endpoints_to(&self, vpc: &str, service: &str) -> Result<Vec<&VpcEndpoint>, Unknown> {
        let fits =
            |e: &&VpcEndpoint| e.vpc == vpc && e.state == "available" && e.service.rsplit('.').next() == Some(service);
        Ok(self.vpc_endpoints.known()?.iter().filter(fits).collect())
    }
}

impl Settle for Network {
    fn settle(&mut self, why: &Unknown) {
        self.subnets.settle(why);
        self.security_groups.settle(why);
        self.route_tables.settle(why);
        self.acls.settle(why);
        self.vpc_endpoints.settle(why);
        self.peerings.settle(why);
        self.nat_gateways.settle(why);
        self.dns.settle(why);
    }
}

/// Whose networks are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// VPCs.
    pub vpcs: BTreeSet<String>,
    /// Subnets.
    pub subnets: BTreeSet<String>,
    /// Security groups.
    pub security_groups: BTreeSet<String>,
}

impl Places {
    /// Adds where something is.
    pub fn add(&mut self, vpc: Option<&String>, subnets: &[String], security_groups: &[String]) {
        self.vpcs.extend(vpc.cloned());
        self.subnets.extend(subnets.iter().cloned());
        self.security_groups.extend(security_groups.iter().cloned());
    }
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Such as `subnet-0a1b`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Its availability zone.
    pub zone: String,
    /// Its addresses, such as `10.0.1.0/24`.
    pub cidr: String,
    /// Addresses that nobody has.
    pub free_addresses: i32,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Such as `sg-0a1b`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who may come in.
    pub ingress: Vec<Permission>,
    /// Where to it lets go.
    pub egress: Vec<Permission>,
}

/// A permission of a security group; there are no refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// `tcp`, `udp`, …, or `-1` for all.
    pub protocol: String,
    /// The first and the last port; `None` for all.
    pub ports: Option<(i32, i32)>,
    /// Networks.
    pub cidrs: Vec<String>,
    /// Security groups.
    pub groups: Vec<String>,
    /// Lists of networks that AWS keeps; what is in them is not looked at.
    pub prefix_lists: Vec<String>,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// Such as `rtb-0a1b`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// It serves all subnets of the VPC that have none of their own.
    pub main: bool,
    /// The subnets that have it.
    pub subnets: Vec<String>,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// A network, or a prefix list.
    pub destination: String,
    /// `local`, or what it leads to: `igw-…`, `nat-…`, `pcx-…`, `tgw-…`, `vpce-…`, `eni-…`.
    pub target: String,
    /// False: a black hole, since its target is gone.
    pub active: bool,
}

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAcl {
    /// Such as `acl-0a1b`.
    pub id: String,
    /// The subnets that have it.
    pub subnets: Vec<String>,
    /// Its rules.
    pub rules: Vec<AclRule>,
}

/// A rule of a network ACL; that of the lowest number that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclRule {
    /// Its number; 32767 is the one that refuses the rest.
    pub number: i32,
    /// For what leaves the subnet.
    pub egress: bool,
    /// Allows or refuses.
    pub allow: bool,
    /// Protocol number: `6` is TCP, `-1` all.
    pub protocol: String,
    /// Network of the other end.
    pub cidr: String,
    /// The first and the last destination port; `None` for all.
    pub ports: Option<(i32, i32)>,
}

/// A VPC endpoint to S3 or Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcEndpoint {
    /// Such as `vpce-0a1b`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Such as `com.amazonaws.eu-west-2.s3`.
    pub service: String,
    /// `Gateway` or `Interface`.
    pub kind: String,
    /// Such as `available`.
    pub state: String,
    /// A gateway's: the route tables that lead to it.
    pub route_tables: Vec<String>,
    /// An interface's security groups.
    pub security_groups: Vec<String>,
    /// An interface's: the service's usual name leads to it.
    pub private_dns: bool,
}

/// A peering of two VPCs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peering {
    /// Such as `pcx-0a1b`.
    pub id: String,
    /// Such as `active`.
    pub status: String,
    /// Who asked for it, and who accepted it.
    pub sides: [PeeringSide; 2],
}

/// One side of a peering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringSide {
    /// Its VPC.
    pub vpc: String,
    /// The other side resolves public names of this VPC to its private addresses; unknown of another region's side.
    pub private_names_for_peer: Option<bool>,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGateway {
    /// Such as `nat-0a1b`.
    pub id: String,
    /// The addresses by which the world sees what comes through it.
    pub public_addresses: Vec<String>,
}

/// DNS in a VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcDns {
    /// `enableDnsSupport`: names are resolved.
    pub support: bool,
    /// `enableDnsHostnames`: private names of interface endpoints work, and machines with public addresses have names.
    pub hostnames: bool,
}
