"""EC2: the network around the instances is described, closed in places, and opened again."""

from common import client, equal, refused

ec2, rds = client("ec2"), client("rds")
database = rds.describe_db_instances()["DBInstances"][0]
vpc = database["DBSubnetGroup"]["VpcId"]
group = database["VpcSecurityGroups"][0]["VpcSecurityGroupId"]
of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]

# What RDS names is what EC2 describes.
wanted = [s["SubnetIdentifier"] for s in database["DBSubnetGroup"]["Subnets"]]
subnets = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": wanted}])["Subnets"]
equal([s["SubnetId"] for s in subnets], wanted)
equal(len({s["AvailabilityZone"] for s in subnets}), 3)
equal(ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": ["subnet-1"]}])["Subnets"], [])
refused("InvalidParameterValue", ec2.describe_subnets, Filters=[{"Name": "colour", "Values": ["red"]}])

gateway = ec2.describe_nat_gateways(Filter=of_vpc)["NatGateways"][0]
table = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"][0]
equal([r.get("NatGatewayId") for r in table["Routes"]], [None, gateway["NatGatewayId"]])
equal(table["Associations"][0]["Main"], True)
equal(ec2.describe_vpc_endpoints(Filters=of_vpc)["VpcEndpoints"], [])
equal(ec2.describe_vpc_peering_connections()["VpcPeeringConnections"], [])

# The security group.
inbound = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}


def told(member):
    return ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroups"][0][member]


equal(told("IpPermissions")[0]["UserIdGroupPairs"][0]["GroupId"], group)
ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[inbound])
equal(told("IpPermissions"), [])
refused("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[inbound])
one = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.51.0.0/16"}]}
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[one])
refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[one])
(permission,) = told("IpPermissions")
equal((permission["FromPort"], permission["IpRanges"]), (5432, [{"CidrIp": "10.51.0.0/16"}]))
everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
equal(told("IpPermissionsEgress"), [])
ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[everything])
refused("InvalidGroup.NotFound", ec2.authorize_security_group_egress, GroupId="sg-1", IpPermissions=[everything])


# The network ACL.
def acl():
    found = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": wanted[:1]}])
    return found["NetworkAcls"][0]


rule = {"NetworkAclId": acl()["NetworkAclId"], "RuleNumber": 50, "Egress": True}
refusing = {**rule, "Protocol": "6", "RuleAction": "deny", "CidrBlock": "10.51.0.0/16"}
ec2.create_network_acl_entry(**refusing, PortRange={"From": 5432, "To": 5432})
refused("NetworkAclEntryAlreadyExists", ec2.create_network_acl_entry, **refusing)
(entry,) = [e for e in acl()["Entries"] if e["RuleNumber"] == 50]
equal((entry["PortRange"], entry["Egress"], entry["RuleAction"]), ({"From": 5432, "To": 5432}, True, "deny"))
ec2.delete_network_acl_entry(**rule)
refused("InvalidNetworkAclEntry.NotFound", ec2.delete_network_acl_entry, **rule)


# DNS.
def dns(name, member):
    return ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)[member]["Value"]


equal((dns("enableDnsSupport", "EnableDnsSupport"), dns("enableDnsHostnames", "EnableDnsHostnames")), (True, True))
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
equal((dns("enableDnsSupport", "EnableDnsSupport"), dns("enableDnsHostnames", "EnableDnsHostnames")), (False, True))
refused("InvalidVpcID.NotFound", ec2.modify_vpc_attribute, VpcId="vpc-1", EnableDnsSupport={"Value": True})
