//! Glue and S3: what moto does not give.

use super::*;
use crate::pipeline::{Glue, S3};

const JOB: &str = r#"{"Job": {"Name": "charts-apply", "Role": "arn:aws:iam::123456789012:role/service-role/charts-glue",
    "Command": {"Name": "glueetl", "ScriptLocation": "s3://scripts/apply.py"}, "GlueVersion": "4.0",
    "Connections": {"Connections": ["charts-mysql"]}}}"#;
const CONNECTION: &str = r#"{"Connection": {"Name": "charts-mysql", "ConnectionType": "JDBC",
    "ConnectionProperties": {"JDBC_CONNECTION_URL": "jdbc:mysql://my.example.com/charts", "SECRET_ID": "prod/mysql"},
    "PhysicalConnectionRequirements": {"SubnetId": "subnet-1", "SecurityGroupIdList": ["sg-1"]}}}"#;
const RUNS: &str = r#"{"JobRuns": [
    {"Id": "jr_2", "JobName": "charts-apply", "JobRunState": "FAILED", "StartedOn": 1764201600.5,
     "CompletedOn": 1764201660.0, "ErrorMessage": "Data too long for column 'title' at row 1"},
    {"Id": "jr_1", "JobName": "charts-apply", "JobRunState": "SUCCEEDED", "StartedOn": 1764198000.0}]}"#;
const ROLE: &str = "<GetRoleResponse><GetRoleResult><Role><Path>/service-role/</Path><RoleName>charts-glue</RoleName>\
    <RoleId>x</RoleId><Arn>arn:aws:iam::123456789012:role/service-role/charts-glue</Arn>\
    <CreateDate>2026-01-01T00:00:00Z</CreateDate>\
    <AssumeRolePolicyDocument>%7B%22Statement%22%3A%5B%5D%7D</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>";
const NO_ATTACHED: &str =
    "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult/></ListAttachedRolePoliciesResponse>";
const NO_INLINE: &str = "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames/></ListRolePoliciesResult></ListRolePoliciesResponse>";
const DENIED: &str = "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults><member>\
    <EvalActionName>s3:GetObject</EvalActionName><EvalDecision>implicitDeny</EvalDecision></member>\
    </EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>";
const ALLOWED: &str = "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults/>\
    </SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>";

fn glue(operation: &str, body: &str) -> Answer {
    Answer::new(&format!("AWSGlue.{operation}\r\n"), 200, body)
}

/// A pipeline that names a job and a bucket.
fn with_glue(stub: &Stub) -> Pipeline {
    let mut pipeline = pipeline(stub);
    pipeline.dms = None;
    pipeline.glue = Some(Glue { job: Some("charts-apply".into()), script: None });
    pipeline.s3 = Some(S3 { bucket: "charts-cdc".into(), prefix: "raw/".into() });
    pipeline
}

#[tokio::test]
async fn a_failed_run_a_role_that_may_too_little_and_a_secret_that_is_not_there() {
    let stub = Stub::start(vec![
        Answer::new("Action=GetCallerIdentity", 200, CALLER),
        glue("GetJob", JOB),
        glue("GetConnection", CONNECTION),
        glue("GetJobRuns", RUNS),
        Answer::new("Action=GetRole", 200, ROLE),
        Answer::new("Action=ListAttachedRolePolicies", 200, NO_ATTACHED),
        Answer::new("Action=ListRolePolicies", 200, NO_INLINE),
        Answer::new("s3%3A%3A%3Ascripts%2Fapply.py", 200, DENIED),
        Answer::new("Action=SimulatePrincipalPolicy", 200, ALLOWED),
        Answer::new(
            "secretsmanager.DescribeSecret",
            400,
            r#"{"__type": "ResourceNotFoundException", "message": "no"}"#,
        ),
    ])
    .await;
    let facts = collected(with_glue(&stub)).await.glue;
    let [last, _] = facts.runs.known().unwrap().as_slice() else { panic!("{:?}", facts.runs) };
    assert!(last.failed() && last.error.as_deref().is_some_and(|e| e.starts_with("Data too long")), "{last:?}");
    assert_eq!(last.started.unwrap().to_string(), "2025-11-27T00:00:00.5Z");
    let [lack] = facts.role_lacks.known().unwrap().as_slice() else { panic!("{:?}", facts.role_lacks) };
    assert_eq!((lack.action.as_str(), lack.on.as_str()), ("s3:GetObject", "arn:aws:s3:::scripts/apply.py"));
    let [secret] = facts.unreadable_secrets.value().unwrap().as_slice() else { panic!("{facts:?}") };
    assert!(secret.secret == "prod/mysql" && secret.refused.is_none(), "{secret:?}");
    // The password is not even asked for.
    let asked = stub.asked();
    let connection = asked.iter().find(|r| r.contains("AWSGlue.GetConnection")).unwrap();
    assert!(connection.contains(r#""HidePassword":true"#), "{connection}");
}

#[tokio::test]
async fn what_is_forbidden_is_unknown_with_the_permissions_name() {
    let denied = r#"{"__type": "AccessDeniedException", "message": "User: x is not authorized to perform: glue:GetJobRuns on resource: y"}"#;
    let s3_denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let stub = Stub::start(vec![
        Answer::new("Action=GetCallerIdentity", 200, CALLER),
        glue("GetJob", r#"{"Job": {"Name": "charts-apply", "Role": "charts-glue"}}"#),
        Answer::new("AWSGlue.GetJobRuns\r\n", 400, denied),
        Answer::new("GET /charts-cdc/?encryption", 403, s3_denied),
        Answer::new(
            "GET /charts-cdc/?publicAccessBlock",
            404,
            "<Error><Code>NoSuchPublicAccessBlockConfiguration</Code></Error>",
        ),
        Answer::new("GET /charts-cdc/?policyStatus", 200, "<PolicyStatus><IsPublic>true</IsPublic></PolicyStatus>"),
    ])
    .await;
    let facts = collected(with_glue(&stub)).await;
    let Fact::Unknown(why) = &facts.glue.runs else { panic!("{:?}", facts.glue) };
    assert!(why.kind == UnknownKind::NoPermission && why.reason.contains("glue:GetJobRuns"), "{why:?}");
    let bucket = facts.buckets.value().unwrap()["charts-cdc"].as_ref().unwrap();
    let Fact::Unknown(why) = &bucket.encryption else { panic!("{bucket:?}") };
    assert!(why.kind == UnknownKind::NoPermission && why.reason.contains("s3:GetEncryptionConfiguration"), "{why:?}");
    assert!(bucket.blocks.value().unwrap().is_empty());
    assert_eq!(bucket.public_policy, Fact::Known(true));
}

#[tokio::test]
async fn without_a_job_nobody_is_asked_for_one() {
    let stub = Stub::start(vec![Answer::new("Action=GetCallerIdentity", 200, CALLER)]).await;
    let facts = collected(pipeline(&stub)).await;
    let Fact::Unknown(why) = &facts.glue.job else { panic!("{:?}", facts.glue) };
    assert_eq!(why.reason, "the pipeline file names no Glue job");
    assert!(!stub.asked().iter().any(|r| r.contains("AWSGlue")));
}
