//! Glue and S3 of the simulated AWS, as boto3 and the SDK of this program see them.

use aws_sdk_glue::types::{JobCommand, JobRunState};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration};
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Delays;
use serde_json::json;

use crate::simulated_aws::{Scene, fault};
use crate::support::block_on;

#[test]
fn jobs_run_fail_and_are_told_page_by_page() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    scene.play("glue.py", |asked| match asked {
        ["slowly"] => {
            let delays = Delays { start: std::time::Duration::from_secs(1), ..Delays::none() };
            scene.simulator.set_delays(delays);
            String::new()
        }
        ["written"] => scene.simulator.glue_run(
            "charts-apply",
            json!({"JobRunState": "FAILED", "ErrorMessage": "Communications link failure",
                   "StartedOn": 1_790_000_000, "ExecutionTime": 90}),
        ),
        other => panic!("{other:?}"),
    });
}

#[test]
fn buckets_are_closed_opened_and_encrypted() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    scene.play("s3.py", |asked| {
        let ["fault", which] = asked else { panic!("{asked:?}") };
        scene.simulator.fault("*", fault(which), 1);
        String::new()
    });
    let calls = scene.simulator.calls();
    for permission in ["ListAllMyBuckets", "ListBucket", "GetEncryptionConfiguration", "GetBucketPublicAccessBlock"] {
        assert!(calls.contains(&format!("s3:{permission}")), "{permission} is not in {calls:?}");
    }
}

#[test]
fn the_rust_sdk_understands_buckets() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    let s3 = client!(aws_sdk_s3, scene);
    block_on(async {
        let here = BucketLocationConstraint::EuWest2;
        let here = CreateBucketConfiguration::builder().location_constraint(here.clone()).build();
        s3.create_bucket().bucket("charts-cdc").create_bucket_configuration(here).send().await.unwrap();
        let all = s3.list_buckets().send().await.unwrap();
        assert_eq!(all.buckets()[0].name(), Some("charts-cdc"));
        let head = s3.head_bucket().bucket("charts-cdc").send().await.unwrap();
        assert_eq!(head.bucket_region(), Some("eu-west-2"));
        let encryption = s3.get_bucket_encryption().bucket("charts-cdc").send().await.unwrap();
        let rules = encryption.server_side_encryption_configuration().unwrap().rules();
        let by_default = rules[0].apply_server_side_encryption_by_default().unwrap();
        assert_eq!(by_default.sse_algorithm().as_str(), "AES256");
        let open = PublicAccessBlockConfiguration::builder().ignore_public_acls(true).build();
        let put = s3.put_public_access_block().bucket("charts-cdc").public_access_block_configuration(open);
        put.send().await.unwrap();
        let block = s3.get_public_access_block().bucket("charts-cdc").send().await.unwrap();
        let block = block.public_access_block_configuration().unwrap();
        assert_eq!((block.ignore_public_acls(), block.restrict_public_buckets()), (Some(true), Some(false)));
        let none = s3.get_bucket_policy_status().bucket("charts-cdc").send().await.unwrap_err();
        assert_eq!(none.code(), Some("NoSuchBucketPolicy"));
        let missing = s3.head_bucket().bucket("nobody").send().await.unwrap_err();
        assert!(missing.into_service_error().is_not_found());
    });
}

#[test]
fn the_rust_sdk_understands_jobs() {
    let scene = Scene::new(MyFlavor::MariaDb, |_| {});
    let glue = client!(aws_sdk_glue, scene);
    block_on(async {
        let missing = glue.get_job().job_name("charts-apply").send().await.unwrap_err();
        assert!(missing.into_service_error().is_entity_not_found_exception());
        let command = JobCommand::builder().name("glueetl").build();
        let made = glue.create_job().name("charts-apply").role("r").command(command).glue_version("4.0");
        made.send().await.unwrap();
        let job = glue.get_job().job_name("charts-apply").send().await.unwrap();
        let job = job.job().unwrap();
        assert_eq!((job.glue_version(), job.max_capacity()), (Some("4.0"), Some(10.0)));
        let id = scene.simulator.glue_run("charts-apply", json!({"JobRunState": "RUNNING"}));
        let runs = glue.get_job_runs().job_name("charts-apply").send().await.unwrap();
        let [run] = runs.job_runs() else { panic!("{runs:?}") };
        assert_eq!((run.id(), run.job_run_state()), (Some(id.as_str()), Some(&JobRunState::Running)));
        assert!(run.started_on().is_some() && run.completed_on().is_none());
    });
}
