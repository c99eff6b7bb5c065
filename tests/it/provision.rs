//! `cdc-doctor provision` against the simulated AWS.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use cdc_doctor::aws::policy;
use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Fault;

use crate::account::Account;
use crate::support::{self, Project, block_on};

/// Another pipeline's endpoint, or a person's.
async fn foreign_endpoint(url: &str) {
    let client = dms(url);
    let made = client.create_endpoint().endpoint_identifier("somebody-elses").engine_name("mysql");
    made.endpoint_type("target".into()).server_name("localhost").port(3306).username("u").send().await.unwrap();
}

fn dms(url: &str) -> aws_sdk_databasemigration::Client {
    let credentials = aws_sdk_rds::config::Credentials::new("simulation", "simulation", None, None, "test");
    let config = aws_sdk_databasemigration::Config::builder()
        .behavior_version_latest()
        .endpoint_url(url)
        .region(aws_sdk_rds::config::Region::new("eu-west-2"))
        .credentials_provider(credentials);
    aws_sdk_databasemigration::Client::from_conf(config.build())
}

#[test]
fn plan_apply_again_and_destroy() {
    let account = Account::new(MyFlavor::MariaDb);
    block_on(foreign_endpoint(&account.simulator.url()));

    let before = account.simulator.calls().len();
    let plan = account.run(&["provision", "plan"], 0).out;
    assert!(plan.contains("+ replication instance charts-ri"), "{plan}");
    assert!(plan.contains("schema public → database charts"), "{plan}");
    assert!(plan.contains("public.chart.is_new as boolean"), "{plan}");
    assert!(plan.contains("Cost, an estimate: about"), "{plan}");
    for (_, secret) in account.project.variables().iter().filter(|(name, _)| name.ends_with("_PASSWORD")) {
        assert!(!plan.contains(secret), "a password is shown");
    }
    assert!(!account.actions(before).iter().any(|c| c.contains(":Create")), "planning changes nothing");

    let refused = account.run(&["provision", "apply"], 2).err;
    assert!(refused.contains("provision apply --yes"), "{refused}");
    let applied = account.run(&["provision", "apply", "--yes"], 0);
    assert!(applied.err.contains("endpoint charts-src: login works"), "{applied}");
    assert!(applied.err.contains("task charts-task: ready"), "{applied}");

    let before_again = before;
    let plan = account.run(&["provision", "plan"], 0).out;
    assert!(plan.contains("Nothing to do"), "{plan}");
    let before = account.simulator.calls().len();
    account.run(&["provision", "apply", "--yes"], 0);
    let again = account.actions(before);
    assert!(again.iter().all(|a| a.contains(":Describe") || a.contains(":Get") || a.contains(":List")), "{again:?}");

    let there = account.run(&["provision", "status"], 0).out;
    assert!(there.contains("replication instance charts-ri: available"), "{there}");
    let destroyed = account.run(&["provision", "destroy", "--yes"], 0);
    assert!(destroyed.out.contains("- task charts-task"), "{destroyed}");
    let left = block_on(dms(&account.simulator.url()).describe_endpoints().send()).unwrap();
    let left: Vec<_> = left.endpoints().iter().filter_map(|e| e.endpoint_identifier()).collect();
    assert_eq!(left, ["somebody-elses"], "only what carries the tag goes");
    let there = account.run(&["provision", "status"], 0).out;
    assert!(!there.contains("charts-"), "{there}");
    assert!(account.run(&["provision", "destroy", "--yes"], 0).out.contains("nothing to delete"));

    let allowed = policy::actions(policy::PROVISION);
    let beyond: Vec<String> = account.actions(before_again).into_iter().filter(|a| !allowed.contains(a)).collect();
    // What the foreign endpoint was listed by is the test's own call, and allowed too.
    assert!(beyond.is_empty(), "assets/iam/provision.json does not allow {beyond:?}");
}

#[test]
fn an_interrupted_apply_goes_on() {
    let account = Account::new(MyFlavor::MariaDb);
    // Each kind of resource is the last that is made before the next call breaks.
    for call in ["CreateReplicationSubnetGroup", "CreateReplicationInstance", "CreateEndpoint", "CreateReplicationTask"]
    {
        account.simulator.fault(&format!("dms:{call}"), Fault::AccessDenied, 1);
        let ran = account.run(&["provision", "apply", "--yes"], 3);
        assert!(ran.err.contains(&format!("Allow it the action dms:{call} in IAM")), "{ran}");
    }
    account.run(&["provision", "apply", "--yes"], 0);
    assert!(account.run(&["provision", "plan"], 0).out.contains("Nothing to do"));
    let created = |what: &str| account.simulator.calls().iter().filter(|c| **c == format!("dms:Create{what}")).count();
    assert_eq!((created("ReplicationInstance"), created("ReplicationTask")), (2, 2), "one refused, one made");
}

/// The program is killed while it waits for the instance.
#[test]
fn a_killed_apply_goes_on() {
    let account = Account::new(MyFlavor::MariaDb);
    let slow = cdc_doctor::lab::aws::Delays {
        create: std::time::Duration::from_secs(4),
        ..cdc_doctor::lab::aws::Delays::none()
    };
    account.simulator.set_delays(slow);
    let mut child = account.project.program().args(["provision", "apply", "--yes"]).spawn().unwrap();
    for _ in 0..200 {
        if account.simulator.calls().iter().any(|c| c == "dms:CreateReplicationInstance") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    account.run(&["provision", "apply", "--yes"], 0);
    assert!(account.run(&["provision", "plan"], 0).out.contains("Nothing to do"));
    let instances = account.simulator.calls().iter().filter(|c| *c == "dms:CreateReplicationInstance").count();
    assert_eq!(instances, 1);
}

#[test]
fn throttling_is_waited_out_and_each_refusal_names_its_permission() {
    let account = Account::new(MyFlavor::MariaDb);
    account.simulator.fault("dms:DescribeEndpoints", Fault::Throttling, 2);
    account.run(&["provision", "plan"], 0);
    for call in account.actions(0) {
        // Aurora may be out of sight; the database is then taken for an instance of its own.
        let optional = call == "rds:DescribeDBClusters";
        account.simulator.fault(&call, Fault::AccessDenied, 1);
        let ran = account.run(&["provision", "plan"], if optional { 0 } else { 3 });
        assert!(optional || ran.err.contains(&format!("Allow it the action {call} in IAM")), "{call}: {ran}");
    }
    account.simulator.fault("sts:GetCallerIdentity", Fault::ExpiredToken, 1);
    assert!(account.run(&["provision", "plan"], 3).err.contains("AWS credentials"), "the login is named");
}

#[test]
fn what_differs_is_shown_and_mended() {
    let account = Account::new(MyFlavor::MariaDb);
    account.run(&["provision", "apply", "--yes"], 0);
    account.project.edit("[dms]\n", "[dms]\nallocated_storage = 80\n");
    account.project.edit("include = [\"public.*\"]", "include = [\"public.chart\"]");
    let plan = account.run(&["provision", "plan"], 0).out;
    assert!(plan.contains("AllocatedStorage  50 → 80"), "{plan}");
    assert!(plan.contains("no longer: include public.%"), "{plan}");
    assert!(plan.contains("also: include public.chart"), "{plan}");
    account.run(&["provision", "apply", "--yes"], 0);
    assert!(account.run(&["provision", "plan"], 0).out.contains("Nothing to do"));
}

#[test]
fn a_login_that_fails_is_told_in_plain_words() {
    let account = Account::new(MyFlavor::MariaDb);
    let words = "Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect Network error has \
                 occurred, Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 NativeError: 101 Message: \
                 [unixODBC]connection to server at \"10.0.0.5\", port 5432 failed: FATAL: no pg_hba.conf entry for host \
                 \"10.0.0.7\", user \"dms\", database \"postgres\", no encryption ODBC general error.";
    account.simulator.refuse_connections("charts-src", Some(words));
    let ran = account.run(&["provision", "apply", "--yes"], 3);
    assert!(ran.err.contains("cannot log in by the endpoint charts-src: "), "{ran}");
    assert!(ran.err.contains("cdc-doctor explain TLS-001"), "{ran}");
    assert!(
        !account.simulator.calls().iter().any(|c| c == "dms:CreateReplicationTask"),
        "no task of a broken endpoint"
    );
    account.simulator.refuse_connections("charts-src", None);
    account.run(&["provision", "apply", "--yes"], 0);

    account.project.edit("[target]\nhost = \"localhost\"", "[target]\nhost = \"nowhere.invalid\"");
    let ran = account.run(&["provision", "apply", "--yes"], 3);
    assert!(
        ran.err.contains("cannot log in by the endpoint charts-tgt") && ran.err.contains("nowhere.invalid"),
        "{ran}"
    );
}

#[test]
fn a_serverless_pipeline_has_no_instance() {
    let account = Account::new(MyFlavor::MariaDb);
    account.project.edit("[dms]\n", "[dms]\nserverless = true\n");
    let plan = account.run(&["provision", "plan"], 0).out;
    assert!(plan.contains("+ serverless replication charts-task") && !plan.contains("replication instance"), "{plan}");
    account.run(&["provision", "apply", "--yes"], 0);
    assert!(account.run(&["provision", "plan"], 0).out.contains("Nothing to do"));
    account.run(&["provision", "destroy", "--yes"], 0);
}

/// On moto, which others have written. It knows no certificates (so neither endpoint verifies one), its RDS instances have
/// no subnets without EC2 (so there is no subnet group), it changes no endpoint, and its tasks stay `creating` for ever:
/// `apply` is interrupted where it waits for that.
#[test]
fn moto_takes_the_same_plan() {
    let (source, target) = (support::source(), support::target(MyFlavor::MariaDb));
    source.run("CREATE TABLE chart (id int PRIMARY KEY, song text)");
    let project = Project::new(&source, &target);
    let name = support::unique("moto").replace('_', "-");
    project.edit("name = \"test\"", &format!("name = {name:?}"));
    project.edit("tls = \"verify-full\"", "tls = \"require\"");
    let text = project.text().replacen("tls = \"require\"", "tls = \"REQUIRE\"", 1);
    let text = text.replace("tls = \"require\"", "tls = \"disable\"").replace("REQUIRE", "require");
    let url = support::moto().endpoint_url.unwrap();
    let more = format!("\n[aws]\nregion = \"eu-west-2\"\nendpoint_url = {url:?}\n\n[dms]\n");
    std::fs::write(project.path(), text + &more).unwrap();

    let plan = project.run(&["provision", "plan"]);
    assert_eq!(plan.status, 0, "{plan}");
    assert!(plan.out.contains("+ task") && plan.out.contains("Neither database was found on RDS"), "{plan}");
    let mut apply = project.program();
    let mut child = apply.args(["provision", "apply", "--yes"]).stderr(Stdio::piped()).spawn().unwrap();
    let waiting = format!("task {name}-task: creating");
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // Once when it is made, and once more as the state that moto tells.
    let said: Vec<String> = lines
        .scan(0, |seen, line| {
            *seen += usize::from(line.contains(&waiting));
            (*seen < 2).then_some(line)
        })
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.iter().any(|line| line.contains(&format!("endpoint {name}-src: login works"))), "{said:?}");

    let plan = project.run(&["provision", "plan"]);
    assert!(plan.out.contains("Nothing to do"), "{plan}");
    let destroyed = project.run(&["provision", "destroy", "--yes"]);
    assert_eq!(destroyed.status, 0, "{destroyed}");
    let left = project.run(&["provision", "status"]);
    assert!(!left.out.contains(&name), "{left}");
}
