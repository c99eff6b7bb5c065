//! EC2: the networks of the replication instance, of both databases and of the Glue job.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as ec2;

use super::collect::seen;
use super::convert::{some, text};
use super::network::{
    AclRule, NatGateway, Network, NetworkAcl, Peering, PeeringSide, Permission, Places, Route, RouteTable,
    SecurityGroup, Subnet, VpcDns, VpcEndpoint,
};
use crate::aws::{Error, Session, pages};

/// Asks EC2 for what lies between these places.
pub async fn network(session: &Session, places: &Places) -> Network {
    let subnets = subnets(session, &places.subnets).await;
    let mut vpcs = places.vpcs.clone();
    vpcs.extend(subnets.iter().flatten().map(|subnet| subnet.vpc.clone()));
    let groups = async {
        let endpoints = vpc_endpoints(session, &vpcs).await;
        let of_endpoints = endpoints.iter().flatten().flat_map(|e| &e.security_groups);
        let wanted = places.security_groups.iter().chain(of_endpoints).cloned().collect();
        let groups = security_groups(session, &wanted).await;
        (endpoints, groups)
    };
    let ((endpoints, groups), tables, acls, peerings, gateways, dns) = tokio::join!(
        Box::pin(groups),
        route_tables(session, &vpcs),
        acls(session, &places.subnets),
        peerings(session, &vpcs),
        nat_gateways(session, &vpcs),
        dns(session, &vpcs),
    );
    Network {
        subnets: seen(subnets),
        security_groups: seen(groups),
        route_tables: seen(tables),
        acls: seen(acls),
        vpc_endpoints: seen(endpoints),
        peerings: seen(peerings),
        nat_gateways: seen(gateways),
        dns: seen(dns),
    }
}

/// A filter; what it names and does not exist is no error, as it would be in a list of identifiers.
fn filter<'a>(name: &str, values: impl IntoIterator<Item = &'a String>) -> ec2::Filter {
    ec2::Filter::builder().name(name).set_values(Some(values.into_iter().cloned().collect())).build()
}

/// All items of a list that is filtered by these; without any, nobody is asked: a filter by nothing would hold back
/// nothing.
async fn listed<T, F, Fut>(by: &BTreeSet<String>, page: F) -> Result<Vec<T>, Error>
where
    F: FnMut(Option<String>) -> Fut,
    Fut: Future<Output = Result<(Vec<T>, Option<String>), Error>>,
{
    if by.is_empty() { Ok(Vec::new()) } else { pages(page).await }
}

async fn subnets(session: &Session, ids: &BTreeSet<String>) -> Result<Vec<Subnet>, Error> {
    listed(ids, async |marker| {
        let ask = session.ec2().describe_subnets().filters(filter("subnet-id", ids)).set_next_token(marker);
        let page = session.call("ec2:DescribeSubnets", ask.send()).await?;
        Ok((page.subnets().iter().map(subnet).collect(), page.next_token))
    })
    .await
}

fn subnet(from: &ec2::Subnet) -> Subnet {
    Subnet {
        id: text(from.subnet_id()),
        vpc: text(from.vpc_id()),
        zone: text(from.availability_zone()),
        cidr: text(from.cidr_block()),
        free_addresses: from.available_ip_address_count().unwrap_or_default(),
    }
}

async fn security_groups(session: &Session, ids: &BTreeSet<String>) -> Result<Vec<SecurityGroup>, Error> {
    listed(ids, async |marker| {
        let ask = session.ec2().describe_security_groups().filters(filter("group-id", ids)).set_next_token(marker);
        let page = session.call("ec2:DescribeSecurityGroups", ask.send()).await?;
        Ok((page.security_groups().iter().map(security_group).collect(), page.next_token))
    })
    .await
}

fn security_group(from: &ec2::SecurityGroup) -> SecurityGroup {
    SecurityGroup {
        id: text(from.group_id()),
        name: text(from.group_name()),
        ingress: from.ip_permissions().iter().map(permission).collect(),
        egress: from.ip_permissions_egress().iter().map(permission).collect(),
    }
}

fn permission(from: &ec2::IpPermission) -> Permission {
    let v4 = from.ip_ranges().iter().filter_map(|r| some(r.cidr_ip()));
    let v6 = from.ipv6_ranges().iter().filter_map(|r| some(r.cidr_ipv6()));
    Permission {
        protocol: text(from.ip_protocol()),
        // -1 is "all" too.
        ports: from.from_port().zip(from.to_port()).filter(|(first, _)| *first >= 0),
        cidrs: v4.chain(v6).collect(),
        groups: from.user_id_group_pairs().iter().filter_map(|g| some(g.group_id())).collect(),
        prefix_lists: from.prefix_list_ids().iter().filter_map(|p| some(p.prefix_list_id())).collect(),
    }
}

async fn route_tables(session: &Session, vpcs: &BTreeSet<String>) -> Result<Vec<RouteTable>, Error> {
    listed(vpcs, async |marker| {
        let ask = session.ec2().describe_route_tables().filters(filter("vpc-id", vpcs)).set_next_token(marker);
        let page = session.call("ec2:DescribeRouteTables", ask.send()).await?;
        Ok((page.route_tables().iter().map(route_table).collect(), page.next_token))
    })
    .await
}

fn route_table(from: &ec2::RouteTable) -> RouteTable {
    RouteTable {
        id: text(from.route_table_id()),
        vpc: text(from.vpc_id()),
        main: from.associations().iter().any(|a| a.main() == Some(true)),
        subnets: from.associations().iter().filter_map(|a| some(a.subnet_id())).collect(),
        routes: from.routes().iter().map(route).collect(),
    }
}

fn route(from: &ec2::Route) -> Route {
    let destination = from
        .destination_cidr_block()
        .or_else(|| from.destination_ipv6_cidr_block())
        .or_else(|| from.destination_prefix_list_id());
    let target = from
        .gateway_id()
        .or_else(|| from.nat_gateway_id())
        .or_else(|| from.vpc_peering_connection_id())
        .or_else(|| from.transit_gateway_id())
        .or_else(|| from.network_interface_id())
        .or_else(|| from.egress_only_internet_gateway_id())
        .or_else(|| from.local_gateway_id())
        .or_else(|| from.carrier_gateway_id())
        .or_else(|| from.core_network_arn());
    let active = from.state().is_none_or(|s| *s == ec2::RouteState::Active);
    Route { destination: text(destination), target: text(target), active }
}

async fn acls(session: &Session, subnets: &BTreeSet<String>) -> Result<Vec<NetworkAcl>, Error> {
    listed(subnets, async |marker| {
        let ask = session.ec2().describe_network_acls().filters(filter("association.subnet-id", subnets));
        let page = session.call("ec2:DescribeNetworkAcls", ask.set_next_token(marker).send()).await?;
        Ok((page.network_acls().iter().map(acl).collect(), page.next_token))
    })
    .await
}

fn acl(from: &ec2::NetworkAcl) -> NetworkAcl {
    NetworkAcl {
        id: text(from.network_acl_id()),
        subnets: from.associations().iter().filter_map(|a| some(a.subnet_id())).collect(),
        rules: from.entries().iter().map(acl_rule).collect(),
    }
}

fn acl_rule(from: &ec2::NetworkAclEntry) -> AclRule {
    AclRule {
        number: from.rule_number().unwrap_or_default(),
        egress: from.egress().unwrap_or_default(),
        allow: from.rule_action() == Some(&ec2::RuleAction::Allow),
        protocol: text(from.protocol()),
        cidr: text(from.cidr_block().or_else(|| from.ipv6_cidr_block())),
        ports: from.port_range().and_then(|r| r.from().zip(r.to())),
    }
}

async fn vpc_endpoints(session: &Session, vpcs: &BTreeSet<String>) -> Result<Vec<VpcEndpoint>, Error> {
    let region = &session.aws().region;
    let services = ["s3", "secretsmanager"].map(|service| format!("com.amazonaws.{region}.{service}"));
    listed(vpcs, async |marker| {
        let ask = session.ec2().describe_vpc_endpoints().filters(filter("vpc-id", vpcs));
        let ask = ask.filters(filter("service-name", &services)).set_next_token(marker);
        let page = session.call("ec2:DescribeVpcEndpoints", ask.send()).await?;
        Ok((page.vpc_endpoints().iter().map(vpc_endpoint).collect(), page.next_token))
    })
    .await
}

fn vpc_endpoint(from: &ec2::VpcEndpoint) -> VpcEndpoint {
    VpcEndpoint {
        id: text(from.vpc_endpoint_id()),
        vpc: text(from.vpc_id()),
        service: text(from.service_name()),
        kind: text(from.vpc_endpoint_type().map(ec2::VpcEndpointType::as_str)),
        state: text(from.state().map(ec2::State::as_str)).to_lowercase(),
        route_tables: from.route_table_ids().to_vec(),
        security_groups: from.groups().iter().filter_map(|g| some(g.group_id())).collect(),
        private_dns: from.private_dns_enabled().unwrap_or_default(),
    }
}

/// A VPC may be on either side, which no one filter says: the few of the region are sorted here.
async fn peerings(session: &Session, vpcs: &BTreeSet<String>) -> Result<Vec<Peering>, Error> {
    let all: Vec<Peering> = pages(async |marker| {
        let ask = session.ec2().describe_vpc_peering_connections().set_next_token(marker);
        let page = session.call("ec2:DescribeVpcPeeringConnections", ask.send()).await?;
        Ok((page.vpc_peering_connections().iter().map(peering).collect(), page.next_token))
    })
    .await?;
    Ok(all.into_iter().filter(|p| p.sides.iter().any(|side| vpcs.contains(&side.vpc))).collect())
}

fn peering(from: &ec2::VpcPeeringConnection) -> Peering {
    let side = |info: Option<&ec2::VpcPeeringConnectionVpcInfo>| PeeringSide {
        vpc: text(info.and_then(ec2::VpcPeeringConnectionVpcInfo::vpc_id)),
        private_names_for_peer: info
            .and_then(ec2::VpcPeeringConnectionVpcInfo::peering_options)
            .and_then(ec2::VpcPeeringConnectionOptionsDescription::allow_dns_resolution_from_remote_vpc),
    };
    Peering {
        id: text(from.vpc_peering_connection_id()),
        status: text(from.status().and_then(|s| s.code()).map(ec2::VpcPeeringConnectionStateReasonCode::as_str)),
        sides: [side(from.requester_vpc_info()), side(from.accepter_vpc_info())],
    }
}

async fn nat_gateways(session: &Session, vpcs: &BTreeSet<String>) -> Result<Vec<NatGateway>, Error> {
    listed(vpcs, async |marker| {
        let ask = session.ec2().describe_nat_gateways().filter(filter("vpc-id", vpcs)).set_next_token(marker);
        let page = session.call("ec2:DescribeNatGateways", ask.send()).await?;
        Ok((page.nat_gateways().iter().map(nat_gateway).collect(), page.next_token))
    })
    .await
}

fn nat_gateway(from: &ec2::NatGateway) -> NatGateway {
    NatGateway {
        id: text(from.nat_gateway_id()),
        public_addresses: from.nat_gateway_addresses().iter().filter_map(|a| some(a.public_ip())).collect(),
    }
}

async fn dns(session: &Session, vpcs: &BTreeSet<String>) -> Result<BTreeMap<String, VpcDns>, Error> {
    let mut all = BTreeMap::new();
    for vpc in vpcs {
        let ask = |name| {
            let ask = session.ec2().describe_vpc_attribute().vpc_id(vpc).attribute(name);
            session.call("ec2:DescribeVpcAttribute", ask.send())
        };
        let (support, hostnames) =
            tokio::join!(ask(ec2::VpcAttributeName::EnableDnsSupport), ask(ec2::VpcAttributeName::EnableDnsHostnames));
        let is_on = |value: Option<&ec2::AttributeBooleanValue>| {
            value.and_then(ec2::AttributeBooleanValue::value).unwrap_or_default()
        };
        let (support, hostnames) = (support?, hostnames?);
        let dns =
            VpcDns { support: is_on(support.enable_dns_support()), hostnames: is_on(hostnames.enable_dns_hostnames()) };
        all.insert(vpc.clone(), dns);
    }
    Ok(all)
}
