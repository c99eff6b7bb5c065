//! One session: configuration, clients, limits.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_rds::config::Region;
use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};

use super::pacer::Pacer;
use super::{Error, credentials};
use crate::pipeline::Aws;

/// TCP and TLS to a service.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// One try of a call.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);
/// A call with all its tries, and with getting credentials.
const CALL_LIMIT: Duration = Duration::from_secs(40);
/// Tries of a call. The SDK's standard mode waits between them with full jitter, doubling from
/// [`FIRST_BACKOFF`], and only after throttling and faults that pass. The adaptive mode, which also slows down every
/// other call after a throttled one, is experimental in this SDK; the rate is held by a pacer instead, where a service
/// is known to be tight.
const ATTEMPTS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(400);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// DMS fills an account's bucket at 8 calls a second (4 in the older copies of the same page), for everything that
/// works in the region: "API request refresh rate", <https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Limits.html>.
/// Half of the larger figure is left to others, and a fifth of the smaller bucket (100) is taken at once. Nothing else
/// that is called here is that tight; RDS grants 300 at once and 12 a second.
const DMS_BURST: u32 = 20;
const DMS_PER_SECOND: u32 = 4;

/// Clients for the services of one pipeline; cheap to clone.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    aws: Aws,
    config: SdkConfig,
    dms_pacer: Pacer,
    rds: OnceLock<aws_sdk_rds::Client>,
    dms: OnceLock<aws_sdk_databasemigration::Client>,
    #[cfg(feature = "ec2")]
    ec2: OnceLock<aws_sdk_ec2::Client>,
    glue: OnceLock<aws_sdk_glue::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    cloudwatch: OnceLock<aws_sdk_cloudwatch::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
}

impl Session {
    /// Reads environment and shared configuration files; calls nobody. Credentials are fetched by the first call, and
    /// a client is made when it is first asked for.
    pub async fn open(aws: &Aws) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_LIMIT)
            .operation_attempt_timeout(ATTEMPT_LIMIT)
            .operation_timeout(CALL_LIMIT)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(aws.region.clone()))
            .credentials_provider(credentials::provider(aws).await)
            .timeout_config(timeouts)
            .retry_config(retries);
        if let Some(profile) = aws.profile.as_ref().filter(|_| aws.endpoint_url.is_none()) {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &aws.endpoint_url {
            // Given here, it wins over AWS_ENDPOINT_URL_… and the shared files.
            loader = loader.endpoint_url(url);
        }
        Self(Arc::new(Inner {
            aws: aws.clone(),
            config: loader.load().await,
            dms_pacer: Pacer::new(DMS_BURST, DMS_PER_SECOND),
            rds: OnceLock::new(),
            dms: OnceLock::new(),
            #[cfg(feature = "ec2")]
            ec2: OnceLock::new(),
            glue: OnceLock::new(),
            iam: OnceLock::new(),
            s3: OnceLock::new(),
            sts: OnceLock::new(),
            secrets: OnceLock::new(),
            cloudwatch: OnceLock::new(),
            logs: OnceLock::new(),
        }))
    }

    /// The `[aws]` section that it was made from.
    #[must_use]
    pub fn aws(&self) -> &Aws {
        &self.0.aws
    }

    /// The SDK's configuration: for what is signed here and sent elsewhere.
    #[must_use]
    pub fn config(&self) -> &SdkConfig {
        &self.0.config
    }

    /// When the credentials end, where they do.
    pub async fn credentials_until(&self) -> Option<jiff::Timestamp> {
        let provider = self.0.config.credentials_provider()?;
        let asked = tokio::time::timeout(CONNECT_LIMIT, provider.provide_credentials()).await;
        let credentials = asked.ok()?.ok()?;
        jiff::Timestamp::try_from(credentials.expiry()?).ok()
    }

    /// RDS and Aurora.
    #[must_use]
    pub fn rds(&self) -> &aws_sdk_rds::Client {
        self.0.rds.get_or_init(|| aws_sdk_rds::Client::new(&self.0.config))
    }

    /// Database Migration Service.
    #[must_use]
    pub fn dms(&self) -> &aws_sdk_databasemigration::Client {
        self.0.dms.get_or_init(|| aws_sdk_databasemigration::Client::new(&self.0.config))
    }

    /// Networks.
    #[cfg(feature = "ec2")]
    #[must_use]
    pub fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.0.ec2.get_or_init(|| aws_sdk_ec2::Client::new(&self.0.config))
    }

    /// Glue.
    #[must_use]
    pub fn glue(&self) -> &aws_sdk_glue::Client {
        self.0.glue.get_or_init(|| aws_sdk_glue::Client::new(&self.0.config))
    }

    /// S3. A service that stands in for AWS has one host name for all buckets.
    #[must_use]
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.0.s3.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.0.config);
            let path_style = self.0.aws.endpoint_url.is_some();
            aws_sdk_s3::Client::from_conf(config.force_path_style(path_style).build())
        })
    }

    /// Roles and policies.
    #[must_use]
    pub fn iam(&self) -> &aws_sdk_iam::Client {
        self.0.iam.get_or_init(|| aws_sdk_iam::Client::new(&self.0.config))
    }

    /// Who we are.
    #[must_use]
    pub fn sts(&self) -> &aws_sdk_sts::Client {
        self.0.sts.get_or_init(|| aws_sdk_sts::Client::new(&self.0.config))
    }

    /// Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> &aws_sdk_secretsmanager::Client {
        self.0.secrets.get_or_init(|| aws_sdk_secretsmanager::Client::new(&self.0.config))
    }

    /// CloudWatch metrics.
    #[must_use]
    pub fn cloudwatch(&self) -> &aws_sdk_cloudwatch::Client {
        self.0.cloudwatch.get_or_init(|| aws_sdk_cloudwatch::Client::new(&self.0.config))
    }

    /// CloudWatch Logs.
    #[must_use]
    pub fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        self.0.logs.get_or_init(|| aws_sdk_cloudwatchlogs::Client::new(&self.0.config))
    }

    /// Makes one call: waits for its turn where the service is tight, and gives its error a class. `action` is the
    /// call's name in IAM, such as `dms:DescribeEndpoints`; `send` is what `.send()` of a client's call returns.
    ///
    /// # Errors
    /// The service's refusal, or why it could not be asked.
    pub async fn call<T, E>(
        &self,
        action: &'static str,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if action.starts_with("dms:") {
            self.0.dms_pacer.turn().await;
        }
        // The SDK's futures are large, and a thread's stack is small.
        Box::pin(send).await.map_err(|error| Error::of(&self.0.aws, action, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ErrorKind;
    use super::super::testing::{Answer, Stub};
    use super::*;

    const DENIED: &str = r#"{"__type": "AccessDeniedException", "message": "User: x is not authorized to perform: dms:DescribeEndpoints on resource: *"}"#;

    async fn endpoints(session: &Session) -> Result<usize, Error> {
        let send = session.dms().describe_endpoints().send();
        session.call("dms:DescribeEndpoints", send).await.map(|page| page.endpoints().len())
    }

    #[tokio::test]
    async fn a_throttled_call_is_made_again() {
        let throttled = r#"{"__type": "ThrottlingException", "message": "Rate exceeded"}"#;
        let stub = Stub::start(vec![
            Answer::new("DescribeEndpoints", 400, throttled),
            Answer::new("DescribeEndpoints", 500, "{}"),
            Answer::new("DescribeEndpoints", 200, r#"{"Endpoints": [{}, {}]}"#),
        ])
        .await;
        assert_eq!(endpoints(&stub.session().await).await, Ok(2));
        assert_eq!(stub.asked().len(), 3);
    }

    #[tokio::test]
    async fn a_refusal_is_not_repeated_and_keeps_the_request_id() {
        let stub = Stub::start(vec![Answer::new("DescribeEndpoints", 400, DENIED)]).await;
        let error = endpoints(&stub.session().await).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied { permission: "dms:DescribeEndpoints".into() });
        assert_eq!(error.request_id.as_deref(), Some("00000000-stub"));
        assert_eq!(stub.asked().len(), 1);
    }

    #[tokio::test]
    async fn every_service_goes_to_the_endpoint() {
        let stub = Stub::start(Vec::new()).await;
        let session = stub.session().await;
        let action = "x:Y";
        let ours = |error: Result<(), Error>| error.unwrap_err().code.as_deref() == Some("NotInStub");
        let s = &session;
        assert!(ours(s.call(action, s.rds().describe_db_instances().send()).await.map(drop)));
        assert!(ours(s.call(action, s.dms().describe_events().send()).await.map(drop)));
        assert!(ours(s.call(action, s.iam().get_role().role_name("r").send()).await.map(drop)));
        assert!(ours(s.call(action, s.sts().get_caller_identity().send()).await.map(drop)));
        assert!(ours(s.call(action, s.secrets().get_secret_value().secret_id("s").send()).await.map(drop)));
        assert!(ours(s.call(action, s.logs().describe_log_groups().send()).await.map(drop)));
        assert!(s.call(action, s.cloudwatch().list_metrics().send()).await.is_err());
        assert_eq!(stub.asked().len(), 7);
    }

    #[tokio::test]
    async fn an_endpoint_that_does_not_answer_is_named() {
        let gone = Stub::start(Vec::new()).await;
        let aws = gone.aws();
        drop(gone);
        let error = endpoints(&Session::open(&aws).await).await.unwrap_err();
        assert!(
            matches!(&error.kind, ErrorKind::Unreachable { endpoint } if Some(endpoint) == aws.endpoint_url.as_ref())
        );
        assert!(error.message.contains("Connection refused"), "{error}");
    }

    #[tokio::test]
    async fn a_profile_that_is_not_there_is_a_matter_of_credentials() {
        let aws = Aws { region: "eu-west-2".into(), profile: Some("no such profile".into()), endpoint_url: None };
        let error = endpoints(&Session::open(&aws).await).await.unwrap_err();
        assert!(matches!(&error.kind, ErrorKind::Credentials { .. }), "{error:?}");
        assert!(error.to_string().contains("aws sso login --profile 'no such profile'"), "{error}");
    }
}
