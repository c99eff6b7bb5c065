//! Roles that DMS takes.

use aws_sdk_databasemigration::types::{PostgreSqlSettings, ReplicationEndpointTypeValue, S3Settings};
use cdc_doctor::facts::MyFlavor;
use serde_json::{Value, json};

use super::seeded::{Dms, all_are, dms, fails, passes, provisioned, synced};
use crate::account::Account;
use crate::support::block_on;

#[test]
fn roles_that_dms_cannot_take_or_does_not_need_are_told() {
    let account = provisioned();
    let codes = ["IAM-004", "IAM-010", "IAM-011"];
    all_are(&account, &codes, "pass");
    block_on(async {
        let iam = client!(aws_sdk_iam, account);
        let policy = "arn:aws:iam::aws:policy/service-role/AmazonDMSCloudWatchLogsRole";
        iam.detach_role_policy().role_name("dms-cloudwatch-logs-role").policy_arn(policy).send().await.unwrap();
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                           "Principal": {"Service": "dms.amazonaws.com"},
                           "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}]});
        let made = iam.create_role().role_name("dms-access-for-endpoint");
        made.assume_role_policy_document(trust.to_string()).send().await.unwrap();
    });
    all_are(&account, &codes, "fail");
    block_on(async {
        let iam = client!(aws_sdk_iam, account);
        let policy = "arn:aws:iam::aws:policy/service-role/AmazonDMSCloudWatchLogsRole";
        iam.attach_role_policy().role_name("dms-cloudwatch-logs-role").policy_arn(policy).send().await.unwrap();
        iam.delete_role().role_name("dms-access-for-endpoint").send().await.unwrap();
    });
    all_are(&account, &codes, "pass");
}

#[test]
fn a_secret_counts_as_readable_when_the_endpoints_role_may_read_it() {
    let account = synced();
    let dms = dms(&account);
    let role = block_on(async {
        let iam = client!(aws_sdk_iam, account);
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                           "Principal": {"Service": "dms.eu-west-2.amazonaws.com"}}]});
        let made = iam.create_role().role_name("charts-secrets").assume_role_policy_document(trust.to_string());
        let role = made.send().await.unwrap().role().unwrap().arn().to_owned();
        name_secret(&dms, &role).await;
        role
    });
    fails(&account, "IAM-007", "There is no secret prod/pg");
    block_on(async {
        let secrets = client!(aws_sdk_secretsmanager, account);
        secrets.create_secret().name("prod/pg").secret_string("{}").send().await.unwrap();
    });
    fails(&account, "IAM-007", &format!("{role} may not do secretsmanager:GetSecretValue"));
    block_on(async {
        let iam = client!(aws_sdk_iam, account);
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                            "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:*:*:secret:prod/*"}]});
        let put = iam.put_role_policy().role_name("charts-secrets").policy_name("read");
        put.policy_document(policy.to_string()).send().await.unwrap();
    });
    passes(&account, "IAM-007");
    passes(&account, "IAM-006");
    passes(&account, "DEP-015");
}

#[test]
fn the_role_of_an_s3_endpoint_must_do_what_the_endpoint_asks_for() {
    let account = Account::new(MyFlavor::MariaDb);
    let iam = client!(aws_sdk_iam, account);
    let dms = dms(&account);
    let allow = |action: Value, resource: &'static str| {
        let policy = json!({"Version": "2012-10-17",
                            "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]});
        let put = iam.put_role_policy().role_name("charts-s3").policy_document(policy.to_string());
        put.policy_name(action[0].as_str().unwrap().replace(':', "-"))
    };
    let endpoint = block_on(async {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                           "Principal": {"Service": "dms.amazonaws.com"}}]});
        let made = iam.create_role().role_name("charts-s3").assume_role_policy_document(trust.to_string());
        let role = made.send().await.unwrap().role().unwrap().arn().to_owned();
        allow(json!(["s3:ListBucket"]), "arn:aws:s3:::charts-cdc").send().await.unwrap();
        let s3 = S3Settings::builder().bucket_name("charts-cdc").bucket_folder("raw").service_access_role_arn(role);
        let made = dms.create_endpoint().endpoint_identifier("charts-tgt").engine_name("s3").s3_settings(s3.build());
        let made = made.endpoint_type(ReplicationEndpointTypeValue::Target).send().await.unwrap();
        made.endpoint().unwrap().endpoint_arn().unwrap().to_owned()
    });
    fails(&account, "IAM-005", "may not do s3:PutObject, s3:DeleteObject, s3:PutObjectTagging");
    block_on(async {
        let actions = json!(["s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging"]);
        allow(actions, "arn:aws:s3:::charts-cdc/raw/*").send().await.unwrap();
    });
    passes(&account, "IAM-005");
    passes(&account, "IAM-013");
    block_on(async {
        let catalogue = S3Settings::builder().glue_catalog_generation(true).build();
        dms.modify_endpoint().endpoint_arn(&endpoint).s3_settings(catalogue).send().await.unwrap();
        allow(json!(["athena:*"]), "*").send().await.unwrap();
    });
    fails(&account, "IAM-013", "may not do glue:CreateDatabase, glue:CreateTable, glue:GetTable");
    block_on(allow(json!(["glue:*"]), "*").send()).unwrap();
    passes(&account, "IAM-013");
}

/// The source endpoint logs in with a secret by this role.
async fn name_secret(dms: &Dms, role: &str) {
    let all = dms.describe_endpoints().send().await.unwrap();
    let source = all.endpoints().iter().find(|e| e.endpoint_identifier() == Some("charts-src")).unwrap();
    let secret =
        PostgreSqlSettings::builder().secrets_manager_secret_id("prod/pg").secrets_manager_access_role_arn(role);
    let ask = dms.modify_endpoint().endpoint_arn(source.endpoint_arn().unwrap());
    ask.postgre_sql_settings(secret.build()).send().await.unwrap();
}
