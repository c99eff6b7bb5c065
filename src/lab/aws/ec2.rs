//! EC2: the network around the instances, with everything open that the pipeline needs. What tests and rehearsals close
//! are the security group, the network ACL and DNS. Made up: no packet is stopped by it.

use serde_json::{Value, json};

use super::account::Account;
use super::errors::{Answer, AwsError};
use super::input::Input;
use super::names::ACCOUNT;
use super::rds::{SECURITY_GROUP, SUBNETS, VPC};

const ROUTE_TABLE: &str = "rtb-0000000051300000a";
const ACL: &str = "acl-0000000051300000a";
const NAT: &str = "nat-0000000051300000a";
/// Of the network that is for documentation.
const NAT_ADDRESS: &str = "198.51.100.9";

/// What can be changed.
#[derive(Debug)]
pub(super) struct State {
    /// Permissions of the security group, in and out.
    permissions: [Vec<Value>; 2],
    /// Rules of the network ACL.
    rules: Vec<Value>,
    /// `enableDnsSupport` and `enableDnsHostnames`.
    dns: [bool; 2],
}

impl Default for State {
    fn default() -> Self {
        let rule = |number: i32, egress: bool, action: &str| {
            json!({"ruleNumber": number, "protocol": "-1", "ruleAction": action, "egress": egress,
                   "cidrBlock": "0.0.0.0/0"})
        };
        Self {
            permissions: [
                vec![
                    json!({"ipProtocol": "-1", "groups": items(vec![json!({"groupId": SECURITY_GROUP, "userId": ACCOUNT})])}),
                ],
                vec![json!({"ipProtocol": "-1", "ipRanges": items(vec![json!({"cidrIp": "0.0.0.0/0"})])})],
            ],
            rules: vec![
                rule(100, false, "allow"),
                rule(32_767, false, "deny"),
                rule(100, true, "allow"),
                rule(32_767, true, "deny"),
            ],
            dns: [true, true],
        }
    }
}

impl State {
    /// Whether a security group lets its members reach each other on all ports, by a rule whose source is itself.
    pub(super) fn is_open_within(&self, group: &str) -> bool {
        let [ingress, _] = &self.permissions;
        let everything = |p: &Value| match p["ipProtocol"].as_str() {
            Some("-1") => true,
            Some("tcp" | "6") => (p["fromPort"].as_i64(), p["toPort"].as_i64()) == (Some(0), Some(65_535)),
            _ => false,
        };
        let from_itself =
            |p: &Value| p["groups"]["item"].as_array().into_iter().flatten().any(|g| g["groupId"] == SECURITY_GROUP);
        group == SECURITY_GROUP && ingress.iter().any(|p| everything(p) && from_itself(p))
    }
}

/// A list as EC2 writes it.
fn items(all: impl Into<Value>) -> Value {
    json!({"item": all.into()})
}

/// Answers a call of EC2; nothing where it is none.
pub(super) fn answer(account: &Account, operation: &str, input: &Input) -> Option<Answer> {
    let state = &mut account.state().ec2;
    let (records, member) = match operation {
        "DescribeSubnets" => (subnets(&account.stage.region), "subnetSet"),
        "DescribeSecurityGroups" => (vec![security_group(state)], "securityGroupInfo"),
        "DescribeRouteTables" => (vec![route_table()], "routeTableSet"),
        "DescribeNetworkAcls" => (vec![acl(state)], "networkAclSet"),
        "DescribeNatGateways" => (vec![nat_gateway()], "natGatewaySet"),
        "DescribeVpcEndpoints" => (Vec::new(), "vpcEndpointSet"),
        "DescribeVpcPeeringConnections" => (Vec::new(), "vpcPeeringConnectionSet"),
        "DescribeVpcAttribute" => return Some(vpc_attribute(state, input)),
        _ => return change(state, operation, input),
    };
    Some(filtered(records, input).map(|records| json!({member: items(records)})))
}

/// Changes what can be changed.
fn change(state: &mut State, operation: &str, input: &Input) -> Option<Answer> {
    let [ingress, egress] = &mut state.permissions;
    let done = match operation {
        "AuthorizeSecurityGroupIngress" => authorize(ingress, input),
        "AuthorizeSecurityGroupEgress" => authorize(egress, input),
        "RevokeSecurityGroupIngress" => revoke(ingress, input),
        "RevokeSecurityGroupEgress" => revoke(egress, input),
        "CreateNetworkAclEntry" => add_rule(&mut state.rules, input),
        "DeleteNetworkAclEntry" => remove_rule(&mut state.rules, input),
        "ModifyVpcAttribute" => modify_vpc(&mut state.dns, input),
        _ => return None,
    };
    Some(done.map(|()| json!({"return": true})))
}

/// The records that all filters let through, by the members that the filters' names stand for.
fn filtered(records: Vec<Value>, input: &Input) -> Result<Vec<Value>, AwsError> {
    let mut left = records;
    for filter in input.list("Filter") {
        let name = filter.get("Name").and_then(Value::as_str).unwrap_or_default();
        let wanted = filter.get("Value").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let members: fn(&Value) -> Vec<&Value> = match name {
            "vpc-id" => |record| vec![&record["vpcId"]],
            "subnet-id" => |record| vec![&record["subnetId"]],
            "group-id" => |record| vec![&record["groupId"]],
            "service-name" => |record| vec![&record["serviceName"]],
            "association.subnet-id" => |record| {
                let associations = record["associationSet"]["item"].as_array().into_iter().flatten();
                associations.map(|a| &a["subnetId"]).collect()
            },
            _ => return Err(AwsError::bad("InvalidParameterValue", format!("The filter '{name}' is invalid"))),
        };
        left.retain(|record| members(record).iter().any(|value| wanted.contains(value)));
    }
    Ok(left)
}

fn subnets(region: &str) -> Vec<Value> {
    let subnet = |(place, (id, zone)): (usize, &(&str, char))| {
        json!({"subnetId": id, "vpcId": VPC, "availabilityZone": format!("{region}{zone}"), "state": "available",
               "cidrBlock": format!("10.51.{place}.0/24"), "availableIpAddressCount": 248, "ownerId": ACCOUNT})
    };
    SUBNETS.iter().enumerate().map(subnet).collect()
}

fn security_group(state: &State) -> Value {
    let [ingress, egress] = &state.permissions;
    json!({"groupId": SECURITY_GROUP, "groupName": "simulation", "vpcId": VPC, "ownerId": ACCOUNT,
           "groupDescription": super::names::SIMULATION, "ipPermissions": items(ingress.clone()),
           "ipPermissionsEgress": items(egress.clone())})
}

fn route_table() -> Value {
    let route = |destination: &str, kind: &str, target: &str| json!({"destinationCidrBlock": destination, kind: target, "state": "active", "origin": "CreateRoute"});
    let routes = vec![route("10.51.0.0/16", "gatewayId", "local"), route("0.0.0.0/0", "natGatewayId", NAT)];
    let main =
        json!({"routeTableAssociationId": "rtbassoc-0000000051300000a", "routeTableId": ROUTE_TABLE, "main": true});
    json!({"routeTableId": ROUTE_TABLE, "vpcId": VPC, "ownerId": ACCOUNT, "routeSet": items(routes),
           "associationSet": items(vec![main])})
}

fn acl(state: &State) -> Value {
    let associations = SUBNETS.iter().map(|(id, zone)| {
        json!({"networkAclAssociationId": format!("aclassoc-0000000051300000{zone}"), "networkAclId": ACL, "subnetId": id})
    });
    json!({"networkAclId": ACL, "vpcId": VPC, "default": true, "ownerId": ACCOUNT,
           "entrySet": items(state.rules.clone()), "associationSet": items(associations.collect::<Vec<_>>())})
}

fn nat_gateway() -> Value {
    json!({"natGatewayId": NAT, "vpcId": VPC, "subnetId": SUBNETS[0].0, "state": "available",
           "connectivityType": "public",
           "natGatewayAddressSet": items(vec![json!({"publicIp": NAT_ADDRESS, "privateIp": "10.51.0.9"})])})
}

fn vpc_attribute(state: &State, input: &Input) -> Answer {
    ours(input, "VpcId", VPC, "InvalidVpcID.NotFound")?;
    let [support, hostnames] = state.dns;
    match input.required("Attribute")? {
        "enableDnsSupport" => Ok(json!({"vpcId": VPC, "enableDnsSupport": {"value": support}})),
        "enableDnsHostnames" => Ok(json!({"vpcId": VPC, "enableDnsHostnames": {"value": hostnames}})),
        other => Err(AwsError::bad("InvalidParameterValue", format!("Value ({other}) for attribute is invalid."))),
    }
}

fn modify_vpc(dns: &mut [bool; 2], input: &Input) -> Result<(), AwsError> {
    ours(input, "VpcId", VPC, "InvalidVpcID.NotFound")?;
    for (place, name) in ["EnableDnsSupport", "EnableDnsHostnames"].into_iter().enumerate() {
        if let Some(value) = input.0.get(name).and_then(|v| v.get("Value")).and_then(Value::as_str) {
            dns[place] = value == "true";
        }
    }
    Ok(())
}

/// There is one of each kind.
fn ours(input: &Input, member: &str, id: &str, code: &str) -> Result<(), AwsError> {
    match input.required(member)? {
        given if given == id => Ok(()),
        given => Err(AwsError::bad(code, format!("The ID '{given}' does not exist"))),
    }
}

/// The permissions of a call, as they are told.
fn permissions(input: &Input) -> Result<Vec<Value>, AwsError> {
    ours(input, "GroupId", SECURITY_GROUP, "InvalidGroup.NotFound")?;
    let told = |permission: &Value| {
        let list = |from: &str, member: &str, to: &str| {
            let all = permission.get(from).and_then(Value::as_array).into_iter().flatten();
            let all: Vec<Value> = all.filter_map(|one| Some(json!({to: one.get(member)?}))).collect();
            (!all.is_empty()).then(|| items(all))
        };
        let number = |name: &str| permission.get(name)?.as_str()?.parse::<i32>().ok();
        // Null is not told.
        json!({"ipProtocol": permission.get("IpProtocol"), "fromPort": number("FromPort"), "toPort": number("ToPort"),
               "groups": list("Groups", "GroupId", "groupId"), "ipRanges": list("IpRanges", "CidrIp", "cidrIp")})
    };
    Ok(input.list("IpPermissions").iter().map(told).collect())
}

fn authorize(have: &mut Vec<Value>, input: &Input) -> Result<(), AwsError> {
    for permission in permissions(input)? {
        if have.iter().any(|p| same(p, &permission)) {
            let why = "the specified rule already exists";
            return Err(AwsError::bad("InvalidPermission.Duplicate", why));
        }
        have.push(permission);
    }
    Ok(())
}

fn revoke(have: &mut Vec<Value>, input: &Input) -> Result<(), AwsError> {
    for permission in permissions(input)? {
        let Some(place) = have.iter().position(|p| same(p, &permission)) else {
            let why = "The specified rule does not exist in this security group.";
            return Err(AwsError::bad("InvalidPermission.NotFound", why));
        };
        have.remove(place);
    }
    Ok(())
}

/// The same protocol, ports, groups and networks; whose account a group is in does not count.
fn same(one: &Value, other: &Value) -> bool {
    let key = |p: &Value| {
        let list = |name: &str, member: &str| -> Vec<Value> {
            p[name]["item"].as_array().into_iter().flatten().map(|i| i[member].clone()).collect()
        };
        let plain = ["ipProtocol", "fromPort", "toPort"].map(|name| p[name].clone());
        (plain, list("groups", "groupId"), list("ipRanges", "cidrIp"))
    };
    key(one) == key(other)
}

fn add_rule(rules: &mut Vec<Value>, input: &Input) -> Result<(), AwsError> {
    let (number, egress) = rule_key(input)?;
    if rules.iter().any(|r| r["ruleNumber"] == number && r["egress"] == egress) {
        let why = format!("The network acl entry identified by {number} already exists.");
        return Err(AwsError::bad("NetworkAclEntryAlreadyExists", why));
    }
    let range = input.0.get("PortRange").map(|range| {
        let port = |name: &str| range.get(name).and_then(Value::as_str).and_then(|p| p.parse::<i32>().ok());
        json!({"from": port("From"), "to": port("To")})
    });
    let mut rule = json!({"ruleNumber": number, "protocol": input.required("Protocol")?, "egress": egress,
                          "ruleAction": input.required("RuleAction")?, "cidrBlock": input.required("CidrBlock")?});
    if let Some(range) = range {
        rule["portRange"] = range;
    }
    rules.push(rule);
    Ok(())
}

fn remove_rule(rules: &mut Vec<Value>, input: &Input) -> Result<(), AwsError> {
    let (number, egress) = rule_key(input)?;
    let before = rules.len();
    rules.retain(|r| !(r["ruleNumber"] == number && r["egress"] == egress));
    if rules.len() == before {
        let why = format!("The network acl entry identified by {number} does not exist.");
        return Err(AwsError::bad("InvalidNetworkAclEntry.NotFound", why));
    }
    Ok(())
}

fn rule_key(input: &Input) -> Result<(i64, bool), AwsError> {
    ours(input, "NetworkAclId", ACL, "InvalidNetworkAclID.NotFound")?;
    let number = input.number("RuleNumber").ok_or_else(|| AwsError::missing("RuleNumber"))?;
    Ok((number, input.flag("Egress")))
}
