//! Who asks AWS, and where.

use cdc_doctor::lab::aws::Pretended;
use serde_json::json;

use super::seeded::{fails, fixed, passes, pretended};
use crate::account::Account;
use cdc_doctor::facts::MyFlavor;

#[test]
fn a_caller_that_lacks_rights_and_a_name_that_aws_does_not_know_are_told() {
    let account = Account::new(MyFlavor::MariaDb);
    pretended(
        &account,
        &[(Pretended::Decision, "dms:DescribeEndpoints", json!({"EvalDecision": "implicitDeny"}))],
        &[("IAM-002", "user/simulation may not: dms:DescribeEndpoints")],
    );
    account.project.edit("\"charts-source\"", "\"chart-source\"");
    fixed(&account, &[("IAM-001", "no RDS instance or cluster \"chart-source\"")]);
}

#[test]
fn credentials_that_end_within_the_hour_are_told() {
    let mut account = Account::new(MyFlavor::MariaDb);
    let url = account.simulator.url();
    account.project.edit(&format!("endpoint_url = {url:?}\n"), "profile = \"temporary\"\n");
    let at = |name: &str| account.project.folder().join(name).display().to_string();
    let (config, given) = (at("aws-config"), at("given.json"));
    std::fs::write(&config, format!("[profile temporary]\ncredential_process = cat {given}\n")).unwrap();
    let give = |minutes: i64| {
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        let keys = json!({"Version": 1, "AccessKeyId": "simulation", "SecretAccessKey": "simulation",
                          "SessionToken": "simulation", "Expiration": until.to_string()});
        std::fs::write(&given, keys.to_string()).unwrap();
    };
    account.project.set("AWS_CONFIG_FILE", &config.into());
    account.project.set("AWS_ENDPOINT_URL", &url.into());
    give(30);
    fails(&account, "IAM-012", "The AWS credentials end at ");
    give(600);
    passes(&account, "IAM-012");
}
