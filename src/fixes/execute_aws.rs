//! Makes one call to AWS and waits until it is in force. The words of a failure follow the step's description.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use aws_sdk_databasemigration::types as dms;

use super::AwsCall;
use super::execute_rds::{attach_group, create_group, reboot, set_parameter};
use super::execute_task::modify_task;
use crate::aws::{Error, Session};
use crate::connect::tls::rds_bundle;

/// Makes the call.
pub(super) async fn run(session: &Session, call: &AwsCall) -> Result<(), String> {
    match call {
        AwsCall::ModifyEndpoint { arn, settings } => modify_endpoint(session, arn, settings).await,
        AwsCall::ImportCertificate { identifier } => import_certificate(session, identifier).await,
        AwsCall::TestConnection { instance_arn, endpoint_arn } => {
            test_connection(session, instance_arn, endpoint_arn).await
        }
        AwsCall::ModifyTask { arn, settings } => modify_task(session, arn, settings).await,
        AwsCall::ModifyInstance { arn, settings } => modify_instance(session, arn, settings).await,
        AwsCall::CreateParameterGroup { name, family, cluster } => create_group(session, name, family, *cluster).await,
        AwsCall::SetParameter { group, name, value, cluster, at_reboot } => {
            set_parameter(session, group, name, value.as_deref(), *cluster, *at_reboot).await
        }
        AwsCall::AttachParameterGroup { database, group, cluster } => {
            attach_group(session, database, group, *cluster).await
        }
        AwsCall::Reboot { instance } => reboot(session, instance).await,
        AwsCall::CreateRole { name, service, policy } => create_role(session, name, service, policy).await,
        AwsCall::AttachPolicy { role, policy } => attach_policy(session, role, policy).await,
        AwsCall::DetachPolicy { role, policy } => {
            let send = session.iam().detach_role_policy().role_name(role).policy_arn(policy).send();
            session.call("iam:DetachRolePolicy", send).await.map(drop).map_err(words)
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn words(error: Error) -> String {
    error.to_string()
}

/// Asks for a state until `done` says so; a failure that `done` gives ends it.
pub(super) async fn wait<F, Fut>(session: &Session, limit: Duration, what: &str, mut ask: F) -> Result<(), String>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<Option<String>, String>> + Send,
{
    // A simulator answers at once; AWS takes minutes, and grants DMS few calls.
    let pause = if session.aws().endpoint_url.is_some() { 250 } else { 5000 };
    let began = Instant::now();
    loop {
        let Some(state) = ask().await? else { return Ok(()) };
        if began.elapsed() > limit {
            let minutes = limit.as_secs() / 60;
            return Err(format!(
                "{what} is still {state} after {minutes} minutes; it may yet come about: look in the console"
            ));
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Settings by name. Each is taken out as it is put into a call, so that what is left could not be sent.
struct Settings(BTreeMap<String, String>);

impl Settings {
    fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        self.text(name).map(|v| v == "true")
    }

    fn number(&mut self, name: &str) -> Option<i32> {
        self.text(name).and_then(|v| v.parse().ok())
    }

    fn has(&self, prefix: &str) -> bool {
        self.0.keys().any(|name| name.starts_with(prefix))
    }

    /// Refuses what is left, before the call is made.
    fn all_taken(&self) -> Result<(), String> {
        match self.0.keys().next() {
            Some(other) => Err(format!("this program does not set {other}: set it in the console")),
            None => Ok(()),
        }
    }
}

async fn modify_endpoint(session: &Session, arn: &str, settings: &BTreeMap<String, String>) -> Result<(), String> {
    let mut settings = Settings(settings.clone());
    let (by_name, by_arn) = (settings.text("CertificateIdentifier"), settings.text("CertificateArn"));
    let mut ask = session.dms().modify_endpoint().endpoint_arn(arn);
    ask = ask.set_ssl_mode(settings.text("SslMode").map(|m| dms::DmsSslModeValue::from(m.as_str())));
    ask = ask.set_database_name(settings.text("DatabaseName"));
    ask = ask.set_server_name(settings.text("ServerName")).set_port(settings.number("Port"));
    ask = ask.set_engine_name(settings.text("EngineName"));
    ask = ask.set_extra_connection_attributes(settings.text("ExtraConnectionAttributes"));
    if settings.has("PostgreSQLSettings.") {
        ask = ask.postgre_sql_settings(postgres_settings(&mut settings));
    }
    if settings.has("MySQLSettings.") {
        let threads = settings.number("MySQLSettings.ParallelLoadThreads");
        let database = settings.text("MySQLSettings.DatabaseName");
        let of_mysql = dms::MySqlSettings::builder().set_parallel_load_threads(threads).set_database_name(database);
        ask = ask.my_sql_settings(of_mysql.build());
    }
    settings.all_taken()?;
    let certificate = match by_name {
        Some(name) => {
            Some(certificate_arn(session, &name).await?.ok_or(format!("there is no certificate {name} in DMS"))?)
        }
        None => by_arn,
    };
    session.call("dms:ModifyEndpoint", ask.set_certificate_arn(certificate).send()).await.map_err(words)?;
    wait(session, Duration::from_secs(300), "the endpoint", async || {
        let endpoint = describe_endpoint(session, arn).await?;
        Ok(endpoint.filter(|status| status == "modifying"))
    })
    .await
}

fn postgres_settings(settings: &mut Settings) -> dms::PostgreSqlSettings {
    let key = |name: &str| format!("PostgreSQLSettings.{name}");
    dms::PostgreSqlSettings::builder()
        .set_heartbeat_enable(settings.flag(&key("HeartbeatEnable")))
        .set_heartbeat_frequency(settings.number(&key("HeartbeatFrequency")))
        .set_heartbeat_schema(settings.text(&key("HeartbeatSchema")))
        .set_capture_ddls(settings.flag(&key("CaptureDdls")))
        .set_execute_timeout(settings.number(&key("ExecuteTimeout")))
        .set_fail_tasks_on_lob_truncation(settings.flag(&key("FailTasksOnLobTruncation")))
        .set_map_boolean_as_boolean(settings.flag(&key("MapBooleanAsBoolean")))
        .set_plugin_name(settings.text(&key("PluginName")).map(|name| dms::PluginNameValue::from(name.as_str())))
        .build()
}

/// The endpoint's state.
async fn describe_endpoint(session: &Session, arn: &str) -> Result<Option<String>, String> {
    let one = dms::Filter::builder().name("endpoint-arn").values(arn).build().map_err(|e| e.to_string())?;
    let send = session.dms().describe_endpoints().filters(one).send();
    let page = session.call("dms:DescribeEndpoints", send).await.map_err(words)?;
    Ok(page.endpoints().first().and_then(|e| e.status()).map(str::to_owned))
}

async fn certificate_arn(session: &Session, identifier: &str) -> Result<Option<String>, String> {
    let one = dms::Filter::builder().name("certificate-id").values(identifier).build().map_err(|e| e.to_string())?;
    let send = session.dms().describe_certificates().filters(one).send();
    match session.call("dms:DescribeCertificates", send).await {
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(words(error)),
        Ok(page) => {
            let found = page.certificates().iter().find(|c| c.certificate_identifier() == Some(identifier));
            Ok(found.and_then(|c| c.certificate_arn()).map(str::to_owned))
        }
    }
}

async fn import_certificate(session: &Session, identifier: &str) -> Result<(), String> {
    if certificate_arn(session, identifier).await?.is_some() {
        return Ok(());
    }
    let ask = session.dms().import_certificate().certificate_identifier(identifier).certificate_pem(rds_bundle());
    session.call("dms:ImportCertificate", ask.send()).await.map(drop).map_err(words)
}

async fn test_connection(session: &Session, instance: &str, endpoint: &str) -> Result<(), String> {
    let send = session.dms().test_connection().replication_instance_arn(instance).endpoint_arn(endpoint).send();
    session.call("dms:TestConnection", send).await.map_err(words)?;
    // AWS's own waiter gives up after as long.
    wait(session, Duration::from_secs(300), "the test", async || {
        let filter = |name: &str, value: &str| dms::Filter::builder().name(name).values(value).build();
        let filters = [filter("endpoint-arn", endpoint), filter("replication-instance-arn", instance)];
        let filters: Result<Vec<_>, _> = filters.into_iter().collect();
        let ask = session.dms().describe_connections().set_filters(Some(filters.map_err(|e| e.to_string())?));
        let page = session.call("dms:DescribeConnections", ask.send()).await.map_err(words)?;
        let connection = page
            .connections()
            .iter()
            .find(|c| c.endpoint_arn() == Some(endpoint) && c.replication_instance_arn() == Some(instance));
        let Some(connection) = connection else { return Ok(Some("not there".to_owned())) };
        match connection.status() {
            Some("successful") => Ok(None),
            Some("failed") => Err(connection.last_failure_message().unwrap_or("the test failed").to_owned()),
            other => Ok(Some(other.unwrap_or("unknown").to_owned())),
        }
    })
    .await
}

async fn modify_instance(session: &Session, arn: &str, settings: &BTreeMap<String, String>) -> Result<(), String> {
    let mut settings = Settings(settings.clone());
    let mut ask = session.dms().modify_replication_instance().replication_instance_arn(arn).apply_immediately(true);
    ask = ask.set_multi_az(settings.flag("MultiAZ")).set_allocated_storage(settings.number("AllocatedStorage"));
    ask = ask.set_replication_instance_class(settings.text("ReplicationInstanceClass"));
    ask = ask.set_engine_version(settings.text("EngineVersion"));
    settings.all_taken()?;
    session.call("dms:ModifyReplicationInstance", ask.send()).await.map_err(words)?;
    wait(session, Duration::from_secs(3600), "the replication instance", async || {
        let one = dms::Filter::builder().name("replication-instance-arn").values(arn).build();
        let send = session.dms().describe_replication_instances().filters(one.map_err(|e| e.to_string())?).send();
        let page = session.call("dms:DescribeReplicationInstances", send).await.map_err(words)?;
        let status = page.replication_instances().first().and_then(|i| i.replication_instance_status());
        Ok(status.filter(|s| *s != "available").map(str::to_owned))
    })
    .await
}

async fn create_role(session: &Session, name: &str, service: &str, policy: &str) -> Result<(), String> {
    let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
    let send = session.iam().create_role().role_name(name).assume_role_policy_document(trust.to_string()).send();
    match session.call("iam:CreateRole", send).await {
        // An earlier try came so far.
        Err(error) if error.code.as_deref() == Some("EntityAlreadyExists") => {}
        answer => drop(answer.map_err(words)?),
    }
    attach_policy(session, name, policy).await
}

async fn attach_policy(session: &Session, role: &str, policy: &str) -> Result<(), String> {
    let send = session.iam().attach_role_policy().role_name(role).policy_arn(policy).send();
    session.call("iam:AttachRolePolicy", send).await.map(drop).map_err(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::testing::{Answer, Stub};

    fn dms(operation: &str, body: &str) -> Answer {
        Answer::new(&format!("AmazonDMSv20160101.{operation}\r\n"), 200, body)
    }

    /// The outcome of a call, and the operations that were asked for with their bodies.
    async fn ran(call: AwsCall, answers: Vec<Answer>) -> (Result<(), String>, Vec<String>) {
        let stub = Stub::start(answers).await;
        let outcome = run(&stub.session().await, &call).await;
        let asked = stub.asked().into_iter().map(|request| {
            let operation = request.split("AmazonDMSv20160101.").nth(1).and_then(|r| r.split("\r\n").next());
            let body = request.split("\r\n\r\n").nth(1).unwrap_or_default();
            format!("{} {body}", operation.unwrap_or_default())
        });
        (outcome, asked.collect())
    }

    #[tokio::test]
    async fn an_endpoint_is_changed_and_waited_for() {
        let settings =
            [("SslMode", "verify-ca"), ("CertificateIdentifier", "c"), ("PostgreSQLSettings.HeartbeatEnable", "true")];
        let settings = settings.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let answers = vec![
            dms(
                "DescribeCertificates",
                r#"{"Certificates": [{"CertificateIdentifier": "c", "CertificateArn": "arn:c"}]}"#,
            ),
            dms("ModifyEndpoint", "{}"),
            dms("DescribeEndpoints", r#"{"Endpoints": [{"Status": "modifying"}]}"#),
            dms("DescribeEndpoints", r#"{"Endpoints": [{"Status": "active"}]}"#),
        ];
        let (outcome, asked) = ran(AwsCall::ModifyEndpoint { arn: "arn:e".into(), settings }, answers).await;
        assert_eq!(outcome, Ok(()));
        assert_eq!(asked.len(), 4, "{asked:?}");
        for part in [r#""SslMode":"verify-ca""#, r#""CertificateArn":"arn:c""#, r#""HeartbeatEnable":true"#] {
            assert!(asked[1].contains(part), "{}", asked[1]);
        }
        assert!(!asked[1].contains("CaptureDdls"), "what was not asked for is left alone: {}", asked[1]);
    }

    #[tokio::test]
    async fn a_setting_that_cannot_be_sent_is_not_passed_over() {
        let settings = [("PostgreSQLSettings.Nonsense".to_owned(), "1".to_owned())].into();
        let (outcome, asked) = ran(AwsCall::ModifyEndpoint { arn: "arn:e".into(), settings }, Vec::new()).await;
        assert!(outcome.unwrap_err().contains("PostgreSQLSettings.Nonsense"));
        assert!(asked.is_empty(), "{asked:?}");
        let settings = [("Nonsense".to_owned(), "1".to_owned())].into();
        let (outcome, asked) = ran(AwsCall::ModifyInstance { arn: "arn:i".into(), settings }, Vec::new()).await;
        assert!(outcome.unwrap_err().contains("Nonsense"));
        assert!(asked.is_empty(), "{asked:?}");
    }

    #[tokio::test]
    async fn a_certificate_that_is_there_is_not_imported_again() {
        let import = || AwsCall::ImportCertificate { identifier: "c".into() };
        let there = r#"{"Certificates": [{"CertificateIdentifier": "c", "CertificateArn": "arn:c"}]}"#;
        let (outcome, asked) = ran(import(), vec![dms("DescribeCertificates", there)]).await;
        assert_eq!((outcome, asked.len()), (Ok(()), 1));
        let none = r#"{"__type": "ResourceNotFoundFault", "message": "none"}"#;
        let none = Answer::new("AmazonDMSv20160101.DescribeCertificates\r\n", 400, none);
        let (outcome, asked) = ran(import(), vec![none, dms("ImportCertificate", "{}")]).await;
        assert_eq!(outcome, Ok(()));
        assert!(asked[1].contains("BEGIN CERTIFICATE"), "the bundle goes along");
    }

    #[tokio::test]
    async fn a_test_that_fails_fails_with_its_words() {
        let connection = |status: &str| {
            format!(
                r#"{{"Connections": [{{"EndpointArn": "arn:e", "ReplicationInstanceArn": "arn:i", "Status": "{status}",
                "LastFailureMessage": "no encryption"}}]}}"#
            )
        };
        let test = || AwsCall::TestConnection { instance_arn: "arn:i".into(), endpoint_arn: "arn:e".into() };
        let answers = |last| {
            vec![
                dms("TestConnection", "{}"),
                dms("DescribeConnections", &connection("testing")),
                dms("DescribeConnections", &connection(last)),
            ]
        };
        assert_eq!(ran(test(), answers("successful")).await.0, Ok(()));
        assert_eq!(ran(test(), answers("failed")).await.0, Err("no encryption".to_owned()));
    }

    #[tokio::test]
    async fn a_running_task_is_stopped_changed_and_goes_on() {
        let task = |status: &str| {
            dms("DescribeReplicationTasks", &format!(r#"{{"ReplicationTasks": [{{"Status": "{status}"}}]}}"#))
        };
        let settings = BTreeMap::from([("/Logging/EnableLogging".to_owned(), json!(true))]);
        let call = || AwsCall::ModifyTask { arn: "arn:t".into(), settings: settings.clone() };
        let answers = vec![
            task("running"),
            dms("StopReplicationTask", "{}"),
            task("stopping"),
            task("stopped"),
            dms("ModifyReplicationTask", "{}"),
            dms("StartReplicationTask", "{}"),
        ];
        let (outcome, asked) = ran(call(), answers).await;
        assert_eq!(outcome, Ok(()));
        let changes: Vec<&String> = asked.iter().filter(|a| !a.starts_with("Describe")).collect();
        assert!(changes[1].contains(r#"{\"Logging\":{\"EnableLogging\":true}}"#), "{changes:?}");
        assert!(changes[2].contains("resume-processing"), "{changes:?}");
        // A change that is refused must not leave the task standing.
        let refused =
            Answer::new("AmazonDMSv20160101.ModifyReplicationTask\r\n", 400, r#"{"__type": "AccessDeniedException"}"#);
        let answers = vec![
            task("running"),
            dms("StopReplicationTask", "{}"),
            task("stopped"),
            refused,
            dms("StartReplicationTask", "{}"),
        ];
        let (outcome, asked) = ran(call(), answers).await;
        assert!(outcome.unwrap_err().contains("Allow it the action dms:ModifyReplicationTask in IAM"));
        assert!(asked.iter().any(|a| a.starts_with("StartReplicationTask")));
    }
}
