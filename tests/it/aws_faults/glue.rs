//! What is wrong around the Glue job and the bucket.

use std::time::Duration;

use aws_sdk_ec2::types::{IpPermission, IpRange, UserIdGroupPair};
use aws_sdk_glue::types::{
    ConnectionInput, ConnectionPropertyKey, ConnectionType, ConnectionsList, JobCommand, JobUpdate,
    PhysicalConnectionRequirements,
};
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use cdc_doctor::facts::MyFlavor;
use serde_json::{Value, json};

use super::seeded::{fails, mended, passes, report, trust};
use crate::account::Account;
use crate::support::block_on;

/// A job that may do nothing yet, with a connection to the target, beside the pipeline.
pub(super) struct Job {
    pub(super) account: Account,
    glue: aws_sdk_glue::Client,
}

impl Job {
    pub(super) fn new(flavor: MyFlavor) -> Self {
        let account = Account::new(flavor);
        let text =
            account.project.text() + "\n[s3]\nbucket = \"charts-cdc\"\nprefix = \"raw/\"\n\n[glue]\njob = \"apply\"\n";
        std::fs::write(account.project.path(), text).unwrap();
        let glue = client!(aws_sdk_glue, account);
        let job = Self { account, glue };
        block_on(async {
            let iam = client!(aws_sdk_iam, job.account);
            let made = iam.create_role().role_name("charts-glue");
            made.assume_role_policy_document(trust("glue.amazonaws.com")).send().await.unwrap();
            job.connect("mysql", job.account.target.endpoint("charts").port, "").await;
            let command = JobCommand::builder().name("glueetl").script_location("s3://scripts/apply.py").build();
            let made = job.glue.create_job().name("apply").role("charts-glue").command(command).glue_version("5.0");
            made.connections(connections()).send().await.unwrap();
        });
        job
    }

    /// Makes its connection anew.
    async fn connect(&self, engine: &str, port: u16, options: &str) {
        let ec2 = client!(aws_sdk_ec2, self.account);
        let subnets = ec2.describe_subnets().send().await.unwrap();
        let groups = ec2.describe_security_groups().send().await.unwrap();
        let place = PhysicalConnectionRequirements::builder()
            .subnet_id(subnets.subnets()[0].subnet_id().unwrap())
            .security_group_id_list(groups.security_groups()[0].group_id().unwrap());
        let url = format!("jdbc:{engine}://localhost:{port}/charts{options}");
        let input = ConnectionInput::builder().name("charts").connection_type(ConnectionType::Jdbc);
        let input = input.connection_properties(ConnectionPropertyKey::JdbcConnectionUrl, url);
        let user = self.account.target.endpoint("charts").user;
        let input = input.connection_properties(ConnectionPropertyKey::UserName, user);
        let input = input.connection_properties(ConnectionPropertyKey::Password, "not-a-secret");
        let input = input.physical_connection_requirements(place.build()).build().unwrap();
        let _ = self.glue.delete_connection().connection_name("charts").send().await;
        self.glue.create_connection().connection_input(input).send().await.unwrap();
    }

    /// Gives it a version of Glue.
    async fn version(&self, version: &str) {
        let command = JobCommand::builder().name("glueetl").script_location("s3://scripts/apply.py").build();
        let update = JobUpdate::builder().role("charts-glue").command(command).glue_version(version);
        let update = update.connections(connections()).build();
        self.glue.update_job().job_name("apply").job_update(update).send().await.unwrap();
    }

    /// Lets its role do this.
    pub(super) async fn allow(&self, name: &str, actions: Value, resource: &str) {
        let policy = json!({"Version": "2012-10-17",
                            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}]});
        let iam = client!(aws_sdk_iam, self.account);
        let put = iam.put_role_policy().role_name("charts-glue").policy_name(name);
        put.policy_document(policy.to_string()).send().await.unwrap();
    }

    /// Starts it, and waits for its end.
    async fn run(&self) -> String {
        let run = self.glue.start_job_run().job_name("apply").send().await.unwrap();
        let run = run.job_run_id().unwrap().to_owned();
        for _ in 0..100 {
            let told = self.glue.get_job_run().job_name("apply").run_id(&run).send().await.unwrap();
            let state = told.job_run().unwrap().job_run_state().unwrap().as_str().to_owned();
            if !["STARTING", "RUNNING"].contains(&state.as_str()) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the run does not end");
    }

    /// The group of the network lets in its members, or all of the VPC's addresses.
    async fn admit(&self, members: bool) {
        let ec2 = client!(aws_sdk_ec2, self.account);
        let groups = ec2.describe_security_groups().send().await.unwrap();
        let group = groups.security_groups()[0].group_id().unwrap();
        let all = IpPermission::builder().ip_protocol("-1");
        let by_group = all.clone().user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build()).build();
        let by_address = all.ip_ranges(IpRange::builder().cidr_ip("10.51.0.0/16").build()).build();
        let (new, old) = if members { (by_group, by_address) } else { (by_address, by_group) };
        ec2.authorize_security_group_ingress().group_id(group).ip_permissions(new).send().await.unwrap();
        ec2.revoke_security_group_ingress().group_id(group).ip_permissions(old).send().await.unwrap();
    }
}

fn connections() -> ConnectionsList {
    ConnectionsList::builder().connections("charts").build()
}

/// The role of the job may not do something on exactly these things, by the ends of their ARNs.
#[track_caller]
fn lacks(account: &Account, wanted: &[&str]) {
    let ran = account.run(&["check", "--only", "IAM-009", "--format", "json"], 1);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let evidence = report["checks"][0]["findings"][0]["evidence"].to_string();
    let refused: Vec<&str> = evidence.split("refused on ").skip(1).map(|e| e.split('"').next().unwrap()).collect();
    assert_eq!(refused.len(), wanted.len(), "{refused:?}");
    for (refused, wanted) in refused.iter().zip(wanted) {
        assert!(refused.ends_with(wanted), "{refused} is not {wanted}");
    }
}

#[test]
fn a_job_that_cannot_run_is_told_before_it_is_started() {
    let job = Job::new(MyFlavor::MariaDb);
    let account = &job.account;
    passes(account, "NET-017");
    passes(account, "NET-016");
    let all = [
        "*",
        ":network-interface/*",
        ":catalog",
        ":connection/charts",
        ":log-group:/aws-glue/jobs/output:log-stream:jr_1",
        ":::charts-cdc",
        ":::charts-cdc/raw/LOAD00000001.csv",
        ":::scripts/apply.py",
    ];
    lacks(account, &all);
    block_on(async {
        job.allow("network", json!(["ec2:*", "logs:*", "glue:*"]), "*").await;
        job.allow("script", json!("s3:GetObject"), "arn:aws:s3:::scripts/*").await;
    });
    lacks(account, &all[5..7]);
    block_on(job.allow("rows", json!("s3:*"), "arn:aws:s3:::charts-cdc*"));
    passes(account, "IAM-009");
    block_on(job.admit(false));
    fails(account, "NET-017", "lets its own members in on all TCP ports");
    assert_eq!(block_on(job.run()), "FAILED");
    let told = report(account, &["--only", "NET-017,RUN-016"]);
    assert!(told["NET-017"].0 == "fail" && told["RUN-016"].0 == "blocked", "{told:?}");
    block_on(job.admit(true));
    passes(account, "NET-017");
    fails(account, "RUN-016", "The last run of the Glue job apply failed at ");
    assert_eq!(block_on(job.run()), "SUCCEEDED");
    passes(account, "RUN-016");
    passes(account, "GLU-028");
    block_on(job.glue.delete_connection().connection_name("charts").send()).unwrap();
    fails(account, "GLU-028", "The Glue job apply names the connection charts, which is not there");
    block_on(job.connect("mysql", 3306, ""));
    let run = json!({"JobRunState": "TIMEOUT", "StartedOn": jiff::Timestamp::now().as_second() + 60,
                     "ErrorMessage": "Data too long for column 'song' at row 1"});
    account.simulator.glue_run("apply", run);
    fails(account, "RUN-016", "The last run of the Glue job apply ran into its time limit");
}

#[test]
fn a_connection_that_the_databases_do_not_take_is_told() {
    let job = Job::new(MyFlavor::MySql);
    let account = &job.account;
    let (source, target) = (account.source.endpoint("postgres").port, account.target.endpoint("charts").port);
    account.target.run(None, "SET GLOBAL require_secure_transport = ON").unwrap();
    passes(account, "TLS-011");
    block_on(job.connect("mysql", target, "?useSSL=false"));
    let wanted = [("TLS-011", "the target refuses them: require_secure_transport is on")];
    mended(account, &wanted, || block_on(job.connect("mysql", target, "?useSSL=false&sslMode=REQUIRED")));
    passes(account, "AUT-020");
    block_on(job.version("2.0"));
    mended(account, &[("AUT-020", "does not know caching_sha2_password")], || block_on(job.version("3.0")));
    block_on(job.connect("postgresql", source, ""));
    passes(account, "AUT-023");
    block_on(job.version("1.0"));
    mended(account, &[("AUT-023", "knows no SCRAM")], || block_on(job.version("5.0")));
}

/// The bucket encrypts new objects with a key of KMS.
pub(super) async fn encrypt(s3: &aws_sdk_s3::Client) {
    let key = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms).build();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(key.unwrap()).build();
    let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    let ask = s3.put_bucket_encryption().bucket("charts-cdc").server_side_encryption_configuration(rules);
    ask.send().await.unwrap();
}

#[test]
fn a_bucket_that_others_can_read_is_told() {
    let job = Job::new(MyFlavor::MariaDb);
    let account = &job.account;
    let s3 = client!(aws_sdk_s3, account);
    block_on(async {
        let here = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest2);
        s3.create_bucket().bucket("charts-cdc").create_bucket_configuration(here.build()).send().await.unwrap();
    });
    fails(account, "RSK-011", "The bucket charts-cdc holds the rows, and new objects are encrypted with S3's own key");
    block_on(encrypt(&s3));
    passes(account, "RSK-011");
    passes(account, "RSK-014");
    block_on(async {
        s3.delete_public_access_block().bucket("charts-cdc").send().await.unwrap();
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
                            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::charts-cdc/*"}]});
        s3.put_bucket_policy().bucket("charts-cdc").policy(policy.to_string()).send().await.unwrap();
    });
    fails(
        account,
        "RSK-011",
        "and BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets are off",
    );
    fails(account, "RSK-014", "The policy of the bucket charts-cdc lets anybody in, and nothing holds it back");
}

#[test]
fn a_table_that_a_run_has_made_anew_is_told_with_the_run() {
    let job = Job::new(MyFlavor::MariaDb);
    let account = &job.account;
    // What Spark's overwrite leaves of it.
    let sql = "CREATE TABLE chart (id int, song longtext, is_new bit(1)); INSERT INTO chart VALUES (1, 'x', 1)";
    account.target.run(Some("charts"), sql).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let run = account.simulator.glue_run("apply", json!({"StartedOn": now - 3600, "CompletedOn": now + 60}));
    for code in ["TSC-001", "TSC-002"] {
        let ran = account.run(&["check", "--only", code, "--format", "json"], 1);
        assert!(ran.out.contains(&format!("during the run {run} of the Glue job apply")), "{ran}");
    }
}
