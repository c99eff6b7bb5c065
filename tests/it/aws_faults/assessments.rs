//! Premigration assessments.

use cdc_doctor::facts::MyFlavor;

use super::seeded::{all_are, dms, endpoint_arn, fails, instance_arn, passes, provisioned, task_arn};
use crate::account::Account;
use crate::support::block_on;

#[test]
fn a_task_that_was_not_assessed_or_did_not_pass_is_told() {
    let account = provisioned();
    fails(&account, "DTK-023", "The task charts-task was neither started nor assessed");
    account.source.run("postgres", "CREATE TABLE keyless (id int NOT NULL)").unwrap();
    assess(&account, "first");
    passes(&account, "DTK-023");
    fails(&account, "RUN-021", "table-with-no-primary-key-or-unique-constraint: failed");
    account.source.run("postgres", "ALTER TABLE keyless ADD PRIMARY KEY (id)").unwrap();
    assess(&account, "second");
    passes(&account, "RUN-021");

    let source = block_on(async {
        let arn = endpoint_arn(&account, "charts-src").await;
        let refresh = dms(&account).refresh_schemas().endpoint_arn(&arn);
        let refresh = refresh.replication_instance_arn(instance_arn(&account).await);
        move_to(&account, &arn, 1).await;
        refresh.send().await.unwrap();
        arn
    });
    assess(&account, "third");
    fails(&account, "DTK-024", "The assessment run third ended in error-executing");
    fails(&account, "DEP-016", "DMS could not read the source's schemas");
    block_on(async {
        move_to(&account, &source, i32::from(account.source.port())).await;
        let refresh = dms(&account).refresh_schemas().endpoint_arn(&source);
        refresh.replication_instance_arn(instance_arn(&account).await).send().await.unwrap();
    });
    assess(&account, "fourth");
    passes(&account, "DTK-024");
    passes(&account, "DEP-016");
}

/// Without an instance it is the start that assesses.
#[test]
fn a_serverless_replication_that_was_not_assessed_or_did_not_pass_is_told() {
    let account = Account::new(MyFlavor::MariaDb);
    account.project.edit("[dms]\n", "[dms]\nserverless = true\n");
    account.source.run("postgres", "CREATE TABLE keyless (id int NOT NULL)").unwrap();
    account.run(&["provision", "apply", "--yes"], 0);
    fails(&account, "DTK-023", "The task charts-task was neither started nor assessed");
    account.run(&["sync", "--until-caught-up"], 3);
    passes(&account, "DTK-023");
    fails(&account, "RUN-021", "table-with-no-primary-key-or-unique-constraint: public.keyless");
    account.source.run("postgres", "ALTER TABLE keyless ADD PRIMARY KEY (id)").unwrap();
    let source = block_on(endpoint_arn(&account, "charts-src"));
    block_on(move_to(&account, &source, 1));
    let refused = account.run(&["sync", "--until-caught-up"], 3);
    assert!(refused.err.contains("port 1 failed: Connection refused"), "{refused}");
    passes(&account, "RUN-021");
    fails(&account, "DTK-024", "ended in error-executing");
    block_on(move_to(&account, &source, i32::from(account.source.port())));
    account.run(&["sync", "--until-caught-up"], 0);
    all_are(&account, &["DTK-023", "DTK-024", "RUN-021"], "pass");
}

async fn move_to(account: &Account, endpoint: &str, port: i32) {
    dms(account).modify_endpoint().endpoint_arn(endpoint).port(port).send().await.unwrap();
}

/// Runs an assessment to its end.
fn assess(account: &Account, name: &str) {
    block_on(async {
        let dms = dms(account);
        let ask = dms.start_replication_task_assessment_run().replication_task_arn(task_arn(account).await);
        let ask = ask.service_access_role_arn("arn:aws:iam::000000000000:role/assess").result_location_bucket("charts");
        ask.assessment_run_name(name).send().await.unwrap();
        for _ in 0..100 {
            let runs = dms.describe_replication_task_assessment_runs().send().await.unwrap();
            if runs.replication_task_assessment_runs()[0].status() != Some("running") {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the assessment {name} does not end");
    });
}
