//! Logins of DMS: how they fail, and where their passwords are.

use aws_sdk_databasemigration::types::{MySqlSettings, PostgreSqlSettings};
use cdc_doctor::lab::aws::Pretended;
use serde_json::{Value, json};

use super::seeded::{all_are, dms, endpoint_arn, fails, mended, passes, provisioned, test};
use crate::account::Account;
use crate::support::block_on;

const PAM: &str = "Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect Network error \
                   has occurred, Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 NativeError: 101 \
                   Message: FATAL: PAM authentication failed for user \"cdc\"";
const BARRED: &str = "Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect Network \
                      error has occurred, Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 \
                      NativeError: 101 Message: timeout expired";
const KMS: &str =
    "The KMS key is not accessible: AccessDeniedException: the role is not authorized to perform kms:Decrypt";

#[test]
fn logins_that_are_refused_are_told_in_the_words_of_both_sides() {
    let account = provisioned();
    all_are(&account, &["AUT-014", "DEP-002", "IAM-008"], "pass");
    account.simulator.refuse_connections("charts-src", Some(PAM));
    account.simulator.refuse_connections("charts-tgt", Some(KMS));
    try_both(&account);
    let wanted = [
        ("AUT-014", "The login of DMS is refused: the login is a member of rds_iam"),
        ("IAM-008", "charts-tgt is refused a KMS key"),
    ];
    mended(&account, &wanted, || {
        account.simulator.refuse_connections("charts-src", Some(BARRED));
        account.simulator.refuse_connections("charts-tgt", None);
        try_both(&account);
    });
    let barred = "This machine gets in, so the way from the replication instance is barred";
    mended(&account, &[("DEP-002", barred)], || {
        account.simulator.refuse_connections("charts-src", None);
        try_both(&account);
    });
}

fn try_both(account: &Account) {
    block_on(async {
        test(account, "charts-src").await;
        test(account, "charts-tgt").await;
    });
}

#[test]
fn passwords_that_rds_rotates_or_that_endpoints_keep_are_told() {
    let account = provisioned();
    passes(&account, "AUT-021");
    let secret = "arn:aws:secretsmanager:eu-west-2:000000000000:secret:rds!db-1-AbCdEf";
    let managed = |side: &str, members: Value| account.simulator.pretend(Pretended::DbInstance, side, members);
    managed("charts-source", json!({"MasterUserSecret": {"SecretArn": secret, "SecretStatus": "active"}}));
    fails(&account, "AUT-021", "charts-src keeps the password of the master user, which RDS rotates");
    fails(&account, "DEP-018", "charts-src keeps its password itself; charts-tgt keeps its password itself");
    let role = "arn:aws:iam::000000000000:role/charts-secrets";
    block_on(async {
        let named =
            PostgreSqlSettings::builder().secrets_manager_secret_id(secret).secrets_manager_access_role_arn(role);
        let source = dms(&account).modify_endpoint().endpoint_arn(endpoint_arn(&account, "charts-src").await);
        source.postgre_sql_settings(named.build()).send().await.unwrap();
        let named = MySqlSettings::builder().secrets_manager_secret_id("prod/my").secrets_manager_access_role_arn(role);
        let target = dms(&account).modify_endpoint().endpoint_arn(endpoint_arn(&account, "charts-tgt").await);
        target.my_sql_settings(named.build()).send().await.unwrap();
    });
    all_are(&account, &["AUT-021", "DEP-018"], "pass");
    fails(&account, "AUT-022", "charts-src logs in with the secret that RDS manages, which has no host");
    managed("charts-source", Value::Null);
    passes(&account, "AUT-022");
}
