//! The networks around the pipeline, by EC2: what moto says of them becomes facts, and what is closed in the simulated
//! account is told. Only in builds with the feature `ec2`.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, IpPermission, IpRange, PeeringConnectionOptionsRequest, PortRange, RuleAction,
    UserIdGroupPair, VpcEndpointType,
};
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::facts::aws::{Network, Permission, Places, Route, VpcDns, look_at_network};
use serde_json::Value;

use crate::account::Account;
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

/// The outcome and the messages of each network check that looks at EC2.
fn told(account: &Account) -> BTreeMap<String, (String, String)> {
    let ran = account.project.run(&["check", "--only", "net", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let check = |check: &Value| {
        let findings = check["findings"].as_array().into_iter().flatten().map(|f| text(&f["message"]));
        (text(&check["code"]), (text(&check["outcome"]), findings.collect::<Vec<_>>().join("; ")))
    };
    report["checks"].as_array().unwrap().iter().map(check).collect()
}

#[track_caller]
fn failing(account: &Account, codes: &[&str]) -> BTreeMap<String, (String, String)> {
    let told = told(account);
    let failing: Vec<&str> = told.iter().filter(|(_, (o, _))| o == "fail").map(|(code, _)| code.as_str()).collect();
    assert_eq!(failing, codes, "{told:?}");
    told
}

/// What an administrator of the simulated account does.
struct Admin<'a> {
    ec2: &'a Client,
    group: String,
    acl: String,
    vpc: String,
}

impl<'a> Admin<'a> {
    async fn new(ec2: &'a Client) -> Self {
        let groups = ec2.describe_security_groups().send().await.unwrap();
        let acls = ec2.describe_network_acls().send().await.unwrap();
        let id = |id: Option<&str>| id.unwrap().to_owned();
        let (group, acl) = (&groups.security_groups()[0], &acls.network_acls()[0]);
        Self { ec2, group: id(group.group_id()), acl: id(acl.network_acl_id()), vpc: id(group.vpc_id()) }
    }

    /// Nobody may come in, but to port 22.
    async fn close_group(&self) {
        let all = IpPermission::builder().ip_protocol("-1");
        let all = all.user_id_group_pairs(UserIdGroupPair::builder().group_id(&self.group).build()).build();
        self.ec2.revoke_security_group_ingress().group_id(&self.group).ip_permissions(all).send().await.unwrap();
        self.admit(22).await;
    }

    async fn admit(&self, port: u16) {
        let to = IpPermission::builder().ip_protocol("tcp").from_port(port.into()).to_port(port.into());
        let to = to.user_id_group_pairs(UserIdGroupPair::builder().group_id(&self.group).build()).build();
        self.ec2.authorize_security_group_ingress().group_id(&self.group).ip_permissions(to).send().await.unwrap();
    }

    /// Nothing may go out, or all.
    async fn go_out(&self, may: bool) {
        let all = IpPermission::builder().ip_protocol("-1").ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build());
        let all = all.build();
        if may {
            let ask = self.ec2.authorize_security_group_egress().group_id(&self.group).ip_permissions(all);
            ask.send().await.unwrap();
        } else {
            let ask = self.ec2.revoke_security_group_egress().group_id(&self.group).ip_permissions(all);
            ask.send().await.unwrap();
        }
    }

    /// Answers do not come back in.
    async fn refuse_answers(&self) {
        let ask = self.ec2.create_network_acl_entry().network_acl_id(&self.acl).rule_number(50).egress(false);
        let ask = ask.protocol("6").rule_action(RuleAction::Deny).cidr_block("10.51.0.0/16");
        ask.port_range(PortRange::builder().from(32_768).to(65_535).build()).send().await.unwrap();
    }

    async fn let_answers_in(&self) {
        let ask = self.ec2.delete_network_acl_entry().network_acl_id(&self.acl).rule_number(50).egress(false);
        ask.send().await.unwrap();
    }

    async fn resolve(&self, may: bool) {
        let value = AttributeBooleanValue::builder().value(may).build();
        self.ec2.modify_vpc_attribute().vpc_id(&self.vpc).enable_dns_support(value).send().await.unwrap();
    }
}

#[test]
fn what_is_closed_in_the_account_is_told_until_it_is_opened() {
    let account = Account::new(MyFlavor::MariaDb);
    let words = "Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect, \
                 Application-Detailed-Message: [unixODBC]timeout expired ODBC general error.";
    account.simulator.refuse_connections("charts-src", Some(words));
    account.run(&["provision", "apply", "--yes"], 3);
    let told = failing(&account, &[]);
    let looked = ["NET-003", "NET-004", "NET-005", "NET-006", "NET-007", "NET-008", "NET-009", "NET-010", "NET-011"];
    for code in looked.into_iter().chain(["NET-012", "NET-013", "NET-015"]) {
        assert_eq!(told[code].0, "pass", "{code}: {told:?}");
    }

    let credentials = aws_sdk_ec2::config::Credentials::new("simulation", "simulation", None, None, "test");
    let config = aws_sdk_ec2::Config::builder().behavior_version_latest().credentials_provider(credentials);
    let region = aws_sdk_ec2::config::Region::new("eu-west-2");
    let ec2 = Client::from_conf(config.region(region).endpoint_url(account.simulator.url()).build());
    let admin = block_on(Admin::new(&ec2));
    let (source, target) = (account.source.endpoint("postgres").port, account.target.endpoint("charts").port);

    block_on(admin.close_group());
    let told = failing(&account, &["NET-003", "NET-004"]);
    assert!(told["NET-003"].1.ends_with(&format!("in to port {source}")), "{told:?}");
    block_on(async {
        admin.admit(source).await;
        admin.admit(target).await;
        admin.go_out(false).await;
        admin.resolve(false).await;
    });
    let told = failing(&account, &["NET-005", "NET-009"]);
    assert!(told["NET-005"].1.contains(&format!("out to port {target} of the target")), "{told:?}");
    block_on(async {
        admin.go_out(true).await;
        admin.resolve(true).await;
        admin.refuse_answers().await;
    });
    let told = failing(&account, &["NET-006"]);
    assert!(told["NET-006"].1.starts_with("Rule 50 of acl-"), "{told:?}");
    block_on(admin.let_answers_in());
    failing(&account, &[]);
    permitted(&account);
}

/// What was called, by the policies of `assets/iam`, and nothing else; a refusal names the permission.
fn permitted(account: &Account) {
    let calls = account.simulator.calls();
    let allowed = cdc_doctor::aws::policy::actions(cdc_doctor::aws::policy::CHECK_EC2);
    for action in &allowed {
        assert!(calls.contains(action), "nobody calls {action}");
    }
    account.simulator.fault("ec2:DescribeSecurityGroups", cdc_doctor::lab::aws::Fault::AccessDenied, 1);
    let ran = account.project.run(&["check", "--only", "NET-003", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
    assert_eq!(report["checks"][0]["outcome"], "unknown", "{ran}");
    let reason = report["checks"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("ec2:DescribeSecurityGroups"), "{reason}");
}
