//! Who asks AWS, and where.

use cdc_doctor::lab::aws::Pretended;
use serde_json::json;

use super::seeded::{fixed, pretended};
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
