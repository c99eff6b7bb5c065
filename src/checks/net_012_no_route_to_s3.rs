//! NET-012: see the check's own explanation.

use super::reach::with_network;
use super::way_to_s3::no_way;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Where an endpoint writes to S3: whether the replication instance's subnet has a way to S3: a gateway endpoint
    /// that its route table leads to, an interface endpoint, or a default route (to an internet gateway only for an
    /// instance with a public address). Where the last connection test passed, nothing is said. Builds with the feature `ec2` only.
    ///
    /// # Why it matters
    /// From DMS 3.4.7 on, the replication instance reaches S3 through your VPC. Without a way, the connection test of
    /// the S3 endpoint ends in a timeout. A gateway endpoint with no route table serves nobody.
    ///
    /// # How to fix it by hand
    /// `aws ec2 create-vpc-endpoint --vpc-id VPC --service-name com.amazonaws.REGION.s3 --route-table-ids TABLE`; it
    /// costs nothing.
    ///
    /// # Source
    /// AWS DMS User Guide, "Configuring VPC endpoints as AWS DMS source and target endpoints".
    code: "NET-012",
    name: "no-route-to-s3",
    area: Net,
    severity: Error,
    title: "The replication instance has no way to S3",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_network(facts, |here| {
        if here.unreached()?.iter().all(|e| e.s3.is_none()) {
            return Ok(Vec::new());
        }
        let mut findings = Vec::new();
        for subnet in here.home()? {
            let Some(none) = no_way(here.network, here.region(), subnet, here.instance.public)? else { continue };
            let message = format!("{} in {} has no way to S3: {}", here.instance.identifier, subnet.id, none.why);
            findings.push(Finding::new(&subnet.id, message).fix(Fix::manual("lead it there", [none.command])));
        }
        Ok(findings)
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{
        assert_around_network_with, interface_endpoint, known, network, replication_instance, target_endpoint, untested,
    };
    use crate::facts::aws::{S3Settings, VpcEndpoint};
    use crate::facts::{Fact, Facts};

    /// To S3, without a default route.
    fn cut_off() -> Facts {
        let mut facts = untested();
        target_endpoint(&mut facts).s3 = Some(S3Settings::default());
        assert_pass(&CHECK, &facts);
        known(&mut network(&mut facts).route_tables)[0].routes.truncate(1);
        facts
    }

    #[test]
    fn neither_endpoint_nor_way_out() {
        let mut facts = cut_off();
        assert!(
            finding(&CHECK, &facts).message.ends_with("rtb-1 leads neither to an endpoint of S3 nor out of the VPC")
        );
        network(&mut facts).vpc_endpoints = Fact::Known(vec![interface_endpoint("s3")]);
        assert_pass(&CHECK, &facts);
        known(&mut network(&mut facts).vpc_endpoints)[0].private_dns = false;
        finding(&CHECK, &facts);
        let gateway = VpcEndpoint { kind: "Gateway".into(), ..interface_endpoint("s3") };
        network(&mut facts).vpc_endpoints = Fact::Known(vec![gateway]);
        let command = finding(&CHECK, &facts).fix.unwrap().steps[0].action.describe();
        assert!(command.ends_with("--vpc-endpoint-id vpce-1 --add-route-table-ids rtb-1"), "{command}");
        known(&mut network(&mut facts).vpc_endpoints)[0].route_tables = vec!["rtb-1".into()];
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn an_internet_gateway_serves_only_public_instances() {
        let mut facts = untested();
        target_endpoint(&mut facts).s3 = Some(S3Settings::default());
        known(&mut network(&mut facts).route_tables)[0].routes[1].target = "igw-1".into();
        finding(&CHECK, &facts);
        replication_instance(&mut facts).public = true;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn around() {
        let with_s3 = |facts: &mut Facts| target_endpoint(facts).s3 = Some(S3Settings::default());
        assert_around_network_with(&CHECK, with_s3, |network| network.vpc_endpoints = unseen());
    }
}
