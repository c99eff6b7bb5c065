//! The networks around the pipeline, by EC2: what moto says of them becomes facts.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, IpPermission, IpRange, PeeringConnectionOptionsRequest, UserIdGroupPair, VpcEndpointType,
};
use cdc_doctor::facts::aws::{Network, Permission, Places, Route, VpcDns, look_at_network};

use crate::support::{block_on, moto_session};

/// Two peered VPCs with a subnet each; the first has a group, an ACL, a NAT gateway and both kinds of endpoints.
struct Made {
    places: Places,
    first: String,
    second: String,
    group: String,
    table: String,
    gateway: String,
    nat: String,
    peering: String,
}

async fn vpc(ec2: &Client, cidr: &str, subnet: &str, zone: &str) -> (String, String) {
    let made = ec2.create_vpc().cidr_block(cidr).send().await.unwrap();
    let vpc = made.vpc().unwrap().vpc_id().unwrap().to_owned();
    let made = ec2.create_subnet().vpc_id(&vpc).cidr_block(subnet).availability_zone(zone).send().await.unwrap();
    (vpc, made.subnet().unwrap().subnet_id().unwrap().to_owned())
}

async fn group(ec2: &Client, vpc: &str) -> String {
    let made = ec2.create_security_group().group_name("databases").description("test").vpc_id(vpc);
    let id = made.send().await.unwrap().group_id().unwrap().to_owned();
    let by_network = IpPermission::builder().ip_protocol("tcp").from_port(5432).to_port(5432);
    let by_network = by_network.ip_ranges(IpRange::builder().cidr_ip("10.2.0.0/24").build()).build();
    let by_group = IpPermission::builder().ip_protocol("-1");
    let by_group = by_group.user_id_group_pairs(UserIdGroupPair::builder().group_id(&id).build()).build();
    let ask = ec2.authorize_security_group_ingress().group_id(&id).ip_permissions(by_network).ip_permissions(by_group);
    ask.send().await.unwrap();
    id
}

async fn made(ec2: &Client) -> Made {
    let (first, subnet) = vpc(ec2, "10.1.0.0/16", "10.1.1.0/28", "eu-west-2a").await;
    let (second, other) = vpc(ec2, "10.2.0.0/16", "10.2.0.0/24", "eu-west-2b").await;
    let group = group(ec2, &first).await;
    let table = ec2.create_route_table().vpc_id(&first).send().await.unwrap();
    let table = table.route_table().unwrap().route_table_id().unwrap().to_owned();
    ec2.associate_route_table().route_table_id(&table).subnet_id(&subnet).send().await.unwrap();

    let made = ec2.create_vpc_peering_connection().vpc_id(&first).peer_vpc_id(&second).send().await.unwrap();
    let peering = made.vpc_peering_connection().unwrap().vpc_peering_connection_id().unwrap().to_owned();
    ec2.accept_vpc_peering_connection().vpc_peering_connection_id(&peering).send().await.unwrap();
    let names = PeeringConnectionOptionsRequest::builder().allow_dns_resolution_from_remote_vpc(true).build();
    let ask = ec2.modify_vpc_peering_connection_options().vpc_peering_connection_id(&peering);
    ask.accepter_peering_connection_options(names).send().await.unwrap();
    let route = ec2.create_route().route_table_id(&table).destination_cidr_block("10.2.0.0/16");
    route.vpc_peering_connection_id(&peering).send().await.unwrap();

    let address = ec2.allocate_address().send().await.unwrap();
    let nat = ec2.create_nat_gateway().subnet_id(&subnet).allocation_id(address.allocation_id().unwrap());
    let nat = nat.send().await.unwrap().nat_gateway().unwrap().nat_gateway_id().unwrap().to_owned();
    let route = ec2.create_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0");
    route.nat_gateway_id(&nat).send().await.unwrap();

    let gateway = ec2.create_vpc_endpoint().vpc_id(&first).vpc_endpoint_type(VpcEndpointType::Gateway);
    let gateway = gateway.service_name("com.amazonaws.eu-west-2.s3");
    let gateway = gateway.route_table_ids(&table).send().await.unwrap();
    let gateway = gateway.vpc_endpoint().unwrap().vpc_endpoint_id().unwrap().to_owned();
    let interface = ec2.create_vpc_endpoint().vpc_id(&first).vpc_endpoint_type(VpcEndpointType::Interface);
    let interface = interface.service_name("com.amazonaws.eu-west-2.secretsmanager").subnet_ids(&subnet);
    interface.security_group_ids(&group).private_dns_enabled(true).send().await.unwrap();
    let off = AttributeBooleanValue::builder().value(false).build();
    ec2.modify_vpc_attribute().vpc_id(&second).enable_dns_support(off).send().await.unwrap();
    let mut places = Places::default();
    places.add(Some(&first), std::slice::from_ref(&subnet), &[]);
    places.add(Some(&second), &[other], &[]);
    Made { places, first, second, group, table, gateway, nat, peering }
}

#[test]
fn what_ec2_says_becomes_facts() {
    block_on(async {
        let session = moto_session().await;
        let made = made(session.ec2()).await;
        let network = look_at_network(&session, &made.places).await;
        of_places(&network, &made);
        of_ways(&network, &made);
    });
}

fn of_places(network: &Network, made: &Made) {
    let subnets = network.subnets.value().unwrap();
    assert_eq!(subnets.len(), 2);
    let first = subnets.iter().find(|s| s.vpc == made.first).unwrap();
    // Of sixteen addresses five are AWS's, and one is the NAT gateway's, one the interface endpoint's.
    assert_eq!((first.zone.as_str(), first.cidr.as_str()), ("eu-west-2a", "10.1.1.0/28"));
    assert!((8..=11).contains(&first.free_addresses), "{first:?}");
    let dns = |support, hostnames| VpcDns { support, hostnames };
    let wanted = [(made.first.clone(), dns(true, false)), (made.second.clone(), dns(false, false))];
    assert_eq!(network.dns.value().unwrap(), &BTreeMap::from(wanted));
    // It was not asked for; the interface endpoint has it.
    let [group] = network.security_groups.value().unwrap().as_slice() else { panic!("{network:?}") };
    assert_eq!((group.id.as_str(), group.name.as_str()), (made.group.as_str(), "databases"));
    let by_network = Permission {
        protocol: "tcp".into(),
        ports: Some((5432, 5432)),
        cidrs: vec!["10.2.0.0/24".into()],
        ..Permission::default()
    };
    let by_group = Permission { protocol: "-1".into(), groups: vec![made.group.clone()], ..Permission::default() };
    assert!(group.ingress.contains(&by_network) && group.ingress.contains(&by_group), "{group:?}");
    assert_eq!(group.egress[0].cidrs, ["0.0.0.0/0"]);
    let acls = network.acls.value().unwrap();
    assert!(acls.iter().any(|a| a.subnets.contains(&first.id) && a.rules.iter().any(|r| r.allow && r.egress)));
}

fn of_ways(network: &Network, made: &Made) {
    let tables = network.route_tables.value().unwrap();
    let own = tables.iter().find(|t| t.id == made.table).unwrap();
    let route = |destination: &str, target: &str| Route {
        destination: destination.into(),
        target: target.into(),
        active: true,
    };
    for wanted in [route("10.1.0.0/16", "local"), route("10.2.0.0/16", &made.peering), route("0.0.0.0/0", &made.nat)] {
        assert!(own.routes.contains(&wanted), "{wanted:?} is not in {own:?}");
    }
    assert!(tables.iter().any(|t| t.main && t.vpc == made.second));
    let endpoints = network.vpc_endpoints.value().unwrap();
    let gateway = endpoints.iter().find(|e| e.id == made.gateway).unwrap();
    assert_eq!((gateway.kind.as_str(), gateway.state.as_str()), ("Gateway", "available"));
    assert_eq!(gateway.route_tables.first(), Some(&made.table));
    let interface = endpoints.iter().find(|e| e.kind == "Interface").unwrap();
    assert_eq!(interface.security_groups.first(), Some(&made.group));
    assert!(interface.private_dns, "{interface:?}");
    let [peering] = network.peerings.value().unwrap().as_slice() else { panic!("{network:?}") };
    assert_eq!((peering.id.as_str(), peering.status.as_str()), (made.peering.as_str(), "active"));
    let accepter = peering.sides.iter().find(|s| s.vpc == made.second).unwrap();
    assert_eq!(accepter.private_names_for_peer, Some(true));
    let [nat] = network.nat_gateways.value().unwrap().as_slice() else { panic!("{network:?}") };
    assert!(nat.id == made.nat && nat.public_addresses.len() == 1, "{nat:?}");
}
