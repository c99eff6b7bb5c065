//! The Glue job and the bucket of a pipeline: what moto says of them becomes facts.

use aws_sdk_glue::types::{
    ConnectionInput, ConnectionPropertyKey, ConnectionType, ConnectionsList, JobCommand, PhysicalConnectionRequirements,
};
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use cdc_doctor::aws::Session;
use cdc_doctor::checks::registry;
use cdc_doctor::diagnose::{Outcome, judge};
use cdc_doctor::facts::{Fact, Facts, MyFlavor};
use serde_json::json;

use crate::checks::Case;
use crate::support::{self, moto, moto_session, unique};

/// A job with its role, a connection and a run, and a bucket.
struct Made {
    job: String,
    connection: String,
    role: String,
    bucket: String,
}

const URL: &str = "jdbc:mysql://etl:Secret1@mysql.example.com:3306/charts?useSSL=false&password=Secret2";

async fn made(session: &Session) -> Made {
    made_in(session, "subnet-1").await
}

/// The same with its connection in this subnet.
async fn made_in(session: &Session, subnet: &str) -> Made {
    let name = |stem: &str| unique(stem).replace('_', "-");
    let made = Made { job: name("apply"), connection: name("mysql"), role: name("glue"), bucket: name("charts-cdc") };
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                       "Principal": {"Service": "glue.amazonaws.com"}}]});
    let role = session.iam().create_role().role_name(&made.role).assume_role_policy_document(trust.to_string());
    role.send().await.unwrap();
    let place = PhysicalConnectionRequirements::builder().subnet_id(subnet).security_group_id_list("sg-1");
    let input = ConnectionInput::builder().name(&made.connection).connection_type(ConnectionType::Jdbc);
    let input = input.connection_properties(ConnectionPropertyKey::JdbcConnectionUrl, URL);
    let input = input.connection_properties(ConnectionPropertyKey::UserName, "etl");
    let input = input.connection_properties(ConnectionPropertyKey::JdbcEnforceSsl, "TRUE");
    let input = input.physical_connection_requirements(place.build()).build().unwrap();
    session.glue().create_connection().connection_input(input).send().await.unwrap();
    let command = JobCommand::builder().name("glueetl").script_location("s3://scripts/apply.py").build();
    let job = session.glue().create_job().name(&made.job).role(&made.role).command(command).glue_version("4.0");
    let job = job.connections(ConnectionsList::builder().connections(&made.connection).connections("gone").build());
    let job = job.default_arguments("--extra-jars", "s3://jars/mysql.jar").default_arguments("--password", "Secret3");
    job.send().await.unwrap();
    session.glue().start_job_run().job_name(&made.job).send().await.unwrap();
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest2).build();
    session.s3().create_bucket().bucket(&made.bucket).create_bucket_configuration(place).send().await.unwrap();
    made
}

/// Encrypted with a key, and guarded by three of four switches.
async fn furnish(session: &Session, bucket: &str) {
    let key = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms).build().unwrap();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(key).build();
    let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    let ask = session.s3().put_bucket_encryption().bucket(bucket).server_side_encryption_configuration(rules);
    ask.send().await.unwrap();
    let block = PublicAccessBlockConfiguration::builder().block_public_acls(true).ignore_public_acls(true);
    let block = block.block_public_policy(false).restrict_public_buckets(true).build();
    let ask = session.s3().put_public_access_block().bucket(bucket).public_access_block_configuration(block);
    ask.send().await.unwrap();
}

fn case(job: &str, bucket: &str) -> Case {
    let case = Case::new(&support::source(), &support::target(MyFlavor::MariaDb));
    let moto = moto();
    let url = moto.endpoint_url.as_deref().unwrap_or_default();
    let text = format!(
        "\n[aws]\nregion = {:?}\nendpoint_url = {url:?}\n\n[s3]\nbucket = {bucket:?}\n\n[glue]\njob = {job:?}\n",
        moto.region
    );
    std::fs::write(case.project.path(), case.project.text() + &text).unwrap();
    case
}

fn failed(facts: &Facts) -> Vec<&'static str> {
    let judged = judge(registry::ALL, facts).into_iter();
    judged.filter(|j| matches!(j.outcome, Outcome::Fail(_))).map(|j| j.check.code).collect()
}

#[test]
fn a_job_and_a_bucket_become_facts_without_the_secrets_in_them() {
    let made = support::block_on(async {
        let session = moto_session().await;
        let made = made(&session).await;
        furnish(&session, &made.bucket).await;
        made
    });
    let facts = case(&made.job, &made.bucket).look().facts;
    let aws = facts.aws.as_ref().unwrap();
    let job = aws.glue.job.value().unwrap().as_ref().unwrap();
    assert_eq!((job.version.as_deref(), job.kind.as_str()), (Some("4.0"), "glueetl"));
    assert_eq!(job.script.as_deref(), Some("s3://scripts/apply.py"));
    assert_eq!(job.extra_jars.as_deref(), Some("s3://jars/mysql.jar"));
    let [connection] = aws.glue.connections.value().unwrap().as_slice() else { panic!("{:?}", aws.glue) };
    let url = connection.url.as_ref().unwrap();
    assert_eq!((url.host.as_str(), url.tls["usessl"].as_str()), ("mysql.example.com", "false"));
    assert!(connection.enforce_ssl && connection.user.as_deref() == Some("etl"), "{connection:?}");
    assert_eq!(connection.subnet.as_deref(), Some("subnet-1"));
    let [run] = aws.glue.runs.value().unwrap().as_slice() else { panic!("{:?}", aws.glue) };
    assert!(run.state == "SUCCEEDED" && run.started.is_some(), "{run:?}");
    assert!(aws.glue.role.value().unwrap().as_ref().unwrap().arn.ends_with(&made.role));
    let bucket = aws.buckets.value().unwrap()[&made.bucket].as_ref().unwrap();
    assert_eq!(bucket.encryption, Fact::Known(Some("aws:kms".into())));
    let on = ["BlockPublicAcls", "IgnorePublicAcls", "RestrictPublicBuckets"].map(str::to_owned);
    assert_eq!(bucket.blocks, Fact::Known(on.into()));
    // moto does not tell whether a policy is public.
    assert!(bucket.public_policy.value().is_none(), "{bucket:?}");
    // Whatever is kept with a report, the passwords in URL and arguments are not in it.
    assert!(!serde_json::to_string(&facts).unwrap().contains("Secret"));
    let failed = failed(&facts);
    assert!(failed.contains(&"RSK-011") && !failed.contains(&"RUN-016"), "{failed:?}");
}

#[test]
fn a_job_that_is_not_there_is_told_and_a_bucket_that_is_not_there_is_none() {
    let facts = case("no-such-job", "no-such-bucket").look().facts;
    let aws = facts.aws.as_ref().unwrap();
    assert_eq!(aws.glue.job.value(), Some(&None));
    assert!(aws.glue.others.value().is_some(), "{:?}", aws.glue.others);
    assert_eq!(aws.buckets.value().unwrap()["no-such-bucket"], None);
    let failed = failed(&facts);
    assert!(failed.contains(&"RUN-016") && !failed.contains(&"RSK-011"), "{failed:?}");
}

#[test]
fn a_misspelt_job_is_mended_in_the_pipeline_file() {
    let job = support::block_on(async { made(&moto_session().await).await.job });
    let case = case(&format!("{job}x"), "no-such-bucket");
    let ran = case.project.run(&["fix", "RUN-016", "--yes"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(case.project.text().contains(&format!("job = {job:?}\n")), "{}", case.project.text());
    let ran = case.project.run(&["check", "--only", "RUN-016"]);
    assert_eq!(ran.status, 0, "{ran}");
}

#[cfg(feature = "ec2")]
#[test]
fn a_subnet_without_a_way_to_s3_is_told_until_it_has_one() {
    let (job, vpc, table) = support::block_on(async {
        let session = moto_session().await;
        let ec2 = session.ec2();
        let vpc = ec2.create_vpc().cidr_block("10.9.0.0/16").send().await.unwrap();
        let vpc = vpc.vpc().unwrap().vpc_id().unwrap().to_owned();
        let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.9.1.0/24").send().await.unwrap();
        let subnet = subnet.subnet().unwrap().subnet_id().unwrap().to_owned();
        let table = ec2.create_route_table().vpc_id(&vpc).send().await.unwrap();
        let table = table.route_table().unwrap().route_table_id().unwrap().to_owned();
        ec2.associate_route_table().route_table_id(&table).subnet_id(&subnet).send().await.unwrap();
        let made = made_in(&session, &subnet).await;
        let ask = session.glue().create_job().name(format!("{}-new", made.job)).role(&made.role);
        let ask = ask.connections(ConnectionsList::builder().connections(&made.connection).build());
        let ask = ask.command(JobCommand::builder().name("glueetl").build());
        (ask.send().await.unwrap().name().unwrap().to_owned(), vpc, table)
    });
    let case = case(&job, "no-such-bucket");
    let ran = case.project.run(&["check", "--only", "NET-016", "--format", "json"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.out.contains(&format!("{table} leads neither to an endpoint of S3 nor out of the VPC")), "{ran}");
    assert!(ran.out.contains(&format!("--vpc-id {vpc}")), "{ran}");
    support::block_on(async {
        let session = moto_session().await;
        let ask = session.ec2().create_vpc_endpoint().vpc_id(&vpc).service_name("com.amazonaws.eu-west-2.s3");
        ask.route_table_ids(&table).send().await.unwrap();
    });
    let ran = case.project.run(&["check", "--only", "NET-016"]);
    assert_eq!(ran.status, 0, "{ran}");
}
