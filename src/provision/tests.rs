//! Plans and exports from values.

use serde_json::json;

use super::actual::Actual;
use super::desired::build;
use super::measured::Measured;
use super::model::{Item, Kind};
use super::plan::compare;
use super::read::Surroundings;
use super::{Plan, ProvisionError, Verb, export};
use crate::pipeline::Pipeline;
use crate::report::Style;

const STYLE: Style = Style { color: false, width: 100, verbose: false };

const FILE: &str = r#"
name = "charts"
[source]
host = "charts.abc.eu-west-2.rds.amazonaws.com"
database = "postgres"
user = "dms"
password = { env = "S" }
tls = "require"
[target]
host = "target.abc.eu-west-2.rds.amazonaws.com"
database = "charts"
user = "dms"
password = { env = "T" }
tls = "verify-full"
[tables]
exclude = ["public.tmp_*"]
[aws]
region = "eu-west-2"
[dms]
"#;

fn pipeline(change: impl FnOnce(String) -> String) -> Pipeline {
    Pipeline::parse(std::path::Path::new("cdc-doctor.toml"), &change(FILE.to_owned())).unwrap()
}

fn around() -> Surroundings {
    let mut source = crate::checks::testing_aws::rds_instance();
    source.subnets = vec!["subnet-b".into(), "subnet-a".into()];
    Surroundings {
        account: "123456789012".into(),
        partition: "aws".into(),
        region: "eu-west-2".into(),
        target: Some(crate::facts::aws::RdsInstance { engine: "mysql".into(), ..source.clone() }),
        source: Some(source),
        source_cluster: None,
    }
}

fn measured() -> Measured {
    Measured {
        schemas: vec!["public".into()],
        tables: vec![("public".into(), "chart".into()), ("public".into(), "axb1".into())],
        booleans: vec![("public".into(), "chart".into(), "is_new".into())],
        longest: Some(100_000),
    }
}

fn plan_of(pipeline: &Pipeline, actual: &Actual) -> Result<Plan, ProvisionError> {
    let dms = pipeline.dms.as_ref().unwrap();
    let desired = build(pipeline, dms, &around(), &measured(), actual)?;
    Ok(compare(pipeline, &desired, actual))
}

/// What is there after the plan was carried out.
fn carried_out(plan: &Plan) -> Actual {
    let item = |r: &super::Resource| Item {
        kind: r.kind,
        name: r.name.clone(),
        arn: format!("arn:{}", r.name),
        status: "available".into(),
        ours: !r.shared,
        values: r.values.clone(),
    };
    Actual { items: plan.steps.iter().filter_map(|s| s.resource.as_ref()).map(item).collect() }
}

#[test]
fn a_plan_reads_like_this() {
    let plan = plan_of(&pipeline(|f| f), &Actual::default()).unwrap();
    insta::assert_snapshot!("plan", plan.to_text(STYLE));
}

#[test]
fn what_was_carried_out_leaves_nothing_to_do() {
    for file in [
        "",
        "serverless = true\n",
        "assessment_bucket = \"b-u-c\"\n",
        "[s3]\nbucket = \"charts-cdc\"\nprefix = \"raw/\"\n",
    ] {
        let pipeline = pipeline(|f| f + file);
        let first = plan_of(&pipeline, &Actual::default()).unwrap();
        assert!(first.steps.iter().all(|s| s.verb == Verb::Create), "{file}");
        let again = plan_of(&pipeline, &carried_out(&first)).unwrap();
        assert!(again.is_empty(), "{file}{}", again.to_text(STYLE));
        let gone = super::destroy::plan(&pipeline, &carried_out(&first).items);
        assert_eq!(
            gone.count(Verb::Delete),
            first.steps.iter().filter(|s| !s.resource.as_ref().unwrap().shared).count()
        );
        assert_eq!(
            gone.steps.last().unwrap().kind.min(Kind::SubnetGroup),
            gone.steps.last().unwrap().kind,
            "in reverse"
        );
    }
}

#[test]
fn every_value_that_differs_is_shown() {
    let pipeline = pipeline(|f| f);
    let mut actual = carried_out(&plan_of(&pipeline, &Actual::default()).unwrap());
    for item in &mut actual.items {
        item.ours = item.name != "charts-tgt" && item.ours;
        match item.kind {
            Kind::Instance => drop(item.values.insert("PubliclyAccessible".into(), json!(true))),
            Kind::Endpoint => drop(item.values.insert("SslMode".into(), json!("none"))),
            Kind::Task => {
                item.values.insert("Settings/ErrorBehavior/DataErrorPolicy".into(), json!("LOG_ERROR"));
                item.values.insert("TableMappings".into(), json!({"rules": []}));
            }
            _ => {}
        }
    }
    actual.items.push(Item {
        kind: Kind::Task,
        name: "charts-old".into(),
        arn: "arn:old".into(),
        status: "stopped".into(),
        ours: true,
        values: super::model::Values::new(),
    });
    insta::assert_snapshot!("changes", plan_of(&pipeline, &actual).unwrap().to_text(STYLE));
}

#[test]
fn lobs_are_taken_with_room_to_grow_and_left_while_they_fit() {
    let pipeline = pipeline(|f| f);
    let size = |plan: &Plan| {
        let task = plan.steps.iter().find(|s| s.kind == Kind::Task).unwrap();
        task.resource.as_ref().unwrap().values["Settings/TargetMetadata/LobMaxSize"].as_u64().unwrap()
    };
    let mut actual = carried_out(&plan_of(&pipeline, &Actual::default()).unwrap());
    assert_eq!(size(&plan_of(&pipeline, &Actual::default()).unwrap()), 256, "100,000 bytes are 98 KB");
    for (there, expected) in [(128, 128), (64, 256)] {
        let task = actual.items.iter_mut().find(|i| i.kind == Kind::Task).unwrap();
        task.values.insert("Settings/TargetMetadata/LobMaxSize".into(), json!(there));
        assert_eq!(size(&plan_of(&pipeline, &actual).unwrap()), expected);
    }
}

#[test]
fn the_exports_are_the_same_resources() {
    let pipeline = pipeline(|f| f);
    let plan = plan_of(&pipeline, &Actual::default()).unwrap();
    let terraform = export::terraform(&plan, pipeline.aws.as_ref().unwrap());
    let template = export::cloudformation(&plan);
    insta::assert_snapshot!("terraform", terraform);
    insta::assert_snapshot!("cloudformation", template);
    let template: serde_json::Value = serde_json::from_str(&template).unwrap();
    assert_eq!(template["Resources"].as_object().unwrap().len(), plan.steps.len());
}

#[test]
fn a_login_that_an_endpoint_cannot_keep_is_refused() {
    let why =
        |from: &str, to: &str| plan_of(&pipeline(|f| f.replace(from, to)), &Actual::default()).unwrap_err().to_string();
    assert!(why("{ env = \"S\" }", "{ rds_iam = true }").contains("15 minutes"));
    assert!(why("password = { env = \"T\" }\n", "").contains("set password"));
}

#[test]
fn a_pattern_that_means_more_to_dms_is_refused() {
    let refused = |exclude: &str| plan_of(&pipeline(|f| f.replace("public.tmp_*", exclude)), &Actual::default()).err();
    assert!(refused("public.a_b*").is_some_and(|why| why.to_string().contains("leaves out public.axb1 too")));
    assert!(refused("public.a_b_").is_some() && refused("public.a_c*").is_none() && refused("public.axc*").is_none());
}
