//! The replication instance.

use cdc_doctor::lab::aws::Pretended;
use serde_json::json;

use super::seeded::{all_are, block_until_available, dms, fixed, instance_arn, mended, pretended, provisioned};
use crate::support::block_on;

#[test]
fn an_instance_that_is_weak_alone_or_public_is_told() {
    let account = provisioned();
    all_are(&account, &["DRI-003", "DRI-006"], "fail");
    account.run(&["fix", "--yes", "DRI-003", "DRI-006"], 0);
    all_are(&account, &["DRI-003", "DRI-006", "DRI-008"], "pass");
}

#[test]
fn an_instance_that_is_ill_or_short_is_told() {
    let account = provisioned();
    let pass =
        ["DRI-001", "DRI-002", "DRI-004", "DRI-005", "DRI-007", "DRI-009", "DRI-010", "DRI-011", "RUN-008", "SRC-021"];
    all_are(&account, &pass, "pass");
    let arn = block_on(instance_arn(&account));
    let details = json!([{"Action": "os-upgrade", "Description": "New Operating System update is available"}]);
    pretended(
        &account,
        &[
            (Pretended::ReplicationInstance, "charts-ri", json!({"ReplicationInstanceStatus": "storage-full"})),
            (Pretended::Quota, "Endpoints", json!({"Used": 950})),
            (Pretended::Maintenance, &arn, json!({"PendingMaintenanceActionDetails": details})),
        ],
        &[
            ("DRI-001", "The replication instance charts-ri is storage-full"),
            ("DRI-007", "charts-ri waits for os-upgrade in a window to come"),
            ("DRI-009", "950 of 1000 Endpoints are used"),
        ],
    );
    let lost = json!({"ReplicationInstanceStatus": "inaccessible-encryption-credentials"});
    pretended(
        &account,
        &[(Pretended::ReplicationInstance, "charts-ri", lost)],
        &[("DRI-010", "charts-ri is inaccessible-encryption-credentials: its key cannot be used")],
    );
    for (metric, value) in [("FreeableMemory", 1e8), ("FreeStorageSpace", 1e9), ("CPUUtilization", 99.0)] {
        account.simulator.metric("AWS/DMS", metric, "charts-ri", value);
    }
    let short = [
        ("DRI-004", "charts-ri had 100 MB of memory left"),
        ("DRI-005", "charts-ri has 1.0 of 50 GB left"),
        ("RUN-008", "charts-ri has been at 99 % CPU or more for an hour"),
    ];
    mended(&account, &short, || {
        account.run(&["fix", "--yes", "DRI-004", "DRI-005"], 0);
        account.simulator.forget_metrics();
    });
    let all = block_on(dms(&account).describe_replication_instances().send()).unwrap();
    let instance = &all.replication_instances()[0];
    let has = (instance.replication_instance_class(), instance.allocated_storage());
    assert_eq!(has, (Some("dms.r6i.xlarge"), 100));
}

#[test]
fn a_version_or_class_that_does_not_serve_is_told() {
    let account = provisioned();
    let become_version = |version: &str| {
        block_on(async {
            let ask = dms(&account).modify_replication_instance();
            let ask = ask.replication_instance_arn(instance_arn(&account).await).engine_version(version);
            ask.send().await.unwrap();
        });
        block_until_available(&account);
    };
    become_version("3.4.6");
    let old = [
        ("DRI-002", "charts-ri has DMS 3.4.6, whose support ends on 2026-06-30"),
        ("SRC-021", "DMS 3.4.6 does not know PostgreSQL"),
    ];
    mended(&account, &old, || become_version("3.6.1"));
    account.project.edit("[dms]\n", "[dms]\ninstance_class = \"dms.r6.large\"\n");
    fixed(&account, &[("DRI-011", "The class dms.r6.large is not offered in this region")]);
}
