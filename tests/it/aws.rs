//! AWS against moto: what is there to choose from, passwords in Secrets Manager, the facts and checks of a pipeline, and
//! fixes that are applied and taken back.

use aws_sdk_databasemigration::types::{DmsSslModeValue, MigrationTypeValue, ReplicationEndpointTypeValue};
use aws_sdk_rds::types::{ApplyMethod, Parameter};
use cdc_doctor::aws::Session;
use cdc_doctor::checks::registry;
use cdc_doctor::connect;
use cdc_doctor::diagnose::{Outcome, judge};
use cdc_doctor::facts::{Fact, MyFlavor, aws};
use cdc_doctor::fixes::{Action, AwsCall, Cost, Fix, Mode, Permits, Plan, Step, apply};
use cdc_doctor::lab::servers::{Postgres, PostgresOptions};
use cdc_doctor::pipeline::{Aws, Endpoint, PasswordSource, Pipeline, TlsMode};
use secrecy::ExposeSecret;

use crate::checks::Case;
use crate::support::{self, Project, moto, moto_session, unique};

/// What the tests put into moto: an instance with its group, and the parts of DMS.
struct Staged {
    database: String,
    group: String,
    instance: String,
    endpoint: String,
    task: String,
}

async fn staged(session: &Session) -> Staged {
    let name = |stem: &str| unique(stem).replace('_', "-");
    let staged = Staged {
        database: name("charts-source"),
        group: name("charts-pg15"),
        instance: name("charts-ri"),
        endpoint: name("charts-src"),
        task: name("charts-task"),
    };
    let rds = session.rds();
    let group = rds.create_db_parameter_group().db_parameter_group_name(&staged.group);
    group.db_parameter_group_family("postgres15").description("test").send().await.unwrap();
    set(session, &staged.group, "rds.force_ssl", "1").await;
    let made = rds.create_db_instance().db_instance_identifier(&staged.database).engine("postgres");
    let made = made.db_instance_class("db.t3.medium").allocated_storage(20).master_username("postgres");
    let made = made.master_user_password("not-a-secret").db_parameter_group_name(&staged.group);
    made.send().await.unwrap();
    let dms = session.dms();
    let subnets = dms.create_replication_subnet_group().replication_subnet_group_identifier(&staged.instance);
    subnets.replication_subnet_group_description("test").subnet_ids("subnet-1").send().await.unwrap();
    let made = dms.create_replication_instance().replication_instance_identifier(&staged.instance);
    let instance = made.replication_instance_class("dms.t3.medium").send().await.unwrap();
    let instance = instance.replication_instance().unwrap().replication_instance_arn().unwrap().to_owned();
    let endpoint = source_endpoint(session, &staged).await;
    let made = dms.create_replication_task().replication_task_identifier(&staged.task);
    let made = made.source_endpoint_arn(&endpoint).target_endpoint_arn(&endpoint).replication_instance_arn(instance);
    let made = made.migration_type(MigrationTypeValue::FullLoadAndCdc).table_mappings("{\"rules\": []}");
    made.send().await.unwrap();
    staged
}

async fn source_endpoint(session: &Session, staged: &Staged) -> String {
    let made = session.dms().create_endpoint().endpoint_identifier(&staged.endpoint);
    let made = made.endpoint_type(ReplicationEndpointTypeValue::Source).engine_name("postgres");
    let made = made.server_name("db.example.com").port(5432).username("postgres").password("not-a-secret");
    let made = made.ssl_mode(DmsSslModeValue::None).database_name(&staged.database).send().await.unwrap();
    made.endpoint().unwrap().endpoint_arn().unwrap().to_owned()
}

async fn set(session: &Session, group: &str, name: &str, value: &str) {
    let parameter = Parameter::builder().parameter_name(name).parameter_value(value);
    let parameter = parameter.apply_method(ApplyMethod::Immediate).build();
    let ask = session.rds().modify_db_parameter_group().db_parameter_group_name(group).parameters(parameter);
    ask.send().await.unwrap();
}

async fn value(session: &Session, group: &str, name: &str) -> Option<String> {
    let send = session.rds().describe_db_parameters().db_parameter_group_name(group).send().await.unwrap();
    let parameter = send.parameters().iter().find(|p| p.parameter_name() == Some(name))?;
    parameter.parameter_value().map(str::to_owned)
}

/// The section for a pipeline file.
fn section(aws: &Aws) -> String {
    format!(
        "\n[aws]\nregion = {:?}\nendpoint_url = {:?}\n",
        aws.region,
        aws.endpoint_url.as_deref().unwrap_or_default()
    )
}

fn append(project: &Project, text: &str) {
    std::fs::write(project.path(), project.text() + text).unwrap();
}

#[test]
fn what_there_is_to_choose_from() {
    support::block_on(async {
        let session = moto_session().await;
        let staged = staged(&session).await;
        let all = aws::discover(&session).await;
        let has = |names: Vec<&str>, name: &str| assert!(names.contains(&name), "{name} is not among {names:?}");
        has(all.instances.value().unwrap().iter().map(|i| i.identifier.as_str()).collect(), &staged.database);
        has(
            all.replication_instances.value().unwrap().iter().map(|i| i.identifier.as_str()).collect(),
            &staged.instance,
        );
        has(all.endpoints.value().unwrap().iter().map(|e| e.identifier.as_str()).collect(), &staged.endpoint);
        has(all.tasks.value().unwrap().iter().map(|t| t.identifier.as_str()).collect(), &staged.task);
        assert!(all.clusters.value().is_some());
    });
}

#[test]
fn a_pipelines_facts_name_the_cause_from_both_vantage_points() {
    let source = support::source();
    let case = Case::new(&source, &support::target(MyFlavor::MariaDb));
    let staged = support::block_on(async { staged(&moto_session().await).await });
    let text = section(&moto())
        + &format!(
            "\n[dms]\ninstance = {:?}\nsource_endpoint = {:?}\ntask = {:?}\n",
            staged.instance, staged.endpoint, staged.task
        );
    append(&case.project, &text);
    case.set("source.rds_instance", &staged.database);
    let facts = case.look().facts;
    let aws = facts.aws.as_ref().unwrap();
    assert_eq!(aws.source.instance.value().unwrap().as_ref().unwrap().identifier, staged.database);
    assert_eq!(aws.source.parameters.value().unwrap()["rds.force_ssl"].value.as_deref(), Some("1"));
    assert_eq!(aws.target.instance, Fact::Known(None));
    assert!(aws.dms.task(facts.pipeline.dms.as_ref().unwrap()).unwrap().is_some());
    assert_eq!(aws.roles.value().unwrap().get("dms-vpc-role"), Some(&None));
    // What moto does not have is unknown, and no check takes it for granted.
    assert!(aws.dms.tables.value().is_none() && aws.dms.certificates.value().is_none());
    let failed: Vec<&str> = judge(registry::ALL, &facts)
        .into_iter()
        .filter(|j| matches!(j.outcome, Outcome::Fail(_)))
        .map(|j| j.check.code)
        .collect();
    for code in ["DEP-020", "DEP-022", "DEP-001", "IAM-003"] {
        assert!(failed.contains(&code), "{code} is not among {failed:?}");
    }
    let ran = case.project.run(&["check", "--only", "DEP-020", "--format", "json"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.out.contains("replication instance") && ran.out.contains("--ssl-mode require"), "{ran}");
}

#[test]
fn a_password_comes_from_secrets_manager() {
    let source = support::source();
    let project = Project::new(&source, &support::target(MyFlavor::MariaDb));
    let secret = unique("secret");
    let json = serde_json::json!({"username": "postgres", "password": source.password.expose_secret()});
    support::block_on(async {
        let session = moto_session().await;
        let ask = session.secrets().create_secret().name(&secret).secret_string(json.to_string());
        ask.send().await.unwrap();
    });
    project.edit("password = { env = \"SOURCE_PASSWORD\" }", &format!("password = {{ secret = {secret:?} }}"));
    append(&project, &section(&moto()));
    let ran = project.run(&["check", "--only", "AUT-024", "--format", "json"]);
    assert_eq!(ran.status, 0, "{ran}");
    project.edit(&secret, "no-such-secret");
    let ran = project.run(&["check", "--only", "AUT-024"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.out.contains("could not be had from AWS: secretsmanager:GetSecretValue"), "{ran}");
    assert!(!format!("{ran}").contains(source.password.expose_secret()));
}

#[test]
fn a_default_group_is_replaced_and_the_undo_brings_it_back() {
    let case = Case::new(&support::source(), &support::target(MyFlavor::MariaDb));
    append(&case.project, &section(&moto()));
    let pipeline = Pipeline::load(&case.project.path()).unwrap();
    support::block_on(async {
        let session = moto_session().await;
        let staged = staged(&session).await;
        let own = format!("{}-cdc", staged.database);
        let attach = |group: &str| AwsCall::AttachParameterGroup {
            database: staged.database.clone(),
            group: group.to_owned(),
            cluster: false,
        };
        let set = AwsCall::SetParameter {
            group: own.clone(),
            name: "rds.logical_replication".into(),
            value: Some("1".into()),
            cluster: false,
            at_reboot: true,
        };
        let create = AwsCall::CreateParameterGroup { name: own.clone(), family: "postgres15".into(), cluster: false };
        let steps = vec![
            Step::new(Cost::None, Action::Aws(create)),
            Step::new(Cost::None, Action::Aws(set)),
            Step::new(Cost::None, Action::Aws(attach(&own))).undo(Action::Aws(attach(&staged.group))),
            Step::new(Cost::Reboot, Action::Aws(AwsCall::Reboot { instance: staged.database.clone() })),
        ];
        let plan = Plan::new([("SRC-001".to_owned(), Fix::new(Mode::Confirm, "x", steps))]);
        let refused = apply::run(&plan, &pipeline, &case.passwords, Permits::default(), &mut |_| {}).await;
        assert!(refused.unwrap_err().to_string().contains("--allow-reboot"));
        let permits = Permits { reboot: true, data_loss: false };
        apply::run(&plan, &pipeline, &case.passwords, permits, &mut |_| {}).await.unwrap();
        assert_eq!(value(&session, &own, "rds.logical_replication").await.as_deref(), Some("1"));
        assert_eq!(group_of(&session, &staged.database).await, own);
        // Applied again, nothing is in the way.
        apply::run(&plan, &pipeline, &case.passwords, permits, &mut |_| {}).await.unwrap();
        apply::undo(&pipeline, &case.passwords, &mut |_| {}).await.unwrap();
        assert_eq!(group_of(&session, &staged.database).await, staged.group);
    });
}

async fn group_of(session: &Session, database: &str) -> String {
    let send = session.rds().describe_db_instances().db_instance_identifier(database).send().await.unwrap();
    send.db_instances()[0].db_parameter_groups()[0].db_parameter_group_name().unwrap().to_owned()
}

#[test]
fn a_token_never_goes_over_the_wire_in_clear() {
    let server = Postgres::start(&PostgresOptions { plaintext: true, ..PostgresOptions::default() }).unwrap();
    let mut endpoint = server.endpoint("postgres");
    endpoint.password = Some(PasswordSource::RdsIam);
    let open = |endpoint: &Endpoint| {
        support::block_on(connect::postgres::open(endpoint, Some(&server.password().clone().into()))).map(drop)
    };
    endpoint.tls = TlsMode::VerifyFull;
    open(&endpoint).unwrap();
    endpoint.tls = TlsMode::Disable;
    let error = open(&endpoint).unwrap_err().to_string();
    assert!(error.contains("a token goes over TLS only"), "{error}");
}
