//! Settings of the task.

use serde_json::json;

use super::seeded::{all_are, fixed, mended, provisioned, set};

#[test]
fn task_settings_that_lose_data_are_told_and_set_right() {
    let account = provisioned();
    let codes = ["DTK-002", "DTK-003", "DTK-008", "DTK-010", "DTK-012", "DTK-013", "DTK-014", "DTK-017", "DTK-020"];
    all_are(&account, &codes, "pass");
    set(
        &account,
        &json!({
            "FullLoadSettings": {"TargetTablePrepMode": "DROP_AND_CREATE"}, "Logging": {"EnableLogging": false},
            "TargetMetadata": {"FullLobMode": true, "LimitedSizeLobMode": true},
            "ValidationSettings": {"EnableValidation": false},
            "ErrorBehavior": {"DataErrorPolicy": "IGNORE_RECORD", "FailOnNoTablesCaptured": false,
                              "RecoverableErrorCount": -1},
            "ChangeProcessingDdlHandlingPolicy": {"HandleSourceTableDropped": true},
            "ControlTablesSettings": {"StatusTableEnabled": false},
        }),
    );
    all_are(&account, &codes, "fail");
    account.run(&[&["fix", "--yes"], &codes[..]].concat(), 0);
    all_are(&account, &codes, "pass");
}

#[test]
fn task_settings_that_overload_or_mislead_are_told_and_set_right() {
    let account = provisioned();
    all_are(&account, &["DEP-017", "DTK-006", "DTK-009", "DTK-011", "DTK-018", "DTK-019"], "pass");
    let loud = json!([{"Id": "TARGET_APPLY", "Severity": "LOGGER_SEVERITY_DETAILED_DEBUG"}]);
    set(
        &account,
        &json!({
            "FullLoadSettings": {"MaxFullLoadSubTasks": 49}, "Logging": {"EnableLogging": true, "LogComponents": loud},
            "TargetMetadata": {"BatchApplyEnabled": true, "SupportLobs": true, "FullLobMode": true,
                               "LimitedSizeLobMode": false, "ParallelLoadThreads": 4, "TargetSchema": "elsewhere"},
        }),
    );
    fixed(
        &account,
        &[
            ("DEP-017", "ParallelLoadThreads is 4 on the task charts-task"),
            ("DTK-006", "applies changes in batches, with LOBs in full mode"),
            ("DTK-009", "detailed debugging log of TARGET_APPLY"),
            ("DTK-018", "sends every schema to \"elsewhere\""),
            ("DTK-019", "loads 49 tables with 4 threads each"),
        ],
    );
    set(&account, &json!({"ValidationSettings": {"EnableValidation": true, "ValidationPartialLobSize": 7}}));
    fixed(&account, &[("DTK-011", "validation compares 7 KB")]);
}

#[test]
fn a_task_and_its_databases_that_do_not_fit_are_told() {
    let account = provisioned();
    all_are(&account, &["DTK-007", "DTK-016"], "pass");
    account.source.run("postgres", "CREATE TABLE keyless (id int NOT NULL)").unwrap();
    let keys = "CREATE TABLE parent (id int PRIMARY KEY);
                CREATE TABLE child (id int PRIMARY KEY, parent int, FOREIGN KEY (parent) REFERENCES parent (id))";
    account.target.run(Some("charts"), keys).unwrap();
    let goes_on = json!({"StopTaskCachedChangesApplied": false, "StopTaskCachedChangesNotApplied": false});
    set(&account, &json!({"TargetMetadata": {"BatchApplyEnabled": true}, "FullLoadSettings": goes_on}));
    mended(&account, &[("DTK-007", "these have no key: public.keyless")], || {
        account.source.run("postgres", "ALTER TABLE keyless ADD PRIMARY KEY (id)").unwrap();
    });
    fixed(&account, &[("DTK-016", "2 tables of the target take part in foreign keys")]);
}
