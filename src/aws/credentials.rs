//! Where the credentials come from.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_rds::config::Region;

use crate::pipeline::Aws;

/// How long the instance metadata service may take: on an EC2 instance it answers in milliseconds, elsewhere nobody
/// answers.
const METADATA_LIMIT: Duration = Duration::from_secs(1);

/// The credentials for a pipeline:
///
/// - with an `endpoint_url` those of the environment, or else a placeholder: a simulator takes any, and neither a
///   profile's login nor the metadata service is asked;
/// - with a `profile` those of that profile and no others, as in the AWS CLI's `--profile`;
/// - else the SDK's default chain: environment, shared files, web identity, container, and at last the instance
///   metadata service, with one try of a second.
pub(super) async fn provider(aws: &Aws) -> SharedCredentialsProvider {
    let region = Region::new(aws.region.clone());
    if aws.endpoint_url.is_some() {
        let placeholder = Credentials::new("simulator", "simulator", None, None, "placeholder");
        let chain = CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new());
        return SharedCredentialsProvider::new(chain.or_else("placeholder", placeholder));
    }
    if let Some(profile) = &aws.profile {
        let config = ProviderConfig::default().with_region(Some(region));
        let profile = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile);
        return SharedCredentialsProvider::new(profile.build());
    }
    let metadata = imds::Client::builder()
        .max_attempts(1)
        .connect_timeout(METADATA_LIMIT)
        .read_timeout(METADATA_LIMIT)
        .operation_timeout(METADATA_LIMIT)
        .build();
    let chain = DefaultCredentialsChain::builder().region(region).imds_client(metadata).build().await;
    SharedCredentialsProvider::new(chain)
}
