//! Whether a subnet has a way to S3, as EC2 knows it.

use crate::facts::Unknown;
use crate::facts::aws::{Network, Subnet};

/// Why a subnet has no way to S3, and the command that gives it one.
pub(super) struct NoWay {
    pub why: String,
    pub command: String,
}

/// `None` where there is a way: a gateway endpoint that the subnet's route table leads to, an interface endpoint that S3's
/// name leads to (private DNS), or a default route; to an internet gateway only for who has a public address.
pub(super) fn no_way(
    network: &Network,
    region: &str,
    subnet: &Subnet,
    public_address: bool,
) -> Result<Option<NoWay>, Unknown> {
    let endpoints = network.endpoints_to(&subnet.vpc, "s3")?;
    let table = network.table_of(subnet)?;
    let through = endpoints.iter().any(|e| match e.kind.as_str() {
        "Gateway" => table.is_some_and(|t| e.route_tables.contains(&t.id)),
        _ => e.private_dns,
    });
    let default = network.default_route_of(subnet)?;
    if through || default.is_some_and(|r| public_address || !r.target.starts_with("igw-")) {
        return Ok(None);
    }
    let table = table.map_or("TABLE", |t| t.id.as_str());
    let (why, command) = match endpoints.iter().find(|e| e.kind == "Gateway") {
        Some(gateway) => (
            format!("{table} does not lead to {}", gateway.id),
            format!(
                "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --add-route-table-ids {table}",
                gateway.id
            ),
        ),
        None => (
            format!("{table} leads neither to an endpoint of S3 nor out of the VPC"),
            format!(
                "aws ec2 create-vpc-endpoint --region {region} --vpc-id {} --service-name com.amazonaws.{region}.s3 \
                 --route-table-ids {table}",
                subnet.vpc
            ),
        ),
    };
    Ok(Some(NoWay { why, command }))
}
