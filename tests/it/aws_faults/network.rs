//! What is closed in the network around the instances, by EC2. Only in builds with the feature `ec2`.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{AttributeBooleanValue, IpPermission, IpRange, PortRange, RuleAction, UserIdGroupPair};
use cdc_doctor::aws::policy;
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Fault;

use super::seeded::{Told, report};
use crate::account::Account;
use crate::support::block_on;

/// The network checks, of which exactly these fail.
#[track_caller]
fn failing(account: &Account, codes: &[&str]) -> BTreeMap<String, Told> {
    let told = report(account, &["--only", "net"]);
    let failing: Vec<&str> = told.iter().filter(|(_, told)| told.0 == "fail").map(|(code, _)| code.as_str()).collect();
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

    let ec2 = client!(aws_sdk_ec2, account);
    let admin = block_on(Admin::new(&ec2));
    let (source, target) = (account.source.endpoint("postgres").port, account.target.endpoint("charts").port);

    block_on(admin.close_group());
    let told = failing(&account, &["NET-003", "NET-004"]);
    assert!(told["NET-003"].1.ends_with(&format!("in to port {source}")), "{told:?}");
    assert_eq!(report(&account, &[])["DEP-002"].0, "blocked", "the cause is told, and not what comes of it");
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
    let allowed = policy::actions(policy::CHECK_EC2);
    for action in &allowed {
        assert!(calls.contains(action), "nobody calls {action}");
    }
    account.simulator.fault("ec2:DescribeSecurityGroups", Fault::AccessDenied, 1);
    let (outcome, reason) = &report(account, &["--only", "NET-003"])["NET-003"];
    assert!(outcome == "unknown" && reason.contains("ec2:DescribeSecurityGroups"), "{outcome}: {reason}");
}
