//! What `check` may not see.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use cdc_doctor::aws::policy;
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Fault;
use serde_json::json;

use super::glue::{Job, encrypt};
use super::seeded::report;
use crate::support::block_on;

/// Each call that is made may be refused: then some check is unknown, and names the permission. The calls are those
/// that the policy allows.
#[test]
fn each_refusal_of_a_check_is_unknown_with_its_permission() {
    let job = Job::new(MyFlavor::MariaDb);
    let account = &job.account;
    // With a bucket, DMS would be made to write there, and the simulated one does not.
    let whole = account.project.text();
    let without_bucket = whole.replace("[s3]\nbucket = \"charts-cdc\"\nprefix = \"raw/\"\n", "");
    std::fs::write(account.project.path(), without_bucket).unwrap();
    account.run(&["provision", "apply", "--yes"], 0);
    account.run(&["sync", "--until-caught-up"], 0);
    std::fs::write(account.project.path(), whole).unwrap();
    block_on(furnish(&job));
    let before = account.simulator.calls().len();
    report(account, &[]);
    let calls = account.actions(before);
    let allowed = [policy::actions(policy::CHECK), policy::actions(policy::CHECK_EC2)].concat();
    assert!(calls.iter().all(|call| allowed.contains(call)), "{calls:?}");
    for call in calls {
        account.simulator.fault(&call, Fault::AccessDenied, u32::MAX);
        let told = report(account, &[]);
        account.simulator.end_faults();
        let named = format!("Allow it the action {call} in IAM");
        let unknown = told.values().any(|(outcome, why)| outcome == "unknown" && why.contains(&named));
        assert!(unknown || NOT_NEEDED.contains(&call.as_str()), "{call} was refused, and no check says so");
    }
}

/// What a sound account can do without: most databases are in no cluster, and where connection tests passed, nobody asks
/// what lets packets through.
const NOT_NEEDED: [&str; 3] = ["ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "rds:DescribeDBClusters"];

/// A bucket with a key, and a role that may do what Glue does, so that nothing else is found that would be told instead.
async fn furnish(job: &Job) {
    let here = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest2);
    let s3 = client!(aws_sdk_s3, job.account);
    s3.create_bucket().bucket("charts-cdc").create_bucket_configuration(here.build()).send().await.unwrap();
    encrypt(&s3).await;
    job.allow("all", json!("*"), "*").await;
}
