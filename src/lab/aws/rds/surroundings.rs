//! What stands around the instances: network, certificates, versions, events. Made up.

use serde_json::{Value, json};

use super::list;
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::{SIMULATION, iso};

/// The one VPC.
pub(in crate::lab::aws) const VPC: &str = "vpc-0000000051300000a";
/// Its subnets, each in the zone of that letter.
pub(in crate::lab::aws) const SUBNETS: [(&str, char); 3] =
    [("subnet-0000000051300000a", 'a'), ("subnet-0000000051300000b", 'b'), ("subnet-0000000051300000c", 'c')];
/// Its security group.
pub(in crate::lab::aws) const SECURITY_GROUP: &str = "sg-0000000051300000a";
/// The authority of new instances.
pub(super) const AUTHORITY: &str = "rds-ca-rsa2048-g1";
/// Until when certificates are valid.
pub(super) const VALID_TILL: &str = "2061-05-22T22:59:00Z";
/// The subnet group of both instances.
const SUBNET_GROUP: &str = "charts-subnets";

/// As it is told with each instance.
pub(super) fn subnet_group(account: &Account) -> Value {
    let subnets: Vec<Value> = SUBNETS
        .iter()
        .map(|(id, zone)| {
            json!({"SubnetIdentifier": id, "SubnetStatus": "Active",
                   "SubnetAvailabilityZone": {"Name": format!("{}{zone}", account.stage.region)}})
        })
        .collect();
    json!({"DBSubnetGroupName": SUBNET_GROUP, "DBSubnetGroupDescription": SIMULATION, "VpcId": VPC,
           "SubnetGroupStatus": "Complete", "Subnets": {"Subnet": subnets},
           "DBSubnetGroupArn": account.arn("rds", "subgrp", SUBNET_GROUP)})
}

/// `DescribeDBSubnetGroups`.
pub(super) fn subnet_groups(account: &Account, input: &Input) -> Answer {
    match input.text("DBSubnetGroupName") {
        Some(name) if name != SUBNET_GROUP => {
            Err(AwsError::new(404, "DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist.")))
        }
        _ => list(vec![subnet_group(account)], "DBSubnetGroups", "DBSubnetGroup", input),
    }
}

/// `DescribeCertificates`.
pub(super) fn certificates(account: &Account, input: &Input) -> Answer {
    let names = ["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"];
    let wanted = input.text("CertificateIdentifier");
    if let Some(name) = wanted.filter(|name| !names.contains(name)) {
        return Err(AwsError::new(404, "CertificateNotFound", format!("Certificate {name} not found.")));
    }
    let all = names.iter().filter(|name| wanted.is_none_or(|w| w == **name));
    let all = all.map(|name| {
        json!({"CertificateIdentifier": name, "CertificateType": "CA", "Thumbprint": "0".repeat(40),
               "ValidFrom": "2021-05-21T21:59:00Z", "ValidTill": VALID_TILL, "CustomerOverride": false,
               "CertificateArn": account.arn("rds", "cert", name)})
    });
    let mut answer = list(all.collect(), "Certificates", "Certificate", input)?;
    answer["DefaultCertificateForNewLaunches"] = AUTHORITY.into();
    Ok(answer)
}

/// `DescribeDBEngineVersions`: those of the two instances.
pub(super) fn versions(account: &Account, input: &Input) -> Answer {
    let wanted = |member: &str, is: &str| input.text(member).is_none_or(|w| is == w);
    let state = account.state();
    let fits = state.rds.instances.iter().filter(|i| {
        wanted("Engine", i.engine) && wanted("EngineVersion", &i.version) && wanted("DBParameterGroupFamily", &i.family)
    });
    let all = fits.map(|i| {
        json!({"Engine": i.engine, "EngineVersion": i.version, "DBParameterGroupFamily": i.family, "Status": "available",
               "DBEngineDescription": SIMULATION, "DBEngineVersionDescription": format!("{} {}", i.engine, i.version),
               "ValidUpgradeTarget": {}, "SupportsReadReplica": true})
    });
    list(all.collect(), "DBEngineVersions", "DBEngineVersion", input)
}

/// `DescribeEvents`, whatever the time that is asked for.
pub(super) fn events(account: &Account, input: &Input) -> Answer {
    let wanted = |member: &str, is: &str| input.text(member).is_none_or(|w| is == w);
    let state = account.state();
    let all = state
        .rds
        .events
        .iter()
        .filter(|(name, kind, ..)| wanted("SourceIdentifier", name) && wanted("SourceType", kind));
    let all = all.map(|(name, kind, at, what)| {
        let resource = if *kind == "db-instance" { "db" } else { "pg" };
        json!({"SourceIdentifier": name, "SourceType": kind, "Message": what, "Date": iso(*at),
               "EventCategories": {"EventCategory": ["configuration change"]},
               "SourceArn": account.arn("rds", resource, name)})
    });
    list(all.collect(), "Events", "Event", input)
}
