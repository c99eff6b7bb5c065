//! What a task is, and whom it writes to.

use aws_sdk_databasemigration::types::{MigrationTypeValue, S3Settings};
use cdc_doctor::lab::aws::Pretended;
use serde_json::{Value, json};

use super::seeded::{
    Dms, all_are, dms, endpoint_arn, fixed, instance_arn, mended, passes, pretended, provisioned, task_arn, trust,
};
use crate::account::Account;
use crate::support::block_on;

#[test]
fn a_task_that_cannot_do_what_the_pipeline_asks_for_is_told() {
    let account = provisioned();
    let rule = |id: &str, kind: &str| {
        json!({"rule-type": kind, "rule-id": id, "rule-name": id, "rule-action": "include",
               "object-locator": {"schema-name": "public", "table-name": "%"}})
    };
    let mask = json!({"rule-type": "transformation", "rule-id": "1", "rule-name": "2", "rule-target": "column",
                      "rule-action": "data-masking-digits-mask", "object-locator": {"schema-name": "public"}});
    let mappings = json!({"rules": [rule("1", "selection"), mask]}).to_string();
    pretended(
        &account,
        &[(
            Pretended::Task,
            "charts-task",
            json!({"Status": "failed-move", "CdcStartPosition": "2018-03-08T12:12:12", "TableMappings": mappings}),
        )],
        &[
            ("DTK-022", "begin at 2018-03-08T12:12:12, which is no position in the WAL"),
            ("DTK-025", "masks columns and validates them"),
            ("DTK-026", "two rules with the rule-id \"1\""),
            ("DTK-027", "The task charts-task is failed-move"),
        ],
    );
    let migrate = |kind: MigrationTypeValue| {
        block_on(async {
            let ask = dms(&account).modify_replication_task().replication_task_arn(task_arn(&account).await);
            ask.migration_type(kind).send().await.unwrap();
        });
    };
    migrate(MigrationTypeValue::Cdc);
    mended(&account, &[("DTK-001", "of the type cdc, and [sync] mode is full-load-and-cdc")], || {
        migrate(MigrationTypeValue::FullLoadAndCdc);
    });
}

#[test]
fn tasks_that_write_to_s3_in_ways_that_lose_changes_are_told() {
    let account = provisioned();
    let dms = dms(&account);
    let second = block_on(async {
        let iam = client!(aws_sdk_iam, account);
        let made = iam.create_role().role_name("charts-s3").assume_role_policy_document(trust("dms.amazonaws.com"));
        let role = made.send().await.unwrap().role().unwrap().arn().to_owned();
        let s3 = S3Settings::builder().bucket_name("charts-cdc").bucket_folder("raw").service_access_role_arn(role);
        let made = dms.create_endpoint().endpoint_identifier("charts-s3").endpoint_type("target".into());
        made.engine_name("s3").s3_settings(s3.build()).send().await.unwrap();
        to_s3(&account, &dms, "first").await;
        to_s3(&account, &dms, "second").await
    });
    account.project.edit("[dms]\n", "[dms]\ntarget_endpoint = \"charts-s3\"\ntask = \"first\"\n");
    fixed(
        &account,
        &[
            ("DTK-004", "The task first writes to S3 in full LOB mode"),
            ("DTK-005", "The task first applies changes in batches to S3"),
        ],
    );
    mended(&account, &[("DTK-021", "first writes to charts-cdc/raw, and so does second")], || {
        block_on(async {
            dms.delete_replication_task().replication_task_arn(second).send().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        });
    });
    mended(&account, &[("IAM-005", "by which charts-s3 writes to S3, has no policy")], || {
        let write =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
        let iam = client!(aws_sdk_iam, account);
        let put = iam.put_role_policy().role_name("charts-s3").policy_name("write").policy_document(write.to_string());
        block_on(put.send()).unwrap();
    });
    all_are(&account, &["DTK-004", "DTK-005"], "pass");
}

/// A task that writes to S3, with settings for a database; gives its ARN.
async fn to_s3(account: &Account, dms: &Dms, name: &str) -> String {
    let settings =
        json!({"TargetMetadata": {"FullLobMode": true, "LimitedSizeLobMode": false, "BatchApplyEnabled": true}});
    let all = dms.describe_replication_tasks().send().await.unwrap();
    let mappings: Value = serde_json::from_str(all.replication_tasks()[0].table_mappings().unwrap()).unwrap();
    let ask = dms.create_replication_task().replication_task_identifier(name);
    let ask = ask.source_endpoint_arn(endpoint_arn(account, "charts-src").await);
    let ask = ask.target_endpoint_arn(endpoint_arn(account, "charts-s3").await);
    let ask = ask.replication_instance_arn(instance_arn(account).await).migration_type(MigrationTypeValue::Cdc);
    let ask = ask.table_mappings(mappings.to_string()).replication_task_settings(settings.to_string());
    ask.send().await.unwrap().replication_task().unwrap().replication_task_arn().unwrap().to_owned()
}

#[test]
fn a_misspelt_name_is_told_with_the_one_that_there_is() {
    let account = provisioned();
    passes(&account, "DTK-028");
    let text = account.project.text();
    std::fs::write(account.project.path(), format!("{text}task = \"chart-task\"\n")).unwrap();
    mended(&account, &[("DTK-028", "There is no task \"chart-task\" in eu-west-2")], || {
        std::fs::write(account.project.path(), text).unwrap();
    });
}
