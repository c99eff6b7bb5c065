//! What endpoints say.

use aws_sdk_databasemigration::types::PostgreSqlSettings;
use cdc_doctor::lab::aws::Pretended;
use serde_json::json;

use super::seeded::{all_are, dms, endpoint_arn, fails, fixed, mended, passes, pretended, provisioned};
use crate::account::Account;
use crate::support::block_on;

#[test]
fn endpoint_settings_that_mislead_are_told_and_set_right() {
    let account = provisioned();
    let codes = ["DEP-004", "DEP-007", "DEP-012", "DEP-013", "DEP-014", "NET-002"];
    all_are(&account, &codes, "pass");
    block_on(async {
        let dms = dms(&account);
        let all = dms.describe_endpoints().send().await.unwrap();
        let arn = |name| {
            let found = all.endpoints().iter().find(|e| e.endpoint_identifier() == Some(name));
            found.unwrap().endpoint_arn().unwrap()
        };
        let postgres =
            PostgreSqlSettings::builder().fail_tasks_on_lob_truncation(false).after_connect_script("SELECT 1");
        let source =
            dms.modify_endpoint().endpoint_arn(arn("charts-src")).port(1).postgre_sql_settings(postgres.build());
        source.extra_connection_attributes("MapUnboundedNumericAsString=true; a=1").send().await.unwrap();
        let target = dms.modify_endpoint().endpoint_arn(arn("charts-tgt")).database_name("elsewhere");
        target.send().await.unwrap();
    });
    all_are(&account, &codes, "fail");
    account.run(&["fix", "--yes", "DEP-012", "NET-002"], 0);
    all_are(&account, &["DEP-012", "NET-002"], "pass");
    block_on(async {
        let sound = PostgreSqlSettings::builder().after_connect_script("").build();
        let source = dms(&account).modify_endpoint().endpoint_arn(endpoint_arn(&account, "charts-src").await);
        source.postgre_sql_settings(sound).extra_connection_attributes("").send().await.unwrap();
        let target = dms(&account).modify_endpoint().endpoint_arn(endpoint_arn(&account, "charts-tgt").await);
        target.database_name("").send().await.unwrap();
    });
    all_are(&account, &codes, "pass");
}

#[test]
fn endpoints_that_lead_elsewhere_or_lack_rights_are_told_and_set_right() {
    let account = provisioned();
    all_are(&account, &["DEP-006", "DEP-008", "DEP-009", "DEP-010", "DEP-011"], "pass");
    // As ANALYZE would leave it.
    account.source.run("postgres", "UPDATE pg_class SET reltuples = 3e7 WHERE relname = 'chart'").unwrap();
    let other = block_on(async {
        let settings = PostgreSqlSettings::builder().slot_name("shared").capture_ddls(true).execute_timeout(60);
        let source = dms(&account).modify_endpoint().endpoint_arn(endpoint_arn(&account, "charts-src").await);
        source.username("somebody").postgre_sql_settings(settings.build()).send().await.unwrap();
        let target = dms(&account).modify_endpoint().endpoint_arn(endpoint_arn(&account, "charts-tgt").await);
        target.server_name("c.cluster-ro-abc.eu-west-2.rds.amazonaws.com").send().await.unwrap();
        let second = dms(&account).create_endpoint().endpoint_identifier("second").endpoint_type("source".into());
        let second = second.engine_name("postgres").server_name("localhost").port(i32::from(account.source.port()));
        let settings = PostgreSqlSettings::builder().slot_name("shared").build();
        let made = second.postgre_sql_settings(settings).send().await.unwrap();
        made.endpoint().unwrap().endpoint_arn().unwrap().to_owned()
    });
    fixed(
        &account,
        &[
            ("DEP-006", "charts-tgt points at readers: c.cluster-ro-abc"),
            ("DEP-008", "charts-src captures DDL as somebody, who may not make"),
            ("DEP-011", "ends statements after 60 s, and public.chart has about 30000000 rows"),
        ],
    );
    mended(&account, &[("DEP-010", "\"shared\" is named by charts-src and by second")], || {
        block_on(dms(&account).delete_endpoint().endpoint_arn(other).send()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
    });
    fails(&account, "DEP-009", "The slot \"shared\", which charts-src names, is not there");
    account.run(&["fix", "--yes", "DEP-009"], 0);
    fails(&account, "DEP-009", "needs a start position");
    account.simulator.pretend(Pretended::Task, "charts-task", json!({"CdcStartPosition": "0/1500000"}));
    passes(&account, "DEP-009");
}

#[test]
fn sources_that_the_endpoint_decodes_in_vain_are_told_and_set_right() {
    let account = provisioned();
    let codes = ["SRC-025", "SRC-026", "SRC-027"];
    account
        .source
        .run(
            "postgres",
            "CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
             CREATE EVENT TRIGGER awsdms_intercept_ddl ON ddl_command_end EXECUTE FUNCTION seen();
             CREATE TABLE awsdms_busy AS SELECT n FROM generate_series(1, 1200000) n",
        )
        .unwrap();
    decode(&account, "pglogical", None);
    fixed(&account, &[("SRC-026", "charts-src asks for pglogical, and the source does not load")]);
    decode(&account, "test-decoding", Some(true));
    all_are(&account, &codes[..2], "pass");
    block_on(async {
        let up = dms(&account).create_endpoint().endpoint_identifier("upstream").endpoint_type("target".into());
        let up = up.engine_name("postgres").server_name("localhost").port(i32::from(account.source.port()));
        up.send().await.unwrap();
    });
    fixed(&account, &[("SRC-025", "awsdms_intercept_ddl does not fire for what the endpoint upstream brings")]);
    account.source.run("postgres", "SELECT pg_stat_force_next_flush()").ok();
    mended(&account, &[("SRC-027", "1,200,000 rows were written to tables outside the pipeline")], || {
        decode(&account, "pglogical", None);
    });
}

/// The plugin of the source endpoint, and whether it captures DDL.
fn decode(account: &Account, plugin: &str, ddl: Option<bool>) {
    block_on(async {
        let settings = PostgreSqlSettings::builder().plugin_name(plugin.into()).set_capture_ddls(ddl);
        let source = dms(account).modify_endpoint().endpoint_arn(endpoint_arn(account, "charts-src").await);
        source.postgre_sql_settings(settings.build()).send().await.unwrap();
    });
}

#[test]
fn endpoints_that_aws_has_changed_or_that_do_not_fit_rds_are_told() {
    let account = provisioned();
    pretended(
        &account,
        &[
            (Pretended::Endpoint, "charts-src", json!({"Status": "modifying"})),
            (Pretended::Endpoint, "charts-tgt", json!({"SslMode": "require"})),
            (Pretended::DbInstance, "charts-target", json!({"Engine": "mysql"})),
        ],
        &[
            ("DEP-003", "The endpoint charts-src is modifying, not active"),
            ("DEP-005", "charts-tgt has the engine mariadb; the database is mysql"),
            ("TLS-003", "The endpoint charts-tgt (mariadb) has SslMode require"),
        ],
    );
}

/// The line of a log that tells of a connection that came too late.
const LATE: &str = "2026-11-27T03:00:49 [TARGET_APPLY    ]E:  RetCode: SQL_ERROR  Connection timed out [1022502]";

#[test]
fn a_target_that_answers_too_late_for_the_endpoint_is_told_and_given_time() {
    let account = provisioned();
    passes(&account, "DEP-019");
    late(&account);
    fixed(&account, &[("DEP-019", "Connections of charts-tgt time out after 10 s")]);
}

fn late(account: &Account) {
    let arn = block_on(super::seeded::task_arn(account));
    let stream = format!("dms-task-{}", arn.rsplit(':').next().unwrap());
    account.simulator.log("dms-tasks-charts-ri", &stream, LATE);
}
