//! NET-016: see the check's own explanation.

use super::aws_parts::only;
use super::glue_parts::with_job_network;
use super::way_to_s3::no_way;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether the subnets of the Glue job's connections have a way to S3: a gateway endpoint that the route table leads
    /// to, an interface endpoint, or a default route to a NAT gateway. That takes a build with the feature `ec2`; others
    /// go by the words of the job's last run. Where it succeeded, nothing is said.
    ///
    /// # Why it matters
    /// A job with a connection works from inside that subnet, and reads its script and the rows from S3. Its network
    /// interfaces have no public address, so an internet gateway does not serve them. The run ends at once with `VPC S3
    /// endpoint validation failed for SubnetId`.
    ///
    /// # How to fix it by hand
    /// `aws ec2 create-vpc-endpoint --vpc-id VPC --service-name com.amazonaws.REGION.s3 --route-table-ids TABLE`; it
    /// costs nothing.
    ///
    /// # Source
    /// AWS Glue Developer Guide, "Troubleshooting Spark errors": could not find S3 endpoint or NAT gateway.
    code: "NET-016",
    name: "glue-subnet-cannot-reach-s3",
    area: Net,
    severity: Error,
    title: "The subnet of the Glue job has no way to S3",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_job_network(
        facts,
        |job, network| {
            let mut findings = Vec::new();
            for subnet in job.subnets(network)? {
                let Some(none) = no_way(network, job.region(), subnet, false)? else { continue };
                let message =
                    format!("The Glue job {} has no way to S3 from {}: {}", job.job.name, subnet.id, none.why);
                findings.push(Finding::new(&subnet.id, message).fix(Fix::manual("lead it there", [none.command])));
            }
            Ok(findings)
        },
        |job, run| {
            let Some(words) = run.error.as_deref().filter(|e| e.contains("VPC S3 endpoint validation failed")) else {
                return Ok(Vec::new());
            };
            let subnet = words.split(|c: char| c.is_whitespace() || c == '.').find(|w| w.starts_with("subnet-"));
            let subnet = subnet.unwrap_or("its subnet");
            let message = format!("Glue ended the last run of {}: it had no way to S3 from {subnet}", job.job.name);
            let region = job.region();
            let look = format!(
                "Find VPC and route table of the subnet: aws ec2 describe-route-tables --region {region} --filters \
                 Name=association.subnet-id,Values={subnet} --query 'RouteTables[].[VpcId, RouteTableId]' --output text"
            );
            let command = format!(
                "With these: aws ec2 create-vpc-endpoint --region {region} --vpc-id VPC --service-name \
                 com.amazonaws.{region}.s3 --route-table-ids TABLE"
            );
            let finding = Finding::new(subnet, message).saw("run", &run.id).saw("in Glue's words", words);
            only(Some(finding.fix(Fix::manual("give it a way to S3", [look, command]))))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around_glue_network, aws, glue, known, network, not_yet_run};

    const REFUSED: &str = "VPC S3 endpoint validation failed for SubnetId: subnet-1. VPC: vpc-1. Reason: Could not \
        find S3 endpoint or NAT gateway for subnetId: subnet-1 in Vpc vpc-1";

    #[test]
    fn a_run_tells_it_in_any_build() {
        let mut facts = not_yet_run();
        aws(&mut facts).network = None;
        assert_not_applicable(&CHECK, &facts);
        let mut failed = crate::checks::testing_aws::glue_run();
        (failed.state, failed.error) = ("FAILED".into(), Some(REFUSED.into()));
        known(&mut glue(&mut facts).runs).push(failed);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.message, "Glue ended the last run of charts-apply: it had no way to S3 from subnet-1");
        assert_eq!(found.evidence[1].1, REFUSED);
    }

    #[test]
    fn an_internet_gateway_is_no_way() {
        let mut facts = not_yet_run();
        assert_pass(&CHECK, &facts);
        known(&mut network(&mut facts).route_tables)[0].routes[1].target = "igw-1".into();
        let found = finding(&CHECK, &facts);
        assert!(found.message.ends_with("from subnet-1: rtb-1 leads neither to an endpoint of S3 nor out of the VPC"));
        // A run that succeeded is stronger.
        known(&mut glue(&mut facts).runs).push(crate::checks::testing_aws::glue_run());
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        assert_around_glue_network(&CHECK, |network| network.route_tables = unseen());
    }
}
